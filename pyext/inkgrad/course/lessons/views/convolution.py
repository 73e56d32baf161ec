"""Lesson 10: the sliding kernel step by step, and the network that is built from it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Plot, Table
from inkgrad.course.lessons.convolution import (
    FILTERS,
    KERNEL,
    PICTURE,
    RGB,
    RGB_KERNEL,
    TO_POOL,
    Example,
    Numbers,
    convolve,
    slide,
)
from inkgrad.course.lessons.plotting import INK, RED
from inkgrad.course.lessons.views import digits
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

# Names in the lesson's code, and the keys of their translations.
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
_CHANNELS = ("convolution.red", "convolution.green", "convolution.blue")


RGB_WINDOW = RGB[:, 1:4, 1:4]


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    yield Table(
        text("convolution.steps"),
        [text("word.steps"), text("convolution.window"), text("convolution.sum")],
        [
            (number, " ".join(f"{value:g}" for value in step.window.flat), f"{step.value:g}")
            for number, step in enumerate(slide(PICTURE, KERNEL), start=1)
        ],
    )
    yield Plot("slide", text("convolution.slide"), partial(one_step, PICTURE, KERNEL, 5, text))
    yield Table(
        text("convolution.sizes_by_hand"),
        [
            text("convolution.operation"),
            text("convolution.before"),
            text("convolution.after"),
            text("convolution.difference"),
        ],
        [
            (
                _named(operation, text),
                _size(example.before),
                _size(example.by_hand),
                f"{np.abs(example.by_hand - example.by_torch).max():.0e}",
            )
            for operation, example in numbers.examples.items()
        ],
    )
    yield Plot("options", text("convolution.options"), partial(options, numbers.examples, text))
    yield Plot("rgb", text("convolution.rgb", size=_size(RGB)), partial(rgb, text))
    sums = (RGB_WINDOW * RGB_KERNEL).sum(axis=(1, 2))
    yield Plot(
        "channels",
        text(
            "convolution.channel_sums",
            channels=len(RGB),
            sums=" + ".join(f"{value:g}" if value >= 0 else f"({value:g})" for value in sums),
            total=f"{sums.sum():g}",
        ),
        partial(channels, text),
    )
    digit = numbers.image.numpy()
    yield Plot("filters", text("convolution.filters"), partial(filters, digit, text))
    yield Table(
        text("convolution.network"),
        [text("convolution.layer"), text("convolution.channels"), text("convolution.side"),
         text("convolution.weights")],
        [(_named(size.layer, text), size.channels, f"{size.side} × {size.side}", size.weights)
         for size in numbers.sizes],
    )  # fmt: skip
    yield from digits.blocks(numbers.data, numbers.training, numbers.confusion, text)
    sizes = ", ".join(f"{name} {_size(found[0].numpy())}" for name, found in numbers.maps.items())
    yield Plot(
        "maps", text("convolution.maps", sizes=sizes), partial(maps, digit, numbers.maps, text)
    )


def _named(name: str, text: Translate) -> str:
    return text(_NAMES[name]) if name in _NAMES else name  # 3 × 3 is the same in every language


def _size(picture: np.ndarray) -> str:
    return " × ".join(map(str, picture.shape))


def one_step(picture: np.ndarray, kernel: np.ndarray, count: int, text: Translate) -> Figure:
    """The result after ``count`` steps, and the position of the kernel in the last one."""
    from matplotlib.patches import Rectangle

    figure, (left, middle, right) = plotting.panels(3, width=3.0, height=3.2)
    sums = np.full_like(convolve(picture, kernel), np.nan)
    for last in islice(slide(picture, kernel), count):
        sums[last.row, last.column] = last.value
    plotting.numbers(left, picture, text("convolution.step", number=count))
    corner = (last.column - 0.5, last.row - 0.5)
    left.add_patch(Rectangle(corner, *kernel.shape[::-1], fill=False, edgecolor=RED, linewidth=2))
    plotting.numbers(middle, kernel, text("convolution.kernel"))
    plotting.numbers(right, sums, text("convolution.sums"))
    right.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=RED, linewidth=2))
    return figure


def options(examples: dict[str, Example], text: Translate) -> Figure:
    """Padding, stride and pooling on the course's numbers."""
    figure, panels = plotting.panels(3, 2, width=3.0, height=3.2)
    shown = (
        (PICTURE, text("convolution.picture")),
        (examples["3 × 3, padding 1"].by_hand, text("convolution.padding")),
        (examples["3 × 3, stride 2"].by_hand, text("convolution.stride")),
        (KERNEL, text("convolution.kernel")),
        (TO_POOL, text("convolution.to_pool")),
        (examples["max pool 2 × 2"].by_hand, text("convolution.pool")),
    )
    for axes, (values, title) in zip(panels, shown, strict=True):
        plotting.numbers(axes, values, title)
    return figure


