"""How much surface passes between eight voxels: the area of a surface element by which of its corners are inside.

Marching cubes (Lorensen & Cline 1987, doi:10.1145/37401.37422): the surface cuts each edge between an inside and an
outside corner in its middle. Where a face could be read two ways, the corners of the fewer kind are kept apart (with four and
four, the inside ones), so a code and its complement have the same area. A polygon of more than three corners is cut into the
triangles that have the greatest area for cubic voxels. This is what google-deepmind/surface-distance weighs by (Nikolov
et al. 2021, doi:10.2196/26151); its areas follow from these two sentences.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Triangle = tuple[int, int, int]
# Bit b of a code is the corner (z, y, x) = CORNERS[b], 0 before and 1 behind the element.
CORNERS = tuple(itertools.product((1, 0), repeat=3))
EDGES = tuple(
    (one, other)
    for one, other in itertools.combinations(range(8), 2)
    if sum(a != b for a, b in zip(CORNERS[one], CORNERS[other], strict=True)) == 1
)
MIDDLES = np.array([(np.array(CORNERS[one]) + np.array(CORNERS[other])) / 2 for one, other in EDGES])
AROUND = ((0, 0), (0, 1), (1, 1), (1, 0))


def surfel_areas(spacing: tuple[float, float, float]) -> Array:
    """(256,) area in mm² by code.      spacing : (z, y, x) in mm"""
    triangles, code = _all_triangles()
    corners = MIDDLES[triangles] * np.asarray(spacing, dtype=np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(across, axis=1) / 2
    return np.asarray(np.bincount(code, weights=areas, minlength=256), np.float64)


def contour_lengths(spacing: tuple[float, float]) -> Array:
    """(16,) length in mm by code; bit b is the corner (y, x) = product((1, 0), repeat=2)[b].  spacing : (y, x) in mm"""
    height, width = spacing
    diagonal = float(np.hypot(height, width)) / 2
    lengths = np.full(16, diagonal)
    lengths[[0b0000, 0b1111]] = 0.0
    lengths[[0b0011, 0b1100]] = width
    lengths[[0b0101, 0b1010]] = height
    lengths[[0b0110, 0b1001]] = 2 * diagonal
    return lengths


@cache
def _all_triangles() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n, 3) triangles of every code, one after the other, and the (n,) code of each."""
    parts = [(part, code) for code in range(256) for part in _triangles(code)]
    return np.array([part for part, _ in parts], np.int64), np.array([code for _, code in parts], np.int64)


@cache
def _triangles(code: int) -> tuple[Triangle, ...]:
    """Triangles between middles of edges, as indices into MIDDLES."""
    return tuple(part for polygon in _polygons(code) for part in _cut(polygon))


def _polygons(code: int) -> list[list[int]]:
    """Closed ways along the faces, over the edges that the surface cuts."""
    inside = [bool(code >> bit & 1) for bit in range(8)]
    kept_apart = sum(inside) <= 4
    ways: dict[int, list[int]] = {}
    for axis, side in itertools.product(range(3), (0, 1)):
        for one, other in _crossings(_face(axis, side), inside, kept_apart=kept_apart):
            ways.setdefault(one, []).append(other)
            ways.setdefault(other, []).append(one)
    polygons = []
    while ways:
        polygon = [next(iter(ways))]
        while following := [edge for edge in ways.pop(polygon[-1]) if edge in ways]:
            polygon.append(following[0])
        polygons.append(polygon)
    return polygons


def _face(axis: int, side: int) -> list[int]:
    """Its four corners, in turn."""
    plane = [bit for bit in range(8) if CORNERS[bit][axis] == side]
    return sorted(plane, key=lambda bit: AROUND.index(CORNERS[bit][:axis] + CORNERS[bit][axis + 1 :]))


def _crossings(face: list[int], inside: list[bool], *, kept_apart: bool) -> list[tuple[int, int]]:
    """Pairs of cut edges that the surface joins on this face."""
    edges = [EDGES.index((min(pair), max(pair))) for pair in zip(face, face[1:] + face[:1], strict=True)]
    cut = [edge for edge, (one, other) in zip(edges, _pairs(face), strict=True) if inside[one] != inside[other]]
    if len(cut) == 2:
        return [(cut[0], cut[1])]
    if len(cut) == 4:
        return [(edges[turn - 1], edges[turn]) for turn in range(4) if inside[face[turn]] == kept_apart]
    return []


def _pairs(face: list[int]) -> list[tuple[int, int]]:
    return list(zip(face, face[1:] + face[:1], strict=True))


def _cut(polygon: list[int]) -> tuple[Triangle, ...]:
    """The triangulation of greatest area for cubic voxels."""
    options = _triangulations(0, len(polygon) - 1)
    best = max(options, key=lambda option: sum(_area(MIDDLES[[polygon[i] for i in part]]) for part in option))
    return tuple((polygon[i], polygon[j], polygon[k]) for i, j, k in best)


def _triangulations(low: int, high: int) -> list[tuple[Triangle, ...]]:
    if high - low < 2:
        return [()]
    return [
        (*left, (low, top, high), *right)
        for top in range(low + 1, high)
        for left in _triangulations(low, top)
        for right in _triangulations(top, high)
    ]


def _area(corners: Array) -> float:
    return float(np.linalg.norm(np.cross(corners[1] - corners[0], corners[2] - corners[0]))) / 2
