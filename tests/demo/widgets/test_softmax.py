"""The widget of lesson 9 against the lesson's own functions."""

from __future__ import annotations

import base64

import numpy as np
import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import softmax
from lesson_runs import numbers

pytestmark = pytest.mark.usefixtures("short_lessons")


def test_softmax_by_hand(play) -> None:
    z = [0.2, 0.1, -0.1]
    answer = play({"about": "loss", "z": z, "right": 0})
    assert answer["probabilities"] == softmax.softmax(np.array(z)).tolist()
    assert answer["loss"] == pytest.approx(answer["by_torch"]) == pytest.approx(0.9729, abs=1e-4)
    with pytest.raises(ValueError, match="right: expected a whole number from 0 to 2, got 3"):
        play({"about": "loss", "z": z, "right": 3})


def test_the_images_of_a_cell(play) -> None:
    with pytest.raises(ValueError, match="the network of this lesson is not trained yet"):
        play({"about": "confusion"})
    expected = numbers(9)
    counts = play({"about": "confusion"}, expected)["counts"]
    assert counts == expected.confusion.tolist()
    cell = play({"about": "cell", "row": 0, "column": 0}, expected)
    assert cell["shown"] == min(counts[0][0], 40) > 0
    found = softmax.images_in_cell(expected.data.test.targets, expected.training.predicted, 0, 0)
    first = np.frombuffer(base64.b64decode(cell["images"]), np.uint8)[:784]
    assert first.tolist() == expected.data.test.inputs[found[0], 0].ravel().tolist()
