"""What a program may do under the unit: run in its place, it tries what it must not, and prints what came of it."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

FAMILIES = ("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG")
PLACES = (
    "/etc",
    "/usr",
    "/opt/lipsyncd",
    "/var",
    "/var/lib",
    "/srv",
    "/home",
    "/root",
    "/mnt/share",
    "/boot",
    "/sys",
    "/dev",
)
OURS = ("/srv/lipsyncd", "/var/lib/lipsyncd", "/var/cache/lipsyncd", "/tmp", "/var/tmp", "/dev/shm")
LIBC = ctypes.CDLL(None, use_errno=True)


def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "ok"


def called(name: str, *words: object) -> str:
    return "ok" if getattr(LIBC, name)(*words) == 0 else errno.errorcode[ctypes.get_errno()]


def written(folder: str) -> str:
    path = Path(folder, f"probe-{os.getpid()}")
    said = outcome(lambda: path.write_text("x", encoding="ascii"))
    path.unlink(missing_ok=True) if said == "ok" else None
    return said


def run_from(folder: str) -> str:
    path = Path(folder, "program")
    path.write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
    path.chmod(0o755)
    try:
        return outcome(lambda: os.posix_spawn(path, [str(path)], {}))
    finally:
        path.unlink()


def connected(address: str, port: int) -> str:
    return outcome(lambda: socket.create_connection((address, port), 3).close())


def opened(family: str) -> str:
    kind = socket.SOCK_RAW if family in ("AF_PACKET", "AF_NETLINK") else socket.SOCK_STREAM
    return outcome(lambda: socket.socket(getattr(socket, family), kind).close())


json.dump(
    {
        "families": {name: opened(name) for name in FAMILIES},
        "elsewhere": {place: written(place) for place in PLACES},
        "ours": {place: written(place) for place in OURS},
        "run": {place: run_from(place) for place in ("/srv/lipsyncd", "/var/lib/lipsyncd")},
        "calls": {
            "mount": called("mount", b"none", b"/tmp", b"tmpfs", 0, None),
            "unshare": called("unshare", 0x10000000),
            "ptrace": called("ptrace", 16, 1, 0, 0),
            "setuid": called("setuid", 0),
            "sethostname": called("sethostname", b"x", 1),
            "personality": called("personality", 0x0008),
        },
        "devices": sorted(path.name for path in Path("/dev").iterdir()),
        "processes": [path.name for path in Path("/proc").glob("[0-9]*") if path.stat().st_uid != os.getuid()],
        "user": os.getuid(),
        "reached": {address: connected(address, int(sys.argv[1])) for address in sys.argv[2:]},
    },
    sys.stdout,
)
