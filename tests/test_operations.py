"""docs/operations.md knows every line that the daemon writes to its log."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEVELS = ("info", "warning", "error", "exception")


def logged(path: Path) -> Iterator[str]:
    """Yield the event of every line that a module logs, as far as it is written out there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        of = ast.unparse(node.func.value)
        if of.endswith("log") and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def test_every_message_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    events = {event: path.name for path in sorted((ROOT / "daemon").glob("*.py")) for event in logged(path)}
    assert len(events) > 15
    assert {event: name for event, name in events.items() if f"`{event}" not in page} == {}
