"""Walls: which parts of the renderer's confinement this kernel can put up, for ``lipsyncd doctor``."""

from __future__ import annotations

from collections.abc import Iterator

from daemon import landlock, seccomp
from daemon.cage import cage_of
from daemon.config import Settings
from daemon.doctor import Check

_CONFINED = "renderer confined"


def walls(settings: Settings) -> Iterator[Check]:
    """Say what stands between a hostile file and the rest of the machine while it is decoded."""
    if not settings.render.confined:
        yield Check(_CONFINED, "warn", "switched off", "Set render.confined to true.")
        return
    files, network = landlock.version(), seccomp.known()
    parts = [f"files (Landlock {files})"] if files else []
    parts += ["network (seccomp)"] if network else []
    parts += ["no new privileges"]
    if files and network:
        yield Check(_CONFINED, "ok", ", ".join(parts))
    else:
        lacking = " and ".join(["Landlock"] * (not files) + ["seccomp"] * (not network))
        advice = f"This kernel, or the service's filter of system calls, lacks {lacking}; Linux 5.13 has both."
        yield Check(_CONFINED, "warn", f"only {', '.join(parts)}", advice)
    yield _limits(settings)


def _limits(settings: Settings) -> Check:
    cage = cage_of(settings)
    said = {"memory": cage.memory_bytes, "largest output": cage.output_bytes}
    without = [name for name, most in said.items() if not most]
    found = ", ".join(f"{name} {most / 1e9:.1f} GB" for name, most in said.items() if most)
    if without:
        advice = "Set limits.memory_bytes and limits.output_bytes: one bad file may fill the machine otherwise."
        return Check("renderer limits", "warn", f"none for {' and '.join(without)}", advice)
    return Check("renderer limits", "ok", found)
