"""The color pictures of lesson 10."""

from __future__ import annotations

import numpy as np
import pytest

from inkgrad.course.lessons.color import KERNELS, PICTURES, SIDE, convolve_color


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_have_three_channels_from_0_to_1(name: str) -> None:
    picture = PICTURES[name]()
    assert picture.shape[0] == 3
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_the_kernel_for_red_finds_the_balloon() -> None:
    result = convolve_color(PICTURES["landscape"](), KERNELS["red"], 0.0)
    assert result.shape == (SIDE - 2, SIDE - 2)
    row, column = np.unravel_index(result.argmax(), result.shape)
    assert np.hypot(column + 1.5 - 0.36 * SIDE, row + 1.5 - 0.36 * SIDE) < 0.22 * SIDE
    assert result[0, 0] < 0 < result.max()
