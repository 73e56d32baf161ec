"""The layers that the Train page draws."""

from __future__ import annotations

from typing import Any

import pytest

from inkgrad.course.data import datasets as course_data
from inkgrad_demo.services.model_diagram import TABLE_FEATURES, architecture
from inkgrad_demo.serving.exposed import call


def _layers(**request: Any) -> list[dict[str, Any]]:
    return call(architecture, request)["layers"]


def test_layers_follow_the_settings() -> None:
    assert _layers(model="diabetes", features=30)[0]["parameters"] == 30 * 6 + 6
    assert _layers(model="diabetes", features=8, classes=4)[-1]["shape"] == (4,)
    assert _layers(model="softmax", activation="gelu")[0]["after"] == ["gelu"]


def test_the_tables_of_the_course_have_so_many_columns() -> None:
    assert TABLE_FEATURES["hours"] == course_data.hours_of_study().train.inputs.shape[1]
    assert TABLE_FEATURES["cancer"] == course_data.breast_cancer().train.inputs.shape[1]
    assert TABLE_FEATURES["diabetes"] == _layers(model="diabetes")[0]["parameters"] / 6 - 1


@pytest.mark.parametrize(
    "request_",
    [{"model": "cnn", "activation": "relu"}, {"model": "cnn2"}],
    ids=["fixed", "unknown"],
)
def test_what_no_model_has_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        call(architecture, request_)
