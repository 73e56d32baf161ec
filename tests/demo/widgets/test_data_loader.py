"""The widget of lesson 8 against the lesson's own functions."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import data_loader


def test_batches_are_those_of_the_data_loader(play) -> None:
    request = {"count": 10, "batch_size": 4, "epochs": 3, "seed": 5, "shuffle": True}
    answer = play(request)
    assert answer["epochs"] == data_loader.batches_of(10, 4, 3, seed=5)
    assert answer["iterations"] == 3
    in_order = play(request | {"shuffle": False})["epochs"][0]
    assert in_order == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
