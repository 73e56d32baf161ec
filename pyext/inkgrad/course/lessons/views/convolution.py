"""Lesson 10: the sliding kernel step by step, and the network that is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import drawing
from inkgrad.course.lessons.convolution import (
    FILTERS,
    KERNEL,
    PICTURE,
    TO_POOL,
    Example,
    Numbers,
    convolve,
    slide,
)
from inkgrad.course.lessons.drawing import INK, RED
from inkgrad.course.lessons.parts import Part, Picture, Table
from inkgrad.course.lessons.views import digits
from inkgrad.course.texts import Say

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

# What the lesson's code calls something, and the key of its name in the reader's language.
_NAMES = {
    "3 × 3, padding 1": "convolution.padded",
    "3 × 3, stride 2": "convolution.strided",
    "max pool 2 × 2": "convolution.pool",
    "vertical edges": "convolution.vertical_edges",
    "horizontal edges": "convolution.horizontal_edges",
    "blur": "convolution.blur",
    "sharpen": "convolution.sharpen",
    "input": "convolution.input",
    "max pool, ReLU": "convolution.pool_and_relu",
    "flatten": "convolution.flatten",
    "linear": "convolution.linear",
}


def parts(numbers: Numbers, say: Say) -> Iterator[Part]:
    yield Table(
        say("convolution.steps"),
        [say("word.steps"), say("convolution.window"), say("convolution.sum")],
        [
            (number, " ".join(f"{value:g}" for value in step.window.flat), f"{step.value:g}")
            for number, step in enumerate(slide(PICTURE, KERNEL), start=1)
        ],
    )
    yield Picture("slide", say("convolution.slide"), partial(one_step, PICTURE, KERNEL, 5, say))
    yield Table(
        say("convolution.sizes_by_hand"),
        [
            say("convolution.operation"),
            say("convolution.before"),
            say("convolution.after"),
            say("convolution.difference"),
        ],
        [
            (
                _named(operation, say),
                _size(example.before),
                _size(example.by_hand),
                f"{np.abs(example.by_hand - example.by_torch).max():.0e}",
            )
            for operation, example in numbers.examples.items()
        ],
    )
    yield Picture("options", say("convolution.options"), partial(options, numbers.examples, say))
    digit = numbers.image.numpy()
    yield Picture("filters", say("convolution.filters"), partial(filters, digit, say))
    yield Table(
        say("convolution.network"),
        [say("convolution.layer"), say("convolution.channels"), say("convolution.side"),
         say("convolution.weights")],
        [(_named(size.layer, say), size.channels, f"{size.side} × {size.side}", size.weights)
         for size in numbers.sizes],
    )  # fmt: skip
    yield from digits.parts(numbers.data, numbers.training, numbers.confusion, say)
    yield Picture("maps", say("convolution.maps"), partial(maps, digit, numbers.maps, say))


def _named(name: str, say: Say) -> str:
    return say(_NAMES[name]) if name in _NAMES else name  # 3 × 3 is the same everywhere


def _size(picture: np.ndarray) -> str:
    return " × ".join(map(str, picture.shape))


def one_step(picture: np.ndarray, kernel: np.ndarray, count: int, say: Say) -> Figure:
    """The result after so many steps, and where the kernel lies in the last of them."""
    from matplotlib.patches import Rectangle

    figure, (left, middle, right) = drawing.panels(3, width=3.0, height=3.2)
    sums = np.full_like(convolve(picture, kernel), np.nan)
    for last in islice(slide(picture, kernel), count):
        sums[last.row, last.column] = last.value
    drawing.numbers(left, picture, say("convolution.step", number=count))
    corner = (last.column - 0.5, last.row - 0.5)
    left.add_patch(Rectangle(corner, *kernel.shape[::-1], fill=False, edgecolor=RED, linewidth=2))
    drawing.numbers(middle, kernel, say("convolution.kernel"))
    drawing.numbers(right, sums, say("convolution.sums"))
    right.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=RED, linewidth=2))
    return figure


def options(examples: dict[str, Example], say: Say) -> Figure:
    """Padding, stride and pooling on the course's numbers."""
    figure, panels = drawing.panels(3, 2, width=3.0, height=3.2)
    shown = (
        (PICTURE, say("convolution.picture")),
        (examples["3 × 3, padding 1"].by_hand, say("convolution.padding")),
        (examples["3 × 3, stride 2"].by_hand, say("convolution.stride")),
        (KERNEL, say("convolution.kernel")),
        (TO_POOL, say("convolution.to_pool")),
        (examples["max pool 2 × 2"].by_hand, say("convolution.pool")),
    )
    for axes, (values, title) in zip(panels, shown, strict=True):
        drawing.numbers(axes, values, title)
    return figure


def filters(picture: np.ndarray, say: Say) -> Figure:
    """A picture, and what some kernels make of it; above, each kernel."""
    figure, panels = drawing.panels(1 + len(FILTERS), 2, width=2.1, height=2.2)
    above, below = panels[: 1 + len(FILTERS)], panels[1 + len(FILTERS) :]
    above[0].axis("off")
    drawing.image(below[0], picture, say("convolution.picture"))
    for top, bottom, (name, kernel) in zip(above[1:], below[1:], FILTERS.items(), strict=True):
        decimals = 0 if (kernel % 1 == 0).all() else 2
        drawing.numbers(top, kernel, _named(name, say), decimals=decimals)
        result = convolve(picture, kernel, padding=1)
        reach = np.abs(result).max() or 1.0
        signed = result.min() < -0.01
        drawing.image(bottom, result, cmap="RdBu_r" if signed else "gray_r")
        bottom.images[0].set_clim(-reach if signed else 0, reach)
    return figure


def maps(picture: np.ndarray, found: dict[str, Tensor], say: Say) -> Figure:
    """A digit, and every channel of each convolution after pooling and ReLU."""
    columns = 10
    rows = [(name, each[i : i + columns]) for name, each in found.items()
            for i in range(0, len(each), columns)]  # fmt: skip
    figure = drawing.figure(1.0 * (columns + 2), 1.05 * len(rows))
    grid = figure.add_gridspec(len(rows), columns + 2)
    drawing.image(figure.add_subplot(grid[:, :2]), picture, say("convolution.picture"))
    for row, (name, channels) in enumerate(rows):
        for column, channel in enumerate(channels):
            axes = figure.add_subplot(grid[row, column + 2])
            drawing.image(axes, channel.numpy())
            if column == 0:
                axes.set_ylabel(name, fontsize=9, color=INK)
    return figure