def rgb(text: Translate) -> Figure:
    """A color picture, and the raster of each of its channels."""
    figure, (whole, *panels) = plotting.panels(1 + len(RGB), width=2.3, height=2.5)
    whole.imshow(RGB.transpose(1, 2, 0), interpolation="nearest")
    whole.set_xticks([])
    whole.set_yticks([])
    whole.set_title(text("convolution.picture"), fontsize=9, color=INK)
    for axes, channel, key in zip(panels, RGB, _CHANNELS, strict=True):
        plotting.numbers(axes, channel, text(key), decimals=1)
    return figure


def channels(text: Translate) -> Figure:
    """One window: for each channel, the window, its kernel, and their products."""
    figure, panels = plotting.panels(3, len(RGB), width=1.5, height=1.8)
    for row, key in enumerate(_CHANNELS):
        window, kernel = RGB_WINDOW[row], RGB_KERNEL[row]
        products = window * kernel
        left, middle, right = panels[3 * row : 3 * row + 3]
        plotting.numbers(left, window, text(key), decimals=1)
        plotting.numbers(middle, kernel, f"⊙ {text('convolution.kernel')}")
        plotting.numbers(right, products, f"Σ = {products.sum():g}", decimals=1)
    return figure


def filters(picture: np.ndarray, text: Translate) -> Figure:
    """An image, and each kernel with its result below it, or beside it in a narrow figure."""
    across = plotting.columns_of(2.1, 1 + len(FILTERS)) > 2
    count = 1 + len(FILTERS)
    columns, rows = (count, 2) if across else (2, count)
    figure, panels = plotting.panels(columns, rows, width=2.1, height=2.2)
    kernels, results = (panels[:count], panels[count:]) if across else (panels[::2], panels[1::2])
    kernels[0].axis("off")
    plotting.image(results[0], picture, text("convolution.picture"))
    for top, bottom, (name, kernel) in zip(kernels[1:], results[1:], FILTERS.items(), strict=True):
        decimals = 0 if (kernel % 1 == 0).all() else 2
        plotting.numbers(top, kernel, _named(name, text), decimals=decimals)
        result = convolve(picture, kernel, padding=1)
        reach = np.abs(result).max() or 1.0
        signed = result.min() < -0.01
        plotting.image(bottom, result, cmap=plotting.SIGNED if signed else "gray_r")
        bottom.images[0].set_clim(-reach if signed else 0, reach)
    return figure


def maps(picture: np.ndarray, found: dict[str, Tensor], text: Translate) -> Figure:
    """A digit, and every channel of each convolution after pooling and ReLU."""
    columns = plotting.columns_of(1.15, 10)
    beside = 2 if columns == 10 else 0  # columns of the digit; in a narrow figure it is above
    rows = [(name, each[i : i + columns]) for name, each in found.items()
            for i in range(0, len(each), columns)]  # fmt: skip
    above = 0 if beside else 2
    figure = plotting.figure(1.0 * (columns + beside), 1.05 * (len(rows) + above))
    grid = figure.add_gridspec(len(rows) + above, columns + beside)
    place = grid[:, :2] if beside else grid[:2, :2]
    plotting.image(figure.add_subplot(place), picture, text("convolution.picture"))
    for row, (name, channels) in enumerate(rows, start=above):
        for column, channel in enumerate(channels):
            axes = figure.add_subplot(grid[row, column + beside])
            plotting.image(axes, channel.numpy())
            if column == 0:
                label = f"{name}\n{text('convolution.pool_and_relu')}"
                axes.set_ylabel(label, fontsize=7.5, color=INK)
    return figure
