"""Miniature: a poster made small, for lists of many. A JPEG and nothing else is opened."""

from __future__ import annotations

import io

from PIL import (
    Image,
    ImageOps,
    MpoImagePlugin,  # noqa: F401 - Pillow asks for these two in the middle of a picture
    TiffImagePlugin,  # noqa: F401 - and in a process that may not open files any more
)

from lipsync.errors import MediaError

QUALITY = 80
_MOST = 50_000_000
"""Pixels; ours have no more than 4K video has."""
_CENTRE = (0.5, 0.25)
"""What stays of a picture that is taller than the thumbnail: faces are in the upper part."""


def thumbnail(data: bytes, width: int, height: int) -> bytes:
    """Give a JPEG of this size, which the picture fills; what stands over is cut off.

    Raises:
        MediaError: It is no JPEG, damaged, or too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
            if picture.width * picture.height > _MOST:
                raise MediaError("the poster is too large", f"It may have {_MOST // 1_000_000} million pixels.")
            picture.draft("RGB", (width, height))  # libjpeg halves while it decodes
            small = ImageOps.fit(picture.convert("RGB"), (width, height), centering=_CENTRE)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise MediaError("the poster cannot be read", "Make it again.") from error
    small.info.clear()
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return out.getvalue()
