"""The widget of lesson 5 against the lesson's own functions."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import linear_regression


def test_the_race_is_that_of_the_lesson(play) -> None:
    request = {"about": "races", "steps": 60, "w": -1, "b": 3, "factor": 1}
    answer = play(request)
    for racer in answer["racers"]:
        expected = linear_regression.race(linear_regression.RACERS[racer["name"]])
        assert racer["losses"] == pytest.approx(expected.losses, rel=1e-6)
        assert racer["path"] == expected.path.tolist()
    wild = {r["name"]: r for r in play(request | {"factor": 8})["racers"]}
    assert wild["SGD"]["diverged"]
    assert np.isfinite(wild["SGD"]["losses"]).all()
    assert wild["SGD"]["lr"] == pytest.approx(8 * 0.02)
    surface = play({"about": "surface"})
    assert surface["minimum"] == linear_regression.minimum()
    assert surface["limit"] == linear_regression.largest_stable_rate()
    assert surface["sgd"] == 0.02
