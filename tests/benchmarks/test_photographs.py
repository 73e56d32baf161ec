"""Simulated photos: ink darker than paper, chalk brighter than the board."""

import numpy as np
import pytest

from inkgrad_bench.photographs import photograph


@pytest.mark.parametrize("board", [False, True])
def test_ink_differs_from_its_background(board):
    drawing = np.full((280, 280), 255, dtype=np.uint8)  # a filled square
    blank = np.zeros_like(drawing)
    inked, empty = (
        np.asarray(photograph(one, np.random.default_rng(3), board=board).convert("L"), dtype=float)
        for one in (drawing, blank)
    )
    assert inked.shape == (640, 854)
    difference = inked - empty
    changed = np.abs(difference) > 30
    assert 0.05 < changed.mean() < 0.8
    assert np.sign(difference[changed].mean()) == (1 if board else -1)
