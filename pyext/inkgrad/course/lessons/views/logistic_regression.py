"""Lesson 6: the sigmoid, the loss by hand, and the probability of passing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Plot, Table
from inkgrad.course.lessons.logistic_regression import (
    Numbers,
    Training,
    even_hours,
    x_data,
    y_data,
)
from inkgrad.course.lessons.plotting import BLUE, GREEN, INK, PALE, RED
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    batch, found = numbers.batch, numbers.training
    yield Plot(
        "sigmoid", text("logistic_regression.sigmoid"), partial(sigmoid, numbers.z, numbers.sigmoid)
    )
    yield Table(
        text(
            "logistic_regression.batch",
            count=len(batch.y),
            mean=f"{batch.mean:.4f}",
            kernel=f"{batch.mean_by_kernel:.4f}",
        ),
        ["y", "ŷ", "BCE"],
        [
            (f"{y:g}", f"{y_pred:g}", loss)
            for y, y_pred, loss in zip(batch.y, batch.y_pred, batch.losses, strict=True)
        ],
    )
    yield Plot("bce", text("logistic_regression.bce"), partial(bce, text))
    yield Table(
        text(
            "logistic_regression.training",
            epochs=len(found.losses),
            loss=f"{found.losses[-1]:.4f}",
            result=_result(found, text),
        ),
        [text("logistic_regression.hours"), text("logistic_regression.probability")],
        [(hours, float(found.probabilities[20 * hours])) for hours in (0, 1, 2, 3, 4, 6, 10)],
    )
    yield Plot(
        "hours",
        text("logistic_regression.curve", count=len(x_data)),
        partial(hours_of_study, found, text),
    )


def _result(found: Training, text: Translate) -> str:
    """On which side of which number of hours passing is more likely than failing."""
    hours = f"{even_hours(found.w, found.b):.2f}"
    if found.w > 0:
        return text("logistic_regression.above", hours=hours)
    if found.w < 0:
        return text("logistic_regression.below", hours=hours)
    return text("logistic_regression.independent")


def sigmoid(z: Tensor, values: Tensor) -> Figure:
    figure, (axes,) = plotting.panels(1, width=6.0)
    axes.axhline(0.5, color=PALE, linewidth=1, linestyle="--")
    axes.plot(z.numpy(), values.numpy(), color=BLUE)
    plotting.tidy(axes, "σ(z) = 1 / (1 + e⁻ᶻ)", "z", "σ(z)")
    return figure


def bce(text: Translate) -> Figure:
    """The loss of one example by its prediction, for both labels."""
    figure, (axes,) = plotting.panels(1)
    y_pred = np.linspace(0.005, 0.995, 199)
    axes.plot(y_pred, -np.log(y_pred), color=GREEN, label="y = 1: -ln ŷ")
    axes.plot(y_pred, -np.log(1 - y_pred), color=RED, label="y = 0: -ln(1 - ŷ)")
    plotting.tidy(axes, text("logistic_regression.entropy"), "ŷ", text("word.loss"))
    plotting.legend(axes, loc="upper center")
    return figure


def hours_of_study(training: Training, text: Translate) -> Figure:
    figure, (curve, losses) = plotting.panels(2)
    curve.axhline(0.5, color=RED, linewidth=1, linestyle="--")
    curve.plot(training.hours.numpy(), training.probabilities.numpy(), color=BLUE)
    curve.plot(x_data.ravel(), y_data.ravel(), "o", color=INK, label=text("word.data"))
    plotting.tidy(curve, text("logistic_regression.passing"), text("word.x_hours"), "ŷ")
    plotting.legend(curve, loc="lower right")
    losses.plot(training.losses, color=BLUE)
    plotting.tidy(losses, text("logistic_regression.sum"), text("word.epoch"), text("word.loss"))
    return figure
