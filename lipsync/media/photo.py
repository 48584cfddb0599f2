"""A photo, upright, as one frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from lipsync.errors import LimitError, MediaError
from lipsync.media.container import check_kind
from lipsync.media.fit import fitted
from lipsync.media.frame import Frame
from lipsync.media.header import Header, read_header
from lipsync.media.intact import intact
from lipsync.take import Options

BEHIND = 128
"""What shows through transparent parts: neutral grey."""

LARGEST_BYTES = 512 * 1024**2

_AGAIN = "Copy or export the picture again"
_TURNS = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
_TURNS |= {4: cv2.ROTATE_180, 5: cv2.ROTATE_90_CLOCKWISE, 7: cv2.ROTATE_90_COUNTERCLOCKWISE}


def read_photo(path: Path, options: Options) -> Frame:
    """Read a picture: turned as its EXIF data says, on grey where transparent, 8 bits, the first frame if it moves.

    Larger pictures than ``options.width`` × ``options.height`` are scaled down.

    Raises:
        LimitError: More pixels or bytes than allowed; found out before decoding.
        MediaError: Not a whole picture.
    """
    data = _bytes_of(path, options.limits.file_bytes)
    header = _checked(data, path, options.limits.pixels)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise MediaError(f"{path.name} cannot be read as a picture", f"{_AGAIN}.") from error
    if pixels is None or pixels.size == 0:
        raise MediaError(f"{path.name} cannot be read as a picture", f"{_AGAIN}, as JPEG or PNG.")
    rgb = _upright(_flat(pixels), header.orientation)
    width, height = fitted(rgb.shape[1], rgb.shape[0], options.width, options.height)
    if (width, height) != (rgb.shape[1], rgb.shape[0]):
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return Frame.from_rgb(rgb)


def _bytes_of(path: Path, limit: int) -> bytes:
    most = min(limit or LARGEST_BYTES, LARGEST_BYTES)
    try:
        check_kind(path)
        if path.stat().st_size > most:
            raise LimitError(f"{path.name} is larger than {most / 1e6:.0f} MB", "Use a smaller picture.")
        return path.read_bytes()
    except OSError as error:
        raise MediaError(
            f"{path.name} cannot be opened: {error.strerror}", "Check the file and copy it again."
        ) from error


def _checked(data: bytes, path: Path, most_pixels: int) -> Header:
    """Look before decoding: what it is, how large, and whether it is all there."""
    header = read_header(data)
    if header is None:
        if not data:
            raise MediaError(f"{path.name} is empty", f"{_AGAIN}.")
        if data[4:8] == b"ftyp":
            hint = "Save it as JPEG; phones offer this as 'most compatible'."
            raise MediaError(f"{path.name} is a HEIC or AVIF picture or a video, whatever its name says", hint)
        raise MediaError(f"{path.name} is not a picture", "Drop a JPEG, PNG, WebP or BMP file.")
    if not header.whole or not header.width or not header.height:
        raise MediaError(f"{path.name} is damaged or cut off", f"{_AGAIN}.")
    if most_pixels and header.width * header.height > most_pixels:
        message = f"{path.name} has {header.width} x {header.height} pixels; at most {most_pixels:,} are allowed"
        raise LimitError(message, "Scale it down, or have limits.pixels raised.")
    if header.kind == "jpeg" and not intact(data):
        raise MediaError(f"{path.name} is damaged: part of the picture is missing", f"{_AGAIN}.")
    return header


def _flat(pixels: MatLike) -> NDArray[np.uint8]:
    """Turn whatever was decoded (grey, BGR, BGRA; 8 or 16 bits) into RGB of 8 bits."""
    flat = np.rint(pixels / 257).astype(np.uint8) if pixels.dtype == np.uint16 else pixels.astype(np.uint8)
    if flat.ndim == 2 or flat.shape[2] == 1:
        return np.asarray(cv2.cvtColor(flat, cv2.COLOR_GRAY2RGB), np.uint8)
    if flat.shape[2] == 4:
        alpha = flat[:, :, 3:].astype(np.float32) / 255
        flat = np.rint(flat[:, :, :3] * alpha + BEHIND * (1 - alpha)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(flat, cv2.COLOR_BGR2RGB), np.uint8)


def _upright(rgb: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    if orientation in _TURNS:
        rgb = np.asarray(cv2.rotate(rgb, _TURNS[orientation]), np.uint8)
    if orientation in (2, 4, 5, 7):
        rgb = np.ascontiguousarray(rgb[:, ::-1])
    return rgb
