"""Lesson 2: the loss over one and two weights, and models with too many weights."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Plot, Table
from inkgrad.course.lessons.linear_model import (
    Numbers,
    Overfitting,
    forward,
    mse,
    verdict,
    x_data,
    y_data,
)
from inkgrad.course.lessons.plotting import AMBER, BLUE, COLORS, GREEN, INK, RED
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Catalogue keys by result of linear_model.verdict.
_VERDICTS = {
    "underfits": "linear_model.underfits",
    "best": "linear_model.best",
    "overfits": "linear_model.overfits",
}


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    yield Plot("lines", text("linear_model.lines"), partial(lines, (1.0, 2.0, 3.0), text))
    ws, losses = numbers.curve
    yield Table(
        text("linear_model.losses", best=f"{ws[losses.argmin()]:g}"),
        ["w", "MSE"],
        [(f"{ws[i]:.1f}", float(losses[i])) for i in range(0, len(ws), 5)],
    )
    yield Plot("loss_curve", text("linear_model.curve"), partial(loss_curve, *numbers.curve, text))
    w, b = _lowest(*numbers.surface)
    yield Plot(
        "loss_surface",
        text("linear_model.surface", w=f"{w:g}", b=f"{b:g}"),
        partial(loss_surface, *numbers.surface, text),
    )
    found = numbers.overfitting
    chosen, last = found.chosen, found.fits[-1]
    yield Table(
        text(
            "linear_model.overfitting",
            points=len(found.train[0]),
            degree=chosen.degree,
            test=f"{found.test:.4f}",
        ),
        [
            text("linear_model.degree"),
            text("linear_model.train"),
            text("linear_model.validation"),
            text("linear_model.verdict"),
        ],
        [
            (fit.degree, fit.train, fit.validation, text(_VERDICTS[verdict(fit, chosen)]))
            for fit in found.fits
        ],
    )
    yield Plot(
        "overfitting",
        text(
            "linear_model.overfitting_picture",
            degree=chosen.degree,
            last=last.degree,
            **{
                name: f"{loss:.4f}"
                for name, loss in (
                    ("train", chosen.train),
                    ("last_train", last.train),
                    ("validation", chosen.validation),
                    ("last_validation", last.validation),
                )
            },
        ),
        partial(overfit, found, text),
    )


def _lowest(ws: np.ndarray, bs: np.ndarray, losses: np.ndarray) -> tuple[float, float]:
    """w and b of the lowest loss."""
    row, column = np.unravel_index(losses.argmin(), losses.shape)
    return float(ws[column]), float(bs[row])


def lines(ws: tuple[float, ...], text: Translate) -> Figure:
    """The data set, and the predictions with some weights."""
    figure, (axes,) = plotting.panels(1)
    for w, color in zip(ws, COLORS, strict=False):
        ends = (0.0, 4.0)
        axes.plot(
            ends, [forward(x, w) for x in ends], color=color, label=f"w = {w:g}: MSE {mse(w):.2f}"
        )
    axes.plot(x_data, y_data, "o", color=INK, label=text("word.data"), zorder=3)
    plotting.tidy(axes, "ŷ = x w", text("word.x_hours"), text("linear_model.y_points"))
    plotting.legend(axes)
    return figure


def loss_curve(ws: np.ndarray, losses: np.ndarray, text: Translate) -> Figure:
    figure, (axes,) = plotting.panels(1)
    axes.plot(ws, losses, ".-", color=BLUE)
    best = losses.argmin()
    minimum = text("linear_model.minimum", place=f"w = {ws[best]:g}")
    axes.plot(ws[best], losses[best], "o", color=RED, label=minimum)
    plotting.tidy(axes, text("linear_model.every_w"), "w", "MSE")
    plotting.legend(axes, loc="upper center")
    return figure


def loss_surface(ws: np.ndarray, bs: np.ndarray, losses: np.ndarray, text: Translate) -> Figure:
    """The loss with a bias, as a surface and as contours."""
    columns = plotting.columns_of(4.6, 2)
    rows = 2 // columns
    figure = plotting.figure(4.8 * columns, 4.2 * rows)
    landscape = figure.add_subplot(rows, columns, 1, projection="3d")
    plotting.surface(landscape, ws, bs, losses)
    plotting.name(landscape, text("linear_model.over_both"), "w", "b")
    above = figure.add_subplot(rows, columns, 2)
    plotting.contours(above, ws, bs, losses)
    w, b = _lowest(ws, bs, losses)
    minimum = text("linear_model.minimum", place=f"w = {w:g}, b = {b:g}")
    above.plot(w, b, "o", color=RED, label=minimum)
    plotting.name(above, text("linear_model.from_above"), "w", "b")
    plotting.legend(above, loc="upper left")
    return figure


def overfit(found: Overfitting, text: Translate) -> Figure:
    """Fits with too few weights, the best number and too many; and both losses by their number."""
    figure, (curves, losses) = plotting.panels(2)
    xs = np.linspace(-1, 1, 400)
    degrees = sorted({1, found.chosen.degree, found.fits[-1].degree})
    for degree, color in zip(degrees, (AMBER, GREEN, RED), strict=False):
        weights = found.fits[degree].weights
        label = text("linear_model.of_degree", degree=degree)
        curves.plot(xs, np.polyval(weights, xs), color=color, label=label)
    train, validation = text("linear_model.seen"), text("linear_model.unseen")
    curves.plot(*found.train, "o", color=INK, markersize=5, label=train)
    curves.plot(*found.validation, "x", color=BLUE, markersize=5, label=validation)
    curves.set_ylim(-2.2, 2.2)
    plotting.tidy(curves, text("linear_model.fitted"), "x", "y")
    plotting.legend(curves, loc="lower right")
    degrees = [fit.degree for fit in found.fits]
    losses.plot(degrees, [fit.train for fit in found.fits], ".-", color=INK, label=train)
    losses.plot(degrees, [fit.validation for fit in found.fits], ".-", color=BLUE, label=validation)
    chosen = text("linear_model.chosen")
    losses.axvline(found.chosen.degree, color=GREEN, linestyle="--", label=chosen)
    losses.set_yscale("log")
    plotting.tidy(losses, "MSE", text("linear_model.degree"))
    plotting.legend(losses)
    return figure
