"""Files of any bit depth, color and number of frames become the same gray levels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from drawings import drawing
from inkgrad.course.recognition.image_files import open_image
from inkgrad.course.recognition.preprocess import prepare

INK = drawing(200)


def _reopened(image: Image.Image, kind: str, **options: object) -> Image.Image:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return open_image(file.getvalue(), 10**6)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("largest", [255, 1023, 4095, 65535])
def test_levels_of_any_bit_depth_are_read(dtype: type, largest: int) -> None:
    levels = (INK / 255 * largest).astype(dtype)
    image = _reopened(Image.fromarray(levels), "TIFF")
    np.testing.assert_allclose(prepare(image).image, prepare(INK).image, atol=0.03)


def test_ink_that_differs_only_by_its_color_is_found() -> None:
    share = INK[..., None] / 255
    levels = np.array([200, 60, 60]) * (1 - share) + np.array([20, 138, 60]) * share
    gray = np.asarray(Image.fromarray(levels.astype(np.uint8)).convert("L"), int)
    assert np.ptp(gray) < 10
    seen = prepare(levels.astype(np.uint8))
    assert np.abs(seen.image - prepare(INK).image).mean() < 0.02


def test_the_first_frame_that_is_not_blank_is_read() -> None:
    frames = [Image.new("L", (200, 200), 255), Image.fromarray(255 - INK)]
    image = _reopened(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(prepare(image).image, prepare(INK).image, atol=0.03)
