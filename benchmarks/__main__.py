"""Run the benchmarks by name, or all of them."""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    *("speed", "memory", "faces", "idle", "hashing", "tracking", "following", "speech", "manner", "who"),
    *(
        "reenact",
        "heldout",
        "flicker",
        "pace",
        "lag",
        "publishing",
        "signing",
        "page",
        "watched",
        "uploading",
        "wav2lip",
        "soak",
        "gpu",
    ),
)


def main(names: list[str]) -> None:
    """Run each in turn, in a process of its own: the peak memory of a child counts its parent's before it starts.

    Each records its own section of docs/figures.md.
    """
    unknown = set(names) - set(NAMES)
    if unknown:
        sys.exit(f"no benchmark called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    for name in names or NAMES:
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
