"""Hardware: encoders, GPU and engines, looked at in a process of their own, because drivers may hang or crash."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon.config import Settings
from daemon.doctor import Check
from daemon.seat import seats
from lipsync import WeightsError, tracker_lacks

PATIENCE = 60.0
"""Seconds until the look at the machine counts as hung; torch takes up to ten on a cold disk."""
SLOW = 'Set render.tracker to "landmarks", which takes some milliseconds.'
COMMAND = (sys.executable, "-m", "daemon.commands.machine_process")


def hardware(settings: Settings) -> Iterator[Check]:
    """Look at encoders, GPU, engines and trackers."""
    machine = _survey()
    if isinstance(machine, Check):
        yield machine
        return
    yield from _encoders(machine["encoders"], settings)
    yield _gpu(machine["gpu"], settings)
    yield _processes(machine["gpu"], settings)
    yield from _engines(machine["broken"], settings)
    yield _tracker(machine["broken"], machine["gpu"], settings)


def _survey() -> dict[str, Any] | Check:
    """Ask the other process; what goes wrong there is a finding too."""
    try:
        answer = subprocess.run(  # noqa: S603
            COMMAND, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return Check(
            "engine libraries", "fail", f"no answer within {PATIENCE:.0f} s", "Look at the GPU's driver (dmesg)."
        )
    try:
        found: dict[str, Any] = json.loads(answer.stdout)
    except ValueError:
        last = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        return Check("engine libraries", "fail", last, "Reinstall lipsyncd with its dependencies.")
    return found


def _encoders(works: dict[str, bool], settings: Settings) -> Iterator[Check]:
    for name in ("libx264", "aac"):
        if works[name]:
            yield Check(f"encoder {name}", "ok", "encodes")
        else:
            yield Check(f"encoder {name}", "fail", "does not encode", "Install PyAV from its wheel: pip install av")
    if works["h264_nvenc"]:
        yield Check("encoder h264_nvenc", "ok", "encodes")
    elif settings.render.encoder == "h264_nvenc":
        yield Check("encoder h264_nvenc", "fail", "does not encode", 'Set render.encoder to "auto".')
    else:
        yield Check("encoder h264_nvenc", "ok", "not here and not needed")


def _gpu(usable: str, settings: Settings) -> Check:
    """Compare what torch can use with what the machine seems to have and the settings ask for."""
    present = Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None
    if usable:
        in_use = settings.render.device != "cpu"
        return Check("device", "ok", f"{usable}{'' if in_use else ', not used: render.device is cpu'}")
    if settings.render.device == "cuda":
        return Check("device", "fail", "render.device is cuda, and torch sees no GPU", 'Set render.device to "auto".')
    if present:
        advice = "Install the driver and a torch built for CUDA; the service needs systemd/gpu.conf."
        return Check("device", "warn", "cpu, though there seems to be an NVIDIA GPU", advice)
    return Check("device", "ok", "cpu")


def _processes(usable: str, settings: Settings) -> Check:
    """Say how many videos will be made at once."""
    render = settings.render
    found = seats(render.processes, render.device)
    on = f", on the GPUs {', '.join(sorted({one.gpu for one in found}))}" if found[0].gpu else ""
    said = f"{len(found)}{on}"
    if found[0].gpu and not usable and not render.processes:
        advice = "Set render.processes = 1 until torch can use the GPUs."
        return Check("render processes", "warn", f"{said}, though torch sees no GPU", advice)
    memory = len(found) * settings.limits.memory_bytes
    if len(found) > 1 and memory > (there := os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")):
        advice = "Lower render.processes or limits.memory_bytes."
        text = f"{said}, which may take {memory / 1e9:.0f} GB together, and there are {there / 1e9:.0f}"
        return Check("render processes", "warn", text, advice)
    return Check("render processes", "ok", said)


def _engines(broken: dict[str, str], settings: Settings) -> Iterator[Check]:
    """Complain of what cannot be imported; it is fatal only where it is in use."""
    used = (settings.render.engine, settings.render.tracker)
    for name, problem in broken.items():
        yield Check(name, "fail" if name in used else "warn", problem, "Reinstall the package that brings it.")
    if settings.render.engine not in broken:
        yield Check("engine", "ok", f"{settings.render.engine}")


def _tracker(broken: dict[str, str], gpu: str, settings: Settings) -> Check:
    """Say who will find the face."""
    asked, used = settings.render.tracker, settings.render.tracker
    if asked == "auto":
        used = "landmarks" if "face-alignment" in broken or _lacks(settings) else "face-alignment"
    said = used if asked == used else f"{used} ({asked})"
    if used == "face-alignment" and (not gpu or settings.render.device == "cpu"):
        return Check("tracker", "warn", f"{said}, without a GPU: half a second a frame or more", SLOW)
    return Check("tracker", "ok", said)


def _lacks(settings: Settings) -> str:
    try:
        return tracker_lacks(settings.weights)
    except WeightsError as error:
        return error.message
