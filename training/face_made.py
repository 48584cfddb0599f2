"""Made faces: portraits drawn again with another mouth, another shape of face and the head turned, labels exact.

    python -m training.face_made [--part I --of N] [--far]

writes .cache/faces/made-I.npy (uint8 crops, 192 px) and made-I.npz (points, kinds), with ``--far`` made-far-I. Kinds:
0 as it is, 1 turned, 2 another mouth, 3 all of it, 4 a mouth wide open, 5 the mouth of somebody else, and, by
themselves, 6 all of it and turned far to the side. The same seed gives the same faces, whatever the number of parts.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.face import MESH as CHOICE
from training import face_mesh as mesh
from training import face_mouth as mouth
from training.face_mesh import Floats
from training.face_sources import CACHE, Portrait, congress, speaker, staff

SIZE = 192
ROOM = 1.75
"""Side of a crop in sizes of the face: room to turn, shift and scale it later."""
AS_IS, TURNED, MOUTH, ALL, WIDE, BORROWED, FAR = range(7)
PLANS = {
    "congress": (AS_IS, TURNED, MOUTH, MOUTH, ALL, ALL, ALL, ALL, ALL, WIDE, WIDE, BORROWED, BORROWED),
    "staff": (AS_IS, TURNED, MOUTH, MOUTH, ALL, ALL, ALL, ALL, WIDE, WIDE, BORROWED, BORROWED),
    "speaker": (AS_IS, ALL, WIDE),
}
FAR_PLANS = {"congress": (FAR,), "staff": (FAR,), "speaker": ()}
FACES = mesh.triangles()
HOLE = mesh.inside()
GRID = np.array([(x, y) for x in (-0.85, -0.3, 0.3, 0.85) for y in (-1.1, -0.6, -0.15, 0.3, 0.8)])


@dataclass(frozen=True)
class Pose:
    """Where a head is: picture = scale * head @ rotation.T + shift."""

    scale: float
    rotation: Floats
    shift: Floats

    def to_head(self, points: Floats) -> Floats:
        """Picture -> head frame."""
        return (points - self.shift) @ self.rotation / self.scale

    def to_picture(self, head: Floats) -> Floats:
        """Head frame -> picture."""
        return self.scale * head @ self.rotation.T + self.shift


def placed(portrait: Portrait, mean: Floats) -> Pose:
    """Where the head of a portrait is, ``mean`` being the template."""
    stable = list(mesh.STABLE)
    return Pose(*mesh.similarity(mean[stable], portrait.mesh[stable]))


class Heads:
    """The people to draw again; the same index gives the same faces."""

    def __init__(self, people: list[Portrait], mean: Floats) -> None:
        self.people, self.mean = people, mean
        heads = [placed(one, mean).to_head(one.mesh) for one in people]
        self.lips = [head[mesh.LIPS] for head in heads]
        gaps = np.array([mouth.gap(lips)[mouth.MIDDLE].mean() for lips in self.lips])
        self.chances = (gaps.clip(0, 0.4) + 0.02) / (gaps.clip(0, 0.4) + 0.02).sum()

    def mouth(self, head: Floats, kind: int, rng: np.random.Generator) -> Floats:
        """The head with the mouth that this kind of made face wants."""
        if kind == BORROWED:
            donor = self.lips[int(rng.choice(len(self.lips), p=self.chances))]
            lips, jaw = mouth.borrowed(head[mesh.LIPS], donor, rng)
            return mouth.bend(head, lips, jaw)
        shape, jaw = mouth.wide_shape(rng) if kind == WIDE else mouth.random_shape(rng)
        lips = mouth.varied(mouth.articulate(mouth.closed(head[mesh.LIPS]), shape), shape, rng)
        return mouth.bend(head, lips, jaw)


def remade(portrait: Portrait, kind: int, rng: np.random.Generator, heads: Heads) -> tuple[NDArray[np.uint8], Floats]:
    """One made face: (192, 192, 3) RGB and its (99, 2) points."""
    pose = placed(portrait, heads.mean)
    head = pose.to_head(portrait.mesh)
    was = float(mouth.gap(head[mesh.LIPS])[mouth.MIDDLE].mean())
    if kind not in (AS_IS, TURNED):
        head = heads.mouth(head, kind, rng)
    now = float(mouth.gap(head[mesh.LIPS])[mouth.MIDDLE].mean())
    cloud = _ringed(head)
    everything = kind in (ALL, FAR) or (kind in (WIDE, BORROWED) and rng.random() < 0.6)
    if everything:
        cloud = _reshaped(cloud, rng)
    turned = cloud
    if kind == TURNED or everything:
        turned = _turned(cloud, rng, kind if kind in (TURNED, FAR) else ALL)
    keep = kind in (AS_IS, TURNED) or (was > 0.04 and now < 2.2 * was and rng.random() < 0.6)
    picture, points = _drawn(portrait, pose, turned, cloud[: mesh.MESH], None if keep else rng, now)
    if was > 0.03 and now < 0.012:
        picture = _seam(picture, points, rng.uniform(0.15, 0.5))
    return picture, points


def _ringed(head: Floats) -> Floats:
    """The head and three rings around it that pull the background along."""
    centre = head[list(mesh.OVAL), :2].mean(0)
    rings = []
    for factor, back in ((1.28, 0.35), (1.9, 0.8), (4.5, 1.2)):
        ring = head[list(mesh.OVAL)].copy()
        ring[:, :2] = centre + (ring[:, :2] - centre) * factor
        ring[:, 2] += back
        rings.append(ring)
    return np.vstack([head, *rings])


def _reshaped(cloud: Floats, rng: np.random.Generator) -> Floats:
    """Another person's proportions."""
    cloud = cloud.copy()
    cloud[: mesh.MESH, :2] += mesh.spline(GRID, rng.normal(0, 0.03, (len(GRID), 2)), cloud[: mesh.MESH, :2])
    return cloud * np.exp(rng.normal(0, (0.06, 0.06, 0.1)))


