"""What lessons 9 and 10 show alike of a network that reads digits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.data.datasets import Data
from inkgrad.course.lessons import drawing
from inkgrad.course.lessons.drawing import BLUE, GREEN, INK, PAPER
from inkgrad.course.lessons.parts import Note, Part, Picture, Table
from inkgrad.course.lessons.softmax import Training
from inkgrad.course.lessons.views.data_names import data_name
from inkgrad.course.texts import Say

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor


def parts(data: Data, training: Training, confusion: Tensor, say: Say) -> Iterator[Part]:
    if data.stand_in:
        yield Note(say("word.stand_in", data=data_name(data, say)))
    yield Table(
        say("word.digits", data=data_name(data, say), train=len(data.train), test=len(data.test)),
        [say("word.epoch"), say("word.loss"), say("word.test_accuracy")],
        [
            (epoch, loss, f"{accuracy:.2%}")
            for epoch, (loss, accuracy) in enumerate(
                zip(training.losses, training.accuracies, strict=True), start=1
            )
        ],
    )
    yield Picture("accuracy", say("word.accuracy_picture"), partial(accuracy, training, say))
    yield Picture("confusion", say("word.confusion"), partial(confusion_matrix, confusion, say))
    yield Picture("misread", say("word.misread"), partial(misread, data, training, say))


def accuracy(training: Training, say: Say) -> Figure:
    """Loss and accuracy, epoch by epoch."""
    from matplotlib.ticker import MaxNLocator

    figure, (losses, accuracies) = drawing.panels(2, height=3.2)
    epochs = np.arange(1, len(training.losses) + 1)
    losses.plot(epochs, training.losses, "o-", color=BLUE)
    losses.set_ylim(0)
    drawing.tidy(losses, say("word.training_loss"), say("word.epoch"), say("word.loss"))
    accuracies.plot(epochs, 100 * np.array(training.accuracies), "o-", color=GREEN)
    drawing.tidy(accuracies, say("word.accuracy"), say("word.epoch"), "%")
    for axes in (losses, accuracies):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def confusion_matrix(counts: Tensor, say: Say) -> Figure:
    """Coloured by the share of a row, so that the diagonal does not hide the mistakes."""
    figure, (axes,) = drawing.panels(1, width=5.6, height=5.2)
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)
    axes.imshow(shares.numpy() ** 0.5, cmap=drawing.SURFACE, vmin=0, vmax=1)
    for row in range(10):
        for column in range(10):
            if count := int(counts[row, column]):
                color = PAPER if shares[row, column] > 0.4 else INK
                axes.text(
                    column, row, str(count), ha="center", va="center", fontsize=8, color=color
                )
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    drawing.name(axes, say("word.rows_and_columns"), say("word.read"), say("word.digit"))
    return figure


def misread(data: Data, training: Training, say: Say, most: int = 16) -> Figure:
    """The first images of the test set that were read wrongly."""
    wrong = (training.predicted != data.test.targets).nonzero().flatten()[:most].tolist()
    figure, panels = drawing.panels(8, 2, width=1.0, height=1.25)
    for axes in panels:
        axes.axis("off")
    for axes, index in zip(panels, wrong, strict=False):
        axes.axis("on")
        read, digit = int(training.predicted[index]), int(data.test.targets[index])
        title = say("word.read_as", digit=digit, read=read)
        drawing.image(axes, data.test.inputs[index, 0].numpy(), title)
    return figure
