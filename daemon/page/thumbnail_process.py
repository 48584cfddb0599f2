"""``python -m daemon.page.thumbnail_process``: makes posters small, and can do nothing else.

Whatever lies in done/ may have been put there by a stranger: it is decoded here, without files, without network, with
little memory and little time. On standard input come width, height, length, and a JPEG; on standard output go the
length and the bytes of the small one, none where it cannot be made. The end of the input is ours.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import struct
import sys
from typing import BinaryIO

from daemon import landlock, seccomp
from lipsync import MediaError, thumbnail

REQUEST, ANSWER = struct.Struct("=HHI"), struct.Struct("=I")
_MEMORY = 512 * 1024 * 1024
_SECONDS = 5
"""For one picture; one takes some hundredths."""


def main() -> int:
    """Work until the input ends."""
    _small(b"", 8, 8)  # what a picture takes is imported before the walls are there
    _confine()
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    while head := incoming.read(REQUEST.size):
        width, height, length = REQUEST.unpack(head)
        _answer(outgoing, incoming.read(length), width, height)
    return 0


def _answer(outgoing: BinaryIO, data: bytes, width: int, height: int) -> None:
    signal.alarm(_SECONDS)  # it ends us
    made = _small(data, width, height)
    signal.alarm(0)
    outgoing.write(ANSWER.pack(len(made)) + made)
    outgoing.flush()


def _small(data: bytes, width: int, height: int) -> bytes:
    try:
        return thumbnail(data, width, height)
    except (MediaError, MemoryError):
        return b""


def _confine() -> None:
    """Give up all files and the network; renders come first. Where the kernel cannot do it, the rest must do."""
    for limit, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, _MEMORY)):
        with contextlib.suppress(OSError, ValueError):  # a lower one holds already
            resource.setrlimit(limit, (most, most))
    with contextlib.suppress(OSError):
        os.nice(10)
    with contextlib.suppress(OSError):
        if landlock.version():
            landlock.restrict((), alone=True)
    with contextlib.suppress(OSError):
        if seccomp.known():
            seccomp.shut(neighbours=False)


if __name__ == "__main__":
    sys.exit(main())
