"""Digits in styles that are rare in MNIST.

MNIST's writers are American: nearly all of its 1s are plain strokes, and few 7s are crossed.
Elsewhere a 1 has an upstroke and a 7 a bar, and a network that saw only MNIST recognizes most such
1s as 7s. This module has those digits, and the common forms of the others, as lines that are bent
at random for each drawing.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from inkgrad.course.data.strokes import Pen, Strokes, draw
from inkgrad.course.recognition.preprocess import prepare

Line = list[tuple[float, float]]


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Line:
    """Part of an ellipse between two angles in degrees: 0 is right, 90 is down."""
    angles = np.radians(np.linspace(start, end, 16))
    return [(x + rx * np.cos(angle), y + ry * np.sin(angle)) for angle in angles]


# Label and lines, x to the right and y down; the digit's height is 1.
STYLES: dict[str, tuple[int, list[Line]]] = {
    "0": (0, [_arc(0.4, 0.5, 0.38, 0.5, -90, 270)]),
    "0, round and open": (0, [_arc(0.5, 0.5, 0.5, 0.5, -60, 285)]),
    "0, crossed out": (0, [_arc(0.4, 0.5, 0.38, 0.5, -90, 270), [(0.65, 0.15), (0.15, 0.85)]]),
    "1": (1, [[(0.5, 0), (0.5, 1)]]),
    "1, short upstroke": (1, [[(0.38, 0.17), (0.55, 0), (0.52, 1)]]),
    "1, upstroke": (1, [[(0.15, 0.35), (0.55, 0), (0.55, 1)]]),
    "1, long upstroke": (1, [[(0, 0.55), (0.5, 0), (0.5, 1)]]),
    "1, upstroke and base": (1, [[(0.2, 0.25), (0.5, 0), (0.5, 1)], [(0.15, 1), (0.85, 1)]]),
    "2": (2, [[*_arc(0.4, 0.3, 0.38, 0.3, 190, 380), (0.05, 1), (0.85, 1)]]),
    "2, angular": (2, [[(0, 0.05), (0.7, 0), (0.05, 1), (0.8, 1)]]),
    "2, looped": (
        2,
        [
            [
                *_arc(0.4, 0.3, 0.35, 0.3, 190, 390),
                (0.2, 0.9),
                *_arc(0.15, 0.88, 0.12, 0.1, 0, -270),
                (0.85, 1),
            ]
        ],
    ),
    "3": (3, [[*_arc(0.3, 0.25, 0.35, 0.25, 200, 450), *_arc(0.3, 0.75, 0.4, 0.25, -90, 160)]]),
    "3, flat top": (3, [[(0, 0), (0.7, 0), (0.3, 0.4), *_arc(0.3, 0.7, 0.4, 0.3, -90, 150)]]),
    "4, open": (4, [[(0.2, 0), (0.05, 0.6), (0.8, 0.6)], [(0.6, 0.25), (0.55, 1)]]),
    "4, closed": (4, [[(0.6, 1), (0.6, 0), (0, 0.65), (0.85, 0.65)]]),
    "4, square": (4, [[(0.1, 0), (0.1, 0.5), (0.7, 0.5)], [(0.7, 0), (0.7, 1)]]),
    "5, two strokes": (
        5,
        [[(0.1, 0), (0.05, 0.45), *_arc(0.3, 0.7, 0.4, 0.3, -110, 150)], [(0.1, 0), (0.75, 0)]],
    ),
    "5, one stroke": (
        5,
        [[(0.75, 0), (0.15, 0), (0.1, 0.45), *_arc(0.3, 0.7, 0.4, 0.3, -120, 140)]],
    ),
    "6": (6, [[(0.6, 0), (0.25, 0.35), *_arc(0.4, 0.7, 0.32, 0.3, 190, 540)]]),
    "6, round": (
        6,
        [[*_arc(0.55, 0.5, 0.5, 0.5, 280, 180), *_arc(0.38, 0.72, 0.33, 0.28, 180, 540)]],
    ),
    "7": (7, [[(0, 0), (0.75, 0), (0.3, 1)]]),
    "7, hooked": (7, [[(0, 0.2), (0, 0), (0.7, 0), (0.4, 1)]]),
    "7, crossed": (7, [[(0, 0), (0.75, 0), (0.3, 1)], [(0.12, 0.5), (0.7, 0.5)]]),
    "7, hooked and crossed": (
        7,
        [[(0, 0.15), (0.05, 0), (0.7, 0.03), (0.3, 1)], [(0.15, 0.55), (0.65, 0.45)]],
    ),
    "8": (8, [_arc(0.4, 0.25, 0.3, 0.25, 90, 450), _arc(0.4, 0.75, 0.38, 0.25, -90, 270)]),
    "8, one stroke": (
        8,
        [
            [
                *_arc(0.4, 0.25, 0.3, 0.25, -30, -200),
                (0.65, 0.65),
                *_arc(0.4, 0.75, 0.33, 0.25, -20, 200),
                (0.65, 0.1),
            ]
        ],
    ),
    "9, straight": (9, [[*_arc(0.4, 0.28, 0.32, 0.28, -20, -380), (0.7, 0.3), (0.65, 1)]]),
    "9, curled": (
        9,
        [[*_arc(0.4, 0.28, 0.32, 0.28, -20, -380), *_arc(0.3, 0.6, 0.42, 0.4, 0, 140)]],
    ),
}

# Uniform ranges of what varies between drawings; lengths are fractions of the pad.
_PAD = 140
_PEN_WIDTH, _HEIGHT, _NARROW = (0.02, 0.09), (0.4, 0.85), (0.6, 1.1)
_ANGLE, _SLANT = (-0.12, 0.12), (-0.25, 0.1)  # most people's digits lean to the right
_BEND = 0.025  # standard deviation of a corner's position; points of an arc move less


def styled_examples(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw each style ``count`` times and preprocess the drawings.

    Returns images (styles * count, 1, 28, 28), uint8, white ink on black, and labels
    (styles * count,), int64. The same seed gives the same drawings.
    """
    random = np.random.default_rng(seed)
    images, labels = [], []
    for label, lines in STYLES.values():
        for _ in range(count):
            drawing = draw(bent(lines, random), _pen(random))
            images.append(torch.from_numpy(prepare(drawing).image))
            labels.append(label)
    levels = (torch.stack(images)[:, None] * 255).round().to(torch.uint8)
    return levels, torch.tensor(labels)


def bent(lines: list[Line], random: np.random.Generator) -> Strokes:
    """The lines of a style as somebody may draw them."""
    strokes = Strokes.of_lines([_moved(line, random) for line in lines])
    return Strokes(strokes.points * [random.uniform(*_NARROW), 1], strokes.segments)


def _moved(line: Line, random: np.random.Generator) -> np.ndarray:
    bend = _BEND if len(line) < 8 else _BEND / 3
    return np.array(line) + random.normal(0, bend, (len(line), 2))


def _pen(random: np.random.Generator) -> Pen:
    return Pen(
        side=_PAD,
        width=random.uniform(*_PEN_WIDTH),
        height=random.uniform(*_HEIGHT),
        center=(0.5, 0.5),
        angle=random.uniform(*_ANGLE),
        slant=random.uniform(*_SLANT),
    )