def _turned(cloud: Floats, rng: np.random.Generator, kind: int) -> Floats:
    """The head turned in space, its rings the less the farther out, sometimes seen from near by."""
    yaw, pitch = rng.normal(0, 0.36 if kind == ALL else 0.30), rng.normal(0, 0.20 if kind == ALL else 0.17)
    yaw = np.clip(yaw, -0.8, 0.8) if kind != FAR else rng.choice([-1, 1]) * rng.uniform(0.5, 1.05)
    rotation = mesh.turn(float(yaw), float(np.clip(pitch, -0.5, 0.5)))
    axis = np.array([0, -0.2, 0.75])
    turned = (cloud - axis) @ rotation.T + axis
    second = mesh.MESH + mesh.RING
    ring = slice(second, second + mesh.RING)
    turned[ring] = (turned[ring] + cloud[ring]) / 2
    turned[second + mesh.RING :] = cloud[second + mesh.RING :]
    turned[second:, 2] = cloud[second:, 2] + 0.4
    if rng.random() < 0.4:
        near = rng.uniform(4, 9)
        factor = near / (near + turned[:second, 2:3] - turned[4, 2])
        turned[:second, :2] *= factor
    return turned


def _drawn(
    portrait: Portrait, pose: Pose, cloud: Floats, head: Floats, rng: np.random.Generator | None, gap: float
) -> tuple[NDArray[np.uint8], Floats]:
    """The cloud with the portrait's skin; the mouth is painted anew if ``rng`` is given, else kept."""
    seen = pose.to_picture(cloud)
    chosen = seen[list(CHOICE), :2]
    low, high = chosen.min(0), chosen.max(0)
    factor = SIZE / ((high - low).max() * ROOM)
    places = (seen[:, :2] - (low + high) / 2) * factor + SIZE / 2
    depth = seen[:, 2] * factor
    source = _ringed_source(portrait.mesh[:, :2])
    buffer, label = np.full((SIZE, SIZE), 1e9), np.zeros((SIZE, SIZE), np.uint8)
    from_x, from_y = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    mesh.draw(places, depth, source, FACES, buffer, from_x, from_y, label, 1, 0.0)
    if gap > 0.008:
        behind = 0.06 * pose.scale * factor
        texture = source if rng is None else np.ascontiguousarray(head[:, :2])
        mesh.draw(places, depth, texture, HOLE, buffer, from_x, from_y, label, 1 if rng is None else 2, behind)
    rgb = portrait.rgb if factor > 0.6 else cv2.GaussianBlur(portrait.rgb, (0, 0), 0.35 / factor)
    maps = from_x.astype(np.float32), from_y.astype(np.float32)
    picture = cv2.remap(rgb, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    hole = label == 2
    if rng is not None and hole.any():
        picture = mouth.paint(picture, hole, from_x[hole], from_y[hole], head, _skin(portrait), rng)
    return picture, places[list(CHOICE)]


def _ringed_source(points: Floats) -> Floats:
    oval = points[list(mesh.OVAL)]
    centre = oval.mean(0)
    return np.vstack([points, *(centre + (oval - centre) * factor for factor in (1.28, 1.9, 4.5))])


def _skin(portrait: Portrait) -> float:
    limit = np.array(portrait.rgb.shape[1::-1]) - 1
    cheeks = np.clip(np.round(portrait.mesh[[50, 280], :2]).astype(int), 0, limit)
    return float(portrait.rgb[cheeks[:, 1], cheeks[:, 0]].mean())


def _seam(picture: NDArray[np.uint8], points: Floats, strength: float) -> NDArray[np.uint8]:
    """A mouth that was open and is closed now gets the dark line between its lips."""
    upper, lower = points[20:31], np.vstack([points[20], points[39:30:-1], points[30]])
    line = np.zeros((SIZE, SIZE), np.uint8)
    cv2.polylines(line, [np.round((upper + lower) * 8).astype(np.int32)], False, 255, 1, cv2.LINE_AA, 4)
    return (picture * (1 - strength * cv2.GaussianBlur(line, (0, 0), 0.8)[..., None] / 255.0)).astype(np.uint8)


def main() -> None:
    """Make one part of the faces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--of", type=int, default=1)
    parser.add_argument("--far", action="store_true")
    options = parser.parse_args()
    seed, plans, name = (2, FAR_PLANS, f"far-{options.part}") if options.far else (1, PLANS, str(options.part))
    cv2.setNumThreads(1)
    people = congress()
    mean = mesh.template(people)
    people += staff() + speaker()
    heads = Heads(people, mean)
    crops, points, kinds = [], [], []
    for index in range(options.part, len(people), options.of):
        rng = np.random.default_rng((seed, index))
        for kind in plans[people[index].source]:
            crop, places = remade(people[index], kind, rng, heads)
            crops.append(crop)
            points.append(places.astype(np.float32))
            kinds.append(kind + (10 if people[index].source == "speaker" else 0))
    CACHE.mkdir(parents=True, exist_ok=True)
    np.save(CACHE / f"made-{name}.npy", np.array(crops))
    np.savez(CACHE / f"made-{name}.npz", points=np.array(points), kinds=np.array(kinds))
    print(f"{len(crops)} faces")


if __name__ == "__main__":
    main()
