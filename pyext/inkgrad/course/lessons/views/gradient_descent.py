"""Lesson 3: descents by learning rate and by batch size, and places where they end wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import drawing
from inkgrad.course.lessons.drawing import BLUE, COLORS, GREEN, INK, RED
from inkgrad.course.lessons.gradient_descent import (
    Numbers,
    Walk,
    cost,
    forward,
    loss_surface,
    two_valleys,
)
from inkgrad.course.lessons.gradient_descent import saddle as saddle_height
from inkgrad.course.lessons.parts import Part, Picture, Table
from inkgrad.course.texts import Say

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def parts(numbers: Numbers, say: Say) -> Iterator[Part]:
    ws = numbers.descents[0.01]
    yield Table(
        say("gradient_descent.training"),
        [say("word.epoch"), "w", say("word.cost"), "ŷ(4)"],
        [(epoch, ws[epoch], cost(ws[epoch]), forward(4, ws[epoch])) for epoch in range(0, 101, 10)],
    )
    yield Table(
        say("gradient_descent.rates"),
        ["lr", *(f"w, {say('word.epoch')} {epoch}" for epoch in (1, 2, 3, 20, 100))],
        [
            (f"{lr:g}", *(f"{ws[epoch]:.5g}" for epoch in (1, 2, 3, 20, 100)))
            for lr, ws in numbers.descents.items()
        ],
    )
    yield Picture(
        "rates", say("gradient_descent.rates_picture"), partial(rates, numbers.descents, say)
    )
    yield Table(
        say("gradient_descent.batches"),
        [say("word.batch_size"), say("word.steps"), "w", "b", "MSE"],
        [
            (walk.batch_size, len(walk.path) - 1, *map(float, walk.path[-1]), _mse(walk, numbers))
            for walk in numbers.walks
        ],
    )
    yield Picture(
        "paths", say("gradient_descent.paths"), partial(paths, *numbers.points, numbers.walks, say)
    )
    yield Table(
        say("gradient_descent.stuck"),
        [say("gradient_descent.start"), say("gradient_descent.end"), say("word.loss")],
        [(f"{ws[0]:g}", ws[-1], two_valleys(ws[-1])) for ws in numbers.valleys],
    )
    yield Picture(
        "minima",
        say("gradient_descent.minima"),
        partial(minima, numbers.valleys, numbers.saddles, say),
    )


def _mse(walk: Walk, numbers: Numbers) -> float:
    return float(loss_surface(*numbers.points, walk.path[-1:, 0], walk.path[-1:, 1])[0, 0])


def rates(descents: dict[float, list[float]], say: Say) -> Figure:
    """The first steps on the curve of the cost, a panel for each learning rate."""
    figure, panels = drawing.panels(len(descents), width=2.9, height=3.4, sharey=True)
    curve = np.linspace(0, 4, 100)
    for axes, (lr, ws) in zip(panels, descents.items(), strict=True):
        axes.plot(curve, [cost(w) for w in curve], color=BLUE, linewidth=1.2)
        shown = ws[:11]
        axes.plot(shown, [cost(w) for w in shown], "o-", color=RED, markersize=4, linewidth=0.8)
        axes.set_xlim(-1, 5)
        axes.set_ylim(-0.8, 20)
        title = say("gradient_descent.ten_steps", lr=f"{lr:g}")
        drawing.tidy(axes, title, "w", say("word.cost") if axes is panels[0] else "")
    return figure


def paths(x: np.ndarray, y: np.ndarray, walks: list[Walk], say: Say) -> Figure:
    """Each walk on the MSE of the data."""
    figure, panels = drawing.panels(len(walks), width=3.6, height=3.8, sharey=True)
    ws, bs = np.linspace(-2, 4, 80), np.linspace(-1.5, 4, 80)
    surface = loss_surface(x, y, ws, bs)
    for axes, walk in zip(panels, walks, strict=True):
        drawing.contours(axes, ws, bs, surface)
        axes.plot(*walk.path.T, ".-", color=INK, linewidth=0.8, markersize=3)
        axes.plot(*walk.path[-1], "o", color=RED, markersize=6)
        steps = len(walk.path) - 1
        title = say("gradient_descent.walk", size=walk.batch_size, steps=steps)
        drawing.name(axes, title, "w", "b" if axes is panels[0] else "")
        axes.set_xlim(ws[0], ws[-1])
        axes.set_ylim(bs[0], bs[-1])
    return figure


def minima(valleys: list[list[float]], saddles: list[np.ndarray], say: Say) -> Figure:
    """Two starts on a curve with two valleys, and two on a saddle."""
    figure, (curve, saddle) = drawing.panels(2)
    ws = np.linspace(-2.1, 2.1, 200)
    curve.plot(ws, [two_valleys(w) for w in ws], color=BLUE, linewidth=1.2)
    for path, color in zip(valleys, COLORS[1:], strict=False):
        heights = [two_valleys(w) for w in path]
        label = say("gradient_descent.from", start=f"w = {path[0]:g}")
        curve.plot(path, heights, ".-", color=color, linewidth=0.6, label=label)
        curve.plot(path[-1], heights[-1], "o", color=color)
    drawing.tidy(curve, say("gradient_descent.two_minima"), "w", say("word.loss"))
    drawing.legend(curve, loc="upper center")
    grid = np.linspace(-1.3, 1.3, 80)
    surface = saddle_height(grid[None, :], grid[:, None])
    saddle.contourf(grid, grid, surface, levels=16, cmap=drawing.SURFACE, alpha=0.75)
    saddle.contour(grid, grid, surface, levels=16, colors="white", linewidths=0.7)
    for points, color in zip(saddles, (RED, GREEN), strict=True):
        label = say("gradient_descent.from", start=f"v = {points[0, 1]:g}")
        saddle.plot(*points.T, ".-", color=color, linewidth=0.8, label=label)
    saddle.set_xlim(-1.3, 1.3)
    saddle.set_ylim(-1.3, 1.3)
    drawing.name(saddle, say("gradient_descent.saddle"), "w", "v")
    drawing.legend(saddle, loc="lower right")
    return figure
