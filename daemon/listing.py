"""What is in a dropped folder, by listing it: nothing is opened, no link is followed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from daemon.journal import FILE_NAME as JOB
from daemon.journal import INPUTS, OURS
from lipsync import AUDIO_SUFFIXES, PHOTO_SUFFIXES, VIDEO_SUFFIXES

ORDER = "job.toml"

_NOT_THERE = re.compile(
    # macOS and Windows
    r"\.DS_Store|\._.*|\.AppleDouble|\.AppleDB|\.AppleDesktop|\.localized|Icon\r|\.apdisk|\.fseventsd|\.TemporaryItems"
    r"|Temporary Items|Network Trash Folder|\.Spotlight-V100|\.DocumentRevisions-V100|\.VolumeIcon\.icns"
    r"|Thumbs\.db|ehthumbs(_vista)?\.db|desktop\.ini|\$RECYCLE\.BIN|RECYCLER|System Volume Information"
    r"|.*:(Zone\.Identifier|AFP_AfpInfo|AFP_Resource|com\.apple\..*)"
    # Linux desktops, and servers: Synology, QNAP, Samba, NFS, FUSE, snapshots
    r"|\.directory|\.Trash.*|lost\+found|\.hidden|\.thumbnails"
    r"|@eaDir|@SynoEAStream|.*@SynoEAStream|@tmp|#recycle|#snapshot|\.SynologyWorkingDirectory"
    r"|\.@__thumb|\.@__qini|\.@upload_cache|@Recycle|@Recently-Snapshot|\.recycle|\.snapshots?|~snapshot|\.zfs"
    r"|\.nfs[0-9a-f]+|\.fuse_hidden.*|\.smbdelete.*|\.(__)?smb[0-9a-f]{4,}"
    # programs that keep folders alike
    r"|\.stfolder.*|\.stversions|\.stignore|\.sync|\.sync\.ffs_db|sync\.ffs_(db|lock)|\.dropbox|\.dropbox\.(attr|cache)"
    r"|\.tmp\.drive(down|up)load|\._?sync_[0-9a-f]+\.db.*|\.(owncloud|nextcloud)sync\.log.*"
    r"|\.849C9593-D756-4E56-8D6E-42412F2A707B",
    re.IGNORECASE | re.DOTALL,
)
"""What systems leave in folders of their own accord."""

_PARTIAL = re.compile(
    r".*\.(part|tmp|temp|filepart|crdownload|partial|download|opdownload|!sync|!bt|!qb|!ut|bts|aria2|~tmp|ffs_tmp)"
    r"|\.?~?syncthing[.~].*|\.syncthing\..*|~\$.*|\.~.*|\.goutputstream-.*"
    r"|\..+\.[A-Za-z0-9]{6}"  # rsync: .name.XXXXXX; Chrome's .com.google.Chrome.XXXXXX
    r"|\.rsync-partial|\.rsync-tmp"  # folders, with all that is in them
    r"|\..+\.~[0-9a-f]+"  # Nextcloud, ownCloud: .name.~1a2b
    r"|\.BC\.[A-Z]_.*|.*\.sb-[0-9a-f]{8}-[A-Za-z0-9]{6}"  # macOS, while it copies and saves
    r"|\.in\..*|\.pureftpd-upload\..*"  # FTP servers and lftp
    r"|~RF[0-9a-f]+\.tmp|\.xdp-.*",
    re.IGNORECASE | re.DOTALL,
)
"""What programs call a file, or a folder of files, that is still on its way."""

_UNREAD = re.compile(
    r"\.(hei[cf]|avif|gif|tiff?|jxl|svg|psd|cr2|nef|arw|dng|wmv|flv|mpe?g|ts|m2ts|mts|3gp|ogv|vob"
    r"|wma|aiff?|amr|caf|ac3|mka|midi?)"
)
"""Pictures, videos and audio of kinds that are not read: worth a word, because a person expects something of them."""

NESTED = "in a folder of its own"
LOOSE = "it is not in a folder"
_MOST = 10_000
"""Entries that are looked at; a drop with more is no drop."""


class Kind(StrEnum):
    """What a file of a drop is for, by its name."""

    AUDIO = "audio"
    FACE = "face"
    ORDER = "order"
    UNREAD = "unread"
    OTHER = "other"


@dataclass(frozen=True)
class Entry:
    """One file, as the listing shows it. ``path`` is relative to the drop, with / between folders."""

    path: str
    kind: Kind
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Listing:
    """What is in a folder now. Two equal listings: nothing has changed that we could see.

    Attributes:
        entries: Regular files, sorted by name.
        partial: Names of files that are still on their way.
        odd: What is no regular file of its own and so is refused, with the reason: ("x.png", "a link").
        ours: What an earlier try of the folder left in ``.lipsyncd/``; it has to settle like all the rest.
    """

    entries: tuple[Entry, ...]
    partial: tuple[str, ...]
    odd: tuple[tuple[str, str], ...]
    ours: tuple[Entry, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether it looks like a folder of ours out of done/."""
        paths = {entry.path for entry in self.entries}
        return JOB in paths and any(path.startswith(f"{INPUTS}/") for path in paths)

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Names of this kind, in order."""
        return tuple(entry.path for entry in self.entries if entry.kind is kind)


def ignorable(name: str) -> bool:
    """Say whether an entry is not there at all for us."""
    return _NOT_THERE.fullmatch(name) is not None


def partial(name: str) -> bool:
    """Say whether a file is still on its way, by its name."""
    return _PARTIAL.fullmatch(name) is not None


def lying(inbox: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Give the folders in the inbox, and what else lies there and why it is left alone.

    Raises:
        OSError: The inbox is gone or may not be read.
    """
    folders: list[str] = []
    loose: list[tuple[str, str]] = []
    with os.scandir(inbox) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") or ignorable(entry.name):
                continue
            if partial(entry.name):
                loose.append((entry.name, "it is still being copied"))
            elif entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                loose.append((entry.name, "it is a link" if entry.is_symlink() else LOOSE))
    return folders, loose


