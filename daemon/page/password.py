"""Password: its hash (scrypt), where that is kept, and who has set one. The password itself is written down nowhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import PasswordError
from daemon.plain import read_plain
from daemon.settings import Settings

SHORTEST = 8
LONGEST = 1024
CREDENTIAL = "page-password"
"""Of systemd: ``LoadCredential=page-password:FILE``; the file holds the hash."""
FOLDER = "page"
"""In the state folder: what is the page's own."""
_COST, _BLOCK, _LANES = 15, 8, 3
"""32 MiB and about a quarter of a second for each guess."""
_MOST_COST, _MOST_BLOCK, _MOST_LANES = 17, 16, 8
_MEMORY = 320 * 1024 * 1024
_LARGEST = 4096


@dataclass(frozen=True)
class Kept:
    """Where the hash is kept: a file of ours, or one that systemd hands over."""

    path: Path
    given: bool = False


def kept(settings: Settings) -> Kept:
    """Say where the hash is, or would be: the file that is named, else the credential, else the state folder."""
    if settings.page.password_file:
        return Kept(Path(settings.page.password_file).expanduser())
    handed = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if handed and (Path(handed) / CREDENTIAL).exists():
        return Kept(Path(handed) / CREDENTIAL, given=True)
    return Kept(settings.paths.state / FOLDER / "password")


def read(where: Kept) -> str:
    """Give the hash; "" where no password is set.

    Raises:
        PasswordError: There is something, but it cannot be used.
    """
    try:
        if not where.given and stat.S_IMODE(where.path.lstat().st_mode) & 0o077:
            raise PasswordError(f"{where.path} may be read by others", f"Run: chmod 600 {where.path}")
        text = read_plain(where.path, _LARGEST).decode("ascii").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        unseen = isinstance(error, PermissionError)
        raise PasswordError(f"{where.path} cannot be read ({error.strerror or error})", unseen=unseen) from error
    except UnicodeDecodeError:
        text = "?"
    if _parts(text) is None:
        raise PasswordError(f"{where.path.name} holds no hash of a password", "`lipsyncd page passwd` writes one.")
    return text


def hashed(password: str) -> str:
    """Give the hash of a new password.

    Raises:
        PasswordError: It is too short, or absurdly long.
    """
    if len(password) < SHORTEST:
        raise PasswordError(f"the password is too short; take {SHORTEST} letters or more")
    if len(password) > LONGEST:
        raise PasswordError(f"the password is longer than {LONGEST} letters")
    salt = secrets.token_bytes(16)
    words = [base64.urlsafe_b64encode(part).decode() for part in (salt, _scrypt(password, salt, _COST, _BLOCK, _LANES))]
    return "$".join(["scrypt", str(_COST), str(_BLOCK), str(_LANES), *words])


def right(password: str, stored: str) -> bool:
    """Say whether this is the password whose hash that is; takes a while, on purpose."""
    parts = _parts(stored)
    if parts is None or len(password) > LONGEST:
        return False
    cost, block, lanes, salt, digest = parts
    return hmac.compare_digest(_scrypt(password, salt, cost, block, lanes), digest)


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    """Hash; the same letters count as the same, however a keyboard composes them."""
    letters = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(letters, salt=salt, n=1 << cost, r=block, p=lanes, maxmem=_MEMORY, dklen=32)


def _parts(stored: str) -> tuple[int, int, int, bytes, bytes] | None:
    """Read a hash; None where it is none, or one that would cost more than any of ours."""
    try:
        kind, cost, block, lanes, salt, digest = stored.split("$")
        numbers = int(cost), int(block), int(lanes)
        found = base64.urlsafe_b64decode(salt), base64.urlsafe_b64decode(digest)
    except ValueError:
        return None
    low, high = (1, 1, 1), (_MOST_COST, _MOST_BLOCK, _MOST_LANES)
    sound = all(least <= number <= most for least, number, most in zip(low, numbers, high, strict=True))
    return (*numbers, *found) if kind == "scrypt" and sound and len(found[1]) == 32 else None


def write(path: Path, stored: str) -> None:
    """Keep a hash, for the owner of its folder alone: root may set the password of the service's user.

    Raises:
        OSError: It cannot be written; what was kept before still holds.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        if os.geteuid() == 0:
            above = next(folder for folder in path.parents if folder.name != FOLDER).stat()
            os.fchown(handle, above.st_uid, above.st_gid)
            os.chown(path.parent, above.st_uid, above.st_gid) if path.parent.name == FOLDER else None
        file.write(f"{stored}\n")
        file.flush()
        os.fsync(handle)
    beside.replace(path)
