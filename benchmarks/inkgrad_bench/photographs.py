"""Simulate photos of drawn digits: uneven light, a shadow, noise, a color cast, JPEG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

_WIDTH, _HEIGHT = 854, 640


def photograph(
    drawing: np.ndarray, random: np.random.Generator, *, board: bool = False
) -> Image.Image:
    """Turn a drawing into a photo of ink on paper, or of chalk on a dark board.

    ``drawing`` is (side, side) uint8, white on black.
    """
    ink = _placed(drawing, random)
    if board:
        background, pen = random.uniform(0.12, 0.3), random.uniform(0.6, 0.9)
    else:
        background, pen = random.uniform(0.55, 0.8), random.uniform(0.1, 0.35)
    reflected = (background + (pen - background) * ink) * _light(random) + _grain(random)
    cast = np.array([1, random.uniform(0.92, 1), random.uniform(0.8, 1)])
    noise = random.normal(0, random.uniform(0.01, 0.04), (_HEIGHT, _WIDTH, 3))
    levels = ((reflected[..., None] * cast + noise).clip(0, 1) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=int(random.integers(50, 90)))
    return Image.open(file)


def _placed(drawing: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The ink at a random place and slightly out of focus: (height, width), 0 to 1."""
    side = int(random.integers(250, 600))
    place = int(random.integers(20, _WIDTH - side)), int(random.integers(10, _HEIGHT - side))
    picture = Image.new("L", (_WIDTH, _HEIGHT))
    picture.paste(Image.fromarray(drawing).resize((side, side), Image.Resampling.BICUBIC), place)
    blurred = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 1.8)))
    return np.asarray(blurred, dtype=np.float32) / 255


def _light(random: np.random.Generator) -> np.ndarray:
    """Brighter on one side, darker toward the corners; in 3 of 10 with the edge of a shadow."""
    y, x = np.mgrid[-0.5 : 0.5 : _HEIGHT * 1j, -0.5 : 0.5 : _WIDTH * 1j]
    light = 1 + random.uniform(-0.5, 0.5) * x + random.uniform(-0.5, 0.5) * y
    light -= random.uniform(0, 0.8) * (x**2 + y**2)
    if random.random() < 0.3:
        angle, place = random.uniform(0, 2 * np.pi), random.uniform(-0.2, 0.2)
        sharpness = random.uniform(15, 60)
        beyond = x * np.cos(angle) + y * np.sin(angle) - place
        light *= 1 - 0.35 / (1 + np.exp(-beyond * sharpness))
    return light


def _grain(random: np.random.Generator) -> np.ndarray:
    """The texture of the paper."""
    coarse = random.normal(0, 0.01, (_HEIGHT // 8, _WIDTH // 8)).astype(np.float32)
    fine = Image.fromarray(coarse).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)
    return np.asarray(fine)
