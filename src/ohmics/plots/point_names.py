"""Points and some of their names come in, names beside the points go out, where they cover least."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes

from ohmics.plots import style

_SIZE = 7.0
_HIGH = 0.125
"""Inches a line of names takes, with the room around it."""
_GAPS = (0.06, 0.32, 0.7)
_STEPS = 9
# What makes a place worse: a point that stands out, any other point, and each step away from the own point.
_MARKED, _OTHER, _STEP = 2.0, 0.15, 0.35
_MOST_COVERED = 12
"""A name that would cover more marked points than this is left out."""
Box = tuple[float, float, float, float]


def write_names(
    axes: Axes,
    points: np.ndarray,
    names: Sequence[str],
    *,
    left: Sequence[bool],
    marked: np.ndarray,
    others: np.ndarray,
    lines: tuple[Sequence[float], Sequence[float]] = ((), ()),
    most: int = 14,
) -> int:
    """Write each name beside its point, the first ones first; a name that finds no room is left out.

    No name covers another, a named point or a line; further points are covered as little as can be.

    Parameters
    ----------
    axes
        Axes with their final limits and size.
    points
        One row a name: x and y in the axes' units.
    names
        What is written, at most ``most`` characters of each.
    left
        Whether a name rather stands left of its point.
    marked, others
        Points that stand out and all others, which names had better not cover.
    lines
        Places of vertical and of horizontal lines that no name may cross.

    Returns
    -------
    int
        How many were written.
    """
    size, at = _inches(axes, points)
    upright = [float(x) for x in _inches(axes, np.array([[x, 0.0] for x in lines[0]]).reshape(-1, 2))[1][:, 0]]
    level = [float(y) for y in _inches(axes, np.array([[0.0, y] for y in lines[1]]).reshape(-1, 2))[1][:, 1]]
    crowd = (_inches(axes, marked)[1], _inches(axes, others)[1])
    taken: list[Box] = [(x - 0.04, y - 0.04, x + 0.04, y + 0.04) for x, y in at]
    written = 0
    for (x, y), name, outward in zip(at, names, left, strict=True):
        text = style.clip_label(name, most)
        places = _places(float(x), float(y), style.text_width(text, _SIZE), left=outward)
        free = [place for place in places if _fits(place[0], size, taken, upright, level)]
        costs = [_cost(box, steps, crowd) for box, steps in free]
        if not costs or min(costs) > _MARKED * _MOST_COVERED:
            continue
        box, steps = free[int(np.argmin(costs))]
        _write(axes, (float(x), float(y)), box, text, size, beside=steps == 0)
        taken.append(box)
        written += 1
    return written


def _cost(box: Box, steps: int, crowd: tuple[np.ndarray, np.ndarray]) -> float:
    low, bottom, high, top = box
    covered = [
        int(((points[:, 0] > low) & (points[:, 0] < high) & (points[:, 1] > bottom) & (points[:, 1] < top)).sum())
        for points in crowd
    ]
    return _MARKED * covered[0] + _OTHER * min(covered[1], 40) + _STEP * steps


def _inches(axes: Axes, points: np.ndarray) -> tuple[tuple[float, float], np.ndarray]:
    figure = axes.get_figure(root=True)
    sides = (1.0, 1.0) if figure is None else tuple(float(side) for side in figure.get_size_inches())
    place = axes.get_position()
    size = (place.width * sides[0], place.height * sides[1])
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    scaled = (points - np.array([x0, y0])) / np.array([x1 - x0, y1 - y0])
    return size, scaled * np.array(size)


def _places(x: float, y: float, width: float, *, left: bool) -> Iterator[tuple[Box, int]]:
    """Yield boxes for a name, each with how many steps it is from the place right beside its point."""
    for far, gap in enumerate(_GAPS):
        for step in range(2 * _STEPS + 1):
            shift = _HIGH * ((step + 1) // 2) * (1 if step % 2 else -1)
            for side in (left, not left):
                start = x - gap - width if side else x + gap
                box = (start, y + shift - _HIGH / 2, start + width, y + shift + _HIGH / 2)
                yield box, 2 * far + (step + 1) // 2


def _fits(
    box: Box, size: tuple[float, float], taken: Sequence[Box], upright: Sequence[float], level: Sequence[float]
) -> bool:
    low, bottom, high, top = box
    if low < 0.02 or bottom < 0.02 or high > size[0] - 0.02 or top > size[1] - 0.02:
        return False
    if any(low < x < high for x in upright) or any(bottom < y < top for y in level):
        return False
    return not any(low < c and a < high and bottom < d and b < top for a, b, c, d in taken)


def _write(
    axes: Axes, point: tuple[float, float], box: Box, text: str, size: tuple[float, float], *, beside: bool
) -> None:
    middle = (box[1] + box[3]) / 2
    if not beside:
        near = box[0] if box[0] > point[0] else box[2] if box[2] < point[0] else (box[0] + box[2]) / 2
        axes.plot(
            [point[0] / size[0], near / size[0]], [point[1] / size[1], middle / size[1]], lw=0.5,
            color=style.PALE_INK, transform=axes.transAxes, zorder=2.5,
        )  # fmt: skip
    axes.text(
        box[0] / size[0], middle / size[1], text, fontsize=_SIZE, ha="left", va="center_baseline", color=style.INK,
        transform=axes.transAxes, zorder=3,
    )  # fmt: skip
