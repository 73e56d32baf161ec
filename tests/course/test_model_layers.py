"""The layers of a model for its diagram are those that it has."""

from __future__ import annotations

import math

import pytest
import torch

from inkgrad.course import models
from inkgrad.course.model_layers import layers


@pytest.mark.parametrize("name", models.MODELS)
def test_layers_have_all_parameters_and_end_in_the_output(name: str) -> None:
    shape, found = layers(name)
    model = models.build(name, "fused")
    assert sum(each.parameters for each in found) == sum(p.numel() for p in model.parameters())
    assert found[-1].shape == model(torch.zeros(1, *shape)).shape[1:]
    assert [each.name for each in found] == [
        each.removesuffix(".weight") for each in model.state_dict() if each.endswith(".weight")
    ]


def test_shapes_are_those_of_the_maps() -> None:
    _, found = layers("strong")
    _, maps = models.build("strong").forward_with_maps(torch.zeros(1, 1, 28, 28))
    assert {each.name: each.shape for each in found if each.kind == "conv"} == {
        name: tuple(each.shape[1:]) for name, each in maps.items()
    }
    assert found[0].kernel == (5, 5)
    assert sorted(found[0].after) == ["max_pool2d", "relu"]
    assert found[1].after == ["relu"]


@pytest.mark.parametrize("activation", models.ACTIVATIONS)
def test_the_activation_follows_each_hidden_layer(activation: str) -> None:
    _, found = layers("softmax", activation=activation)
    assert [each.after for each in found] == [[activation]] * 4 + [[]]


def test_a_table_has_its_columns_and_classes() -> None:
    shape, found = layers("diabetes", in_features=13, classes=3)
    assert shape == (13,)
    assert [math.prod(each.shape) for each in found] == [6, 4, 3]
    assert found[0].parameters == 13 * 6 + 6
