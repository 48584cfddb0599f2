"""Landlock: a process or a thread gives up files, TCP and signals to others, for itself and for ever; needs no rights.

A thread that restricts itself hands its lot on to every thread and process that it starts from then on.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""Numbers of the system calls, the same on every machine we run on."""
_VERSION = 1
_BENEATH = 1
_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_FILE, _REFER, _TRUNCATE, _IOCTL = 1 << 5, 1 << 8, 1 << 13, 1 << 14, 1 << 15
_REMOVE_FOLDER, _MAKE_FOLDER, _MAKE_LINK = 1 << 4, 1 << 7, 1 << 12
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
"""The rights that a rule about a single file may name."""
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights that are taken away, by the first version that knows them."""
_TCP, _SCOPES = 0b11, 0b11
"""Binding and connecting; abstract sockets and signals of others."""

READ = _EXECUTE | _READ_FILE | _READ_DIR
WRITE = _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _REMOVE_FILE | _MAKE_FILE
DEVICE = _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _IOCTL
SCRATCH = WRITE | _REMOVE_FOLDER | _MAKE_FOLDER | _REFER
LINKS = _MAKE_LINK

_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Rule:
    """What stays allowed beneath a folder, or with one file: ``READ``, ``WRITE``, ``DEVICE`` or ``SCRATCH``."""

    path: Path
    rights: int


def version() -> int:
    """Give the version of Landlock in this kernel; 0 where there is none, or where it is switched off."""
    return max(0, int(_LIBC.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)))


def no_new_privileges() -> None:
    """Have programs that are started from here on gain nothing: no set-uid, no capabilities of files."""
    if _LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise _fault("no_new_privs")


def restrict(rules: Iterable[Rule], *, alone: bool) -> None:
    """Take all rights to files away from this thread but those that the rules name.

    Links are not followed to what a rule names, and a rule about what is not there says nothing.

    Args:
        rules: What stays allowed.
        alone: Take TCP and signals to other processes away, too.

    Raises:
        OSError: The kernel does not let us.
    """
    known = version()
    handled = max(rights for first, rights in _HANDLED.items() if first <= known) if known else 0
    parts = [handled, _TCP if alone and known >= 4 else 0, _SCOPES if alone and known >= 6 else 0]
    size = 8 if known < 4 else 16 if known < 6 else 24
    what = struct.pack("=3Q", *parts)[:size]
    ruleset = int(_LIBC.syscall(_CREATE, what, ctypes.c_size_t(size), 0))
    if ruleset < 0:
        raise _fault("a ruleset")
    try:
        for rule in rules:
            _add(ruleset, rule, handled)
        no_new_privileges()
        if _LIBC.syscall(_RESTRICT, ruleset, 0):
            raise _fault("the restriction")
    finally:
        os.close(ruleset)


def _add(ruleset: int, rule: Rule, handled: int) -> None:
    try:
        place = os.open(rule.path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        folder = stat.S_ISDIR(os.fstat(place).st_mode)
        rights = rule.rights & handled & (-1 if folder else _OF_FILES)
        if _LIBC.syscall(_ADD, ruleset, _BENEATH, struct.pack("=Qi", rights, place), 0):
            raise _fault("a rule")
    finally:
        os.close(place)


def _fault(what: str) -> OSError:
    number = ctypes.get_errno() or errno.EPERM
    return OSError(number, f"the kernel refuses {what}: {os.strerror(number)}")
