"""The pictures the face networks learn from, with their 478 mesh points, and who is held out.

``../shared/data``: portraits_pd.npz (public domain), portraits2.npz (London: CC BY 4.0; 18f, pif-fellows: public
domain), grid_s1_frames.npz (GRID speaker s1: CC BY 4.0). Held out: the first hundred people of a permutation of
portraits_pd, and the first dozen Londoners. Nothing of ../shared/data/clips is ever read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).parents[2] / "shared" / "data"
RESEARCH = Path(__file__).parents[2] / "shared" / "research" / "tracking"
CACHE = Path(__file__).parents[1] / ".cache" / "faces"
HELD_OUT = 100
LONDON_HELD_OUT = 12


@dataclass(frozen=True)
class Portrait:
    """One picture, RGB, with the (478, 3) mesh of the face in it, and the set it comes from."""

    rgb: NDArray[np.uint8]
    mesh: NDArray[np.float64]
    source: str


def picture(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Decode one JPEG to RGB."""
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _read(name: str, source: str, wanted: list[int] | None = None) -> list[Portrait]:
    with np.load(DATA / name) as file:
        jpg, off, points = file["jpg"], file["off"], file["points"].astype(np.float64)
    chosen = range(len(points)) if wanted is None else wanted
    return [Portrait(picture(jpg[off[i] : off[i + 1]]), points[i], source) for i in chosen]


def congress(held_out: bool = False) -> list[Portrait]:
    """Official portraits, 225 x 275."""
    order = np.random.default_rng(5).permutation(879)
    return _read("portraits_pd.npz", "congress", list(order[:HELD_OUT] if held_out else order[HELD_OUT:]))


def staff(held_out: bool = False) -> list[Portrait]:
    """London faces, neutral and smiling, and staff portraits, up to 420 px; no staff is held out, see the split."""
    with np.load(DATA / "portraits2.npz") as file:
        names = [str(name) for name in file["name"]]
    people = sorted({name[:10] for name in names if name.startswith("london/")})
    unseen = set(np.random.default_rng(6).permutation(people)[:LONDON_HELD_OUT])
    wanted = [i for i, name in enumerate(names) if (name[:10] in unseen) == held_out]
    return _read("portraits2.npz", "staff", wanted)


def speaker() -> list[Portrait]:
    """Frames of GRID speaker s1, 360 x 288, among them the widest open and the most closed of every clip."""
    return _read("grid_s1_frames.npz", "speaker")


def faceless() -> list[NDArray[np.uint8]]:
    """Pictures without a human face, from the wheels of scikit-image and scikit-learn."""
    import skimage
    import sklearn

    names = "brick.png grass.png gravel.png chelsea.png coffee.png rocket.jpg hubble_deep_field.jpg moon.png page.png"
    names += " text.png coins.png ihc.png retina.jpg horse.png color.png motorcycle_left.png clock_motion.png"
    folder = Path(skimage.__file__).parent / "data"
    files = [folder / name for name in names.split() if (folder / name).exists()]
    photos = Path(sklearn.__file__).parent / "datasets" / "images"
    files += [photos / "china.jpg", photos / "flower.jpg"]
    return [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]


def suits(portraits: list[Portrait]) -> list[NDArray[np.uint8]]:
    """What is below the chins: shoulders, ties, hands; a detector takes them for faces unless told."""
    below = []
    for portrait in portraits:
        top = int(portrait.mesh[152, 1]) + 8
        if portrait.rgb.shape[0] - top >= 40:
            below.append(portrait.rgb[top:])
    return below
