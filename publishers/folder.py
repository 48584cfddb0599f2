"""The publisher that needs no network: copies into a directory, such as an archive disk or a web server's folder.

Nothing there is ever overwritten. A name that is taken by other bytes leads to a directory named by the CID, so both
stay. The bytes that lie there in the end have been read back and hashed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from publishers import disk
from publishers.base import Artifact, Beat, Examination, Parcel, Quote, QuoteLine, Receipt
from publishers.errors import Mismatch, PublisherError, Refused, Unreachable
from publishers.filename import plain

SCHEME = "folder:"
PIECE = 1024 * 1024

_FOR_GOOD = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EFBIG})
_WAIT = 10.0
"""Seconds until a disk that is full, read-only or away is asked again."""
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL})


@dataclass(frozen=True)
class FolderPublisher:
    """Copies artifacts into a directory.

    Attributes:
        path: The directory. It must exist: a missing one is more often a share that is not mounted than one to make.
        url: Address under which a web server shows the directory, or "": it makes the receipts' gateways.
        spare: Bytes that stay free on its disk.
    """

    path: Path
    url: str = ""
    spare: int = 0

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], state: Path) -> FolderPublisher:
        """Take ``path`` (needed), ``url`` and ``spare`` from the configuration.

        Raises:
            PublisherError: A key is missing, unknown or of the wrong kind.
        """
        unknown = sorted(settings.keys() - {"path", "url", "spare"})
        if unknown:
            raise PublisherError(f"publish.folder has no key {unknown[0]!r}", "It has path and url.")
        path, url = settings.get("path"), settings.get("url", "")
        if not isinstance(path, str | Path) or not str(path):
            raise PublisherError("publish.folder.path is not set", "Name the directory to copy results into.")
        if not isinstance(url, str) or (url and not url.startswith(("https://", "http://"))):
            raise PublisherError(f"publish.folder.url is {url!r}", 'It must start with "https://" or be left out.')
        spare = settings.get("spare", 0)
        return cls(Path(path).expanduser(), url, spare if isinstance(spare, int) else 0)

    @property
    def name(self) -> str:
        """The name in ``publish.to``."""
        return "folder"

    def publish(self, artifact: Artifact, parcel: Parcel, beat: Beat) -> Receipt:
        """Copy the artifact, unless its bytes are there already.

        Args:
            artifact: What to copy.
            parcel: Only its id is used: so that two jobs never write one temporary file.
            beat: Called before and after.

        Raises:
            Unreachable: The directory is not there, full or failing.
            Refused: It cannot be written to, or the artifact is gone.
            Mismatch: The artifact changed since it was hashed, or the disk does not hold what was written.
        """
        plain(artifact.name)
        token = hashlib.sha256(f"{parcel.id}\0{artifact.name}".encode()).hexdigest()[:12]
        beat(0.0)
        with self._storage(artifact.name):
            if not artifact.path.is_file():
                raise Refused(f"{artifact.name} is no longer where it was made", "Make the job anew.")
            place = self._place(artifact, f".{artifact.sha256[:16]}-{token}.part")
        beat(1.0)
        return self._receipt(artifact, place)

    def quote(self, parcel: Parcel, online: bool) -> Quote:
        """Return where the files would lie, if their names are free there; it costs nothing."""
        lines = tuple(QuoteLine(one.name, SCHEME + quote(one.name, safe=""), 0) for one in parcel.artifacts)
        if online and not self.path.is_dir():
            raise self._away()
        return Quote(self.name, lines, 0)

    def examine(self) -> tuple[Examination, ...]:
        """Look whether the directory is there and may be written."""
        if not self.path.is_dir():
            error = self._away()
            return (Examination("directory", "fail", error.message, error.hint),)
        if not os.access(self.path, os.W_OK | os.X_OK):
            return (Examination("directory", "fail", f"{self.path} may not be written", "Change its rights."),)
        return (Examination("directory", "ok", str(self.path)),)

    def verify(self, receipt: Receipt) -> None:
        """Read the copy that the receipt names and compare its hash.

        Raises:
            Mismatch: It is gone, or holds other bytes.
            Unreachable: The directory cannot be read.
        """
        place = self._named(receipt)
        with self._storage(receipt.name):
            if not _is_plain_file(place):
                raise Mismatch(f"{receipt.name} is no longer in the folder", "Publish it again.")
            if _sha256(place) != receipt.sha256:
                raise Mismatch(f"{receipt.name} in the folder has other bytes than were published")

    def _place(self, artifact: Artifact, beside: str) -> Path:
        """Return where the artifact lies, having copied it if need be: under its name, else under its CID."""
        for place in (self.path / artifact.name, self.path / artifact.cid / artifact.name):
            if _holds(place, artifact):
                return place
            if os.path.lexists(place):
                continue
            if place.parent != self.path:
                place.parent.mkdir(exist_ok=True)
                disk.flush_folder(self.path)
            self._check_room(artifact)
            with contextlib.suppress(FileExistsError):  # somebody was quicker: look what it is
                _copy(artifact, place.with_name(beside), place)
            if _holds(place, artifact):
                return place
        raise Mismatch(
            f"{artifact.name} is in the folder with other bytes, and so is {artifact.cid}/{artifact.name}",
            "Nothing was overwritten. Look at both files, and move the wrong one away.",
        )

    def _check_room(self, artifact: Artifact) -> None:
        """Begin no copy that cannot be ended."""
        free = shutil.disk_usage(self.path).free
        if free < artifact.bytes + self.spare:
            said = f"there is no room for {artifact.name} in the folder ({free / 1e6:.1f} MB are free)"
            raise Unreachable(said, "Make room; it goes on by itself.", _WAIT)

    def _receipt(self, artifact: Artifact, place: Path) -> Receipt:
        path = "/".join(quote(part, safe="") for part in place.relative_to(self.path).parts)
        gateway = f"{self.url.rstrip('/')}/{path}" if self.url else ""
        return Receipt(self.name, artifact.name, artifact.sha256, SCHEME + path, gateway, "read back")

    def _named(self, receipt: Receipt) -> Path:
        parts = [unquote(part) for part in receipt.address.removeprefix(SCHEME).split("/")]
        try:
            if not receipt.address.startswith(SCHEME) or len(parts) > 2:
                raise ValueError(receipt.address)
            return self.path.joinpath(*(plain(part) for part in parts))
        except ValueError:
            raise Mismatch(f"{receipt.address!r} names no file of the folder") from None

    def _away(self) -> Unreachable:
        return Unreachable(
            f"the directory {self.path.name!r} of publish.folder is not there",
            "Is the share mounted? Make the directory if it is new.",
            _WAIT,
        )

    @contextlib.contextmanager
    def _storage(self, name: str) -> Iterator[None]:
        """Turn what the disk says into what the caller can act on."""
        if not self.path.is_dir():
            raise self._away()
        try:
            yield
        except OSError as error:
            kind = Refused if error.errno in _FOR_GOOD else Unreachable
            said = f"{name}: the folder said {error.strerror or error}"
            raise kind(said, "Look at its space and rights.", _WAIT) from error


def _copy(artifact: Artifact, beside: Path, place: Path) -> None:
    """Copy beside, flush, read back, then give it its name; a name that is taken raises FileExistsError."""
    try:
        if _write(artifact.path, beside) != artifact.sha256:
            raise Mismatch(f"{artifact.name} changed after it was hashed", "Make the job anew.")
        if _sha256(beside) != artifact.sha256:
            raise Mismatch(f"the disk does not hold {artifact.name} as it was written", "Check the disk.")
        _name(beside, place)
    finally:
        beside.unlink(missing_ok=True)
    disk.flush_folder(place.parent)


def _write(source: Path, target: Path) -> str:
    """Copy the bytes to the disk itself and return the sha256 of what was read."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while piece := reader.read(PIECE):
            digest.update(piece)
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
        os.posix_fadvise(writer.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # so that reading back asks the disk
    return digest.hexdigest()


def _name(beside: Path, place: Path) -> None:
    """Rename without ever replacing; where the file system has no hard links, as nearly so as it can."""
    try:
        os.link(beside, place)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(place):
            raise FileExistsError(errno.EEXIST, "is there already", place.name) from None
        beside.rename(place)


def _holds(place: Path, artifact: Artifact) -> bool:
    return _is_plain_file(place) and place.stat().st_size == artifact.bytes and _sha256(place) == artifact.sha256


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
