"""A house that publishes: a wallet, places to publish to, something small to publish, and a look at what was paid."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from publishers.arweave.wallet import read_wallet
from tests.e2e.house import House
from tests.nodes.arlocal import Arlocal
from tests.publishers.arweave.keys import jwk_text, new_key

HASTY = Path(__file__).with_name("hasty.py")
MONEY = 10**13
"""Winston in a new wallet: ten AR, hundreds of times what is spent."""


@dataclass(frozen=True)
class Purse:
    """A wallet of one test, with money in it."""

    path: Path
    address: str
    gateway: Arlocal
    money: int

    def paid(self) -> dict[str, int]:
        """How many transactions there are for each sha256 that is named in a tag; mined or not."""
        found: Counter[str] = Counter()
        for transaction in self.gateway.transactions(self.address):
            tags = {tag["name"]: tag["value"] for tag in transaction["tags"]}
            found[tags.get("SHA-256", transaction["id"])] += 1
        return dict(found)

    def spent(self) -> int:
        """Winston that are gone."""
        return self.money - self.gateway.balance(self.address)

    def fees(self) -> int:
        """Winston that all transactions together were to cost."""
        return sum(int(transaction["fee"]["winston"]) for transaction in self.gateway.transactions(self.address))


def purse(folder: Path, gateway: Arlocal, winston: int = MONEY) -> Purse:
    """Make a wallet (a second or so) and have money put into it."""
    path = folder / "wallet.json"
    secret(path, jwk_text(new_key()))
    address = read_wallet(str(path)).address
    gateway.mint(address, winston)
    return Purse(path, address, gateway, winston)


def secret(path: Path, text: str) -> Path:
    """Write a file that only its owner may read."""
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")
    return path


def places(to: Sequence[str], **sections: dict[str, object]) -> str:
    """The text of ``[publish]``; ``pinning`` names one service."""
    text = f"[publish]\nto = {json.dumps(list(to))}\n"
    for name, keys in sections.items():
        text += f"[[publish.{name}]]\n" if name == "pinning" else f"[publish.{name}]\n"
        text += "".join(
            f"{key} = {json.dumps(str(value) if isinstance(value, Path) else value)}\n" for key, value in keys.items()
        )
    return text


class Press(House):
    """A house whose lipsyncd is hasty, and draws nothing."""

    def command(self, *words: str | Path) -> list[str]:
        return [sys.executable, str(HASTY), *map(str, words), "--config", str(self.config)]

    def drop(
        self, name: str = "talk", seed: int = 0, faces: Sequence[str] = ("alice", "bob"), pixels: int = 96
    ) -> Path:
        """Put a folder of a short speech and faces of noise together, and move it in whole; give where it will end.

        Videos of 96 pixels are one chunk of Arweave's, those of 900 are three.
        """
        die = np.random.default_rng(seed)
        folder = self.place / "upload"
        folder.mkdir()
        soundfile.write(folder / "speech.wav", die.normal(0, 0.1, 8000), 16000)
        for face in faces:
            Image.fromarray(die.integers(0, 255, (pixels, pixels, 3), np.uint8)).save(folder / f"{face}.png")
        folder.rename(self.root / "inbox" / name)
        return self.root / "done" / name

    def ended(self, name: str = "talk") -> bool:
        return any((self.root / place / name).exists() for place in ("done", "failed"))

    def wait(self, until: Callable[[], bool], seconds: float = 240) -> None:
        """As `House.wait`, but a bug ends the waiting."""
        super().wait(lambda: until() or self._stumbled(), seconds)
        if self._stumbled():
            raise AssertionError((self.place / "daemon.log").read_text(encoding="utf-8")[-4000:])

    def _stumbled(self) -> bool:
        log = self.place / "daemon.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        return any("a bug in lipsyncd" in line or line.startswith("Traceback") for line in lines)

    def job(self, name: str = "talk") -> dict[str, Any]:
        """What job.json says, wherever the job is."""
        [path] = self.root.glob(f"*/{name}/job.json")
        return json.loads(path.read_text(encoding="utf-8"))

    def status(self) -> str:
        """What STATUS.txt says to who looks into working/."""
        return "".join(path.read_text(encoding="utf-8") for path in self.root.glob("working/*/STATUS.txt"))
