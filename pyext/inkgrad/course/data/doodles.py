"""Drawings that are no digits: simple things, and characters of alphabets that do not exist."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

Lines = list[np.ndarray]


def _line(*points: tuple[float, float]) -> np.ndarray:
    """A polyline with points in between, so that it can be bent."""
    corners = np.array(points, float)
    steps = np.linspace(0, 1, 6)[1:, None]
    parts = [a + (b - a) * steps for a, b in pairwise(corners)]
    return np.concatenate([corners[:1], *parts])


def _arc(
    x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360
) -> np.ndarray:
    angles = np.radians(np.linspace(start, end, 24))
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], 1)


def _polygon(sides: int, turn: float = 0) -> np.ndarray:
    angles = np.radians(turn) + np.linspace(0, 2 * np.pi, sides + 1)
    return _line(*zip(0.5 + 0.5 * np.cos(angles), 0.5 + 0.5 * np.sin(angles), strict=True))


def _star(points: int) -> np.ndarray:
    angles = -np.pi / 2 + np.arange(2 * points + 1) * np.pi / points
    radius = np.where(np.arange(2 * points + 1) % 2, 0.22, 0.5)
    return _line(*zip(0.5 + radius * np.cos(angles), 0.5 + radius * np.sin(angles), strict=True))


def _spiral(turns: float) -> np.ndarray:
    t = np.linspace(0, 1, 60)
    angle = 2 * np.pi * turns * t
    return np.stack([0.5 + 0.5 * t * np.cos(angle), 0.5 + 0.5 * t * np.sin(angle)], 1)


def _wave(turns: float, height: float) -> np.ndarray:
    t = np.linspace(0, 1, 50)
    return np.stack([t, 0.5 + height * np.sin(2 * np.pi * turns * t)], 1)


_HEART = [
    np.concatenate(
        [_arc(0.27, 0.27, 0.25, 0.25, 150, 360), _arc(0.75, 0.27, 0.25, 0.25, 180, 390)]
    ),
    _line((0.05, 0.4), (0.5, 1), (0.97, 0.4)),
]

# Things that people draw; x to the right and y down, in a square of about 1.
THINGS: dict[str, Callable[[np.random.Generator], Lines]] = {
    "square": lambda r: [_line((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))],
    "tall box": lambda r: [_line((0.2, 0), (0.8, 0), (0.8, 1), (0.2, 1), (0.2, 0))],
    "wide box": lambda r: [_line((0, 0.25), (1, 0.25), (1, 0.75), (0, 0.75), (0, 0.25))],
    "triangle": lambda r: [_polygon(3, r.choice([-90, 90, 0, 180]))],
    "diamond": lambda r: [_polygon(4)],
    "pentagon": lambda r: [_polygon(int(r.integers(5, 7)), r.uniform(0, 90))],
    "star": lambda r: [_star(int(r.integers(4, 8)))],
    "pentagram": lambda r: [_line(*_pentagram())],
    "spiral": lambda r: [_spiral(r.uniform(1.5, 4)) * [r.choice([-1, 1]), 1]],
    "wave": lambda r: [_wave(r.uniform(1.2, 5), r.uniform(0.1, 0.4))],
    "zigzag": lambda r: [_line(*((i / 4, r.uniform(0, 0.3) if i % 2 else 1) for i in range(5)))],
    "heart": lambda r: _HEART,
    "cross": lambda r: [_line((0, 0), (1, 1)), _line((1, 0), (0, 1))],
    "plus": lambda r: [_line((0.5, 0), (0.5, 1)), _line((0, 0.5), (1, 0.5))],
    "check": lambda r: [_line((0, 0.6), (0.35, 1), (1, 0))],
    "arrow": lambda r: [_line((0, 0.5), (1, 0.5)), _line((0.7, 0.2), (1, 0.5), (0.7, 0.8))],
    "up arrow": lambda r: [_line((0.5, 1), (0.5, 0)), _line((0.2, 0.3), (0.5, 0), (0.8, 0.3))],
    "face": lambda r: [
        _arc(0.5, 0.5, 0.5, 0.5),
        _arc(0.33, 0.35, 0.04, 0.04),
        _arc(0.67, 0.35, 0.04, 0.04),
        _arc(0.5, 0.55, 0.25, 0.22, *((20, 160) if r.random() < 0.6 else (160, 20))),
    ],
    "circle with a dot": lambda r: [_arc(0.5, 0.5, 0.5, 0.5), _arc(0.5, 0.5, 0.05, 0.05)],
    "circle with a cross": lambda r: [
        _arc(0.5, 0.5, 0.5, 0.5),
        _line((0.5, 0), (0.5, 1)),
        _line((0, 0.5), (1, 0.5)),
    ],
    "two rings": lambda r: [_arc(0.5, 0.5, 0.5, 0.5), _arc(0.5, 0.5, 0.3, 0.3)],
    "house": lambda r: [
        _line((0.1, 1), (0.1, 0.45), (0.9, 0.45), (0.9, 1), (0.1, 1)),
        _line((0, 0.5), (0.5, 0), (1, 0.5)),
    ],
    "man": lambda r: [
        _arc(0.5, 0.15, 0.14, 0.15),
        _line((0.5, 0.3), (0.5, 0.65)),
        _line((0.2, 0.45), (0.8, 0.45)),
        _line((0.25, 1), (0.5, 0.65), (0.75, 1)),
    ],
    "tree": lambda r: [_arc(0.5, 0.3, 0.35, 0.3), _line((0.5, 0.6), (0.5, 1))],
    "sun": lambda r: [
        _arc(0.5, 0.5, 0.25, 0.25),
        *(
            _line((0.5 + 0.32 * c, 0.5 + 0.32 * s), (0.5 + 0.5 * c, 0.5 + 0.5 * s))
            for c, s in ((np.cos(a), np.sin(a)) for a in np.arange(8) * np.pi / 4)
        ),
    ],
    "grid": lambda r: [
        *(_line((x, 0), (x, 1)) for x in (0.33, 0.67)),
        *(_line((0, y), (1, y)) for y in (0.33, 0.67)),
    ],
    "lightning": lambda r: [_line((0.6, 0), (0.2, 0.55), (0.55, 0.5), (0.3, 1))],
    "infinity": lambda r: [_arc(0.25, 0.5, 0.25, 0.2), _arc(0.75, 0.5, 0.25, 0.2)],
    "flower": lambda r: [
        *(_arc(0.5 + 0.3 * c, 0.5 + 0.3 * s, 0.18, 0.18)
          for c, s in ((np.cos(a), np.sin(a)) for a in np.arange(5) * 2 * np.pi / 5)),
        _arc(0.5, 0.5, 0.1, 0.1),
    ],
    "cloud": lambda r: [
        _arc(0.25, 0.55, 0.25, 0.2, 90, 270),
        _arc(0.5, 0.35, 0.28, 0.25, 170, 370),
        _arc(0.78, 0.55, 0.22, 0.2, -90, 90),
        _line((0.25, 0.75), (0.78, 0.75)),
    ],
    "equals": lambda r: [_line((0, 0.3), (1, 0.3)), _line((0, 0.7), (1, 0.7))],
    "bar": lambda r: [_line((0, 0.5), (1, 0.5))],
    "loops": lambda r: [
        np.stack([0.1 * t - 0.25 * np.sin(t), 0.3 * np.cos(t)], 1)
        for t in [np.linspace(0, 2 * np.pi * r.uniform(2, 5), 80)]
    ],
    "scribble": lambda r: [
        np.stack([t + r.normal(0, 0.03, len(t)), r.uniform(0, 1, len(t))], 1)
        for t in [np.linspace(0, 1, int(r.integers(6, 14)))]
    ],
}  # fmt: skip


def _pentagram() -> list[tuple[float, float]]:
    angles = -np.pi / 2 + np.arange(6) * 4 * np.pi / 5
    return list(zip(0.5 + 0.5 * np.cos(angles), 0.5 + 0.5 * np.sin(angles), strict=True))


def thing(random: np.random.Generator) -> Lines:
    """One of the things."""
    names = list(THINGS)
    return THINGS[names[int(random.integers(len(names)))]](random)


def character(random: np.random.Generator) -> Lines:
    """A character that does not exist: two to five strokes that meet or cross.

    Each is a polyline or a curve through some places of a coarse grid, an arc or a loop.
    """
    lines: Lines = []
    for number in range(int(random.choice([1, 2, 3, 4, 5], p=[0.12, 0.33, 0.3, 0.15, 0.1]))):
        line = _stroke(random, least=4 if number == 0 else 2)
        if lines and random.random() < 0.6:  # begins where another stroke passes
            other = lines[int(random.integers(len(lines)))]
            line = line + other[int(random.integers(len(other)))] - line[0]
        lines.append(line)
    return lines


def _stroke(random: np.random.Generator, least: int) -> np.ndarray:
    if random.random() < 0.3:
        start = random.uniform(0, 360)
        rx, ry = random.uniform(0.12, 0.45, 2)
        end = start + random.choice([-1, 1]) * random.uniform(120, 400)
        x, y = random.uniform(0.2, 0.8, 2)
        return _arc(x, y, rx, ry, start, end)
    places = random.integers(0, 4, (int(random.integers(least, least + 3)), 2)) / 3
    places = places[np.r_[True, (np.diff(places, axis=0) != 0).any(1)]]
    if len(places) < 2:
        return _line((0.5, 0), (random.uniform(0, 1), 1))
    return _curve(places) if random.random() < 0.6 else _line(*map(tuple, places))


def _curve(places: np.ndarray) -> np.ndarray:
    """A Catmull-Rom spline through the places."""
    p = np.concatenate([places[:1], places, places[-1:]])
    t = np.linspace(0, 1, 10)[:, None]
    parts = [
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t**2
            + (3 * b - a - 3 * c + d) * t**3
        )
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(parts)


def scrawl(random: np.random.Generator) -> Lines:
    """A pen that moves about at random, smoothly."""
    steps = int(random.integers(20, 90))
    speed = np.cumsum(random.normal(0, 1, (steps, 2)), 0)
    speed -= speed.mean(0) * random.uniform(0.3, 1)
    return [np.cumsum(speed, 0)]


def ring() -> np.ndarray:
    return _arc(0.5, 0.5, 0.5, 0.5)
