"""A drawn face put back into its frame, at the frame's own resolution. Outside the mask nothing changes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.media import Box, Frame
from lipsync.wav2lip.mask import Image, Mask
from lipsync.wav2lip.tone import agreed, kept

NOTHING = 1 / 256
"""A mask below this is 0."""
_CUBIC = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
_EVEN = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def paste(
    frame: Frame,
    to_crop: NDArray[np.float64],
    crops: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    mask: Mask,
    amount: float,
    strength: float,
) -> None:
    """Put a drawing in place of the lower face, in place.

    The drawing has 96 pixels. What it changed is brought to the frame's size; finer detail than those pixels can hold
    stays the source's, where the drawing left things as they were.

    Args:
        frame: The picture.
        to_crop: (2, 3) from its pixels to those of the crop.
        crops: (96, 96, 3) RGB, as cut out, and as drawn.
        mask: Of this crop.
        amount: Of sharpening.
        strength: How much of the drawing is seen, 0–1.
    """
    source, drawn = crops
    box = touched(frame, to_crop, mask.face)
    if box is None:
        return
    near = agreed(source, drawn, amount)
    keep = kept(source, near, mask)
    here = placed(to_crop, box)
    # the drawing, and what of the frame is finer than it: near + keep · (frame − source), each at the frame's size
    large = _large(np.dstack([near - keep[..., None] * source, keep]), here, box)
    picture = large[..., :3] + large[..., 3:] * frame.rgb(box)
    cover = cv2.warpAffine(mask.face, here, _size(box), flags=_EVEN) * np.float32(strength)
    cover[cover < NOTHING] = 0
    frame.paste(box, np.clip(picture, 0, 255, out=picture), cover)


def touched(frame: Frame, to_crop: NDArray[np.float64], cover: Image) -> Box | None:
    """Give the pixels of the frame that a mask touches, from even ones on; None outside the frame."""
    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    if not len(rows):
        return None
    x, y = (columns[0] - 1, columns[-1] + 1), (rows[0] - 1, rows[-1] + 1)
    corners = np.array([(a, b) for a in x for b in y]) - to_crop[:, 2]
    places = corners @ np.linalg.inv(to_crop[:, :2]).T
    low = np.floor(places.min(0) / 2).astype(int) * 2
    high = np.ceil((places.max(0) + 1) / 2).astype(int) * 2
    x0, y0 = max(0, int(low[0])), max(0, int(low[1]))
    x1, y1 = min(frame.width, int(high[0])), min(frame.height, int(high[1]))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def placed(to_crop: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """Give (2, 3) from pixels of ``box`` to those of the crop."""
    here = to_crop.copy()
    here[:, 2] += to_crop[:, :2] @ np.array(box[:2], np.float64)
    return here


def coarse(to_crop: NDArray[np.float64]) -> float:
    """Give by how many pixels, a standard deviation, a crop is averaged because its face is smaller; 0 is not."""
    finer = float(np.sqrt(abs(np.linalg.det(to_crop[:, :2]))))
    return float(0.5 * np.sqrt(finer**2 - 1) + 1e-3) if finer > 1 else 0.0


def _size(box: Box) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def _large(crop: Image, here: NDArray[np.float64], box: Box) -> Image:
    """A crop as the pixels of ``box`` see it; a face smaller than the crop is averaged."""
    if sigma := coarse(here):
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), np.float32)
    large = cv2.warpAffine(crop, here, _size(box), flags=_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(large, np.float32)
