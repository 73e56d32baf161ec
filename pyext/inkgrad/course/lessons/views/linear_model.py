"""Lesson 2: the loss over one weight and over two, and a model with more weights than it needs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import drawing
from inkgrad.course.lessons.drawing import AMBER, BLUE, COLORS, GREEN, INK, RED
from inkgrad.course.lessons.linear_model import Numbers, Overfitting, forward, mse, x_data, y_data
from inkgrad.course.lessons.parts import Part, Picture, Table
from inkgrad.course.texts import Say

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def parts(numbers: Numbers, say: Say) -> Iterator[Part]:
    yield Picture("lines", say("linear_model.lines"), partial(lines, (1.0, 2.0, 3.0), say))
    ws, losses = numbers.curve
    yield Table(
        say("linear_model.losses"),
        ["w", "MSE"],
        [(f"{ws[i]:.1f}", float(losses[i])) for i in range(0, len(ws), 5)],
    )
    yield Picture("loss_curve", say("linear_model.curve"), partial(loss_curve, *numbers.curve, say))
    yield Picture(
        "loss_surface", say("linear_model.surface"), partial(loss_surface, *numbers.surface, say)
    )
    found = numbers.overfitting
    yield Table(
        say("linear_model.overfitting", degree=found.chosen.degree, test=f"{found.test:.4f}"),
        [say("linear_model.degree"), say("linear_model.train"), say("linear_model.validation")],
        [(fit.degree, fit.train, fit.validation) for fit in found.fits],
    )
    yield Picture(
        "overfitting", say("linear_model.overfitting_picture"), partial(overfit, found, say)
    )


def lines(ws: tuple[float, ...], say: Say) -> Figure:
    """The data set, and what some weights predict."""
    figure, (axes,) = drawing.panels(1)
    for w, color in zip(ws, COLORS, strict=False):
        ends = (0.0, 4.0)
        axes.plot(
            ends, [forward(x, w) for x in ends], color=color, label=f"w = {w:g}: MSE {mse(w):.2f}"
        )
    axes.plot(x_data, y_data, "o", color=INK, label=say("word.data"), zorder=3)
    drawing.tidy(axes, "ŷ = x w", say("word.x_hours"), say("linear_model.y_points"))
    drawing.legend(axes)
    return figure


def loss_curve(ws: np.ndarray, losses: np.ndarray, say: Say) -> Figure:
    figure, (axes,) = drawing.panels(1)
    axes.plot(ws, losses, ".-", color=BLUE)
    best = losses.argmin()
    minimum = say("linear_model.minimum", place=f"w = {ws[best]:g}")
    axes.plot(ws[best], losses[best], "o", color=RED, label=minimum)
    drawing.tidy(axes, say("linear_model.every_w"), "w", "MSE")
    drawing.legend(axes, loc="upper center")
    return figure


def loss_surface(ws: np.ndarray, bs: np.ndarray, losses: np.ndarray, say: Say) -> Figure:
    """The same with a bias: as a landscape, and from above."""
    figure = drawing.figure(9.6, 4.2)
    landscape = figure.add_subplot(1, 2, 1, projection="3d")
    drawing.surface(landscape, ws, bs, losses)
    drawing.name(landscape, say("linear_model.over_both"), "w", "b")
    above = figure.add_subplot(1, 2, 2)
    drawing.contours(above, ws, bs, losses)
    row, column = np.unravel_index(losses.argmin(), losses.shape)
    w, b = ws[column], bs[row]
    minimum = say("linear_model.minimum", place=f"w = {w:g}, b = {b:g}")
    above.plot(w, b, "o", color=RED, label=minimum)
    drawing.name(above, say("linear_model.from_above"), "w", "b")
    drawing.legend(above, loc="upper left")
    return figure


def overfit(found: Overfitting, say: Say) -> Figure:
    """Too few weights, the best number and too many; and the two losses over their number."""
    figure, (curves, losses) = drawing.panels(2)
    xs = np.linspace(-1, 1, 400)
    for degree, color in ((1, AMBER), (found.chosen.degree, GREEN), (10, RED)):
        weights = found.fits[degree].weights
        label = say("linear_model.of_degree", degree=degree)
        curves.plot(xs, np.polyval(weights, xs), color=color, label=label)
    train, validation = say("linear_model.seen"), say("linear_model.unseen")
    curves.plot(*found.train, "o", color=INK, markersize=5, label=train)
    curves.plot(*found.validation, "x", color=BLUE, markersize=5, label=validation)
    curves.set_ylim(-2.2, 2.2)
    drawing.tidy(curves, say("linear_model.fitted"), "x", "y")
    drawing.legend(curves, loc="lower right")
    degrees = [fit.degree for fit in found.fits]
    losses.plot(degrees, [fit.train for fit in found.fits], ".-", color=INK, label=train)
    losses.plot(degrees, [fit.validation for fit in found.fits], ".-", color=BLUE, label=validation)
    chosen = say("linear_model.chosen")
    losses.axvline(found.chosen.degree, color=GREEN, linestyle="--", label=chosen)
    losses.set_yscale("log")
    drawing.tidy(losses, "MSE", say("linear_model.degree"))
    drawing.legend(losses)
    return figure
