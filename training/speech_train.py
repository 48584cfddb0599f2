"""Trains the hearing network and enters it among the weights.

    python -m training.speech_train [--steps 5000] [--channels 128] [--resume]

Everything is drawn from seeds by step number, so a run that was stopped and resumed ends where an unbroken one would.
Trained on GRID's speaker s1 (measured mouths) and on synthetic speech (mouths by the teacher).
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lipsync.hearing import BILABIAL, Hearing
from lipsync.weights import enter
from training import speech_corpus, speech_teacher, speech_times
from training.speech_augment import Augment, Crop
from training.speech_clips import DATA, Clip, grid, synthetic
from training.speech_loss import motion_loss, unlike

SEED, BATCH, HELD_OUT = 11, 16, 60
SHARES = {"real": 0.4, "made": 0.25, "neural": 0.35}
PITCHES = (0.87, 1.12, 1.24)
"""How much faster GRID's speaker is played as well: other voices with the same mouth."""
CACHE = Path(__file__).parents[1] / ".cache"
LICENCE = "CC BY 4.0"
TRAINED_ON = (
    "GRID audiovisual sentence corpus, speaker s1 (Cooke, Barker, Cunningham, Shao 2006, CC BY 4.0), "
    "and speech synthesised with flite, espeak-ng and Kokoro-82M (hexgrad, Apache-2.0)"
)


class Training:
    """The state of a run: network, its running average, optimiser and step."""

    def __init__(self, path: Path, channels: int, steps: int, scale: Tensor) -> None:
        torch.manual_seed(SEED)
        self.path, self.step, self.steps = path, 0, steps
        self.net = Hearing(channels)
        self.net.scale.copy_(scale)
        self.average = copy.deepcopy(self.net).eval()
        self.optimiser = torch.optim.AdamW(self.net.parameters(), 2e-3, weight_decay=2e-2)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimiser, 3e-3, steps, pct_start=0.2)

    def learn(self, crops: list[Crop]) -> float:
        """One step; gives the loss."""
        heard = torch.from_numpy(np.stack([crop.heard.T for crop in crops]))
        truth = torch.from_numpy(np.stack([crop.motion.T for crop in crops])) / self.net.scale[:, None]
        viseme = torch.from_numpy(np.stack([crop.viseme for crop in crops]))
        with torch.autocast("cpu", torch.bfloat16):
            motion, logits = self.net(heard)
        loss: Tensor = motion_loss(motion.float(), truth, viseme == BILABIAL)
        loss = loss + 0.4 * unlike(motion.float(), truth) + 0.4 * functional.cross_entropy(logits.float(), viseme)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        self.schedule.step()
        self.step += 1
        self._follow(min(0.998, self.step / (self.step + 20)))
        return loss.item()

    def _follow(self, keep: float) -> None:
        with torch.no_grad():
            for slow, fast in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
                if slow.is_floating_point():
                    slow.mul_(keep).add_(fast, alpha=1 - keep)

    def save(self) -> None:
        parts = ("net", "average", "optimiser", "schedule")
        torch.save({"step": self.step} | {part: getattr(self, part).state_dict() for part in parts}, self.path)

    def load(self) -> None:
        state = torch.load(self.path, weights_only=True)
        self.step = state.pop("step")
        for part, content in state.items():
            getattr(self, part).load_state_dict(content)


def clips() -> tuple[dict[str, list[Clip]], Tensor]:
    """Clips with measured mouths, clips of two kinds with the teacher's, and the spread of the parameters in IOD."""
    real = grid(DATA / "grid_s1_tracks.npz")[:-HELD_OUT]
    scale = np.concatenate([clip.motion for clip in real if clip.motion is not None]).std(axis=0).astype(np.float32)
    teacher = speech_teacher.fitted(real, scale)
    faster = [clip for pitch in PITCHES for clip in grid(DATA / "grid_s1_tracks.npz", pitch)[:-HELD_OUT]]
    pools = {"real": real + faster, "made": synthetic(speech_corpus.PATH), "neural": speech_times.neural()}
    for name in ("made", "neural"):
        pools[name] = [speech_teacher.label(teacher, clip, scale) for clip in pools[name]]
    print({name: len(pool) for name, pool in pools.items()}, flush=True)
    return pools, torch.from_numpy(scale)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--resume", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    pools, scale = clips()
    augment = Augment(pools["made"] + pools["neural"])
    training = Training(CACHE / "speech.pt", given.channels, given.steps, scale)
    if given.resume:
        training.load()
    losses: list[float] = []
    started = time.monotonic()
    while training.step < given.steps:
        dice = np.random.default_rng([SEED, training.step])
        drawn = [pools[name] for name in dice.choice(list(SHARES), BATCH, p=list(SHARES.values()))]
        losses.append(training.learn([augment.crop(pool[dice.integers(len(pool))], dice) for pool in drawn]))
        if training.step % 100 == 0:
            print(
                training.step,
                round(float(np.mean(losses[-100:])), 4),
                f"{time.monotonic() - started:.0f} s",
                flush=True,
            )
        if training.step % 500 == 0 or training.step == given.steps:
            training.save()
    publish(training.average)


def publish(net: Hearing) -> None:
    """Enter the network among the weights in half precision, without the counters only training needs."""
    kept = {name: tensor for name, tensor in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    tensors = {name: tensor if name == "scale" else tensor.half() for name, tensor in kept.items()}
    enter("articulation", tensors, LICENCE, TRAINED_ON)


if __name__ == "__main__":
    main()
