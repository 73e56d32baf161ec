"""Lesson 3: descents by learning rate and batch size, and points where they get stuck."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Plot, Table
from inkgrad.course.lessons.gradient_descent import (
    Numbers,
    Walk,
    behavior,
    cost,
    forward,
    in_deeper_valley,
    loss_surface,
    two_valleys,
)
from inkgrad.course.lessons.gradient_descent import saddle as saddle_height
from inkgrad.course.lessons.plotting import BLUE, COLORS, GREEN, INK, RED
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Catalogue keys by result of gradient_descent.behavior.
_BEHAVIORS = {
    "converges": "gradient_descent.converges",
    "oscillates": "gradient_descent.oscillates",
    "diverges": "gradient_descent.diverges",
}


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    lr, ws = next(iter(numbers.descents.items()))
    yield Table(
        text(
            "gradient_descent.training",
            start=f"{ws[0]:g}",
            lr=f"{lr:g}",
            epochs=len(ws) - 1,
            prediction=f"{forward(4, ws[-1]):.4f}",
        ),
        [text("word.epoch"), "w", text("word.cost"), "ŷ(4)"],
        [(epoch, ws[epoch], cost(ws[epoch]), forward(4, ws[epoch])) for epoch in range(0, 101, 10)],
    )
    yield Table(
        text("gradient_descent.rates"),
        [
            "lr",
            *(f"w, {text('word.epoch')} {epoch}" for epoch in (1, 2, 3, 20, 100)),
            text("gradient_descent.behavior"),
        ],
        [
            (
                f"{lr:g}",
                *(f"{ws[epoch]:.5g}" for epoch in (1, 2, 3, 20, 100)),
                text(_BEHAVIORS[behavior(ws)]),
            )
            for lr, ws in numbers.descents.items()
        ],
    )
    yield Plot(
        "rates", text("gradient_descent.rates_picture"), partial(rates, numbers.descents, text)
    )
    yield Table(
        text("gradient_descent.batches", points=len(numbers.points[0])),
        [text("word.batch_size"), text("word.steps"), "w", "b", "MSE"],
        [
            (walk.batch_size, len(walk.path) - 1, *map(float, walk.path[-1]), _mse(walk, numbers))
            for walk in numbers.walks
        ],
    )
    yield Plot(
        "paths",
        text("gradient_descent.paths"),
        partial(paths, *numbers.points, numbers.walks, text),
    )
    yield Table(
        text("gradient_descent.stuck"),
        [
            text("gradient_descent.start"),
            text("gradient_descent.end"),
            text("word.loss"),
            text("gradient_descent.minimum"),
        ],
        [
            (f"{ws[0]:g}", ws[-1], two_valleys(ws[-1]), _kind(ws[-1], text))
            for ws in numbers.valleys
        ],
    )
    yield Plot(
        "minima",
        text("gradient_descent.minima"),
        partial(minima, numbers.valleys, numbers.saddles, text),
    )


def _kind(w: float, text: Translate) -> str:
    """Which of the two minima the place is near."""
    is_global = in_deeper_valley(w)
    return text("gradient_descent.global" if is_global else "gradient_descent.local")


def _mse(walk: Walk, numbers: Numbers) -> float:
    return float(loss_surface(*numbers.points, walk.path[-1:, 0], walk.path[-1:, 1])[0, 0])


def rates(descents: dict[float, list[float]], text: Translate) -> Figure:
    """The first steps on the cost curve, one panel per learning rate."""
    figure, panels = plotting.panels(len(descents), width=2.9, height=3.4, sharey=True)
    curve = np.linspace(0, 4, 100)
    for axes, (lr, ws) in zip(panels, descents.items(), strict=True):
        axes.plot(curve, [cost(w) for w in curve], color=BLUE, linewidth=1.2)
        shown = ws[:11]
        axes.plot(shown, [cost(w) for w in shown], "o-", color=RED, markersize=4, linewidth=0.8)
        axes.set_xlim(-1, 5)
        axes.set_ylim(-0.8, 20)
        title = text("gradient_descent.ten_steps", lr=f"{lr:g}")
        plotting.tidy(axes, title, "w", text("word.cost") if axes is panels[0] else "")
    return figure


def paths(x: np.ndarray, y: np.ndarray, walks: list[Walk], text: Translate) -> Figure:
    """Each path on the MSE of the data."""
    figure, panels = plotting.panels(len(walks), width=3.6, height=3.8, sharey=True)
    ws, bs = np.linspace(-2, 4, 80), np.linspace(-1.5, 4, 80)
    surface = loss_surface(x, y, ws, bs)
    for axes, walk in zip(panels, walks, strict=True):
        plotting.contours(axes, ws, bs, surface)
        axes.plot(*walk.path.T, ".-", color=INK, linewidth=0.8, markersize=3)
        axes.plot(*walk.path[-1], "o", color=RED, markersize=6)
        steps = len(walk.path) - 1
        title = text("gradient_descent.walk", size=walk.batch_size, steps=steps)
        plotting.name(axes, title, "w", "b" if axes is panels[0] else "")
        axes.set_xlim(ws[0], ws[-1])
        axes.set_ylim(bs[0], bs[-1])
    return figure


def minima(valleys: list[list[float]], saddles: list[np.ndarray], text: Translate) -> Figure:
    """Two starts on a curve with two valleys, and two on a saddle."""
    figure, (curve, saddle) = plotting.panels(2)
    ws = np.linspace(-2.1, 2.1, 200)
    curve.plot(ws, [two_valleys(w) for w in ws], color=BLUE, linewidth=1.2)
    for path, color in zip(valleys, COLORS[1:], strict=False):
        heights = [two_valleys(w) for w in path]
        label = text("gradient_descent.from", start=f"w = {path[0]:g}")
        curve.plot(path, heights, ".-", color=color, linewidth=0.6, label=label)
        curve.plot(path[-1], heights[-1], "o", color=color)
    plotting.tidy(curve, text("gradient_descent.two_minima"), "w", text("word.loss"))
    plotting.legend(curve, loc="upper center")
    grid = np.linspace(-1.3, 1.3, 80)
    surface = saddle_height(grid[None, :], grid[:, None])
    saddle.contourf(grid, grid, surface, levels=16, cmap=plotting.SURFACE, alpha=0.75)
    saddle.contour(grid, grid, surface, levels=16, colors="white", linewidths=0.7)
    for points, color in zip(saddles, (RED, GREEN), strict=True):
        label = text("gradient_descent.from", start=f"v = {points[0, 1]:g}")
        saddle.plot(*points.T, ".-", color=color, linewidth=0.8, label=label)
    saddle.set_xlim(-1.3, 1.3)
    saddle.set_ylim(-1.3, 1.3)
    plotting.name(saddle, text("gradient_descent.saddle"), "w", "v")
    plotting.legend(saddle, loc="lower right")
    return figure
