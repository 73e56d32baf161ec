"""Every scene shows the drawing, and repeats with its random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from drawings import drawing
from inkgrad_bench import scenes

SCENES = scenes.MARKS | scenes.PICTURES


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_a_picture_of_the_drawing(name: str) -> None:
    four = drawing(420, 0.04, 0.5)
    one, same = (SCENES[name](four, np.random.default_rng(0)) for _ in range(2))
    np.testing.assert_array_equal(np.asarray(one), np.asarray(same))
    blank = np.asarray(SCENES[name](np.roll(four, 40, 0), np.random.default_rng(0)))
    assert not np.array_equal(np.asarray(one), blank)


def test_empty_pictures_vary() -> None:
    random = np.random.default_rng(0)
    assert len({scenes.empty(random).tobytes() for _ in range(4)}) == 4
    assert np.asarray(scenes.slip(random)).max() == 255
