"""Memory: how much a process and all that it has started hold."""

from __future__ import annotations

from pathlib import Path

_OWN = ("RssAnon:", "RssShmem:", "VmSwap:")
"""What would be free if it ended; mapped files are not."""


def held(pid: int) -> int:
    """Give the bytes that a process and its children hold; 0 for one that has ended."""
    own = children = 0
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(_OWN):
                own += int(line.split()[1]) * 1024
        for thread in Path(f"/proc/{pid}/task").iterdir():
            children += sum(held(int(child)) for child in (thread / "children").read_text(encoding="ascii").split())
    except OSError:  # it ended meanwhile, or /proc is not for us to read
        return own + children
    return own + children
