"""The service on a machine of its own, and anna, who is in its group and drops folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.systemd.machine import UNIT, Machine

DROP_INS = f"/etc/systemd/system/{UNIT}.d"
CONFIG = """[paths]
root = "{root}"
[inbox]
settle = 0.4
interval = 0.3
mount_guard = {guard}
[limits]
free_bytes = 1000
[render]
engine = "{engine}"
device = "cpu"
"""
FAKE = """[Service]
ExecStart=
ExecStart=/usr/bin/env python3 /mnt/share/fake.py
"""
FAKE_PROGRAM = """
import sys, time
from pathlib import Path
from daemon import app, desk
from daemon.config import load_settings

STUCK = Path("/var/lib/lipsyncd/stuck")
turn = desk.Desk.turn

def stuck_once(self):
    if STUCK.exists():
        STUCK.unlink()
        time.sleep(600)
    return turn(self)

desk.Desk.turn = stuck_once
renderer = (sys.executable, "/mnt/source/tests/daemon/fake_renderer.py", "/var/lib/lipsyncd/diary")
sys.exit(app.run(load_settings(), False, command=renderer))
"""


@dataclass(frozen=True)
class Service:
    """lipsyncd as systemd runs it."""

    machine: Machine
    root: str = "/srv/lipsyncd"

    def configure(self, engine: str = "null", guard: bool = False, more: str = "") -> None:
        text = CONFIG.format(root=self.root, engine=engine, guard=str(guard).lower())
        self.machine.write("/etc/lipsyncd/config.toml", text + more)

    def drop_in(self, name: str, text: str) -> None:
        self.machine.write(f"{DROP_INS}/{name}.conf", text)

    def fake(self) -> None:
        """Have a renderer that draws nothing, and a loop that gets stuck when it is told to."""
        (self.machine.share / "fake.py").write_text(FAKE_PROGRAM, encoding="utf-8")
        self.drop_in("50-fake", FAKE)
        self.configure(more="[credentials]\nsign = false\n")  # there is nothing to sign in what it makes

    def reset(self) -> None:
        """Take the tests' own drop-ins away, and everything that is in hand."""
        self.machine.sh(
            f"systemctl stop {UNIT}; rm -f {DROP_INS}/[2-9]*.conf /var/lib/lipsyncd/stuck; "
            f"rm -rf {self.root}/inbox/* {self.root}/working/*"
        )
        self.configure()

    def restart(self) -> None:
        self.machine.sh(f"systemctl daemon-reload; systemctl restart {UNIT}")

    def drop(
        self, name: str, files: Mapping[str, str | Path], who: str = "anna", umask: str = "002", group: str = ""
    ) -> None:
        """Put a folder together elsewhere and move it in, as a person of the group does."""
        upload = self.machine.share / "upload" / name
        upload.mkdir(parents=True)
        for target, source in files.items():
            if isinstance(source, Path):
                shutil.copyfile(source, upload / target)
            else:
                (upload / target).write_text(source, encoding="utf-8")
        here, there = f"/mnt/share/upload/{name}", f"{self.root}/inbox"
        # the folder must be the group's to write, or the service may not move it: docs/operations.md says so
        script = f"umask {umask}; mkdir '{there}/.{name}'; cp '{here}'/* '{there}/.{name}'"
        script += f"; chgrp -R {group} '{there}/.{name}'" if group else ""
        script += f"; mv '{there}/.{name}' '{there}/{name}'"
        self.machine.run("runuser", "-u", who, "--", "sh", "-euc", script)

    def ended(self, name: str) -> str:
        """Where the job has ended: "done", "failed", or "" while it has not."""
        return next((end for end in ("done", "failed") if self.machine.exists(f"{self.root}/{end}/{name}")), "")

    def done(self, name: str, seconds: float = 180) -> set[str]:
        """Wait until a job is done, and give the names in its folder."""
        self.machine.wait(lambda: self.ended(name), seconds)
        assert self.ended(name) == "done", self.machine.log()
        return set(self.machine.run("ls", f"{self.root}/done/{name}").splitlines())

    def diary(self) -> list[dict[str, Any]]:
        text = self.machine.run("cat", "/var/lib/lipsyncd/diary", check=False)
        return [json.loads(line) for line in text.splitlines()]

    def begun(self, face: str) -> int:
        return sum(entry["what"] == "begun" and entry["face"] == face for entry in self.diary())

    def messages(self) -> list[str]:
        return [str(entry.get("MESSAGE")) for entry in self.machine.journal()]
