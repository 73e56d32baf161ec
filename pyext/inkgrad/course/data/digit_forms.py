"""Digits in the forms in which they reach the app: drawn with a pen, printed, scanned coarsely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from inkgrad.course.data.datasets import Examples
from inkgrad.course.data.glyphs import glyph
from inkgrad.course.data.skeleton import trace
from inkgrad.course.data.strokes import Pen, Strokes, draw
from inkgrad.course.data.styles import STYLES, bent
from inkgrad.course.recognition.preprocess import prepare

Drawing = tuple[np.ndarray, int]  # of any size, and its label


def examples(drawings: Iterator[Drawing]) -> Examples:
    """Preprocess drawings of digits; those in which nothing is found are left out."""
    prepared = ((prepare(image), label) for image, label in drawings)
    found = [(one.image, label) for one, label in prepared if not one.empty]
    levels = np.rint(np.array([image for image, _ in found]) * 255).astype(np.uint8)
    labels = torch.tensor([int(label) for _, label in found])
    return Examples(torch.from_numpy(levels)[:, None], labels)


def drawn(digits: Examples, count: int, random: np.random.Generator) -> Iterator[Drawing]:
    """MNIST's digits as pen strokes, with pens from thin to thick."""
    for n in random.integers(len(digits), size=count):
        image = digits.inputs[n, 0].numpy() / 255
        if image.max() < 0.6:
            continue
        pen = Pen(
            side=140,
            width=float(np.exp(random.uniform(np.log(0.015), np.log(0.14)))),
            height=random.uniform(0.3, 0.85),
            center=(0.5, 0.5),
            angle=random.uniform(-0.15, 0.15),
            slant=random.uniform(-0.2, 0.15),
        )
        yield draw(trace(image), pen), int(digits.targets[n])


def coarse(digits: Examples, count: int, random: np.random.Generator) -> Iterator[Drawing]:
    """Digits in 8 x 8 to 12 x 12 pixels, as coarse scans are: MNIST's, and those of thick pens."""
    styles = list(STYLES.values())
    for n in random.integers(len(digits), size=count):
        side = int(random.integers(8, 13))
        image, label = digits.inputs[n, 0].numpy(), int(digits.targets[n])
        kind = random.random()
        if kind < 0.4:
            small = Image.fromarray(image[3:25, 3:25]).resize((side, side), Image.Resampling.BOX)
            yield (np.asarray(small) / 255 * random.uniform(1, 1.5)).clip(0, 1), label
        elif kind < 0.75:
            if image.max() > 150:
                yield _scanned(trace(image / 255), side, random), label
        else:
            label, lines = styles[int(random.integers(len(styles)))]
            yield _scanned(bent(lines, random), side, random), label


def _scanned(strokes: Strokes, side: int, random: np.random.Generator) -> np.ndarray:
    """A binary scan whose digit is as high as the image and somewhat stretched, reduced to
    ``side`` x ``side``."""
    pen = Pen(
        side=96,
        width=random.uniform(0.06, 0.22),
        height=0.75,
        center=(0.5, 0.5),
        angle=random.uniform(-0.15, 0.15),
        slant=random.uniform(-0.2, 0.15),
    )
    inked = draw(strokes, pen)
    ys, xs = np.nonzero(inked)
    digit = Image.fromarray(inked[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1])
    wide = round(32 * digit.width / digit.height * random.uniform(0.8, 1.4))
    wide = min(max(wide, 6), 28)
    scan = Image.new("L", (32, 32))
    scan.paste(digit.resize((wide, 32)), ((32 - wide) // 2, 0))
    binary = scan.point([255 * (level > 127) for level in range(256)])
    return np.asarray(binary.resize((side, side), Image.Resampling.BOX)) / 255


def printed(fonts: Sequence[Path]) -> Iterator[Drawing]:
    """The digits of fonts."""
    for font in fonts:
        for digit in range(10):
            image = glyph(font, str(digit))
            if image is not None:
                yield np.pad(image, 10), digit
