"""Thinning: lines one pixel wide through the middle of what was drawn."""

import numpy as np
import pytest

from inkgrad.course.data import skeleton


def test_a_bar_becomes_its_middle_line():
    inked = np.zeros((20, 40), dtype=bool)
    inked[7:14, 5:35] = True
    line = skeleton.thin(inked)
    rows, columns = np.nonzero(line)
    assert set(rows) == {10}
    assert columns.min() <= 9
    assert columns.max() >= 30


def test_strokes_follow_the_middle_of_the_image():
    image = np.zeros((28, 28))
    image[4:24, 12:16] = 1
    strokes = skeleton.trace(image)
    assert np.abs(strokes.points[:, 0] - 13.5).max() < 1
    assert np.ptp(strokes.points[:, 1]) > 14
    assert strokes.segments.max() < len(strokes.points)


def test_a_ring_stays_closed():
    y, x = np.mgrid[-20:21, -20:21]
    distance = np.hypot(x, y)
    line = skeleton.thin((distance > 9) & (distance < 15))
    segments = skeleton._adjacent(line)
    assert set(np.bincount(segments.ravel())) == {2}


def test_an_image_without_ink_is_refused():
    with pytest.raises(ValueError, match="expected an image with ink"):
        skeleton.trace(np.zeros((28, 28)))
