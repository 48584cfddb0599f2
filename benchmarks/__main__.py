"""Run the benchmarks by name, or all of them."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    *("speed", "memory", "faces", "idle", "hashing", "tracking", "following", "speech", "manner", "who"),
    *("reenact", "heldout", "flicker", "pace", "lag"),
)


def main(names: list[str]) -> None:
    """Run each in turn; each records its own section of docs/figures.md."""
    unknown = set(names) - set(NAMES)
    if unknown:
        sys.exit(f"no benchmark called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    for name in names or NAMES:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
