"""The faces that the "who" network learns from and is judged on, several pictures of each person.

    python -m training.who_faces

writes .cache/who/faces.npy (uint8 crops, 128 px: room around the 96 that the network sees) and faces.npz (points,
person, source). Most people have one picture: it is drawn again with the head turned and with other mouths, which
is as near as one picture comes to several. Londoners have two, GRID's speaker s1 has hundreds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.face import MESH
from lipsync.landmarks import forth
from lipsync.who import SIZE, who_crop
from training import face_mesh as mesh
from training.face_made import ALL, AS_IS, MOUTH, TURNED, remade
from training.face_sources import CACHE as FACES
from training.face_sources import DATA, Portrait, congress, picture, speaker

CACHE = FACES.parent / "who"
ROOM = 16
"""Pixels kept around the crop, to shift and turn it later."""
LONDON_JUDGES = 20
"""Londoners that are never trained on; the dozen that the other face networks never saw are among them."""
S1_PICTURES = 120
VIEWS = (AS_IS, TURNED, TURNED, MOUTH, MOUTH, ALL)

Points = NDArray[np.float64]
Crop = NDArray[np.uint8]


@dataclass(frozen=True)
class Seen:
    """A picture of somebody, ready to be cut: (128, 128, 3) RGB and its (99, 2) points."""

    crop: Crop
    points: Points


def london() -> dict[str, list[Portrait]]:
    """People of the London set by name: two pictures each."""
    with np.load(DATA / "portraits2.npz") as file:
        jpg, off, points, names = file["jpg"], file["off"], file["points"].astype(np.float64), file["name"]
    found: dict[str, list[Portrait]] = {}
    for i, name in enumerate(map(str, names)):
        who = name[:10] if name.startswith("london/") else name
        found.setdefault(who, []).append(Portrait(picture(jpg[off[i] : off[i + 1]]), points[i], "staff"))
    return found


def judges() -> list[str]:
    """Londoners held out."""
    people = sorted(name for name in london() if name.startswith("london/"))
    return [str(name) for name in np.random.default_rng(6).permutation(people)[:LONDON_JUDGES]]


def people() -> dict[str, list[Portrait]]:
    """All people to learn from, by name; those held out of the face networks are held out here too."""
    unseen = set(judges())
    found = {name: shots for name, shots in london().items() if name not in unseen}
    found |= {f"congress/{i}": [one] for i, one in enumerate(congress())}
    order = np.random.default_rng(8).permutation(len(frames := speaker()))[:S1_PICTURES]
    return found | {"grid/s1": [frames[i] for i in order]}


def cut(rgb: Crop, points: Points) -> Seen:
    """Cut a face out with room around it."""
    to_crop = who_crop(points)
    to_crop[:, 2] += ROOM
    side = SIZE + 2 * ROOM
    scale = float(np.sqrt(abs(np.linalg.det(to_crop[:, :2]))))
    sharp = cv2.GaussianBlur(rgb, (0, 0), 0.4 / scale) if scale < 0.6 else rgb
    crop = cv2.warpAffine(sharp, to_crop, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Seen(crop, forth(points, to_crop))


def views(shots: list[Portrait], rng: np.random.Generator, mean: Points) -> Iterator[Seen]:
    """Pictures of one person: as they are, and drawn again."""
    for shot in shots:
        for kind in VIEWS if len(shots) < 10 else (AS_IS,):
            if kind == AS_IS:
                yield cut(shot.rgb, shot.mesh[list(MESH), :2])
            else:
                yield cut(*remade(shot, kind, rng, mean))


def main() -> None:
    """Make them all."""
    cv2.setNumThreads(1)
    mean = mesh.template(congress())
    crops, points, who = [], [], []
    for number, (_, shots) in enumerate(sorted(people().items())):
        for seen in views(shots, np.random.default_rng((2, number)), mean):
            crops.append(seen.crop)
            points.append(seen.points.astype(np.float32))
            who.append(number)
    CACHE.mkdir(parents=True, exist_ok=True)
    np.save(CACHE / "faces.npy", np.array(crops))
    np.savez(CACHE / "faces.npz", points=np.array(points), who=np.array(who))
    print(f"{len(crops)} pictures of {max(who) + 1} people")


if __name__ == "__main__":
    main()
