"""The widget of lesson 6 against the lesson's own functions."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import logistic_regression


def test_hours_of_study_are_learned_as_in_the_lesson(play) -> None:
    request = {"about": "training", "epochs": 300, "lr": 0.01}
    answer = play(request | {"hours": [1, 2, 3], "passed": [0, 0, 1]})
    expected = logistic_regression.train(300)
    assert answer["losses"] == expected.losses
    assert answer["weights"][-1] == (expected.w, expected.b)
    assert len(answer["weights"]) == 301
    other = play(request | {"hours": [1, 2, 3, 4], "passed": [1, 1, 0, 0]})
    assert other["weights"][-1][0] < 0 < answer["weights"][-1][0]
    by_hand = play({"about": "formulas", "z": 0, "y_pred": 0.2, "y": 1})
    assert by_hand["value"] == 0.5
    assert by_hand["loss"] == pytest.approx(by_hand["by_kernel"]) == pytest.approx(1.6094, abs=1e-4)
    with pytest.raises(ValueError, match="passed: expected a list of 3 to 3 numbers"):
        play(request | {"hours": [1, 2, 3], "passed": [0, 1]})
