"""Lesson 7: the same predictions in two ways, and training with each activation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Note, Plot, Table
from inkgrad.course.lessons.many_features import Numbers, Training
from inkgrad.course.lessons.plotting import BLUE, COLORS, PALE
from inkgrad.course.lessons.views.data_name import data_name
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    yield Table(
        text("many_features.vectorised"),
        ["n", "k", text("many_features.loops"), "Ŷ = σ(X Wᵀ + b)"],
        [
            (n, k, numbers.by_loops[n, k].item(), numbers.by_matrices[n, k].item())
            for n in range(4)
            for k in range(2)
        ],
    )
    if numbers.data.is_fallback:
        yield Note(text("word.fallback", data=data_name(numbers.data, text)))
    course = numbers.course
    yield Table(
        text(
            "many_features.training",
            data=data_name(numbers.data, text),
            examples=len(numbers.data.train),
            features=numbers.data.train.inputs.shape[1],
            majority=f"{numbers.majority:.1%}",
        ),
        _columns(text),
        [
            ("sigmoid, SGD", *_row(course)),
            *((f"{name}, Adam", *_row(found)) for name, found in numbers.activations.items()),
        ],
    )
    yield Plot("network", text("many_features.network"), partial(network, _sizes(numbers), text))
    yield Plot("losses", text("many_features.losses"), partial(losses, numbers, text))


def _columns(text: Translate) -> list[str]:
    first, last = text("many_features.first_loss"), text("many_features.last_loss")
    scores = [text("many_features.train_accuracy"), text("word.test_accuracy")]
    return [text("many_features.activation"), first, last, *scores]


def _row(found: Training) -> tuple[float, float, str, str]:
    scores = f"{found.train_accuracy:.1%}", f"{found.test_accuracy:.1%}"
    return found.losses[0], found.losses[-1], *scores


def _sizes(numbers: Numbers) -> tuple[int, ...]:
    return numbers.data.train.inputs.shape[1], 6, 4, 1


def network(sizes: tuple[int, ...], text: Translate) -> Figure:
    """Neurons as dots and weights as lines; up to twelve neurons per layer."""
    figure, (axes,) = plotting.panels(1, width=6.4, height=3.6)
    shown = [min(size, 12) for size in sizes]
    heights = [[row - (count - 1) / 2 for row in range(count)] for count in shown]
    for column in range(1, len(sizes)):
        for start in heights[column - 1]:
            for end in heights[column]:
                axes.plot([column - 1, column], [start, end], color=plotting.RULE, linewidth=1)
    for column, (size, places) in enumerate(zip(sizes, heights, strict=True)):
        color = PALE if column == 0 else BLUE
        axes.plot([column] * len(places), places, "o", color=color, markersize=11)
        hidden = text("many_features.layer", number=column)
        name = "x" if column == 0 else "ŷ" if column == len(sizes) - 1 else hidden
        axes.text(column, max(shown) / 2 + 0.5, f"{name}: {size}", ha="center", fontsize=9.5)
    axes.set_xlim(-0.4, len(sizes) - 0.6)
    axes.set_ylim(-max(shown) / 2 - 0.5, max(shown) / 2 + 1.2)
    axes.axis("off")
    return figure


def losses(numbers: Numbers, text: Translate) -> Figure:
    figure, (axes,) = plotting.panels(1, width=6.4)
    axes.plot(numbers.course.losses, "--", color=BLUE, label=text("many_features.course"))
    for (name, found), color in zip(numbers.activations.items(), COLORS, strict=False):
        axes.plot(found.losses, color=color, label=f"{name}, Adam")
    plotting.tidy(axes, text("many_features.mean"), text("word.epoch"), text("word.loss"))
    plotting.legend(axes)
    return figure
