"""The widget of lesson 2 against the lesson's own functions."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import linear_model


def test_the_line_and_the_polynomial(play) -> None:
    line = play({"about": "line", "w": 2.5, "b": -1})
    assert line["mse"] == linear_model.mse(2.5, -1)
    assert sum(line["losses"]) / 3 == pytest.approx(line["mse"])
    surface = play({"about": "surface"})["surface"]
    assert surface["values"] == linear_model.loss_surface()[2].tolist()
    fit = linear_model.overfit().fits[4]
    polynomial = play({"about": "polynomial", "degree": 4})
    assert polynomial["losses"][4] == [4, fit.train, fit.validation]
    assert polynomial["curve"][0] == [-1, pytest.approx(np.polyval(fit.weights, -1))]
    assert polynomial["verdict"] == "best"
    assert polynomial["chosen"] == linear_model.overfit().chosen.degree == 4
    verdicts = [play({"about": "polynomial", "degree": degree})["verdict"] for degree in range(11)]
    assert verdicts == ["underfits"] * 4 + ["best"] + ["overfits"] * 6
    assert play({"about": "surface"})["lowest"] == pytest.approx({"w": 2, "b": 0})
