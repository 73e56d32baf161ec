"""Ink apart from what it is drawn on: the second step of preprocessing.

A canvas or a scan has one background level, and ink is what differs from it. A photograph has
uneven light and noise: its paper is estimated from what is wider than any stroke, and ink is what
stands out from the paper by more than the noise does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from scipy import ndimage

from inkgrad.course.recognition.picture import Picture

# Long sides in pixels of the two views that are worked on. The coarse one shows paper and place,
# the fine one the strokes: ten of its pixels make one of the 20 that the digit is to have.
_COARSE, _FINE = 128, 200

# Up to this long side a picture is a digit already cut out (MNIST's 28, scikit-learn's 8): nothing
# to estimate a background from, no room for specks. Nor is there in a strip narrower than a _STRIP
# of its length.
_CUT_OUT = 32
_STRIP = 1 / 16

# Pixels that touch one, corners included.
_NEIGHBOURS = np.ones((3, 3), bool)

# The widest stroke of a photograph, as a share of its long side.
_WIDEST = 0.2

# Levels of 255: how far compression moves a flat background, and the contrast below which nothing
# is ink.
_FLAT, _FAINTEST = 2, 15


def find(picture: Picture) -> np.ndarray | None:
    """The drawing in ``picture``, cropped: (h, w) float32, 0 background to 1 ink; None if none."""
    grey = picture.grey
    darkest, lightest = int(picture.levels.min()), int(picture.levels.max())
    if lightest - darkest < _FAINTEST:
        return None
    background = picture.background
    if background is None:
        background = _flat_background(picture, darkest, lightest)
    if background is None:
        found = _on_paper(grey)
    else:
        found = _on_flat(picture, background, darkest, lightest)
    if found is None or _is_speck(*found, grey):
        return None
    return found[0]


def crop(ink: np.ndarray, threshold: float = 0.1) -> np.ndarray:
    """The part of ``ink`` that holds everything above ``threshold`` (there must be something)."""
    top, bottom, left, right = _box(ink > threshold)
    return ink[top:bottom, left:right]


# -- one background level --


def _flat_background(picture: Picture, darkest: int, lightest: int) -> int | None:
    """The level of the background where there is a single one, else None."""
    levels = picture.levels
    if max(levels.shape) <= _CUT_OUT or min(levels.shape) < _STRIP * max(levels.shape):
        return lightest if _is_light(levels, (darkest + lightest) / 2) else darkest
    # Of a canvas most is as its corner is: then what follows would find the same, in more time.
    corner = int(levels[0, 0])
    if np.count_nonzero(levels == corner) > 0.75 * levels.size:
        return corner
    counts = np.array(picture.grey.histogram())
    mode = int(counts.argmax())
    beside = counts[max(0, mode - 1) : mode + 2].sum() - counts[mode]
    # A camera's noise gives neighbouring levels like counts; a canvas or a scan has one level.
    is_flat = counts[mode] > 0.3 * counts.sum() and counts[mode] > 3 * beside
    return mode if is_flat else None


def _is_light(levels: np.ndarray, middle: float) -> bool:
    """Whether most of a small picture is light, its border counting as much as all of it."""
    light = levels > middle
    border = np.concatenate([light[0], light[-1], light[1:-1, 0], light[1:-1, -1]])
    return bool(border.mean() + light.mean() > 1.0)


def _on_flat(
    picture: Picture, background: int, darkest: int, lightest: int
) -> tuple[np.ndarray, int]:
    """The ink and how many of the picture's pixels one of its pixels is wide.

    ``darkest``, ``lightest``: the levels that there are.
    """
    peak = max(lightest - background, background - darkest)
    # The box of what is a tenth of full ink: the ringing of compression stays outside.
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
    fine, factor = _shrink(picture.grey, _FINE, (left, top, right, bottom))
    contrast = np.abs(fine - background)
    ink = contrast * (contrast > _FLAT) / peak
    if max(levels.shape) <= _CUT_OUT:
        return ink, factor
    inked = ink > 0.3
    kept = _without_specks(inked)
    if kept is not inked:
        ink = crop(ink * ndimage.binary_dilation(kept, iterations=2))
    return ink, factor


# -- uneven light and noise --


def _on_paper(grey: Image.Image) -> tuple[np.ndarray, int] | None:
    """As :func:`_on_flat`."""
    view, scale = _shrink(grey, _COARSE)
    dark_ink = _skewness(view - ndimage.gaussian_filter(view, _COARSE / 10)) < 0
    view = ndimage.gaussian_filter(255 - view if dark_ink else view, 0.7)
    paper = _opening(view, round(max(view.shape) * _WIDEST) | 1)
    # Dark ink takes away a share of the light: less where there is less of it.
    light = 255 - paper if dark_ink else np.full_like(paper, 255)
    gain = np.clip(light.mean() / np.maximum(light, 1), 0, 3)

    inked = _inked(gain * (view - paper))
    if inked is None:
        return None
    near = ndimage.binary_dilation(inked, iterations=2)
    top, bottom, left, right = _box(near)
    place = (
        left * scale,
        top * scale,
        min(right * scale, grey.width),  # the last block may be a part of one
        min(bottom * scale, grey.height),
    )
    fine, factor = _shrink(grey, _FINE, place)

    def enlarged(part: np.ndarray) -> np.ndarray:
        image = Image.fromarray(part[top:bottom, left:right].astype(np.float32))
        return np.asarray(image.resize(fine.shape[::-1], Image.Resampling.BILINEAR))

    contrast = (255 - fine if dark_ink else fine) - enlarged(paper)
    contrast = ndimage.gaussian_filter(contrast * enlarged(gain * near), 0.7)
    # Softly from paper to ink, so that the edges keep their grey.
    ink = np.clip(contrast / _mean_of_top(contrast, 0.05) * 2 - 0.5, 0, 1)
    return crop(ink), factor


def _inked(contrast: np.ndarray) -> np.ndarray | None:
    """Where there is ink, by its contrast with the paper; None if all of it may be noise."""
    edge = max(1, round(min(contrast.shape) * 0.05))  # where light that falls off looks like ink
    inner = contrast[edge:-edge, edge:-edge]
    peak = _mean_of_top(inner, 0.002)
    noise = 1.5 * float(np.median(np.abs(inner - np.median(inner))))
    if peak < max(_FAINTEST, 8 * noise):
        return None
    return _without_specks(_clear_of_border(contrast > peak / 2))


def _opening(view: np.ndarray, window: int) -> np.ndarray:
    """Without what is lighter than its surroundings and narrower than the window."""
    # Light that grows towards the border goes on growing beyond it.
    margin = min(window, min(view.shape) - 1)
    wider = np.pad(view, margin, mode="reflect", reflect_type="odd")
    opened = ndimage.maximum_filter(ndimage.minimum_filter(wider, window), window)
    return opened[margin:-margin, margin:-margin]


def _skewness(values: np.ndarray) -> float:
    """Negative where the few values far from the mean are lower (dark ink), else positive."""
    return float(((values - values.mean()) ** 3).mean())


def _mean_of_top(values: np.ndarray, share: float) -> float:
    count = max(1, int(values.size * share))
    return float(np.partition(values, -count, axis=None)[-count:].mean())


# -- pieces --


def _clear_of_border(inked: np.ndarray) -> np.ndarray:
    """Without what touches the picture's border (a table, a shadow), if a digit's worth remains."""
    pieces, count = ndimage.label(inked, _NEIGHBOURS)
    border = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    clear = inked & ~np.isin(pieces, np.unique(border))
    if count == 0 or not clear.any():
        return inked
    top, bottom, left, right = _box(clear)
    return clear if max(bottom - top, right - left) > 0.1 * max(inked.shape) else inked


def _without_specks(inked: np.ndarray) -> np.ndarray:
    """Without pieces below a hundredth of the largest; the same array if there are none."""
    pieces, count = ndimage.label(inked, _NEIGHBOURS)
    if count < 2:
        return inked
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    speck = areas * 100 < areas.max()
    speck[0] = False
    return inked & ~speck[pieces] if speck.any() else inked


def _is_speck(ink: np.ndarray, factor: int, grey: Image.Image) -> bool:
    """Whether it is no more than a dot: a pen set down, or too small in its picture for a digit."""
    height, width = ink.shape
    if max(ink.shape) * factor < 0.03 * max(grey.size):
        return True
    return 0.7 < height / width < 1.4 and float(ink.mean()) > 0.7


def _box(inked: np.ndarray) -> tuple[int, int, int, int]:
    """top, bottom, left, right (ends exclusive) of what is set."""
    return *_ends(inked.any(1)), *_ends(inked.any(0))


def _ends(inked: ArrayLike) -> tuple[int, int]:
    """The first of what is set in a row, and what comes after the last."""
    there = np.flatnonzero(inked)
    return int(there[0]), int(there[-1]) + 1


def _shrink(
    grey: Image.Image, side: int, box: tuple[int, int, int, int] | None = None
) -> tuple[np.ndarray, int]:
    """Averaged over whole blocks of pixels until the long side is at most ``side``.

    ``box``: of this part alone: left, top, right, bottom. Returns float32 levels, 0 to 255, and the
    side of a block.
    """
    left, top, right, bottom = box or (0, 0, *grey.size)
    factor = -(-max(right - left, bottom - top) // side)
    part = grey.reduce(factor, box) if factor > 1 else grey.crop(box) if box else grey
    return np.asarray(part, dtype=np.float32), factor
