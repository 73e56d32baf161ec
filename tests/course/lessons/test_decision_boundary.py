"""The points of lesson 7, and the network that is watched while it learns them."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import optim

from inkgrad.course.lessons import decision_boundary, many_features
from inkgrad.course.lessons.decision_boundary import POINTS, REACH, grid, points, train_on_points

ADAM = partial(optim.Adam, lr=0.1)


@pytest.mark.parametrize("name", POINTS)
def test_the_points_lie_on_the_plane_and_are_as_many_of_each_class(name: str) -> None:
    data = points(name)
    assert (len(data.train), len(data.test)) == (decision_boundary.TRAIN, decision_boundary.TEST)
    for part in (data.train, data.test):
        assert part.inputs.shape == (len(part), 2)
        assert part.inputs.abs().max() <= REACH
        assert part.targets.sum() == len(part) / 2
    assert torch.equal(points(name).train.inputs, data.train.inputs)


def test_a_line_separates_two_clusters_only() -> None:
    """One neuron per layer draws a straight line."""

    def best(name: str) -> float:
        found = train_on_points(
            points(name), "tanh", ADAM, hidden=(1, 1), seed=0, moments=1, pace=100, side=3
        )
        return found[-1].train_accuracy

    assert best("halves") > 0.9
    assert all(best(name) < 0.9 for name in ("rings", "quadrants"))


@pytest.mark.parametrize("name", POINTS)
def test_the_network_of_the_lesson_learns_every_set(name: str) -> None:
    found = train_on_points(
        points(name), "sigmoid", ADAM, hidden=(6, 4), seed=0, moments=1, pace=300, side=3
    )
    assert found[0].train_accuracy < 0.75
    assert found[1].test_accuracy > 0.9


def test_the_moments_are_those_of_the_lessons_training() -> None:
    data, side = points("moons"), 5
    found = train_on_points(data, "ReLU", ADAM, hidden=(3, 2), seed=1, moments=4, pace=2, side=side)
    training = many_features.train(data, "ReLU", ADAM, 8, seed=1, hidden=(3, 2))
    assert [each.epoch for each in found] == [0, 2, 4, 6, 8]
    assert [each.loss for each in found[:-1]] == pytest.approx(training.losses[::2])
    assert found[-1].test_accuracy == training.test_accuracy
    for each in found:
        x = grid(side)
        for (W, b), outputs, activation in zip(
            each.layers, each.outputs, (torch.relu, torch.relu, torch.sigmoid), strict=True
        ):
            x = activation(x @ W.T + b)
            torch.testing.assert_close(outputs, x.T.reshape(-1, side, side))


def test_the_grid_goes_row_by_row_from_the_smallest() -> None:
    assert grid(2).tolist() == [[-REACH, -REACH], [REACH, -REACH], [-REACH, REACH], [REACH, REACH]]
