"""What strace saw of a job on its disk, and what a power cut after any of it may leave there.

A disk that keeps only what it was told to keep: a file's content as of its last fsync, a folder's names as of its own
last fsync; a rename is kept wholly or not at all, as journals do. Everything else is lost: worse than any real disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

TRACED = (
    "open,openat,creat,write,pwrite64,writev,ftruncate,truncate,rename,renameat,renameat2,mkdir,mkdirat,unlink,"
    "unlinkat,rmdir,link,linkat,symlink,symlinkat,fsync,fdatasync,lseek,copy_file_range,sendfile"
)
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?", re.DOTALL)
_PATH_AT = re.compile(r'(?:AT_FDCWD<([^>]*)>|(-?\d+)<([^>]*)>), "([^"]*)"|"([^"]*)"')
_HELD = re.compile(r"^(\d+)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True)
class Act:
    """One thing done to the disk.

    Attributes:
        kind: "make", "write", "cut", "fsync", "mkdir", "rename", "remove", "rmdir", "link" or "copy".
        path: To what.
        other: Where to, for a rename or a link.
        data: What was written.
        at: Where in the file.
    """

    kind: str
    path: str
    other: str = ""
    data: bytes = b""
    at: int = 0


def command(log: Path) -> list[str]:
    """Give what goes before a command to see what it does to the disk."""
    return ["strace", "-f", "-y", "-xx", "-s", "100000000", "-e", f"trace={TRACED}", "-o", str(log)]


def acts(log: Path, places: list[Path]) -> Iterator[Act]:
    """Yield what was done to some places, in order."""
    beginnings: dict[str, str] = {}
    ends: dict[str, int] = {}
    for line in log.read_text(encoding="ascii").splitlines():
        pid = line.partition(" ")[0]
        if line.endswith("<unfinished ...>"):
            beginnings[pid] = line.removesuffix("<unfinished ...>").rstrip()
            continue
        if resumed := re.match(r"^\d+ +<\.\.\. \w+ resumed>", line):
            line = beginnings.pop(pid, "") + line[resumed.end() :]
        found = _LINE.match(line)
        if found and int(found[4]) >= 0:
            for act in _acts(found[2], found[3], int(found[4]), _plain(found[5] or ""), ends):
                if any(PurePosixPath(act.path).is_relative_to(place) for place in places):
                    yield act


def _acts(name: str, given: str, result: int, opened: str, ends: dict[str, int]) -> Iterator[Act]:  # noqa: C901 - a table
    held = _HELD.match(given)
    path = _plain(held[2]) if held else ""
    if name in ("open", "openat", "creat"):
        if "O_CREAT" in given:
            yield Act("make", opened)
        if "O_TRUNC" in given:
            yield Act("cut", opened)
        ends[opened] = -1 if "O_APPEND" in given else 0
    elif name == "lseek":
        ends[path] = result
    elif name in ("write", "pwrite64", "writev"):
        data = b"".join(_bytes(text) for text in _TEXT.findall(given))[:result]
        at = int(given.rpartition(",")[2]) if name == "pwrite64" else ends.get(path, 0)
        if name != "pwrite64" and at >= 0:
            ends[path] = at + len(data)
        yield Act("write", path, data=data, at=at)
    elif name in ("copy_file_range", "sendfile"):
        to = given.split(", ")[2] if name == "copy_file_range" else given
        yield Act("copy", _plain(_HELD.match(to)[2]))  # type: ignore[index]
    elif name in ("fsync", "fdatasync"):
        yield Act("fsync", path)
    elif name in ("ftruncate", "truncate"):
        yield Act("cut", path or _paths(given)[0], at=int(given.rpartition(",")[2]))
    else:
        paths = _paths(given)
        kind = {"mkdir": "mkdir", "unlin": "remove", "renam": "rename", "rmdir": "rmdir"}.get(name[:5], "link")
        yield Act("rmdir" if "AT_REMOVEDIR" in given else kind, paths[0], paths[1] if len(paths) > 1 else "")


def _paths(given: str) -> list[str]:
    found = []
    for cwd, _, folder, name, bare in _PATH_AT.findall(given):
        found.append(os.path.normpath(Path(_plain(cwd or folder), _plain(name or bare))))
    return found


def _plain(text: str) -> str:
    return os.fsdecode(_bytes(text)) if "\\x" in text else text


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(eq=False)
class File:
    """Content as programs see it, and as the disk would still have it."""

    now: bytearray = field(default_factory=bytearray)
    safe: bytes = b""


@dataclass(eq=False)
class Folder:
    """Names as programs see them, and as the disk would still have them."""

    now: dict[str, Node] = field(default_factory=dict)
    safe: dict[str, Node] = field(default_factory=dict)
    moved: list[tuple[Folder, str, Folder, str, Node]] = field(default_factory=list)


Node = File | Folder


class Disk:
    """The places at which a trace begins, and what comes of them."""

    def __init__(self, root: Path) -> None:
        """Take what lies there now as safe."""
        self._root = str(root)
        self.top = _read(root)

    def do(self, act: Act) -> None:  # noqa: C901 - a table
        """Do what a program did."""
        folder, name = self._folder(act.path)
        node = folder.now.get(name) if name else folder
        if act.kind == "fsync":
            _keep(node)
        elif act.kind == "make":
            folder.now.setdefault(name, File())
        elif act.kind == "mkdir":
            folder.now[name] = Folder()
        elif act.kind in ("remove", "rmdir"):
            del folder.now[name]
        elif act.kind == "rename":
            self._rename(folder, name, act.other)
        elif act.kind == "link":
            target, new = self._folder(act.other)
            target.now[new] = folder.now[name]
        elif isinstance(node, File) and act.kind == "cut":
            del node.now[act.at :]
        elif isinstance(node, File) and act.kind == "write":
            at = len(node.now) if act.at < 0 else act.at
            node.now[at : at + len(act.data)] = act.data
        else:
            raise AssertionError(f"{act.kind} {act.path} is not understood")

    def _rename(self, folder: Folder, name: str, other: str) -> None:
        target, new = self._folder(other)
        node = folder.now.pop(name)
        target.now[new] = node
        for side in {id(folder): folder, id(target): target}.values():
            side.moved.append((folder, name, target, new, node))

    def _folder(self, path: str) -> tuple[Folder, str]:
        """Give the folder in which a path lies, and its name there."""
        node: Node = self.top
        parts = PurePosixPath(os.path.relpath(path, self._root)).parts
        for part in parts[:-1]:
            node = node.now[part] if isinstance(node, Folder) else node
        assert isinstance(node, Folder)
        return node, parts[-1] if parts else ""

    def left(self, *, names: bool) -> dict[str, bytes | None]:
        """Give what a power cut leaves: content by path, None for a folder.

        Args:
            names: All names are kept, and only contents that were not flushed are lost; else names are lost, too.
        """
        return dict(_left(self.top, "", names))


def _read(path: Path) -> Folder:
    folder = Folder()
    for entry in path.iterdir():
        content = b"" if entry.is_dir() else entry.read_bytes()
        folder.now[entry.name] = _read(entry) if entry.is_dir() else File(bytearray(content), content)
    folder.safe = dict(folder.now)
    return folder


def _keep(node: Node | None) -> None:
    if isinstance(node, File):
        node.safe = bytes(node.now)
    elif node is not None:
        node.safe = dict(node.now)
        for source, name, target, new, moved in node.moved:
            if source.safe.get(name) is moved:
                del source.safe[name]
            if target.now.get(new) is moved:
                target.safe[new] = moved
        node.moved.clear()


def _left(folder: Folder, path: str, names: bool) -> Iterator[tuple[str, bytes | None]]:
    for name, node in (folder.now if names else folder.safe).items():
        if isinstance(node, File):
            yield f"{path}{name}", node.safe
        else:
            yield f"{path}{name}", None
            yield from _left(node, f"{path}{name}/", names)


def write(left: dict[str, bytes | None], place: Path) -> None:
    """Put on a real disk what a power cut has left."""
    for name, content in left.items():
        if content is None:
            (place / name).mkdir(parents=True, exist_ok=True)
        else:
            (place / name).write_bytes(content)
