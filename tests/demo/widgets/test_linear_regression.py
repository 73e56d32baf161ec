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
    factor = surface["limit"] / surface["sgd"]
    for scale, diverges in ((0.98 * factor, False), (1.02 * factor, True)):
        racers = play(request | {"steps": 200, "factor": scale})["racers"]
        losses = next(racer["losses"] for racer in racers if racer["name"] == "SGD")
        assert (losses[-1] > losses[0]) == diverges
