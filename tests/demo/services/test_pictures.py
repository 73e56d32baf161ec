"""Picture files in base64: any common format is decoded, anything else refused."""

from __future__ import annotations

import base64
import io
from typing import Annotated, Any

import numpy as np
import pytest

pytest.importorskip("gradio")

from PIL import Image

from inkgrad_demo.services.pictures import PICTURE, drawing, to_base64
from inkgrad_demo.services.request_validation import Request, parse
from strokes import SEVEN, raster


class PictureRequest(Request):
    image: Annotated[Image.Image, PICTURE]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _file(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_a_picture_file_is_decoded(kind: str) -> None:
    page = Image.fromarray(255 - raster(SEVEN, 300))
    data = _file(page, kind)
    wrapped = base64.encodebytes(data).decode()  # in lines, as the base64 command prints it
    for text in (_base64(data), wrapped, f"data:image/{kind.lower()};base64,{_base64(data)}"):
        decoded = parse(PictureRequest, {"image": text}).image.convert("L")
        np.testing.assert_allclose(np.array(decoded, int), np.array(page, int), atol=40)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (3, "image: expected base64 text, got 3"),
        (None, "image: expected base64 text, got None"),
        ("", "image: not an image file"),
        ("data:,", "image: not an image file"),
        ("%%%%", "image: not base64"),
        (_base64(b"hello"), "image: not an image file"),
        (_base64(_file(Image.new("L", (64, 64), 9))[:60]), "image: damaged or too large"),
        (_base64(_file(Image.new("1", (5001, 5000)))), "image: expected at most 24000000 pixels"),
        (_base64(_file(Image.new("1", (30000, 30000)))), "image: damaged or too large"),
    ],
)
def test_a_bad_picture_file_is_refused(text: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        parse(PictureRequest, {"image": text})


def test_ink_is_opacity() -> None:
    levels = raster(SEVEN, 140)
    rgba = drawing(levels.tobytes())
    assert rgba.shape == (140, 140, 4)
    np.testing.assert_array_equal(rgba[:, :, 3], levels)
    assert not rgba[:, :, :3].any()


def test_values_are_rounded_to_bytes() -> None:
    text = to_base64(np.array([0, 0.5, 1, 1 / 255]))
    assert list(base64.b64decode(text)) == [0, 128, 255, 1]
