"""docs/figures.md: one section per benchmark, each rewritten by the script that measured it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

FIGURES = Path(__file__).parents[1] / "docs" / "figures.md"


def machine() -> str:
    """One line about where the figures come from."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {memory:.0f} GiB, Python {platform.python_version()}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def record(name: str, title: str, text: str) -> None:
    """Put one section into docs/figures.md in the place of its predecessor, and print it."""
    stamp = f"*{machine()}, {datetime.now(UTC):%Y-%m-%d}; `python -m benchmarks.{name}`*"
    section = f"<!-- {name} -->\n## {title}\n\n{text}\n\n{stamp}\n<!-- /{name} -->"
    print(section)
    page = FIGURES.read_text(encoding="utf-8") if FIGURES.exists() else "# Figures\n"
    old = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    page = old.sub(lambda _: section, page) if old.search(page) else f"{page.rstrip()}\n\n{section}\n"
    FIGURES.write_text(page, encoding="utf-8")