def listing(folder: Path) -> Listing:
    """List a dropped folder and the folders in it.

    Raises:
        OSError: The folder is gone or may not be read.
    """
    entries: list[Entry] = []
    on_its_way: list[str] = []
    odd: list[tuple[str, str]] = []
    for path, status in _walk(folder, ""):
        name = path.rpartition("/")[2]
        reason = _oddity(path, status)
        if any(partial(part) for part in path.split("/")):
            on_its_way.append(path)
        elif reason:
            odd.append((path, reason))
        kind = kind_of(name) if not reason else Kind.OTHER
        entries.append(Entry(path, kind, status.st_size, status.st_mtime_ns))
    entries.sort(key=lambda entry: entry.path)
    return Listing(tuple(entries), tuple(on_its_way), tuple(sorted(odd)), tuple(_ours(folder)))


def _ours(folder: Path) -> Iterator[Entry]:
    hidden = folder / OURS
    if hidden.is_dir() and not hidden.is_symlink():
        for path, status in _walk(hidden, ""):
            yield Entry(path, Kind.OTHER, status.st_size, status.st_mtime_ns)


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every file below a folder with its own status; names that are not there are left out."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)[:_MOST]
    for entry in entries:
        ours = not prefix and entry.name == OURS and entry.is_dir(follow_symlinks=False)
        if ignorable(entry.name) or ours:
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(status.st_mode):
            if prefix.count("/") < 8:
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, status


def _oddity(path: str, status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "a link"
    if not stat.S_ISREG(status.st_mode):
        return "no regular file"
    if status.st_nlink > 1:
        return "a hard link: the same file also lies somewhere else"
    if "/" in path:
        return NESTED
    return ""


def kind_of(name: str) -> Kind:
    """Say what a file is for, by its name."""
    if name == ORDER:
        return Kind.ORDER
    stem, dot, suffix = name.rpartition(".")
    suffix = f"{dot}{suffix}".lower()
    if not stem or name.startswith("."):
        return Kind.OTHER
    if suffix in AUDIO_SUFFIXES:
        return Kind.AUDIO
    if suffix in PHOTO_SUFFIXES | VIDEO_SUFFIXES:
        return Kind.FACE
    return Kind.UNREAD if _UNREAD.fullmatch(suffix) else Kind.OTHER
