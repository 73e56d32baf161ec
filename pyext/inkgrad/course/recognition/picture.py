"""Reading an image of any kind as gray levels: the first step of preprocessing.

A drawing is an array, a tensor or a PIL image, with or without colors and transparency. The result
is one 8-bit gray image, with its background level if that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

# Levels of 255: ink whose levels differ by less has one color.
_ONE_COLOR = 16


# Frames of an animation among which the first that is not blank is looked for.
_MAX_FRAMES = 32

# Where the lightness varies by fewer levels, the ink may differ from the paper by its color only.
_LOW_CONTRAST = 60

_BIT_DEPTHS = (8, 10, 12, 14, 16, 32)


@dataclass(frozen=True)
class Picture:
    """A gray ("L") image, its levels as an array (h, w) of uint8, and the level of the background;
    None if that is unknown."""

    gray: Image.Image
    levels: np.ndarray
    background: int | None = None

    @classmethod
    def of(cls, gray: Image.Image, background: int | None = None) -> Picture:
        return cls(gray, np.asarray(gray), background)


def read(image: Any) -> Picture:
    """Read ``image``, which is anything that :func:`.preprocess.prepare` accepts."""
    if isinstance(image, Image.Image):
        if 0 in image.size:
            width, height = image.size
            raise ValueError(f"image: expected at least one pixel, got {height} x {width}")
        return _from_pil(visible(image))
    return _from_array(np.asarray(image))


def visible(image: Image.Image) -> Image.Image:
    """The image upright, with 8 bits a channel, and of an animation the first frame that is not
    blank."""
    upright = ImageOps.exif_transpose(_frame(image))
    if upright.mode == "F" or upright.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(upright)))
    return upright


def _frame(image: Image.Image) -> Image.Image:
    frames = getattr(image, "n_frames", 1)
    if frames == 1:
        return image
    for number in range(min(frames, _MAX_FRAMES)):
        image.seek(number)
        levels = np.asarray(image.convert("LA"))
        if np.ptp(levels, axis=(0, 1)).any():
            return image.copy()
    image.seek(0)
    return image


def _eight_bits(levels: np.ndarray) -> np.ndarray:
    """Levels of any bit depth as uint8. Those of a float image are from 0 to 1, or as integers."""
    if not np.isfinite(levels).all():
        raise ValueError("image: expected finite values, got NaN or infinity")
    if levels.dtype.kind == "f" and levels.max() <= 1.1:
        return _to_uint8(levels)
    depth = next(bits for bits in _BIT_DEPTHS if levels.max() < 2**bits or bits == _BIT_DEPTHS[-1])
    return (levels.clip(0, 2**depth - 1) / (2**depth - 1) * 255 + 0.5).astype(np.uint8)


def _gray(image: Image.Image) -> Image.Image:
    """Lightness; where it hardly varies, the position along the direction in which colors do."""
    gray = image if image.mode == "L" else image.convert("L")
    contrast = int(np.ptp(np.asarray(gray)))
    if image.mode in ("L", "1", "LA") or contrast >= _LOW_CONTRAST:
        return gray
    colors = np.asarray(image.convert("RGB"), np.float32)
    spread = np.ptp(colors, axis=(0, 1)).max()
    return by_color(colors) if spread > 1.5 * contrast else gray


def by_color(colors: np.ndarray) -> Image.Image:
    """The position of each color (h, w, 3) along the direction in which they vary most, as gray."""
    centered = colors.reshape(-1, 3) - colors.mean((0, 1))
    _, directions = np.linalg.eigh(centered.T @ centered)
    along = (centered @ directions[:, -1]).reshape(colors.shape[:2])
    low, high = along.min(), along.max()
    scaled = (along - low) / max(high - low, 1.0) * min(255.0, high - low)
    return Image.fromarray(scaled.astype(np.uint8))


def _from_array(array: np.ndarray) -> Picture:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ValueError(
            f"image: expected an array of shape H x W, H x W x 3 (RGB) or H x W x 4 (RGBA), "
            f"got shape {tuple(array.shape)}"
        )
    if array.size == 0:
        raise ValueError(f"image: expected at least one pixel, got shape {tuple(array.shape)}")
    levels = np.ascontiguousarray(_to_uint8(array))
    image = Image.fromarray(levels)
    return Picture(image, levels) if levels.ndim == 2 else _from_pil(image)


def _to_uint8(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind != "f":
        raise ValueError(f"image: expected dtype uint8, bool or a float, got {array.dtype}")
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):  # min and max propagate NaN
        raise ValueError("image: expected finite values, got NaN or infinity")
    # Resampling overshoots slightly: that much is clipped, not rejected.
    if low < -0.1 or high > 1.1:
        raise ValueError(
            f"image: expected float values in [0, 1] (or dtype uint8 in 0..255), "
            f"got values from {low:.4g} to {high:.4g}"
        )
    return (np.clip(array, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _from_pil(image: Image.Image) -> Picture:
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        return _without_transparency(image.convert("RGBA"))
    return Picture.of(_gray(image))


def _without_transparency(image: Image.Image) -> Picture:
    """The gray levels of an RGBA image, in which transparent pixels are not ink.

    On a transparent canvas the ink may have any color: its opacity is the drawing. In an image with
    a background of its own, such as a photograph with round corners, transparent pixels get the
    level of the background.
    """
    opacity = image.getchannel("A")
    counts = np.array(opacity.histogram())
    transparent, opaque = counts[:128].sum(), counts[128:].sum()
    if transparent > opaque:
        return Picture.of(opacity, background=0)
    gray = _gray(image.convert("RGB"))
    if counts[255] == counts.sum():
        return Picture.of(gray)
    mask = opacity.point([255 * (level > 127) for level in range(256)])
    levels = np.array(gray.histogram(mask=mask))
    present = np.flatnonzero(levels)
    if present[-1] - present[0] < _ONE_COLOR:
        return Picture.of(opacity, background=0)
    median = int(np.searchsorted(np.cumsum(levels), opaque / 2))
    paper = Image.new("L", image.size, median)
    paper.paste(gray, mask=opacity)
    return Picture.of(paper)
