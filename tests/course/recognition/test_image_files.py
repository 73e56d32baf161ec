"""Only images of known formats and sizes are decoded; other files are named."""

from __future__ import annotations

import contextlib
import io
import zlib

import numpy as np
import pytest
from PIL import Image

from inkgrad.course.recognition.image_files import FORMATS, TooManyPixels, open_image

PICTURE = Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64).astype(np.uint8))


def saved(format: str) -> bytes:
    stream = io.BytesIO()
    PICTURE.save(stream, format)
    return stream.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_allowed_formats(format: str) -> None:
    content = saved(format)
    assert open_image(content, 64 * 48).size == (64, 48)
    with pytest.raises(TooManyPixels, match="64 x 48") as raised:
        open_image(content, 64 * 48 - 1)
    assert raised.value.size == (64, 48)


@pytest.mark.parametrize("format", ["EPS", "PPM", "TGA", "ICO", "PCX"])
def test_other_formats_are_not_even_identified(format: str) -> None:
    """EPS would be handed to Ghostscript."""
    with pytest.raises(ValueError, match="known format"):
        open_image(saved(format), 10**6)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC|identify|format|damaged"),
        (b"hello", "known format"),
    ],
)
def test_other_files_are_named(content: bytes, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        open_image(content, 100)


def test_too_many_pixels_are_not_decoded() -> None:
    content = saved("PNG")
    begin = content.index(b"IHDR")
    header = b"IHDR" + (10_000).to_bytes(4, "big") * 2 + content[begin + 12 : begin + 17]
    checksum = zlib.crc32(header).to_bytes(4, "big")
    with pytest.raises(TooManyPixels, match="10000 x 10000"):
        open_image(content[:begin] + header + checksum + content[begin + 21 :], 10**6)


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_images_raise_no_other_errors(format: str) -> None:
    content = saved(format)
    for damaged in (content[: len(content) // 2], content[:30] + b"\xff" * 40 + content[70:]):
        with contextlib.suppress(OSError, ValueError):
            open_image(damaged, 10**6)
