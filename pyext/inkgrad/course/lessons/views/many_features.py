"""Lesson 7: the same predictions in two ways, and training with each activation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.blocks import Block, Note, Plot, Table
from inkgrad.course.lessons.many_features import Numbers, Setting, Training, is_constant
from inkgrad.course.lessons.plotting import BLUE, COLORS, PALE
from inkgrad.course.lessons.views.data_name import data_name
from inkgrad.course.texts import Translate, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Formula and function by activation.
_FORMULAS = {
    "sigmoid": ("1 / (1 + e⁻ᶻ)", torch.sigmoid),
    "ReLU": ("max(0, z)", torch.relu),
    "tanh": ("(eᶻ - e⁻ᶻ) / (eᶻ + e⁻ᶻ)", torch.tanh),
    "GELU": ("z Φ(z)", F.gelu),
}


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
    timing = numbers.timing
    yield Note(
        text(
            "many_features.time",
            examples=timing.examples,
            loops=f"{1000 * timing.loops:.3g}",
            matrices=f"{1000 * timing.matrices:.3g}",
            times=f"{timing.loops / timing.matrices:.2g}",
        )
    )
    if numbers.data.is_fallback:
        yield Note(text("word.fallback", data=data_name(numbers.data, text)), is_warning=True)
    yield Table(
        text("many_features.shapes", examples=len(numbers.data.train)),
        [text("many_features.layer_column"), "X", "W", "b", "Z = X Wᵀ + b"],
        [
            (number, f"(N, {layer.W[1]})", str(layer.W), str(layer.b), f"(N, {layer.W[0]})")
            for number, layer in enumerate(numbers.shapes, start=1)
        ],
    )
    yield Plot("network", text("many_features.network"), partial(network, _sizes(numbers), text))
    yield Table(
        text("many_features.activations"),
        [text("many_features.activation"), text("many_features.formula")],
        [(name, formula) for name, (formula, _) in _FORMULAS.items()],
    )
    yield Plot("activations", text("many_features.curves"), activations)
    yield Table(
        text(
            "many_features.training",
            data=data_name(numbers.data, text),
            examples=len(numbers.data.train),
            tests=len(numbers.data.test),
            features=numbers.data.train.inputs.shape[1],
        ),
        _columns(text),
        [
            (text("many_features.majority"), "–", "–", *map(percent, numbers.baseline)),
            *((_name(each, text), *_row(found)) for each, found in numbers.trainings.items()),
        ],
    )
    yield from _verdicts(numbers, text)
    yield Plot("losses", text("many_features.losses"), partial(losses, numbers, text))


def _verdicts(numbers: Numbers, text: Translate) -> Iterator[Note]:
    """Which trainings learned nothing, and which beat the baseline on the test set."""
    found = numbers.trainings.items()
    constant = [each for each, training in found if is_constant(training.test_answers)]
    better = [each for each, training in found if training.test_accuracy > numbers.baseline[1]]
    if constant:
        yield Note(
            text(
                "many_features.constant",
                examples=len(numbers.data.test),
                settings=_list(constant, text),
            )
        )
    if better:
        yield Note(text("many_features.better", settings=_list(better, text)))


def _list(settings: list[Setting], text: Translate) -> str:
    return "; ".join(_name(setting, text) for setting in settings)


def _name(setting: Setting, text: Translate) -> str:
    name = f"{setting.activation}, {setting.optimizer}, lr = {setting.lr:g}"
    return text("many_features.standardized", setting=name) if setting.standardized else name


def _columns(text: Translate) -> list[str]:
    first, last = text("many_features.first_loss"), text("many_features.last_loss")
    scores = [text("many_features.train_accuracy"), text("word.test_accuracy")]
    return [text("many_features.setting"), first, last, *scores]


def _row(found: Training) -> tuple[float, float, str, str]:
    scores = percent(found.train_accuracy), percent(found.test_accuracy)
    return found.losses[0], found.losses[-1], *scores


def _sizes(numbers: Numbers) -> tuple[int, ...]:
    return numbers.shapes[0].W[1], *(layer.W[0] for layer in numbers.shapes)


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


def activations() -> Figure:
    """The activations over z from -4 to 4."""
    figure, (axes,) = plotting.panels(1)
    z = torch.linspace(-4, 4, 201)
    for (name, (_, activation)), color in zip(_FORMULAS.items(), COLORS, strict=False):
        axes.plot(z.numpy(), activation(z).numpy(), color=color, label=name)
    axes.set_ylim(-1.2, 2.2)
    plotting.tidy(axes, "", "z", "σ(z)")
    plotting.legend(axes, loc="upper left")
    return figure


def losses(numbers: Numbers, text: Translate) -> Figure:
    figure, (axes,) = plotting.panels(1, width=6.4)
    for number, (setting, found) in enumerate(numbers.trainings.items()):
        color, line = COLORS[number % len(COLORS)], "-" if number < len(COLORS) else "--"
        axes.plot(found.losses, line, color=color, label=_name(setting, text))
    plotting.tidy(axes, text("many_features.mean"), text("word.epoch"), text("word.loss"))
    plotting.legend(axes)
    return figure
