"""Things that people draw, other than those that the reader is trained on."""

from __future__ import annotations

import numpy as np

Random = np.random.Generator
Lines = list[np.ndarray]


def _line(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, float)


def _arc(
    x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360
) -> np.ndarray:
    angles = np.radians(np.linspace(start, end, 30))
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], 1)


_LEGS = [_line((x, 0.7), (x, 1)) for x in (0.2, 0.35, 0.65, 0.8)]

SKETCHES: dict[str, Lines] = {
    "cup": [
        _line((0, 0), (0.1, 1), (0.6, 1), (0.7, 0), (0, 0)),
        _arc(0.68, 0.45, 0.25, 0.25, -80, 90),
    ],
    "car": [
        _line((0, 0.75), (0, 0.5), (0.25, 0.45), (0.4, 0.2), (0.75, 0.2), (0.9, 0.5), (1, 0.75)),
        _arc(0.25, 0.78, 0.1, 0.1),
        _arc(0.75, 0.78, 0.1, 0.1),
        _line((0.35, 0.76), (0.65, 0.76)),
    ],
    "fish": [
        _arc(0.4, 0.5, 0.4, 0.25),
        _line((0.78, 0.5), (1, 0.25), (1, 0.75), (0.78, 0.5)),
        _arc(0.2, 0.43, 0.03, 0.03),
    ],
    "umbrella": [
        _arc(0.5, 0.5, 0.5, 0.45, 180, 360),
        _line((0, 0.5), (1, 0.5)),
        _line((0.5, 0.5), (0.5, 0.9)),
        _arc(0.42, 0.9, 0.08, 0.1, 0, 180),
    ],
    "key": [
        _arc(0.2, 0.5, 0.2, 0.2),
        _line((0.4, 0.5), (1, 0.5), (1, 0.7)),
        _line((0.8, 0.5), (0.8, 0.65)),
    ],
    "cat": [
        _arc(0.5, 0.6, 0.4, 0.35),
        _line((0.15, 0.42), (0.15, 0.05), (0.38, 0.28)),
        _line((0.62, 0.28), (0.85, 0.05), (0.85, 0.42)),
        _arc(0.35, 0.55, 0.03, 0.03),
        _arc(0.65, 0.55, 0.03, 0.03),
        _line((0.5, 0.68), (0.5, 0.78)),
    ],
    "boat": [
        _line((0, 0.7), (0.2, 1), (0.8, 1), (1, 0.7), (0, 0.7)),
        _line((0.5, 0.7), (0.5, 0), (0.85, 0.55), (0.5, 0.55)),
    ],
    "table": [_line((0, 0.4), (1, 0.4), (0.85, 0.7), (0.15, 0.7), (0, 0.4)), *_LEGS],
    "envelope": [
        _line((0, 0.2), (1, 0.2), (1, 0.8), (0, 0.8), (0, 0.2)),
        _line((0, 0.2), (0.5, 0.55), (1, 0.2)),
    ],
    "moon": [_arc(0.5, 0.5, 0.5, 0.5, 60, 300), _arc(0.75, 0.5, 0.42, 0.42, 95, 265)],
    "ladder": [
        _line((0.25, 0), (0.25, 1)),
        _line((0.75, 0), (0.75, 1)),
        *(_line((0.25, y), (0.75, y)) for y in (0.15, 0.4, 0.65, 0.9)),
    ],
    "glasses": [
        _arc(0.22, 0.5, 0.2, 0.18),
        _arc(0.78, 0.5, 0.2, 0.18),
        _line((0.42, 0.47), (0.58, 0.47)),
    ],
    "leaf": [
        _arc(0.5, 0.9, 0.75, 0.75, 225, 315),
        _arc(0.5, -0.16, 0.75, 0.75, 45, 135),
        _line((0.05, 0.4), (1.1, 0.36)),
    ],
    "flag": [_line((0.1, 1), (0.1, 0), (0.9, 0.2), (0.1, 0.45))],
    "cube": [
        _line((0, 0.3), (0.7, 0.3), (0.7, 1), (0, 1), (0, 0.3), (0.3, 0), (1, 0), (1, 0.7)),
        _line((0.7, 0.3), (1, 0)),
        _line((0.7, 1), (1, 0.7)),
    ],
    "fork": [
        _line((0.2, 0), (0.2, 0.35), (0.8, 0.35), (0.8, 0)),
        _line((0.5, 0), (0.5, 1)),
    ],
}


def sketch(random: Random) -> Lines:
    """One of them, with shaky lines."""
    names = list(SKETCHES)
    lines = SKETCHES[names[int(random.integers(len(names)))]]
    stretch = random.uniform(0.75, 1.25, 2)
    return [_shaky(line, random) * stretch for line in lines]


def _shaky(line: np.ndarray, random: Random) -> np.ndarray:
    steps = np.linspace(0, len(line) - 1, max(len(line), 4 * len(line)))
    at = np.arange(len(line))
    fine = np.stack([np.interp(steps, at, line[:, axis]) for axis in (0, 1)], 1)
    return fine + random.normal(0, 0.008, fine.shape)
