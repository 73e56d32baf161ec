"""The widget of lesson 3 against the lesson's own functions."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import gradient_descent


def test_a_walk_is_that_of_the_lesson_until_it_diverges(play) -> None:
    request = {"about": "walk", "lr": 0.05, "batch_size": 10, "epochs": 12}
    request |= {"w": -1, "b": 3}
    x, y = gradient_descent.noisy_line()
    answer = play(request)
    path = gradient_descent.walk(x, y, 10).path
    assert answer["path"] == path.tolist()
    assert answer["losses"][-1] == pytest.approx(np.mean((x * path[-1, 0] + path[-1, 1] - y) ** 2))
    assert answer["diverged"] is False
    wild = play(request | {"lr": 1, "batch_size": 1, "epochs": 30})
    assert wild["diverged"] is True
    assert np.isfinite(wild["losses"]).all()
    assert wild["losses"][-1] > 1000
    for lr, diverged in ((1, True), (0.75, True), (0.6, False)):
        assert play(request | {"lr": lr, "batch_size": 60})["diverged"] is diverged
    # At the minimum, small batches raise the loss without diverging.
    at_minimum = {"w": 1.9, "b": 1.0, "lr": 0.1, "epochs": 30}
    assert play(request | at_minimum | {"batch_size": 1})["diverged"] is False
    assert play({"about": "surface"})["limit"] == gradient_descent.largest_stable_rate(x)
    ends = [play({"about": "valleys", "from": w}) for w in (2, -2)]
    assert [end["end"] for end in ends] == ["local", "global"]
    assert [end["path"][-1][0] for end in ends] == pytest.approx([1.13, -1.30], abs=0.01)


def test_on_the_ridge_of_a_saddle_only_noise_helps(play) -> None:
    request = {"about": "saddle", "optimizer": "SGD", "saddle_lr": 0.1}
    request |= {"saddle_w": 1, "saddle_v": 0.01, "noise": False}
    escaped = play(request)
    steps = len(escaped["path"]) - 1
    expected = gradient_descent.cross_saddle(0.01, steps=steps)
    np.testing.assert_allclose(escaped["path"], expected)
    assert escaped["end"] == "escaped"
    assert expected[-2, 1] < 1.25 <= expected[-1, 1]
    assert escaped["heights"][-1] == pytest.approx(expected[-1, 0] ** 2 - expected[-1, 1] ** 2)
    ends = {}
    for optimizer in ("SGD", "Momentum", "Adam"):
        on_the_ridge = request | {"optimizer": optimizer, "saddle_v": 0}
        ends[optimizer] = [play(on_the_ridge | {"noise": noise})["end"] for noise in (False, True)]
    assert ends == {name: ["stuck", "escaped"] for name in ends}
    assert play(request | {"saddle_lr": 0.001})["end"] == "slow"


def test_every_start_of_the_valleys_ends_in_a_minimum(play) -> None:
    for start in range(-210, 211, 5):  # of the slider, in hundredths
        w, _ = play({"about": "valleys", "from": start / 100})["path"][-1]
        assert abs(gradient_descent.two_valleys_slope(w)) < 0.05, start
