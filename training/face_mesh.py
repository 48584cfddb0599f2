"""A face mesh in a frame of its own, bent by splines, turned, and drawn again with a depth buffer.

Head frame: the template's axes, lengths in IOD, x to the right, y down, z away from the camera.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.face_sources import RESEARCH, Portrait

Floats = NDArray[np.float64]

# fmt: off
UP = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291), (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306),
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292), (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
)
LOW = (
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291), (76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306),
    (62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292), (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
)
"""Mesh points of the lips, left corner to right: four lines from the outer edge of a lip to the inner one."""
STABLE = (33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 9, 8, 10, 151, 127, 356, 98, 327, 2, 55, 285, 46, 276)
CHIN = (152, 148, 377, 175, 199, 171, 396)
STILL = (2, 97, 326, 98, 327, 129, 358, 50, 280, 101, 330, 123, 352, 132, 361, 36, 266, 94, 147, 376, 117, 346,
         33, 133, 362, 263, 6, 4, 9, 10, 67, 297, 159, 386, 145, 374)
JAW = {
    152: 1, 148: 1, 377: 1, 176: .97, 400: .97, 149: .9, 378: .9, 150: .75, 379: .75, 136: .5, 365: .5, 172: .3,
    397: .3, 58: .12, 288: .12, 175: 1, 199: 1, 171: 1, 396: 1, 140: .97, 369: .97, 170: .85, 395: .85, 200: .92,
    208: .92, 428: .92, 32: .9, 262: .9, 211: .8, 431: .8, 169: .6, 394: .6, 135: .4, 364: .4,
}
"""How far each mesh point goes down with the jaw."""
EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
# fmt: on
MESH = 478
RING = len(OVAL)
LIPS = np.array(sorted({point for line in UP + LOW for point in line}))
_AT = {int(point): i for i, point in enumerate(LIPS)}
IN_UP, IN_LOW = (np.array([[_AT[point] for point in line] for line in lines]) for lines in (UP, LOW))
"""(4, 11) places of ``UP`` and ``LOW`` among ``LIPS``."""


def similarity(source: Floats, target: Floats) -> tuple[float, Floats, Floats]:
    """Scale s, rotation R, shift t with ``target ≈ s * source @ R.T + t``, in the least squares sense."""
    here, there = source.mean(0), target.mean(0)
    a, b = source - here, target - there
    u, values, vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.ones(3)
    sign[2] = np.sign(np.linalg.det(u @ vt))
    rotation = u @ np.diag(sign) @ vt
    scale = float((values * sign).sum() / (a**2).sum(1).mean())
    return scale, rotation, there - scale * rotation @ here


def template(portraits: list[Portrait]) -> Floats:
    """(478, 3) mean of the faces in the head frame: x along the outer eye corners, origin below the nose."""
    shapes = []
    for portrait in portraits:
        shape = portrait.mesh - portrait.mesh[2]
        x = shape[263] - shape[33]
        iod = np.linalg.norm(x)
        x = x / iod
        y = shape[2] - shape[9]
        y = y - x * (x @ y)
        y /= np.linalg.norm(y)
        shapes.append(shape @ np.stack([x, y, np.cross(x, y)], 1) / iod)
    return np.mean(shapes, axis=0)


def spline(places: Floats, moves: Floats, at: Floats, stiffness: float = 1e-3) -> Floats:
    """Thin-plate spline: the (M, 2) moves at ``at`` where those at ``places`` (N, 2) are ``moves`` (N, 2)."""
    count = len(places)

    def kernel(a: Floats, b: Floats) -> Floats:
        square = ((a[:, None] - b[None]) ** 2).sum(-1)
        return 0.5 * square * np.log(square + 1e-12)

    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = kernel(places, places) + stiffness * np.eye(count)
    system[:count, count] = 1
    system[:count, count + 1 :] = places
    system[count:, :count] = system[:count, count:].T
    weight = np.linalg.solve(system, np.vstack([moves, np.zeros((3, 2))]))
    return kernel(at, places) @ weight[:count] + weight[count] + at @ weight[count + 1 :]


def _strip(one: list[int], other: list[int]) -> list[tuple[int, int, int]]:
    triangles = []
    for i in range(len(one) - 1):
        triangles += [(one[i], one[i + 1], other[i]), (one[i + 1], other[i], other[i + 1])]
    return triangles


def triangles() -> NDArray[np.int32]:
    """Mesh, closed eyes and three rings around the face (points 478 + 36 k + i), which carry the background."""
    holes = {(49, 64, 129), (279, 294, 358)}  # across the nostrils
    faces = [tuple(int(i) for i in t) for t in np.load(RESEARCH / "tri.npy")]
    faces = [t for t in faces if t not in holes]
    for eye in EYES:
        faces += _strip(list(eye[:9]), [eye[0], *eye[:7:-1]])
    rings = [[*OVAL, OVAL[0]]] + [[MESH + RING * k + i for i in (*range(RING), 0)] for k in range(3)]
    for inner, outer in pairwise(rings):
        faces += _strip(inner, outer)
    return np.array(faces, np.int32)


def inside() -> NDArray[np.int32]:
    """Triangles between the inner edges of the lips."""
    return np.array(_strip(list(UP[3]), list(LOW[3])), np.int32)


def turn(yaw: float, pitch: float) -> Floats:
    """Rotation of the head: to the side, then up or down, in radians."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    side = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return side @ nod


@njit(cache=True)
def draw(places, depth, source, faces, buffer, from_x, from_y, label, mark, behind):  # type: ignore[no-untyped-def]
    """Fill ``from_x``/``from_y`` (where each pixel comes from), ``label`` and the depth ``buffer``, in place."""
    rows, columns = buffer.shape
    for n in range(faces.shape[0]):
        a, b, c = faces[n, 0], faces[n, 1], faces[n, 2]
        x0, y0, x1, y1 = places[a, 0], places[a, 1], places[b, 0], places[b, 1]
        x2, y2 = places[c, 0], places[c, 1]
        area = (y1 - y2) * (x0 - x2) + (x2 - x1) * (y0 - y2)
        if abs(area) < 1e-6:
            continue
        top, bottom = max(0, int(np.floor(min(y0, y1, y2)))), min(rows - 1, int(np.ceil(max(y0, y1, y2))))
        left, right = max(0, int(np.floor(min(x0, x1, x2)))), min(columns - 1, int(np.ceil(max(x0, x1, x2))))
        for i in range(top, bottom + 1):
            for j in range(left, right + 1):
                u = ((y1 - y2) * (j - x2) + (x2 - x1) * (i - y2)) / area
                v = ((y2 - y0) * (j - x2) + (x0 - x2) * (i - y2)) / area
                w = 1 - u - v
                if u >= -1e-4 and v >= -1e-4 and w >= -1e-4:
                    z = u * depth[a] + v * depth[b] + w * depth[c] + behind
                    if z < buffer[i, j]:
                        buffer[i, j] = z
                        from_x[i, j] = u * source[a, 0] + v * source[b, 0] + w * source[c, 0]
                        from_y[i, j] = u * source[a, 1] + v * source[b, 1] + w * source[c, 1]
                        label[i, j] = mark
