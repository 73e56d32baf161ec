"""Only images of allowed formats and sizes are decoded."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from inkgrad.course.recognition.image_files import FORMATS, TooManyPixels, open_image

PICTURE = Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64).astype(np.uint8))


def saved(format: str) -> bytes:
    stream = io.BytesIO()
    PICTURE.save(stream, format)
    return stream.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_allowed_formats(format: str) -> None:
    assert open_image(saved(format), 64 * 48).size == (64, 48)


@pytest.mark.parametrize("format", ["EPS", "PDF", "PPM", "TGA", "ICO", "PCX"])
def test_other_formats_are_not_even_identified(format: str) -> None:
    with pytest.raises(UnidentifiedImageError, match="not an image file"):
        open_image(saved(format), 10**6)


def test_too_many_pixels_are_not_decoded() -> None:
    content = saved("PNG")
    header = content.index(b"IHDR") + 4
    bomb = content[:header] + (30_000).to_bytes(4, "big") * 2 + content[header + 8 :]
    with pytest.raises((TooManyPixels, OSError)):
        open_image(bomb, 10**6)
    with pytest.raises(TooManyPixels) as raised:
        open_image(content, 64 * 48 - 1)
    assert raised.value.size == (64, 48)


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_images_raise_oserror(format: str) -> None:
    content = saved(format)
    for damaged in (content[: len(content) // 2], content[:30] + b"\xff" * 40 + content[70:]):
        try:
            open_image(damaged, 10**6)
        except OSError:
            pass
        except TooManyPixels:  # the damage is in the size
            pass
