"""Lesson 5: the loss of the course's run, and the paths of the optimizers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Plot, Table
from inkgrad.course.lessons.linear_regression import (
    LR,
    Numbers,
    Race,
    Training,
    minimum,
    x_data,
    y_data,
)
from inkgrad.course.lessons.plotting import BLUE, COLORS, INK
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    found = numbers.training
    yield Table(
        text("linear_regression.training", epochs=len(found.losses), lr=f"{LR:g}"),
        ["w", "b", "ŷ(4)", text("word.loss")],
        [(found.w, found.b, found.prediction, f"{found.losses[-1]:.2e}")],
    )
    yield Plot("loss", text("linear_regression.loss"), partial(loss, found, text))
    start = next(iter(numbers.races.values())).path[0].tolist()
    yield Table(
        text(
            "linear_regression.race",
            count=len(numbers.races),
            start=_place(*start),
            minimum=_place(*minimum()),
        ),
        [
            text("linear_regression.optimizer"),
            "lr",
            *(text("linear_regression.loss_after", steps=steps) for steps in (10, 30, 60)),
            "w",
            "b",
        ],
        [
            (
                name,
                f"{race.lr:g}",
                *(f"{race.losses[steps]:.2e}" for steps in (10, 30, 60)),
                *race.path[-1].tolist(),
            )
            for name, race in numbers.races.items()
        ],
    )
    yield Plot("race", text("linear_regression.race_picture"), partial(races, numbers.races, text))


def _place(w: float, b: float) -> str:
    w, b = (round(value, 6) + 0.0 for value in (w, b))  # without the sign of -0.0
    return f"w = {w:g}, b = {b:g}"


def loss(training: Training, text: Translate) -> Figure:
    figure, (axes,) = plotting.panels(1)
    axes.plot(training.losses, color=BLUE)
    axes.set_yscale("log")
    plotting.tidy(axes, text("linear_regression.squares"), text("word.epoch"), text("word.loss"))
    return figure


def races(entered: dict[str, Race], text: Translate) -> Figure:
    """The paths on the loss surface, and the loss after each step."""
    figure, (above, curve) = plotting.panels(2, width=5.4, height=5.0)
    ws, bs = np.linspace(-1.5, 3, 80), np.linspace(-1.2, 5.2, 80)
    x, y = x_data.numpy().ravel(), y_data.numpy().ravel()
    errors = x * ws[None, :, None] + bs[:, None, None] - y
    plotting.contours(above, ws, bs, np.sum(errors**2, axis=2))
    for number, (name, race) in enumerate(entered.items()):
        color, line = COLORS[number % len(COLORS)], "-" if number < len(COLORS) else "--"
        path = race.path.numpy()
        above.plot(*path.T, f".{line}", color=color, linewidth=0.9, markersize=4)
        above.plot(*path[-1], "o", color=color, markersize=7, markeredgecolor="white")
        curve.plot(race.losses, line, color=color, label=f"{name}, lr = {race.lr:g}")
    above.plot(*minimum(), "x", color=INK, markersize=9)
    plotting.name(above, text("linear_regression.over_both"), "w", "b")
    above.set_xlim(ws[0], ws[-1])
    above.set_ylim(bs[0], bs[-1])
    curve.set_yscale("log")
    plotting.tidy(
        curve,
        text("linear_regression.each_step"),
        text("linear_regression.step"),
        text("word.loss"),
    )
    plotting.legend(curve, loc="lower left")
    return figure
