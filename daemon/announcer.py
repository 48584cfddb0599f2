"""Announcer: a process that tells people, through Apprise, and ends: one order on standard input, answers as it goes.

It alone knows the addresses of the places, and Apprise with its hundred services. Of what either says nothing gets out
but words of ours: addresses hold passwords.
"""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import apprise
from apprise.attachment.memory import AttachMemory

from daemon.places import Place, places

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LARGEST = 8 * 1024 * 1024
"""Bytes of a picture that is sent; services take no larger ones."""
_JPEG = b"\xff\xd8\xff"


class Ear(logging.Handler):
    """Hears what Apprise complains of, and keeps only what kind of complaint it is."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._heard: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; it may hold an address, so no word of it is kept but a number of three digits."""
        text = record.getMessage()
        if answer := re.search(r"error=(\d{3})\b", text):
            self._heard[threading.get_ident()] = f"it answered {answer[1]}"
        elif "onnection" in text or "ocket" in text:
            self._heard[threading.get_ident()] = "it cannot be reached, or does not answer"

    def heard(self) -> str:
        """Give the last complaint of this thread, and forget it."""
        return self._heard.pop(threading.get_ident(), "it did not take the message")


class Announcer:
    """Tells one order."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._places = places(order["urls"])
        self._asset = apprise.AppriseAsset(
            app_id="lipsyncd",
            app_desc="lipsyncd",
            app_url="",
            image_url_mask="",  # else whoever reads it fetches an icon from a third party
            image_url_logo="",
            async_mode=False,
            interpret_emojis=False,
            interpret_escapes=False,
            pgp_autogen=False,
            pem_autogen=False,
            service_timeout=0,
            storage_mode="memory",
            allow_templates=False,
        )
        self._ear = Ear()
        self._lock = threading.Lock()
        log = logging.getLogger("apprise")
        log.handlers[:] = [self._ear]
        log.propagate = False
        log.setLevel(logging.WARNING)

    def run(self) -> None:
        """Tell everybody, each place in a thread of its own: one that hangs keeps no other from being told."""
        self._say(places=[place.label for place in self._places])
        pictures = {message["id"]: picture(message) for message in self._order["messages"]}
        act = self._check if self._order["check"] else self._tell
        threads = [
            threading.Thread(target=act, args=(place, pictures), daemon=True, name=place.label)
            for place in self._places
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _check(self, place: Place, _pictures: dict[str, bytes]) -> None:
        """Say whether Apprise understands an address; nothing is sent."""
        service = None if place.fault else self._service(place)
        fault = place.fault or ("" if service else _UNKNOWN)
        self._say(place=place.label, id="", ok=not fault, why=fault)

    def _tell(self, place: Place, pictures: dict[str, bytes]) -> None:
        messages = [one for one in self._order["messages"] if place.label not in one["told"]]
        service = None if place.fault else self._service(place)
        for message in messages:
            if service is None:
                self._say(place=place.label, id=message["id"], ok=False, why=place.fault or _UNKNOWN)
                continue
            ok = self._sent(service, message, pictures[message["id"]])
            self._say(place=place.label, id=message["id"], ok=ok, why="" if ok else self._ear.heard())

    def _service(self, place: Place) -> apprise.Apprise | None:
        service = apprise.Apprise(asset=self._asset)
        return service if service.add(place.url) and len(service) == 1 else None

    def _sent(self, service: apprise.Apprise, message: dict[str, Any], image: bytes) -> bool:
        attach = None
        if image:
            attach = apprise.AppriseAttachment(asset=self._asset)
            shown = AttachMemory(content=image, name="poster.jpg", mimetype="image/jpeg")  # type: ignore[no-untyped-call]
            attach.add(shown)
        return bool(
            service.notify(
                title=message["title"],
                body=message["body"],
                notify_type=message["kind"],
                body_format=apprise.NotifyFormat.TEXT,
                attach=attach,
            )
        )

    def _say(self, **answer: object) -> None:
        with self._lock:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


_UNKNOWN = "Apprise does not understand this address"


def picture(message: dict[str, Any]) -> bytes:
    """Read the picture of a message, step by step from the root: nothing on the share leads elsewhere.

    Returns:
        Its bytes; none where there is none, or something else than a picture.
    """
    if not message["picture"]:
        return b""
    try:
        with os.fdopen(_opened(message["root"], *PurePosixPath(message["picture"]).parts), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                return b""
            data = file.read(_LARGEST)
    except OSError:
        return b""
    return data if data.startswith(_JPEG) else b""


def _opened(root: str, *names: str) -> int:
    """Open a file by the folders on its way.

    Raises:
        OSError: It is not there, or a link stands on the way.
    """
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name, last in _steps(names):
        try:
            inner = os.open(name, _FILE if last else _FOLDER, dir_fd=here)
        finally:
            os.close(here)
        here = inner
    return here


def _steps(names: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    for number, name in enumerate(names, 1):
        if name in ("..", "/"):
            raise FileNotFoundError(name)
        yield name, number == len(names)


if __name__ == "__main__":
    Announcer(json.loads(sys.stdin.readline())).run()
    os._exit(0)  # a thread of some service must not keep us
