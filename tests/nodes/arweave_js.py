"""arweave-js, the reference library: a program of its own in, an answer as JSON out."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.nodes.cache import ARWEAVE_JS, installed, program
from tests.nodes.process import environment


class ArweaveJs:
    """Runs small ES modules that may ``import Arweave from 'arweave'``."""

    def __init__(self) -> None:
        self._folder = installed(ARWEAVE_JS)
        self._node = program("node")

    def run(self, source: str | Path, given: object = None, seconds: float = 120) -> Any:
        """Run a module (its text, or the file that holds it) with JSON on its standard input; give what it prints.

        Raises:
            RuntimeError: It failed; what it said is in the message.
        """
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        with tempfile.TemporaryDirectory(prefix="arweave-js-") as name:
            # Modules are looked for beside the file, whatever the working directory is.
            Path(name, "node_modules").symlink_to(self._folder / "node_modules")
            script = Path(name, "script.mjs")
            script.write_text(text, encoding="utf-8")
            ran = subprocess.run(
                [self._node, str(script)], input=json.dumps(given), capture_output=True, text=True,
                encoding="utf-8", timeout=seconds, env=environment({}), check=False,
            )  # fmt: skip
        if ran.returncode:
            raise RuntimeError(f"arweave-js failed: {ran.stderr[-2000:]}")
        return json.loads(ran.stdout)
