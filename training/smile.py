"""Fit how a smile is closed: the constants of ``lipsync/smile.py``, which are rounded from what this prints.

    python -m training.smile

Neutral and smiling portraits of the same people (Face Research Lab London Set, CC BY 4.0), where the smile is open and
the neutral mouth closed; each also mirrored. How each of the 44 points moves is linear in the smile's opening and in
its width beyond an earnest mouth (least squares). Takes 2 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.face import LIPS, MESH
from lipsync.mouth import ROWS, UP_OUT, closed, gap, rows, width
from lipsync.smile import EARNEST, MIDDLE_DOWN, NARROWED, SIDES_DOWN, unsmiled
from lipsync.subject import anatomy
from training.face_sources import DATA

OPEN, CALM = 0.03, 0.02
"""Opening in IOD of smiles that are used at least, and of neutral mouths at most."""
HELD = 1e-2
"""How strongly the fit is held near none."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """(N, 4, 11, 2) lips in the head frame of N people, smiling and earnest; x from between the smile's corners."""

    smiling: Array
    earnest: Array

    def mirrored(self) -> Pairs:
        """The same people and then their mirror images."""
        turn = np.array([-1.0, 1.0])
        return Pairs(*(np.concatenate([lips, lips[:, :, ::-1] * turn]) for lips in (self.smiling, self.earnest)))

    def causes(self) -> Array:
        """(N, 2) the smiles' opening and their width beyond an earnest one's."""
        return np.stack([gap(self.smiling), width(self.smiling) - EARNEST], axis=1)

    def moves(self) -> Array:
        """(N, 88) where each point goes."""
        return (self.earnest - self.smiling).reshape(len(self.smiling), -1)


def pairs() -> Pairs:
    """People of the London set whose smile is open (_08) and whose neutral mouth (_03) is closed."""
    with np.load(DATA / "portraits2.npz") as file:
        points, names = file["points"][:, list(MESH), :2].astype(np.float32), list(map(str, file["name"]))
    place = {name: i for i, name in enumerate(names)}
    smiles = [name for name in names if name.startswith("london/") and "_08" in name]
    both = [(place[name], place[name.replace("_08", "_03")]) for name in smiles if name.replace("_08", "_03") in place]
    lips = np.stack([_lips(points[list(one)]) for one in both])
    lips = lips[(gap(lips[:, 0]) > OPEN) & (gap(lips[:, 1]) < CALM)]
    lips[..., 0] -= lips[:, :1, UP_OUT, [0, -1], 0].mean(-1)[..., None, None]
    return Pairs(lips[:, 0], lips[:, 1])


def _lips(points: NDArray[np.float32]) -> Array:
    """(2, 4, 11, 2) of two pictures of one person, in the head frame that both share."""
    head = anatomy().head.own(points)
    depths = head.shape[:, 2]
    planes = head.poses(points).plane(float(depths[LIPS].mean()))
    seen = np.stack([(own - planes.origin[k]) @ np.linalg.inv(planes.across[k]).T for k, own in enumerate(points)])
    lips: Array = rows(seen) - (depths[ROWS] - planes.depth)[None, ..., None] * planes.lean[:, None, None]
    return lips


def fitted(some: Pairs) -> Array:
    """(2, 88) how far each coordinate goes for one unit of both causes."""
    causes = some.causes()
    found: Array = np.linalg.solve(causes.T @ causes + HELD * np.eye(2), causes.T @ some.moves()).astype(np.float64)
    return found


def left_out(found: Pairs) -> float:
    """Mean distance in IOD of a point from where it goes, each person met by a fit of all others."""
    count, both, off = len(found.smiling), found.mirrored(), []
    for k in range(count):
        others = np.setdiff1d(np.arange(2 * count), [k, k + count])
        fit = fitted(Pairs(both.smiling[others], both.earnest[others]))
        off.append((both.moves()[k] - both.causes()[k] @ fit).reshape(4, 11, 2))
    return float(np.hypot(*np.moveaxis(np.array(off), -1, 0)).mean())


def main() -> None:
    """Print the fit beside the constants in use, and what it is worth."""
    found = pairs()
    fit = fitted(found.mirrored()).reshape(2, 4, 11, 2)
    middle = fit[:, :, 5, 1].T
    sides = fit[:, :, 0, 1].T - middle
    print(f"{len(found.smiling)} people; width at rest {width(found.earnest).mean():.3f} (EARNEST {EARNEST})")
    print("NARROWED   ", fit[:, :2, 0, 0].mean(1).round(2).tolist(), "in use", list(NARROWED))
    print("MIDDLE_DOWN", middle.round(2).tolist(), "in use", MIDDLE_DOWN.tolist())
    print("SIDES_DOWN ", sides.round(2).tolist(), "in use", SIDES_DOWN.tolist())
    print(f"off by {left_out(found):.3f} IOD a point, each person left out of the fit")
    for name, way in (("closing alone", closed), ("the formula in use", unsmiled)):
        off = np.array([way(lips) for lips in found.smiling]) - found.earnest
        print(f"off by {np.hypot(off[..., 0], off[..., 1]).mean():.3f} with {name}")


if __name__ == "__main__":
    main()
