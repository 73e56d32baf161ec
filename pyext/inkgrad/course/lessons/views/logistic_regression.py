"""Lesson 6: the sigmoid, the loss by hand, and the probability of passing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import drawing
from inkgrad.course.lessons.drawing import BLUE, GREEN, INK, PALE, RED
from inkgrad.course.lessons.logistic_regression import Numbers, Training, x_data, y_data
from inkgrad.course.lessons.parts import Part, Picture, Table
from inkgrad.course.texts import Say

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor


def parts(numbers: Numbers, say: Say) -> Iterator[Part]:
    batch, found = numbers.batch, numbers.training
    yield Picture(
        "sigmoid", say("logistic_regression.sigmoid"), partial(sigmoid, numbers.z, numbers.sigmoid)
    )
    yield Table(
        say(
            "logistic_regression.batch",
            mean=f"{batch.mean:.4f}",
            kernel=f"{batch.mean_by_kernel:.4f}",
        ),
        ["y", "ŷ", "BCE"],
        [
            (f"{y:g}", f"{y_pred:g}", loss)
            for y, y_pred, loss in zip(batch.y, batch.y_pred, batch.losses, strict=True)
        ],
    )
    yield Picture("bce", say("logistic_regression.bce"), partial(bce, say))
    yield Table(
        say(
            "logistic_regression.training",
            epochs=len(found.losses),
            loss=f"{found.losses[-1]:.4f}",
            hours=f"{-found.b / found.w:.2f}",
        ),
        [say("logistic_regression.hours"), say("logistic_regression.probability")],
        [(hours, float(found.probabilities[20 * hours])) for hours in (0, 1, 2, 3, 4, 6, 10)],
    )
    yield Picture("hours", say("logistic_regression.curve"), partial(hours_of_study, found, say))


def sigmoid(z: Tensor, values: Tensor) -> Figure:
    figure, (axes,) = drawing.panels(1, width=6.0)
    axes.axhline(0.5, color=PALE, linewidth=1, linestyle="--")
    axes.plot(z.numpy(), values.numpy(), color=BLUE)
    drawing.tidy(axes, "σ(z) = 1 / (1 + e⁻ᶻ)", "z", "σ(z)")
    return figure


def bce(say: Say) -> Figure:
    """The loss of one example over its prediction, for both answers."""
    figure, (axes,) = drawing.panels(1)
    y_pred = np.linspace(0.005, 0.995, 199)
    axes.plot(y_pred, -np.log(y_pred), color=GREEN, label="y = 1: -ln ŷ")
    axes.plot(y_pred, -np.log(1 - y_pred), color=RED, label="y = 0: -ln(1 - ŷ)")
    drawing.tidy(axes, say("logistic_regression.entropy"), "ŷ", say("word.loss"))
    drawing.legend(axes, loc="upper center")
    return figure


def hours_of_study(training: Training, say: Say) -> Figure:
    figure, (curve, losses) = drawing.panels(2)
    curve.axhline(0.5, color=RED, linewidth=1, linestyle="--")
    curve.plot(training.hours.numpy(), training.probabilities.numpy(), color=BLUE)
    curve.plot(x_data.ravel(), y_data.ravel(), "o", color=INK, label=say("word.data"))
    drawing.tidy(curve, say("logistic_regression.passing"), say("word.x_hours"), "ŷ")
    drawing.legend(curve, loc="lower right")
    losses.plot(training.losses, color=BLUE)
    drawing.tidy(losses, say("logistic_regression.sum"), say("word.epoch"), say("word.loss"))
    return figure
