"""Lesson 8: the examples of each batch, how long loading takes, and the main guard."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Note, Plot, Table
from inkgrad.course.lessons.data_loader import BATCH_SIZE, Numbers, Outcome, Timing, iterations
from inkgrad.course.lessons.plotting import COLORS, PALE, PAPER
from inkgrad.course.lessons.views.data_name import data_name
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    batch = text("data_loader.batch")
    first = numbers.batches[0]
    sizes = [len(each) for each in first]
    yield Table(
        text("data_loader.batches", count=sum(sizes), size=sizes[0]),
        [text("word.epoch"), *(f"{batch} {n}" for n in range(1, 1 + len(first)))],
        [
            (number, *(" ".join(map(str, batch)) for batch in epoch))
            for number, epoch in enumerate(numbers.batches, start=1)
        ],
    )
    yield Plot(
        "batches",
        text("data_loader.picture", last=sizes[-1]),
        partial(batches, numbers.batches, text),
    )
    if numbers.data.is_fallback:
        yield Note(text("word.fallback", data=data_name(numbers.data, text)), is_warning=True)
    count = len(numbers.data.train)
    yield Table(
        text("data_loader.iterations", data=data_name(numbers.data, text), examples=count),
        [text("word.batch_size"), text("data_loader.iterations_column")],
        [(size, iterations(count, size)) for size in (1, 32, 128, count)],
    )
    found = numbers.trainings
    epochs = len(next(iter(found.values())))
    yield Table(
        text("data_loader.training", size=BATCH_SIZE),
        [text("word.epoch"), *found],
        [
            (n, *(losses[n - 1] for losses in found.values()))
            for n in sorted({1, 2, 5, 10, 50, epochs})
            if n <= epochs
        ],
    )
    yield from _verdicts(numbers, text)
    yield Plot("losses", text("data_loader.losses"), partial(losses, numbers, text))
    measured = f"{numbers.measured:%Y-%m-%d %H:%M} UTC"
    yield Table(
        text("data_loader.timings", measured=measured),
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
    yield Note(_comparison(numbers.timings, text))
    yield Table(
        text("data_loader.guard", measured=measured),
        [text("data_loader.file"), text("data_loader.printed"), text("data_loader.error")],
        [
            (text("data_loader.without_guard"), *_cells(numbers.without_guard)),
            (text("data_loader.with_guard"), *_cells(numbers.with_guard)),
        ],
    )


def _verdicts(numbers: Numbers, text: Translate) -> Iterator[Note]:
    """Whether each training ends below the loss without learning."""
    for name, losses in numbers.trainings.items():
        has_learned = losses[-1] < 0.99 * numbers.constant_loss
        yield Note(
            text(
                "data_loader.learned" if has_learned else "data_loader.not_learned",
                setting=name,
                epochs=len(losses),
                loss=f"{losses[-1]:.4f}",
                constant=f"{numbers.constant_loss:.4f}",
            )
        )


def _comparison(timings: list[Timing], text: Translate) -> str:
    """The times of small and large batches, without workers and with the most."""
    quick = [timing for timing in timings if not timing.is_slow]
    slow = [timing for timing in timings if timing.is_slow]
    small, large = (select(quick, key=lambda each: each.batch_size) for select in (min, max))
    alone, helped = (select(slow, key=lambda each: each.workers) for select in (min, max))
    return text(
        "data_loader.comparison",
        small=small.batch_size,
        large=large.batch_size,
        times=f"{small.second_epoch / large.second_epoch:.2g}",
        workers=helped.workers,
        helped=f"{helped.second_epoch:.2g}",
        alone=f"{alone.second_epoch:.2g}",
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


def losses(numbers: Numbers, text: Translate) -> Figure:
    figure, (axes,) = plotting.panels(1, width=6.4)
    for (name, history), color in zip(numbers.trainings.items(), COLORS, strict=False):
        axes.plot(np.arange(1, len(history) + 1), history, color=color, label=name)
    label = text("data_loader.constant")
    axes.axhline(numbers.constant_loss, color=PALE, linewidth=1, linestyle="--", label=label)
    title = text("data_loader.mean", size=BATCH_SIZE)
    plotting.tidy(axes, title, text("word.epoch"), text("word.loss"))
    plotting.legend(axes)
    return figure
