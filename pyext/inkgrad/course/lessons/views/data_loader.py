"""Lesson 8: the examples of each batch, how long loading takes, and the main guard."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Note, Plot, Table
from inkgrad.course.lessons.data_loader import Numbers, Outcome, iterations
from inkgrad.course.lessons.plotting import BLUE, COLORS, PAPER
from inkgrad.course.lessons.views.data_name import data_name
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    batch = text("data_loader.batch")
    yield Table(
        text("data_loader.batches"),
        [text("word.epoch"), *(f"{batch} {n}" for n in (1, 2, 3))],
        [
            (number, *(" ".join(map(str, batch)) for batch in epoch))
            for number, epoch in enumerate(numbers.batches, start=1)
        ],
    )
    yield Plot("batches", text("data_loader.picture"), partial(batches, numbers.batches, text))
    if numbers.data.is_fallback:
        yield Note(text("word.fallback", data=data_name(numbers.data, text)))
    count = len(numbers.data.train)
    yield Table(
        text("data_loader.iterations", data=data_name(numbers.data, text), examples=count),
        [text("word.batch_size"), text("data_loader.iterations_column")],
        [(size, iterations(count, size)) for size in (1, 32, 128, count)],
    )
    epochs = len(numbers.losses)
    yield Table(
        text("data_loader.training"),
        [text("word.epoch"), text("word.loss")],
        [(n, numbers.losses[n - 1]) for n in sorted({1, 2, 5, 10, 50, epochs}) if n <= epochs],
    )
    yield Plot("losses", text("data_loader.losses"), partial(losses, numbers.losses, text))
    yield Table(
        text("data_loader.timings"),
        [
            text("data_loader.examples"),
            text("word.batch_size"),
            text("data_loader.workers"),
            text("data_loader.first_epoch"),
            text("data_loader.second_epoch"),
        ],
        [
            (
                text("data_loader.slow") if timing.is_slow else data_name(numbers.data, text),
                timing.batch_size,
                timing.workers,
                timing.first_epoch,
                timing.second_epoch,
            )
            for timing in numbers.timings
        ],
    )
    yield Table(
        text("data_loader.guard"),
        [text("data_loader.file"), text("data_loader.printed"), text("data_loader.error")],
        [
            (text("data_loader.without_guard"), *_cells(numbers.without_guard)),
            (text("data_loader.with_guard"), *_cells(numbers.with_guard)),
        ],
    )


def _cells(outcome: Outcome) -> tuple[str, str]:
    return "; ".join(outcome.printed), outcome.error or "–"


def batches(epochs: list[list[list[int]]], text: Translate) -> Figure:
    """One row per epoch and one square per example in the order of use, colored by batch."""
    count = sum(map(len, epochs[0]))
    figure, (axes,) = plotting.panels(1, width=0.52 * count + 1.2, height=0.75 * len(epochs) + 0.7)
    for row, epoch in enumerate(epochs):
        order = [(example, color) for batch, color in zip(epoch, COLORS, strict=False)
                 for example in batch]  # fmt: skip
        for column, (example, color) in enumerate(order):
            axes.plot(column, row, "s", color=color, markersize=24)
            axes.text(column, row, str(example), ha="center", va="center", color=PAPER)
    axes.set_xlim(-0.7, count - 0.3)
    axes.set_ylim(len(epochs) - 0.4, -0.6)
    rows = [text("data_loader.epoch", number=n) for n in range(1, len(epochs) + 1)]
    axes.set_yticks(range(len(epochs)), rows)
    axes.set_xticks([])
    plotting.name(axes, text("data_loader.order"))
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def losses(history: list[float], text: Translate) -> Figure:
    figure, (axes,) = plotting.panels(1)
    axes.plot(np.arange(1, len(history) + 1), history, color=BLUE)
    plotting.tidy(axes, text("data_loader.mean"), text("word.epoch"), text("word.loss"))
    return figure
