"""Doctor: what works on this machine and what does not, each with what to do. Changes nothing but a trial file."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from daemon.config import Settings
from daemon.inotify import LIMIT, lacking
from daemon.mount import Mount, mount_of
from daemon.pause import paused
from lipsync import LabelError, check_marks, models
from publishers import Examined, PublisherError, Signer, broken, build, examine_signer, names

OLDEST = (3, 11)


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: What was looked at.
        state: "ok", "warn" (works, but worse than it could) or "fail" (something needed is missing).
        found: What was found.
        advice: What to do, where the state is not "ok".
    """

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


def libraries() -> Iterator[Check]:
    """Look at Python and the libraries, without importing them."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        yield Check("python", "fail", running, "Use Python 3.11 or newer.")
    else:
        yield Check("python", "ok", running)
    for name in needed():
        try:
            yield Check(name, "ok", version(name))
        except PackageNotFoundError:
            found = name == "opencv-python-headless" and find_spec("cv2") is not None
            if found:
                yield Check(name, "ok", "another build of OpenCV")
            else:
                yield Check(name, "fail", "not installed", f"pip install {name}")


def needed() -> list[str]:
    """Give the libraries that this very installation asked for, the extras for developers left out."""
    lines = [line for line in requires("lipsyncd") or [] if "extra ==" not in line]
    return [match[0] for line in lines if (match := re.match(r"[\w.-]+", line))]


def weights() -> Iterator[Check]:
    """Look at the weights in the package: there, and the bytes the catalogue names."""
    found = models()
    if not found:
        yield Check("weights", "fail", "the package carries none", "Reinstall lipsyncd.")
    for model in found:
        if model.state == "usable":
            yield Check(f"weights {model.name}", "ok", f"{model.bytes / 1e3:.0f} kB, sha256 as it should be")
        else:
            yield Check(f"weights {model.name}", "fail", model.state, "Reinstall lipsyncd.")


def root(settings: Settings) -> Iterator[Check]:
    """Look at the root: there, writable, room enough, and how changes in it are noticed."""
    place = settings.paths.root
    yield _writable("root", place, "Make it, or set paths.root to a folder that the service may write.")
    there = _nearest(place)
    free, needed = shutil.disk_usage(there).free, settings.limits.free_bytes
    short = free < needed
    advice = "Make room, or lower limits.free_bytes; nothing new is begun below it." if short else ""
    yield Check("free space", "fail" if short else "ok", f"{free / 1e9:.1f} GB on the disk of {place}", advice)
    mount = mount_of(there)
    yield _watched(settings, there, mount)
    if settings.inbox.mount_guard and mount.point == Path("/"):
        yield Check(
            "mount guard", "fail", "the root is on the system's own disk", "Mount the share; work waits for it."
        )


def pause(settings: Settings) -> Iterator[Check]:
    """Look whether somebody asked that no video be begun."""
    if paused(settings.paths.root):
        yield Check("pause", "warn", "no video is begun (lipsyncd pause)", "`lipsyncd resume` goes on.")


def _watched(settings: Settings, folder: Path, mount: Mount) -> Check:
    """Look at what would wake us when a folder is dropped."""
    wanted, polled = settings.inbox.watch, f"polled every {settings.inbox.interval:g} s"
    if wanted == "events" and mount.remote:
        return Check("inbox", "warn", f"events on {mount.type}, which tells of none", 'Set inbox.watch to "auto".')
    kind = mount.type or "unknown file system"
    if wanted == "poll" or mount.remote:
        return Check("inbox", "ok", f"{polled} ({kind})")
    if reason := lacking(folder):
        advice = f"Raise it, for example: sysctl {LIMIT}=1048576. Until then drops are noticed a little later."
        return Check("inbox", "warn", f"{polled}, for there are no events: {reason}", advice)
    return Check("inbox", "ok", f"events ({kind})")


def state(settings: Settings) -> Iterator[Check]:
    """Look at the folder for the service's own files."""
    yield _writable("state", settings.paths.state, "Set paths.state to a folder that the service may write.")
    if settings.paths.state.is_relative_to(settings.paths.root):
        yield Check(
            "state", "warn", "it lies on the share", "Set paths.state to a folder that only the service can see."
        )


def service() -> Iterator[Check]:
    """Look at the way to systemd."""
    if os.environ.get("NOTIFY_SOCKET"):
        yield Check("systemd", "ok", "told of every state (NOTIFY_SOCKET)")
    else:
        yield Check("systemd", "ok", "not started by systemd, so there is nobody to tell")


def publishing(settings: Settings) -> Iterator[Check]:
    """Look at the publishers: those that jobs may go to are asked how they are, the others are left in peace."""
    meant = settings.publish.meant
    for name in names():
        if name not in meant:
            yield Check(f"publisher {name}", "ok", "there, not in use")
    faults = broken(meant)
    for name in meant:
        if name in faults:
            yield Check(f"publisher {name}", "fail", faults[name], "Reinstall it, or take it out of publish.to.")
        else:
            yield from _built(name, settings)


def label(settings: Settings) -> Iterator[Check]:
    """Look whether the visible label can be written."""
    marks = settings.options().marks
    if not marks.visible:
        yield Check("label", "ok", "in the file, not in the picture" if marks.metadata else "switched off")
        return
    try:
        check_marks(marks)
    except LabelError as error:
        yield Check("label", "fail", error.message, error.hint)
        return
    yield Check("label", "ok", f"{marks.words} ({marks.style})")


def credentials(settings: Settings) -> Iterator[Check]:
    """Look who signs results."""
    said = settings.credentials
    if not said.sign:
        yield Check("content credentials", "ok", "switched off (credentials.sign)")
        return
    found = examine_signer(Signer(settings.paths.state, str(said.certificate or ""), said.key))
    yield Check(found.name, found.state, found.found, found.advice)


def _built(name: str, settings: Settings) -> Iterator[Check]:
    try:
        publisher = build(name, settings.publisher(name), settings.paths.state)
    except PublisherError as error:
        yield Check(f"publisher {name}", "fail", error.message, error.hint)
        return
    yield Check(f"publisher {name}", "ok", "in use" if name in settings.publish.to else "for drops that name it")
    if isinstance(publisher, Examined):
        for found in publisher.examine():
            yield Check(f"{name} {found.name}", found.state, found.found, found.advice)


def _writable(name: str, folder: Path, advice: str) -> Check:
    """Try to write into a folder; one that is not there yet must have a parent that can be written."""
    there = _nearest(folder)
    blocked = [path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()]
    if blocked:
        return Check(name, "fail", f"{blocked[0]} is not a folder", advice)
    try:
        with tempfile.TemporaryFile(dir=there, prefix=".lipsyncd-trial-"):
            pass
    except OSError as error:
        return Check(name, "fail", f"{folder}: {error.strerror}", advice)
    return Check(name, "ok", f"{folder}" if there == folder else f"{folder} (will be made)")


def _nearest(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())
