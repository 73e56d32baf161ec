"""The blocks that lessons 9 and 10 share: a network that recognizes digits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.data.datasets import Data
from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Note, Plot, Table
from inkgrad.course.lessons.plotting import BLUE, GREEN, INK, PAPER
from inkgrad.course.lessons.softmax import Training
from inkgrad.course.lessons.views.data_name import data_name
from inkgrad.course.texts import Translate, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor


def blocks(data: Data, training: Training, confusion: Tensor, text: Translate) -> Iterator[Block]:
    if data.is_fallback:
        yield Note(text("word.fallback", data=data_name(data, text)), is_warning=True)
    yield Table(
        text("word.digits", data=data_name(data, text), train=len(data.train), test=len(data.test)),
        [text("word.epoch"), text("word.loss"), text("word.test_accuracy")],
        [
            (epoch, loss, percent(accuracy, 2))
            for epoch, (loss, accuracy) in enumerate(
                zip(training.losses, training.accuracies, strict=True), start=1
            )
        ],
    )
    yield Plot("accuracy", text("word.accuracy_picture"), partial(accuracy, training, text))
    yield Plot("confusion", text("word.confusion"), partial(confusion_matrix, confusion, text))
    yield Plot("misrecognized", text("word.misread"), partial(misrecognized, data, training, text))


def accuracy(training: Training, text: Translate) -> Figure:
    """Loss and accuracy after each epoch."""
    from matplotlib.ticker import MaxNLocator

    figure, (losses, accuracies) = plotting.panels(2, height=3.2)
    epochs = np.arange(1, len(training.losses) + 1)
    losses.plot(epochs, training.losses, "o-", color=BLUE)
    losses.set_ylim(0)
    plotting.tidy(losses, text("word.training_loss"), text("word.epoch"), text("word.loss"))
    accuracies.plot(epochs, 100 * np.array(training.accuracies), "o-", color=GREEN)
    plotting.tidy(accuracies, text("word.accuracy"), text("word.epoch"), "%")
    for axes in (losses, accuracies):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def confusion_matrix(counts: Tensor, text: Translate) -> Figure:
    """Colored by the share of a row, so that the diagonal does not hide the errors."""
    figure, (axes,) = plotting.panels(1, width=5.6, height=5.2)
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)
    axes.imshow(shares.numpy() ** 0.5, cmap=plotting.SURFACE, vmin=0, vmax=1)
    for row in range(10):
        for column in range(10):
            if count := int(counts[row, column]):
                color = PAPER if shares[row, column] > 0.4 else INK
                axes.text(
                    column, row, str(count), ha="center", va="center", fontsize=8, color=color
                )
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    plotting.name(axes, text("word.rows_and_columns"), text("word.read"), text("word.digit"))
    return figure


def misrecognized(data: Data, training: Training, text: Translate, count: int = 16) -> Figure:
    """The first images of the test set that were misrecognized."""
    wrong = (training.predicted != data.test.targets).nonzero().flatten()[:count].tolist()
    figure, panels = plotting.panels(8, 2, width=1.0, height=1.25)
    for axes in panels:
        axes.axis("off")
    for axes, index in zip(panels, wrong, strict=False):
        axes.axis("on")
        read, digit = int(training.predicted[index]), int(data.test.targets[index])
        title = text("word.read_as", digit=digit, read=read)
        plotting.image(axes, data.test.inputs[index, 0].numpy(), title)
    return figure
