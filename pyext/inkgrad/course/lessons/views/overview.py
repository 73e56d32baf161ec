"""Lesson 1: a table for each of the three foundations, and the recorded graphs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Plot, Table
from inkgrad.course.lessons.overview import LIMIT, Growth, Numbers
from inkgrad.course.lessons.plotting import BLUE, COLORS, GREEN, INK, PALE, RED
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    yield Table(
        text("overview.algebra", count=len(numbers.predictions)),
        ["i", "ŷ = X w + b"],
        list(enumerate(numbers.predictions, start=1)),
    )
    yield Table(
        text("overview.dice"),
        [text("overview.rolls"), text("overview.mean")],
        [(n, float(numbers.means[n - 1])) for n in (1, 10, 100, 1000)],
    )
    yield Plot("dice", text("overview.dice_picture"), partial(dice, numbers.means, text))
    yield Table(
        text("overview.chain"),
        ["x", "dy/du · du/dx", text("overview.difference"), "autograd"],
        numbers.chain,
    )
    yield Plot("chain_rule", text("overview.chain_picture"), partial(chain_rule, 0.8))
    yield Table(
        text("overview.growth", limit=f"{LIMIT:g}"),
        ["x", text("overview.operations"), "y", "dy/dx"],
        [(f"{g.x:g}", len(g.nodes) - 1, g.y, g.grad) for g in numbers.growths],
    )
    yield Plot("graphs", text("overview.graphs"), partial(graphs, numbers.growths))


def dice(means: Tensor, text: Translate) -> Figure:
    """The mean of the dice rolls so far."""
    figure, (axes,) = plotting.panels(1, width=6.4)
    expectation = text("overview.expectation")
    axes.axhline(3.5, color=PALE, linewidth=1, linestyle="--", label=expectation)
    rolls = np.arange(1, len(means) + 1)
    axes.plot(rolls, means.numpy(), color=BLUE, label=text("overview.mean_so_far"))
    axes.set_xscale("log")
    axes.set_ylim(1, 6)
    plotting.tidy(axes, text("overview.rolling"), text("overview.rolls"), text("overview.mean"))
    plotting.legend(axes)
    return figure


def chain_rule(x: float) -> Figure:
    """The two functions and their composition, each with its tangent at x."""
    u = x**2
    links: tuple[Any, ...] = (
        ("u = x²", "x", "u", np.square, x, 2 * x, GREEN),
        ("y = sin u", "u", "y", np.sin, u, math.cos(u), RED),
        ("y = sin x²", "x", "y", lambda t: np.sin(t**2), x, math.cos(u) * 2 * x, BLUE),
    )
    figure, panels = plotting.panels(3, width=3.6)
    for axes, (title, along, up, curve, at, slope, color) in zip(panels, links, strict=True):
        ts = np.linspace(0, 2, 200)
        axes.plot(ts, curve(ts), color=color)
        near = np.array([at - 0.45, at + 0.45])
        axes.plot(near, curve(at) + slope * (near - at), color=INK, linewidth=1)
        axes.plot(at, curve(at), "o", color=INK, markersize=5)
        plotting.tidy(axes, f"{title}:  d{up}/d{along} = {slope:.3f}", along, up)
    return figure


def graphs(growths: list[Growth]) -> Figure:
    """One row for each x: every operation that the same Python code recorded, with its operands."""
    figure = plotting.figure(8.4, 0.5 + 1.25 * len(growths))
    axes = figure.subplots()
    longest = max(len(growth.nodes) for growth in growths)
    for row, (growth, color) in enumerate(zip(growths, COLORS, strict=False)):
        (_, *operations), last = growth.nodes, f"y = {growth.y:g}"
        names = [f"x = {growth.x:g}", *(operation.name for operation in operations), last]
        boxes = [
            plotting.box(axes, 1.5 * column, -row, name, color) for column, name in enumerate(names)
        ]
        for column, node in enumerate(growth.nodes):
            bent = [column != operand + 1 for operand in node.operands]
            if node.operands.count(column - 1) == 2:  # x · x: one arrow would hide the other
                bent = [False, True]
            for operand, is_bent in zip(node.operands, bent, strict=True):
                plotting.arrow(axes, boxes[operand], boxes[column], bend=-0.3 * is_bent)
        plotting.arrow(axes, boxes[-2], boxes[-1])
    axes.set_xlim(-0.7, 1.5 * longest + 0.7)
    axes.set_ylim(-len(growths) + 0.5, 0.75)
    axes.axis("off")
    return figure
