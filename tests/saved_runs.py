"""Made-up records of runs: nothing has to be trained."""

from __future__ import annotations

from typing import Any

from inkgrad.course.settings import course_settings
from inkgrad.course.training.run_record import Point, RunRecord
from inkgrad.course.training.steps import Evaluation
from inkgrad.course.training.trainer import Epoch


def record(number: int, model: str = "softmax", **settings: Any) -> RunRecord:
    """A run of three epochs, started in second ``number``, which also changes its accuracies."""
    epochs = tuple(
        Epoch(epoch, 1 / epoch, 1.5 / epoch, 0.8 + 0.05 * epoch - 0.01 * number, 2.0)
        for epoch in (1, 2, 3)
    )
    curve = tuple(Point(10 * i, i / 10, i / 5, 2 / i) for i in range(1, 31))
    return RunRecord(
        id=f"20261126-0400{number:02}-{model}-abc{number:03x}",
        created=f"2026-11-26T04:00:{number:02}.000+00:00",
        data="made up",
        examples=640,
        settings=course_settings(model, **{"epochs": 3, **settings}),
        state="finished",
        curve=curve,
        epochs=epochs,
        seconds=6.0,
        test=Evaluation(0.25, 0.9 - 0.01 * number, 100),
        confusion=tuple(tuple(9 if i == j else 0 for j in range(10)) for i in range(10)),
    )
