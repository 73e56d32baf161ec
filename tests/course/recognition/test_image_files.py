"""Only images of known formats and sizes are decoded; what else it is, is named."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from inkgrad.course.recognition.image_files import TooManyPixels, open_image


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC|identify|format|damaged"),
        (b"hello", "known format"),
    ],
)
def test_what_is_no_image_is_named(content: bytes, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        open_image(content, 100)


def _file(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("L", (20, 10)).save(file, kind)
    return file.getvalue()


def test_eps_is_not_handed_to_ghostscript() -> None:
    with pytest.raises(ValueError, match="known format"):
        open_image(_file("EPS"), 1000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_pixels_are_counted_before_they_are_decoded(kind: str) -> None:
    assert open_image(_file(kind), 200).size == (20, 10)
    with pytest.raises(TooManyPixels, match="20 x 10"):
        open_image(_file(kind), 199)


def test_a_truncated_file_is_an_error() -> None:
    file = io.BytesIO()
    Image.effect_noise((100, 100), 50).save(file, "JPEG")
    with pytest.raises(OSError, match="truncated"):
        open_image(file.getvalue()[:-1000], 10_000)
