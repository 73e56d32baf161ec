"""Separating ink from its background: the second step of preprocessing.

A canvas or a scan has one background level, and ink is what differs from it. A photograph has
uneven light and noise: the paper is estimated from structures wider than any stroke, and ink is
what stands out from the paper by more than the noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from scipy import ndimage

from inkgrad.course.recognition.picture import Picture

# Long sides in pixels of the two views. The coarse one locates paper and ink; the fine one has the
# strokes, with ten pixels for each of the 20 that the digit will have.
_COARSE, _FINE = 128, 200

# Images up to this long side are cropped digits (MNIST's 28, scikit-learn's 8), too small to
# estimate a background from or to have specks; so are strips narrower than _STRIP of their length.
CUT_OUT = 32
_STRIP = 1 / 16

# Adjacent pixels, including diagonal ones.
_NEIGHBORS = np.ones((3, 3), bool)

# The widest stroke of a photograph, as a fraction of its long side.
_MAX_STROKE = 0.2

# The least change from a pixel to the next at the edge of a stroke, as a fraction of its contrast.
_MIN_STEP = 0.1

# The share of what is beside a stroke that may be as dark as it.
_BESIDE = 0.25

# The long side of a slip of the pen is at most this share of the picture's.
_SLIP = 0.16

# Levels of 255: how much compression changes a flat background, and the lowest contrast of ink.
_FLAT, _MIN_CONTRAST = 2, 15


@dataclass(frozen=True)
class Ink:
    """Ink and where it is.

    ``values``: (h, w) float32, 0 background to 1 ink. Each stands for ``scale`` x ``scale`` pixels
    of the picture; the first for those from ``left`` and ``top`` on. ``photographed``: the
    background had no single level.
    """

    values: np.ndarray
    left: int = 0
    top: int = 0
    scale: int = 1
    photographed: bool = False

    def part(self, top: int, bottom: int, left: int, right: int) -> Ink:
        """These rows and columns; ends are exclusive."""
        values = self.values[top:bottom, left:right]
        return Ink(values, self.left + left * self.scale, self.top + top * self.scale, self.scale)

    def cropped(self, threshold: float = 0.1) -> Ink:
        """The smallest part with everything above ``threshold``, which must not be empty."""
        return self.part(*box_of(self.values > threshold))

    def times(self, mask: np.ndarray) -> Ink:
        """The part where ``mask``, (h, w) bool, is true, which must have ink above 0.1."""
        return Ink(self.values * mask, self.left, self.top, self.scale).cropped()

    def holds(self, other: Ink) -> bool:
        """Whether most of the other ink is here, too."""
        rows, columns = np.nonzero(other.values > 0.5)
        y = (rows * other.scale + other.top - self.top) // self.scale
        x = (columns * other.scale + other.left - self.left) // self.scale
        height, width = self.values.shape
        within = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        return bool((self.values[y[within], x[within]] > 0.3).sum() > 0.5 * len(rows))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """left, top, right and bottom in pixels of the picture; ends are exclusive."""
        height, width = self.values.shape
        return (
            self.left,
            self.top,
            self.left + width * self.scale,
            self.top + height * self.scale,
        )


def find(picture: Picture) -> Ink | None:
    """Find and crop the drawing; None if there is none."""
    gray = picture.gray
    darkest, lightest = int(picture.levels.min()), int(picture.levels.max())
    if lightest - darkest < _MIN_CONTRAST:
        return None
    background = picture.background
    if background is None:
        background = _flat_background(picture, darkest, lightest)
    if background is None:
        found = _on_paper(gray)
    else:
        found = _on_flat(picture, background, darkest, lightest)
    return None if found is None or _is_speck(found, gray) else found


# -- one background level --


def _flat_background(picture: Picture, darkest: int, lightest: int) -> int | None:
    """The level of the background if it has a single one, else None."""
    levels = picture.levels
    if max(levels.shape) <= CUT_OUT or min(levels.shape) < _STRIP * max(levels.shape):
        return lightest if _is_light(levels, (darkest + lightest) / 2) else darkest
    # Fast path: if most pixels equal the corner, that is the background.
    corner = int(levels[0, 0])
    if np.count_nonzero(levels == corner) > 0.75 * levels.size:
        return corner
    counts = np.array(picture.gray.histogram())
    mode = int(counts.argmax())
    beside = counts[max(0, mode - 1) : mode + 2].sum() - counts[mode]
    # Camera noise makes the counts of neighboring levels similar; a canvas or a scan has one level.
    is_flat = counts[mode] > 0.3 * counts.sum() and counts[mode] > 3 * beside
    return mode if is_flat else None


def _is_light(levels: np.ndarray, middle: float) -> bool:
    """Whether most of a small image is light; its border has the same weight as all of it."""
    light = levels > middle
    border = np.concatenate([light[0], light[-1], light[1:-1, 0], light[1:-1, -1]])
    return bool(border.mean() + light.mean() > 1.0)


def _on_flat(picture: Picture, background: int, darkest: int, lightest: int) -> Ink:
    """``darkest`` and ``lightest`` are the extreme levels of the picture."""
    peak = max(lightest - background, background - darkest)
    # The box of everything above a tenth of full ink excludes the ringing of compression.
    tenth = -(-peak // 10)
    levels = picture.levels
    rows, columns = (np.zeros(extent, bool) for extent in levels.shape)
    if lightest >= background + tenth:
        rows |= levels.max(1) >= background + tenth
        columns |= levels.max(0) >= background + tenth
    if darkest <= background - tenth:
        rows |= levels.min(1) <= background - tenth
        columns |= levels.min(0) <= background - tenth
    (top, bottom), (left, right) = _ends(rows), _ends(columns)
    fine, factor = _shrink(picture.gray, _FINE, (left, top, right, bottom))
    contrast = np.abs(fine - background)
    ink = Ink(contrast * (contrast > _FLAT) / peak, left, top, factor)
    if max(levels.shape) <= CUT_OUT:
        return ink
    inked = ink.values > 0.3
    kept = _without_specks(inked)
    if kept is not inked:
        ink = ink.times(ndimage.binary_dilation(kept, iterations=2))
    return ink


# -- uneven light and noise --


def _on_paper(gray: Image.Image) -> Ink | None:
    view, scale = _shrink(gray, _COARSE)
    dark_ink = _skewness(view - ndimage.gaussian_filter(view, _COARSE / 10)) < 0
    view = ndimage.gaussian_filter(255 - view if dark_ink else view, 0.7)
    paper = _opening(view, round(max(view.shape) * _MAX_STROKE) | 1)
    # Dark ink absorbs a share of the light, so its contrast is lower where there is less light.
    light = 255 - paper if dark_ink else np.full_like(paper, 255)
    gain = np.clip(light.mean() / np.maximum(light, 1), 0, 3)

    inked = _inked(gain * (view - paper))
    if inked is not None:
        inked = _without_edges(inked, view, paper)
    if inked is None:
        return None
    near = ndimage.binary_dilation(inked, iterations=2)
    top, bottom, left, right = box_of(near)
    place = (
        left * scale,
        top * scale,
        min(right * scale, gray.width),  # the last block may be incomplete
        min(bottom * scale, gray.height),
    )
    fine, factor = _shrink(gray, _FINE, place)

    def enlarged(part: np.ndarray) -> np.ndarray:
        image = Image.fromarray(part[top:bottom, left:right].astype(np.float32))
        return np.asarray(image.resize(fine.shape[::-1], Image.Resampling.BILINEAR))

    contrast = (255 - fine if dark_ink else fine) - enlarged(paper)
    contrast = ndimage.gaussian_filter(contrast * enlarged(gain * near), 0.7)
    if _is_soft(contrast):
        return None
    # A soft transition from paper to ink keeps the gray of the edges.
    ink = np.clip(contrast / _mean_of_top(contrast, 0.05) * 2 - 0.5, 0, 1)
    return replace(Ink(ink, place[0], place[1], factor).cropped(), photographed=True)


def _inked(contrast: np.ndarray) -> np.ndarray | None:
    """Where there is ink, by its contrast with the paper; None if it may all be noise."""
    edge = max(1, round(min(contrast.shape) * 0.05))  # where vignetting looks like ink
    inner = contrast[edge:-edge, edge:-edge]
    peak = _mean_of_top(inner, 0.002)
    noise = 1.5 * float(np.median(np.abs(inner - np.median(inner))))
    if peak < max(_MIN_CONTRAST, 8 * noise):
        return None
    return _without_specks(_clear_of_border(contrast > peak / 2))


def _without_edges(inked: np.ndarray, view: np.ndarray, paper: np.ndarray) -> np.ndarray | None:
    """Remove parts of the edge of something large, which goes on beside them at the same level."""
    components, count = ndimage.label(inked, _NEIGHBORS)
    kept = np.zeros_like(inked)
    for number in range(1, count + 1):
        one = components == number
        beside = ndimage.binary_dilation(one, iterations=4) & ~ndimage.binary_dilation(inked)
        middle = (view[one].mean() + paper[one].mean()) / 2
        if beside.any() and (view[beside] > middle).mean() < _BESIDE:
            kept |= one
    return kept if kept.any() else None


def _is_soft(contrast: np.ndarray) -> bool:
    """Whether it only changes gradually, as a shadow does, and has no edge of a stroke."""
    steps = np.hypot(*np.gradient(contrast)) / _mean_of_top(contrast, 0.05)
    return _mean_of_top(steps, 0.02) < _MIN_STEP


def _opening(view: np.ndarray, window: int) -> np.ndarray:
    """Remove what is lighter than its surroundings and narrower than the window."""
    # Extrapolate light that increases toward the border.
    margin = min(window, min(view.shape) - 1)
    wider = np.pad(view, margin, mode="reflect", reflect_type="odd")
    opened = ndimage.maximum_filter(ndimage.minimum_filter(wider, window), window)
    return opened[margin:-margin, margin:-margin]


def _skewness(values: np.ndarray) -> float:
    """Negative if the few values far from the mean are lower (dark ink), else positive."""
    return float(((values - values.mean()) ** 3).mean())


def _mean_of_top(values: np.ndarray, share: float) -> float:
    count = max(1, int(values.size * share))
    return float(np.partition(values, -count, axis=None)[-count:].mean())


# -- connected components --


def _clear_of_border(inked: np.ndarray) -> np.ndarray:
    """Remove what touches the border (a table, a shadow), if enough for a digit remains."""
    components, count = ndimage.label(inked, _NEIGHBORS)
    border = np.concatenate([components[0], components[-1], components[:, 0], components[:, -1]])
    clear = inked & ~np.isin(components, np.unique(border))
    if count == 0 or not clear.any():
        return inked
    top, bottom, left, right = box_of(clear)
    return clear if max(bottom - top, right - left) > 0.1 * max(inked.shape) else inked


def _without_specks(inked: np.ndarray) -> np.ndarray:
    """Remove components below 1/100 of the largest; returns the same array if there are none."""
    components, count = ndimage.label(inked, _NEIGHBORS)
    if count < 2:
        return inked
    areas = np.bincount(components.ravel())
    areas[0] = 0
    speck = areas * 100 < areas.max()
    speck[0] = False
    return inked & ~speck[components] if speck.any() else inked


def _is_speck(ink: Ink, gray: Image.Image) -> bool:
    """Whether the ink is only a dot or a slip of the pen, or too small for a digit."""
    height, width = ink.values.shape
    share = max(height, width) * ink.scale / max(gray.size)
    if share < 0.03 or (share < _SLIP and _is_solid(ink.values)):
        return True
    return 0.7 < height / width < 1.4 and float(ink.values.mean()) > 0.7


def _is_solid(values: np.ndarray) -> bool:
    """Whether it is one blot without holes, less than 2.5 times as long as wide."""
    covariance = np.cov(np.nonzero(values > 0.5))
    short, long = np.sqrt(np.linalg.eigvalsh(covariance).clip(0.1))
    area = np.count_nonzero(values > 0.5)
    # An ellipse has four times these half-axes' product times pi, and a stick a little less.
    return bool(short > 0.4 * long and area > 0.8 * 4 * np.pi * short * long)


def box_of(inked: np.ndarray) -> tuple[int, int, int, int]:
    """top, bottom, left and right (ends exclusive) of the nonzero pixels."""
    return *_ends(inked.any(1)), *_ends(inked.any(0))


def _ends(inked: ArrayLike) -> tuple[int, int]:
    """The index of the first nonzero value, and the index after the last."""
    indices = np.flatnonzero(inked)
    return int(indices[0]), int(indices[-1]) + 1


def _shrink(
    gray: Image.Image, side: int, box: tuple[int, int, int, int] | None = None
) -> tuple[np.ndarray, int]:
    """Average over blocks of pixels, so that the long side is at most ``side``.

    ``box`` restricts that to a part: left, top, right, bottom. Returns float32 levels, 0 to 255,
    and the side of a block.
    """
    left, top, right, bottom = box or (0, 0, *gray.size)
    factor = -(-max(right - left, bottom - top) // side)
    part = gray.reduce(factor, box) if factor > 1 else gray.crop(box) if box else gray
    return np.asarray(part, dtype=np.float32), factor
