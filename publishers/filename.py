"""What a file may be called in a result: a plain name, never a way out of the folder."""

from __future__ import annotations

LONGEST = 255
"""Most bytes of a name in UTF-8; no common file system takes more."""


def plain(name: str) -> str:
    """Return the name as it is, or say why it cannot be one.

    Raises:
        ValueError: It is empty, leads elsewhere ("..", a slash), is too long, or is no valid text.
    """
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is not a plain file name")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{name!r} is not valid UTF-8") from None
    if length > LONGEST:
        raise ValueError(f"{name[:40]!r}… is {length} bytes long; a file name has {LONGEST} at most")
    return name
