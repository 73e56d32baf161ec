"""Lesson 8: which examples go into which batch, how long loading takes, and the main guard."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import drawing
from inkgrad.course.lessons.data_loader import Numbers, Outcome, iterations
from inkgrad.course.lessons.drawing import BLUE, COLORS, PAPER
from inkgrad.course.lessons.parts import Note, Part, Picture, Table
from inkgrad.course.lessons.views.data_names import data_name
from inkgrad.course.texts import Say

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def parts(numbers: Numbers, say: Say) -> Iterator[Part]:
    batch = say("data_loader.batch")
    yield Table(
        say("data_loader.batches"),
        [say("word.epoch"), *(f"{batch} {n}" for n in (1, 2, 3))],
        [
            (number, *(" ".join(map(str, batch)) for batch in epoch))
            for number, epoch in enumerate(numbers.batches, start=1)
        ],
    )
    yield Picture("batches", say("data_loader.picture"), partial(batches, numbers.batches, say))
    if numbers.data.stand_in:
        yield Note(say("word.stand_in", data=data_name(numbers.data, say)))
    count = len(numbers.data.train)
    yield Table(
        say("data_loader.iterations", data=data_name(numbers.data, say), examples=count),
        [say("word.batch_size"), say("data_loader.iterations_column")],
        [(size, iterations(count, size)) for size in (1, 32, 128, count)],
    )
    epochs = len(numbers.losses)
    yield Table(
        say("data_loader.training"),
        [say("word.epoch"), say("word.loss")],
        [(n, numbers.losses[n - 1]) for n in sorted({1, 2, 5, 10, 50, epochs}) if n <= epochs],
    )
    yield Picture("losses", say("data_loader.losses"), partial(losses, numbers.losses, say))
    yield Table(
        say("data_loader.timings"),
        [
            say("data_loader.examples"),
            say("word.batch_size"),
            say("data_loader.workers"),
            say("data_loader.first_epoch"),
            say("data_loader.second_epoch"),
        ],
        [
            (
                say("data_loader.slow") if timing.is_slow else data_name(numbers.data, say),
                timing.batch_size,
                timing.workers,
                timing.first_epoch,
                timing.second_epoch,
            )
            for timing in numbers.timings
        ],
    )
    yield Table(
        say("data_loader.guard"),
        [say("data_loader.file"), say("data_loader.printed"), say("data_loader.error")],
        [
            (say("data_loader.without_guard"), *_told(numbers.without_guard)),
            (say("data_loader.with_guard"), *_told(numbers.with_guard)),
        ],
    )


def _told(outcome: Outcome) -> tuple[str, str]:
    return "; ".join(outcome.printed), outcome.error or "–"


def batches(epochs: list[list[list[int]]], say: Say) -> Figure:
    """A row for each epoch, a square for each example in the order of use, a colour a batch."""
    count = sum(map(len, epochs[0]))
    figure, (axes,) = drawing.panels(1, width=0.52 * count + 1.2, height=0.75 * len(epochs) + 0.7)
    for row, epoch in enumerate(epochs):
        order = [(example, color) for batch, color in zip(epoch, COLORS, strict=False)
                 for example in batch]  # fmt: skip
        for column, (example, color) in enumerate(order):
            axes.plot(column, row, "s", color=color, markersize=24)
            axes.text(column, row, str(example), ha="center", va="center", color=PAPER)
    axes.set_xlim(-0.7, count - 0.3)
    axes.set_ylim(len(epochs) - 0.4, -0.6)
    rows = [say("data_loader.epoch", number=n) for n in range(1, len(epochs) + 1)]
    axes.set_yticks(range(len(epochs)), rows)
    axes.set_xticks([])
    drawing.name(axes, say("data_loader.order"))
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def losses(history: list[float], say: Say) -> Figure:
    figure, (axes,) = drawing.panels(1)
    axes.plot(np.arange(1, len(history) + 1), history, color=BLUE)
    drawing.tidy(axes, say("data_loader.mean"), say("word.epoch"), say("word.loss"))
    return figure
