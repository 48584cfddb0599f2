"""Nodes from npm, installed once for all test runs of one person, and never half.

The folder is ``$TEST_NODES_DIR`` or ``lipsyncd-tests/nodes`` in the XDG cache directory. Each node has a
folder named after its recipe's digest, so a changed recipe installs anew. It is made beside its place and renamed,
under a lock that parallel runs wait for.

With ``TEST_NODES=required`` (continuous integration) what cannot be installed fails the tests instead of
skipping them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENT = dict(os.environ)
"""As it was when the tests were collected: single tests get another home, where npm would miss its settings."""

CACHE_HOME = ENVIRONMENT.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
FOLDER = Path(ENVIRONMENT.get("TEST_NODES_DIR") or Path(CACHE_HOME, "lipsyncd-tests", "nodes"))
REQUIRED = ENVIRONMENT.get("TEST_NODES") == "required"
OLDEST = 18
"""The oldest major version of Node.js that the nodes start with."""

LIMIT = 900.0
"""Seconds that one step of an installation may take: two slow cores and a slow registry."""


class Missing(Exception):
    """A node cannot be had on this machine; the message says why."""


@dataclass(frozen=True)
class Recipe:
    """What npm is asked for, and what is built from source then."""

    name: str
    package: str
    version: str
    overrides: dict[str, str] = field(default_factory=dict)
    build: str = ""

    def document(self) -> str:
        """The package.json."""
        wanted: dict[str, object] = {"private": True, "dependencies": {self.package: self.version}}
        if self.overrides:
            wanted["overrides"] = self.overrides
        return json.dumps(wanted, indent=1)

    def place(self) -> Path:
        """Where it is, or will be."""
        digest = hashlib.sha256(f"{self.document()} {self.build}".encode()).hexdigest()
        return FOLDER / f"{self.name}-{self.version}-{digest[:8]}"


IPFS = Recipe("ipfs", "ipfs", "0.66.1")
ARLOCAL = Recipe("arlocal", "arlocal", "1.1.66", overrides={"avsc": "5.7.7"}, build="sqlite3")
"""Without the override npm asks for a git repository; sqlite3's ready-made binary lies where npm does not look."""

ARWEAVE_JS = Recipe("arweave", "arweave", "1.15.7")
AXE = Recipe("axe-core", "axe-core", "4.14.1")
"""Not a node: it looks at pages for what shuts people out."""


def installed(recipe: Recipe) -> Path:
    """Give the folder whose node_modules holds the node, installing it if this is the first time.

    Raises:
        Missing: Node.js, npm or a compiler is not here, or the registry does not answer.
    """
    place = recipe.place()
    if place.is_dir():
        program("node")
        return place
    FOLDER.mkdir(parents=True, exist_ok=True)
    with _locked(FOLDER / f"{recipe.name}.lock"):
        if not place.is_dir():
            for torn in FOLDER.glob(f".{recipe.name}-*"):  # nobody else can be at work on it now
                shutil.rmtree(torn, ignore_errors=True)
            _install(recipe, place)
    return place


def program(name: str) -> str:
    """Find a program of Node.js.

    Raises:
        Missing: It is not here, or too old.
    """
    found = shutil.which(name, path=ENVIRONMENT.get("PATH"))
    if not found:
        raise Missing(f"{name} is not installed")
    if name == "node":
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        major = said.removeprefix("v").partition(".")[0]
        if not major.isdigit() or int(major) < OLDEST:
            raise Missing(f"node {said or '(no version)'} is older than {OLDEST}")
    return found


def _install(recipe: Recipe, place: Path) -> None:
    program("node")
    npm = program("npm")
    if recipe.build:
        for tool in ("g++", "make", "python3"):
            program(tool)
    with tempfile.TemporaryDirectory(prefix=f".{recipe.name}-", dir=FOLDER) as name:
        beside = Path(name, "made")
        beside.mkdir()
        (beside / "package.json").write_text(recipe.document(), encoding="utf-8")
        _step([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], beside)
        if recipe.build:
            _step([npm, "rebuild", recipe.build, "--build-from-source"], beside)
        beside.rename(place)


def _step(command: list[str], folder: Path) -> None:
    try:
        ran = subprocess.run(
            command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{' '.join(command[:3])} did not end within {LIMIT:.0f} s") from error
    if ran.returncode:
        raise Missing(f"{' '.join(command[:3])} failed: {(ran.stderr or ran.stdout).strip()[-600:]}")


def _environment() -> dict[str, str]:
    """As at the start of the tests, and with the headers of Node.js where the distribution put them.

    node-gyp would fetch the headers from nodejs.org, which not every machine with a registry can reach.
    """
    prefix = Path(program("node")).resolve().parents[1]
    extra = {"npm_config_nodedir": str(prefix)} if (prefix / "include" / "node" / "node.h").exists() else {}
    return ENVIRONMENT | extra | {"npm_config_update_notifier": "false", "JOBS": "2"}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Install all of them before the tests ask, which have a time limit each."""
    missing = False
    for recipe in (AXE, ARWEAVE_JS, ARLOCAL, IPFS):
        try:
            installed(recipe)
        except Missing as reason:
            missing = True
            print(f"{recipe.name}: {reason}", file=sys.stderr)  # noqa: T201
    return int(missing and REQUIRED)


if __name__ == "__main__":
    sys.exit(main())
