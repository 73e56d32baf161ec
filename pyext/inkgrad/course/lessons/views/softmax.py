"""Lesson 9: softmax and its loss by hand, then the classifier."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Plot, Table
from inkgrad.course.lessons.plotting import BLUE, GREEN, RED
from inkgrad.course.lessons.softmax import Comparison, Numbers, Sample, softmax
from inkgrad.course.lessons.views import digits
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    sample, comparison = numbers.sample, numbers.comparison
    yield Table(
        text("softmax.sample", loss=f"{sample.loss:.4f}", torch=f"{sample.loss_by_torch:.4f}"),
        ["k", "z", "ŷ = softmax(z)", "y"],
        [
            (k, f"{z:g}", float(y_pred), int(k == 0))
            for k, (z, y_pred) in enumerate(zip(sample.z, sample.y_pred, strict=True))
        ],
    )
    yield Plot("sample", text("softmax.sample_picture"), partial(steps, sample))
    good, bad = comparison.losses_by_torch
    yield Table(
        text("softmax.comparison", count=len(comparison.labels)),
        [text("softmax.predictions"), "NumPy", "CrossEntropyLoss"],
        [
            (text("softmax.good"), comparison.good_loss, good),
            (text("softmax.bad"), comparison.bad_loss, bad),
        ],
    )
    yield Plot(
        "good_and_bad", text("softmax.comparison_picture"), partial(compare, comparison, text)
    )
    yield from digits.blocks(numbers.data, numbers.training, numbers.confusion, text)


def steps(sample: Sample) -> Figure:
    """z, its exponentials, and those divided by their sum."""
    figure, panels = plotting.panels(3, width=3.0, height=2.9)
    titles = ("z", "eᶻ", "ŷ = eᶻ / Σ eᶻ")
    for axes, title, values in zip(
        panels, titles, (sample.z, np.exp(sample.z), sample.y_pred), strict=True
    ):
        bars = axes.bar(range(3), values, color=BLUE, width=0.6)
        axes.bar_label(bars, fmt="%.3f", fontsize=8.5, padding=2)
        axes.set_xticks(range(3))
        axes.margins(y=0.15)
        plotting.tidy(axes, title, "k")
    return figure


def compare(comparison: Comparison, text: Translate) -> Figure:
    """The probabilities of three examples; the bar of the correct class is green."""
    figure, panels = plotting.panels(3, 2, width=2.9, height=2.2, sharey=True)
    losses = (comparison.good_loss, comparison.bad_loss)
    for row, z in enumerate((comparison.good, comparison.bad)):
        for n, (y_pred, label) in enumerate(zip(softmax(z), comparison.labels, strict=True)):
            axes = panels[3 * row + n]
            colors = [GREEN if k == label else RED for k in range(3)]
            axes.bar(range(3), y_pred, color=colors, width=0.6)
            axes.set_xticks(range(3))
            axes.set_ylim(0, 1)
            first = text("softmax.mean", loss=f"{losses[row]:.4f}") if n == 0 else ""
            plotting.tidy(
                axes, f"-ln {y_pred[label]:.3f} = {-np.log(y_pred[label]):.3f}", "", first
            )
    return figure
