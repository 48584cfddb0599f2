"""Steps of training: warm-up and cosine, an average of the weights, checkpoints to go on from, snapshots to ship."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.face_sources import CACHE


@dataclass(frozen=True)
class Plan:
    """How long and how fast; ``name`` is that of the weights and of the checkpoint."""

    name: str
    steps: int
    batch: int
    rate: float
    warm_up: float = 0.04
    decay: float = 0.02
    average: float = 0.998
    every: int = 100


class Loop:
    """Runs ``loss(rng)`` for the steps of a plan; the same seed gives the same steps, also after a restart."""

    def __init__(self, net: nn.Module, plan: Plan) -> None:
        self.net = net.to(memory_format=torch.channels_last)
        self.plan = plan
        self.done = 0
        self.optimiser = torch.optim.AdamW(net.parameters(), plan.rate, weight_decay=plan.decay)
        self.mean = {key: value.detach().clone() for key, value in net.state_dict().items()}
        self.path: Path = CACHE / f"{plan.name}.pt"
        if self.path.exists():
            self._resume()

    def _resume(self) -> None:
        state = torch.load(self.path, weights_only=True)
        self.done, self.mean = int(state["done"]), state["mean"]
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        print(f"{self.plan.name}: goes on from step {self.done}", flush=True)

    def run(self, loss: Callable[[np.random.Generator], Tensor]) -> None:
        """Train to the last step, with a checkpoint every now and then."""
        start, first, losses = time.monotonic(), self.done, []
        while self.done < self.plan.steps:
            losses.append(self._step(loss))
            if self.done % self.plan.every == 0 or self.done == self.plan.steps:
                self._save()
                pace = (self.done - first) * self.plan.batch / (time.monotonic() - start)
                print(f"{self.plan.name} {self.done}: loss {np.mean(losses):.3f}, {pace:.0f} pictures/s", flush=True)
                losses = []

    def _step(self, loss: Callable[[np.random.Generator], Tensor]) -> float:
        share = self.done / self.plan.steps
        warm = self.plan.warm_up
        pace = share / warm + 0.02 if share < warm else 0.5 * (1 + np.cos(np.pi * (share - warm) / (1 - warm))) + 0.003
        for group in self.optimiser.param_groups:
            group["lr"] = float(self.plan.rate * min(1.0, pace))
        value = loss(np.random.default_rng((7, self.done)))
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.done += 1
        self._average()
        return float(value.detach())

    def _average(self) -> None:
        keep = min(self.plan.average, 1 - 1 / (self.done / 3 + 1))
        with torch.no_grad():
            for key, value in self.net.state_dict().items():
                if value.dtype.is_floating_point:
                    self.mean[key].lerp_(value, 1 - keep)
                else:
                    self.mean[key].copy_(value)

    def _save(self) -> None:
        state = {"done": self.done, "net": self.net.state_dict(), "mean": self.mean}
        beside = self.path.with_suffix(".part")
        torch.save({**state, "optimiser": self.optimiser.state_dict()}, beside)
        beside.rename(self.path)


def averaged(name: str) -> dict[str, Tensor]:
    """The averaged weights of the last checkpoint; those of the convolutions in 16 bits, which is plenty."""
    mean: dict[str, Tensor] = torch.load(CACHE / f"{name}.pt", weights_only=True)["mean"]
    return {key: value.half() if value.ndim > 1 else value for key, value in mean.items()}
