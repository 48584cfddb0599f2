"""The teacher's word on the made faces: MediaPipe FaceMesh looks at each of them once more.

    python -m training.face_teacher [PART...]

runs where MediaPipe 0.10.21 is installed (a venv of its own with numpy and opencv; nothing else is needed) and writes
.cache/faces/taught-PART.npz beside made-PART.npz: ``points`` (N, 99, 2), NaN where it saw no face. Resting on an exact
label alone would teach where a mesh was drawn; resting on the teacher alone, where the teacher errs on drawn faces.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mediapipe
import numpy as np
from numpy.typing import NDArray

from lipsync.face import MESH

CACHE = Path(__file__).parents[1] / ".cache" / "faces"


def taught(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 99, 2) points of the one face in each of the (N, S, S, 3) RGB crops, in pixels."""
    kind = mediapipe.solutions.face_mesh.FaceMesh
    teacher = kind(static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.3)
    points = np.full((len(crops), len(MESH), 2), np.nan, np.float32)
    for row, crop in zip(points, crops, strict=True):
        faces = teacher.process(np.ascontiguousarray(crop)).multi_face_landmarks
        if faces:
            size = crop.shape[0]
            row[:] = [(faces[0].landmark[i].x * size, faces[0].landmark[i].y * size) for i in MESH]
    return points


def main() -> None:
    """Label the parts of the made faces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["0", "far-0"])
    for part in parser.parse_args().parts:
        points = taught(np.load(CACHE / f"made-{part}.npy", mmap_mode="r"))
        np.savez(CACHE / f"taught-{part}.npz", points=points)
        print(f"{part}: {np.isfinite(points[:, 0, 0]).mean():.3f} of {len(points)} faces seen by the teacher")


if __name__ == "__main__":
    main()
