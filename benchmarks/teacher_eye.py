"""The teacher's side of ``benchmarks.teacher``: run by a Python that has MediaPipe, needs nothing of ours.

``python teacher_eye.py OUT.npz WIDTH HEIGHT`` reads raw RGB pictures from its standard input until that ends.
"""

from __future__ import annotations

import sys
from typing import Any

import mediapipe  # type: ignore[import-not-found, unused-ignore]  # only in the teacher's own environment
import numpy as np
from numpy.typing import NDArray

COUNT = 478


def points_of(mesh: Any, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give (478, 3) points in pixels, z in the scale of x; NaN where no face is seen."""
    height, width = picture.shape[:2]
    found = mesh.process(picture).multi_face_landmarks
    if not found:
        return np.full((COUNT, 3), np.nan, np.float32)
    return np.array([(p.x * width, p.y * height, p.z * width) for p in found[0].landmark], np.float32)


def main(out: str, width: int, height: int) -> None:
    """Label a clip: ``points`` as the teacher follows a video, ``still`` as it sees each picture by itself."""
    kind = mediapipe.solutions.face_mesh.FaceMesh
    follow, alone = (kind(static_image_mode=still, max_num_faces=1, refine_landmarks=True) for still in (False, True))
    points, still = [], []
    while data := sys.stdin.buffer.read(width * height * 3):
        picture = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        points.append(points_of(follow, picture))
        still.append(points_of(alone, picture))
    np.savez_compressed(out, points=np.array(points), still=np.array(still), size=np.array([width, height]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
