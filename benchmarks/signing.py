"""What content credentials cost: seconds and memory to sign one result, eight, and large videos; what they add."""

from __future__ import annotations

import resource
import struct
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import daemon.sample
from benchmarks.figures import record, table
from publishers import Claim, Signer, SigningOrder, Standing, credentials_of, sign

SAMPLE = Path(daemon.sample.__file__).parent
LARGE = {"one video of 70 MB": 70, "one video of 1 GB": 1000}
_PIECE = bytes(range(256)) * 4096


@dataclass(frozen=True)
class Cost:
    """Seconds to sign and to look, bytes of memory at most so far, bytes that each file grew by."""

    signing: float
    looking: float
    memory: int
    added: int


def main() -> None:
    """Measure and record; the smallest first, for memory only ever grows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        signer = Signer(folder / "state")
        pair = [SAMPLE / "astronaut.mp4", SAMPLE / "astronaut.jpg"]
        _cost(pair, signer, folder)  # makes the certificate
        costs = {"one result (video and poster)": _cost(pair, signer, folder), "eight": _cost(pair * 8, signer, folder)}
        for title, size in LARGE.items():
            costs[title] = _cost([_grown(folder / "large.mp4", size)], signer, folder)
    rows = [
        [title, f"{one.signing:.2f}", f"{one.looking:.2f}", f"{one.memory / 2**20:.0f}", f"{one.added / 1000:.1f}"]
        for title, one in costs.items()
    ]
    text = table(["signed in one process", "signing, s", "looking, s", "peak memory, MiB", "added, kB a file"], rows)
    record("signing", "Content credentials", text)


def _cost(files: list[Path], signer: Signer, folder: Path) -> Cost:
    orders = [SigningOrder(f, folder / f"{n}{f.suffix}", Claim("1", "video")) for n, f in enumerate(files)]
    begin = time.perf_counter()
    sign(orders, signer)
    middle = time.perf_counter()
    found = credentials_of([order.target for order in orders])
    end = time.perf_counter()
    if any(one.state is not Standing.VALID for one in found):
        raise ValueError(f"not what was signed: {found}")
    added = sum(order.target.stat().st_size - order.source.stat().st_size for order in orders)
    for order in orders:
        order.target.unlink()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return Cost(middle - begin, end - middle, peak, added // len(orders))


def _grown(path: Path, megabytes: int) -> Path:
    """Write the sample with more bytes behind its last picture."""
    data = (SAMPLE / "astronaut.mp4").read_bytes()
    at = data.index(b"mdat") - 4
    (size,) = struct.unpack(">I", data[at : at + 4])
    with path.open("wb") as file:
        file.write(data[:at] + struct.pack(">I", size + megabytes * len(_PIECE)) + data[at + 4 : at + size])
        for _ in range(megabytes):
            file.write(_PIECE)
        file.write(data[at + size :])
    return path


if __name__ == "__main__":
    main()
