"""Sheets of paper, canvases and boards in a picture: places where a digit may be drawn.

Each is a region that is lighter or darker than what is around it, and that fills most of its box.
Everything outside it is painted over.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy import ndimage

from inkgrad.course.recognition import ink
from inkgrad.course.recognition.picture import Picture

_SIDE = 160  # pixels of the long side of the view in which regions are located
_MIN_AREA, _MAX_AREA = 0.05, 0.95  # shares of the picture
_MIN_FILL = 0.55  # share of its box that a sheet seen at an angle covers
_MOST = 4


def inks(picture: Picture) -> Iterator[ink.Ink]:
    """The ink on a sheet or a canvas in a picture."""
    for sheet, left, top in _sheets(picture):
        found = ink.find(sheet)
        if found is None:
            continue
        yield ink.Ink(found.values, found.left + left, found.top + top, found.scale)


def _sheets(picture: Picture) -> Iterator[tuple[Picture, int, int]]:
    """The sheets, the largest first, each with its left and top in the picture."""
    gray = picture.gray
    factor = -(-max(gray.size) // _SIDE)
    view = np.asarray(gray.reduce(factor), np.float32)
    view = ndimage.gaussian_filter(view, 0.7)
    light = view > _threshold(view)
    regions = [region for mask in (light, ~light) for region in _regions(mask)]
    for region in sorted(regions, key=lambda one: -one.sum())[:_MOST]:
        yield _cut_out(gray, region, factor)


def _threshold(view: np.ndarray) -> float:
    """The level that separates two classes best (N. Otsu, 1979)."""
    counts, edges = np.histogram(view, 64)
    weight = np.cumsum(counts)
    total = np.cumsum(counts * edges[1:])
    rest = weight[-1] - weight
    with np.errstate(divide="ignore", invalid="ignore"):
        between = weight * rest * (total / weight - (total[-1] - total) / rest) ** 2
    return float(edges[1:][np.nan_to_num(between).argmax()])


def _regions(mask: np.ndarray) -> Iterator[np.ndarray]:
    opened = ndimage.binary_opening(mask, iterations=2)
    labels, _ = ndimage.label(opened)
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        region = ndimage.binary_fill_holes(labels == number)
        area, box = region.sum(), region[place].size
        if _MIN_AREA * mask.size < area < _MAX_AREA * mask.size and area > _MIN_FILL * box:
            yield ndimage.binary_erosion(region, iterations=2, border_value=1)


def _cut_out(gray: Image.Image, region: np.ndarray, factor: int) -> tuple[Picture, int, int]:
    ys, xs = np.nonzero(region)
    left, top = int(xs.min()), int(ys.min())
    part = region[top : ys.max() + 1, left : xs.max() + 1]
    right, bottom = int(xs.max()) + 1, int(ys.max()) + 1
    box = (left * factor, top * factor, right * factor, bottom * factor)
    cropped = gray.crop(box)
    # Outside there is the level of the nearest place of the sheet, because its light is uneven.
    _, nearest = ndimage.distance_transform_edt(~part, return_indices=True)
    view = ndimage.median_filter(np.asarray(cropped.reduce(factor)), 5)[tuple(nearest)]
    around = Image.fromarray(view).resize(cropped.size, Image.Resampling.BILINEAR)
    inside = Image.fromarray(part).resize(cropped.size, Image.Resampling.NEAREST)
    levels = np.where(np.asarray(inside), np.asarray(cropped), np.asarray(around))
    return Picture.of(Image.fromarray(levels)), box[0], box[1]
