"""Who may import whom, how long things may be, and what the quick commands must not wait for."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("daemon", "lipsync", "publishers")
KNOWS = {"daemon": {"lipsync", "publishers"}, "lipsync": set(), "publishers": set()}
"""Which of our packages each package may import, besides itself."""

OWNERS = {
    "PIL": ("lipsync/label", "lipsync/miniature.py"),
    "apprise": "daemon/announcer.py",
    "arweave": "publishers/arweave/wallet.py",
    "av": "lipsync/media/",
    "c2pa": "publishers/",
    "cryptography": "publishers/",
    "cv2": "lipsync/",
    "httpx": "publishers/http",
    "face_alignment": "lipsync/alignment",
    "ipfshttpclient": "publishers/node.py",
    "itsdangerous": "daemon/page/",
    "jinja2": "daemon/page/",
    "librosa": "lipsync/",
    "markupsafe": "daemon/page/",
    "numpy": "lipsync/",
    "prometheus_client": "daemon/metrics",
    "pydantic": "daemon/",
    "pydantic_settings": "daemon/",
    "python_multipart": "daemon/page/",
    "rich": "daemon/commands/",
    "safetensors": "lipsync/",
    "starlette": "daemon/page/",
    "structlog": "daemon/",
    "torch": "lipsync/",
    "uvicorn": "daemon/page/",
    "watchdog": "daemon/watch.py",
    "zipstream": "daemon/page/",
}
"""Where each foreign library may be imported; one that is not here may be imported nowhere."""

LIBRARIES = {*sys.stdlib_module_names, *PACKAGES, *OWNERS, "threadpoolctl"}
FUNCTION = 40
MODULE = 300
HEAVY = {"torch", "cv2", "av", "librosa", "scipy", "httpx", "c2pa", "cryptography", "ipfshttpclient", "arweave"} | {
    "starlette",
    "uvicorn",
    "jinja2",
    "apprise",
}


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of every import; the name is "" for ``import module``."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(path)} imports relatively"
            yield from ((node.module or "", alias.name) for alias in node.names)


def offered(package: str) -> set[str]:
    """Return what a package's front door names."""
    for node in tree(ROOT / package / "__init__.py").body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return set(ast.literal_eval(node.value))
    return set()


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    return lines - ((function.body[0].end_lineno or 0) - function.body[0].lineno + 1)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_know_only_whom_they_may(package: str) -> None:
    allowed = {package, *KNOWS[package]}
    wrong = [
        f"{place(path)} imports {module}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for module, _ in imports(path)
        if (top := module.partition(".")[0]) in PACKAGES and top not in allowed
    ]
    assert not wrong


def test_packages_are_entered_by_their_front_doors() -> None:
    doors = {package: offered(package) for package in PACKAGES}
    wrong = []
    for path in sources():
        for module, name in imports(path):
            top = module.partition(".")[0]
            if top not in PACKAGES or place(path).startswith(f"{top}/"):
                continue
            if module != top or (name and name not in doors[top]):
                wrong.append(f"{place(path)}: from {module} import {name}")
    assert not wrong


def test_media_is_entered_by_its_front_door() -> None:
    wrong = [
        f"{place(path)} imports {module}"
        for path in sources()
        if not place(path).startswith("lipsync/media/")
        for module, _ in imports(path)
        if module.startswith("lipsync.media.")
    ]
    assert not wrong


def test_every_foreign_library_has_one_owner() -> None:
    wrong = [
        f"{place(path)} imports {module}"
        for path in sources()
        for module, _ in imports(path)
        if (top := module.partition(".")[0]) not in LIBRARIES or not place(path).startswith(OWNERS.get(top, ""))
    ]
    assert not wrong


def test_functions_are_short() -> None:
    wrong = [
        f"{place(path)}:{node.lineno} {node.name} has {length(node)} lines"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > FUNCTION
    ]
    assert not wrong


def test_modules_are_short() -> None:
    lengths = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert not {name: lines for name, lines in lengths.items() if lines > MODULE}


def test_only_the_loop_of_the_daemon_catches_everything() -> None:
    wrong = []
    for path in sources():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = ast.unparse(node.type) if node.type else "everything"
            tidies = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if caught in ("everything", "Exception", "BaseException") and not tidies:
                wrong.append(place(path))
    assert wrong in ([], ["daemon/app.py"])


def test_no_source_names_a_path_of_somebodys_machine() -> None:
    needles = ["/" + "/".join(parts) + "/" for parts in (("work", "main"), ("work", "shared"), ("root",))]
    folders = [ROOT / folder for folder in (*PACKAGES, "training", "benchmarks", "tests", "systemd", "docs")]
    kinds = (".py", ".md", ".service", ".json")
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in kinds]
    wrong = [place(path) for path in files if any(needle in path.read_text(encoding="utf-8") for needle in needles)]
    assert not wrong


PROGRAM = """
import json, pathlib, sys
from daemon.__main__ import main
try:
    sys.exit(main(sys.argv[2:]))
finally:
    pathlib.Path(sys.argv[1]).write_text(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize("command", ["--help", "config check", "doctor", "jobs"])
def test_quick_commands_load_no_network(command: str, tmp_path: Path) -> None:
    listing = tmp_path / "modules.json"
    home = {"LIPSYNCD_PATHS__ROOT": str(tmp_path / "root"), "LIPSYNCD_PATHS__STATE": str(tmp_path / "state")}
    arguments = [sys.executable, "-c", PROGRAM, str(listing), *command.split()]
    ran = subprocess.run(arguments, capture_output=True, text=True, env=os.environ | home, check=False)
    assert ran.returncode in (0, 1, 3), ran.stderr  # what works here is not the question
    loaded = set(json.loads(listing.read_text()))
    assert "daemon" in loaded
    assert not loaded & HEAVY
