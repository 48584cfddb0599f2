"""Seccomp: system calls that the render process never needs are refused to it, the network's first of all."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass
from pathlib import Path

from daemon.landlock import no_new_privileges

_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _EQUAL, _ABOVE, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_NUMBER_AT, _KIND_AT, _FIRST_AT = 0, 4, 16
"""Where the kernel puts the call's number, the machine's kind and the first argument."""
_OTHER_CALLS = 0x40000000
"""From here on x86-64 counts the same calls once more (x32)."""
_UNIX = 1
_ACTIONS = Path("/proc/sys/kernel/seccomp/actions_avail")


@dataclass(frozen=True)
class _Machine:
    """A kind of machine: its name for the kernel, its number of ``socket``, and of what is refused in any case."""

    kind: int
    socket: int
    never: tuple[int, ...]


# ptrace, process_vm_readv, process_vm_writev, io_uring_setup (sockets by another door), unshare, setns,
# open_by_handle_at, bpf, perf_event_open, userfaultfd, keyctl, add_key, request_key, mount
_MACHINES = {
    "x86_64": _Machine(0xC000003E, 41, (101, 310, 311, 425, 272, 308, 304, 321, 298, 323, 250, 248, 249, 165)),
    "aarch64": _Machine(0xC00000B7, 198, (117, 270, 271, 425, 97, 268, 265, 280, 241, 282, 219, 217, 218, 40)),
}


def known() -> bool:
    """Say whether we know the system calls of this machine and its kernel filters them."""
    return platform.machine() in _MACHINES and _ACTIONS.exists()


def shut(*, neighbours: bool) -> None:
    """Refuse sockets and what else a renderer never needs, to this thread and all that it starts.

    Args:
        neighbours: Leave the sockets between processes of this machine; drivers of GPUs speak through them.

    Raises:
        OSError: The kernel does not let us.
    """
    lines = _program(_MACHINES[platform.machine()], neighbours)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(lines), ctypes.addressof(code)))
    no_new_privileges()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_SECCOMP, _FILTER, program, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"the kernel refuses the filter: {os.strerror(number)}")


def _program(machine: _Machine, neighbours: bool) -> list[tuple[int, int, int, int]]:
    """Write the filter: each line is an instruction, how far to jump if so and if not, and a number."""
    refuse = (_RETURN, 0, 0, _REFUSE | errno.EACCES)
    allow = (_RETURN, 0, 0, _ALLOW)
    lines = [
        (_LOAD, 0, 0, _KIND_AT),
        (_EQUAL, 1, 0, machine.kind),
        refuse,
        (_LOAD, 0, 0, _NUMBER_AT),
        (_ABOVE, 0, 1, _OTHER_CALLS),
        refuse,
    ]
    for number in machine.never:
        lines += [(_EQUAL, 0, 1, number), refuse]
    lines += [(_EQUAL, 1, 0, machine.socket), allow]
    if neighbours:
        lines += [(_LOAD, 0, 0, _FIRST_AT), (_EQUAL, 0, 1, _UNIX), allow]
    return [*lines, refuse]
