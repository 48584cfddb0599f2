"""Posters as renders leave them: real JPEGs of 1280×720, each another one."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np


@cache
def poster(number: int, width: int = 1280, height: int = 720) -> bytes:
    """A picture with as much in it as a frame of a person in a room: 90–150 kB."""
    dice = np.random.default_rng(number)
    coarse = dice.uniform(0, 255, (height // 80, width // 80, 3)).astype(np.float32)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    picture += cv2.resize(dice.normal(0, 9, (height // 3, width // 3, 3)).astype(np.float32), (width, height))
    done, data = cv2.imencode(".jpg", np.clip(picture, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return data.tobytes()
