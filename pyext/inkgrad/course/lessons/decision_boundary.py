"""Lesson 7: a network on points of a plane, where one sees what each neuron computes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Generator, Tensor, optim

from inkgrad.course.data.datasets import Data, Examples
from inkgrad.course.lessons.many_features import Model, accuracy, answers, train
from inkgrad.nn import BCELoss

REACH = 1.25  # the plane is from -REACH to REACH along both features
TRAIN, TEST = 140, 60

# ---- points of two classes: (N, 2), and their classes (N,), which alternate


def _rings(classes: Tensor, generator: Generator) -> Tensor:
    inner = 0.5 * torch.rand(len(classes), generator=generator).sqrt()
    outer = 0.75 + 0.35 * torch.rand(len(classes), generator=generator)
    return _polar(torch.where(classes == 1, inner, outer), _angles(len(classes), generator))


def _quadrants(classes: Tensor, generator: Generator) -> Tensor:
    """XOR: class 1 where both features have the same sign."""
    sizes = 0.1 + torch.rand(len(classes), 2, generator=generator)
    sign = torch.where(torch.rand(len(classes), generator=generator) < 0.5, -1.0, 1.0)
    return sizes * torch.stack([sign, sign * (2 * classes - 1)], 1)


def _moons(classes: Tensor, generator: Generator) -> Tensor:
    angles = math.pi * torch.rand(len(classes), generator=generator)
    arcs = _polar(torch.full_like(angles, 0.7), angles)
    turned = 1 - 2 * classes[:, None]  # the second arc is the first one turned
    points = turned * (arcs - torch.tensor([0.35, 0.17]))
    return points + 0.09 * torch.randn(len(classes), 2, generator=generator)


def _spirals(classes: Tensor, generator: Generator) -> Tensor:
    along = torch.rand(len(classes), generator=generator).sqrt()
    points = _polar(1.1 * along, 1.8 * math.pi * along + math.pi * classes)
    return points + 0.03 * torch.randn(len(classes), 2, generator=generator)


def _halves(classes: Tensor, generator: Generator) -> Tensor:
    """Two clusters that a straight line separates."""
    centers = (2 * classes - 1)[:, None] * torch.tensor([0.55, 0.35])
    return centers + 0.22 * torch.randn(len(classes), 2, generator=generator)


def _angles(count: int, generator: Generator) -> Tensor:
    return 2 * math.pi * torch.rand(count, generator=generator)


def _polar(radii: Tensor, angles: Tensor) -> Tensor:
    return radii[:, None] * torch.stack([angles.cos(), angles.sin()], 1)


POINTS: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "rings": _rings,
    "quadrants": _quadrants,
    "moons": _moons,
    "spirals": _spirals,
    "halves": _halves,
}


def points(name: str) -> Data:
    """The points of that name in ``POINTS``, the same ones in every call."""
    classes = torch.arange(TRAIN + TEST, dtype=torch.float32) % 2
    inputs = POINTS[name](classes, Generator().manual_seed(0)).clamp(-REACH, REACH)
    examples = Examples(inputs, classes[:, None])
    return Data(name, examples[:TRAIN], examples[TRAIN:], False)


# ---- training, watched


class Moment(NamedTuple):
    """The network after some epochs."""

    epoch: int
    layers: list[tuple[Tensor, Tensor]]  # W (out, in) and b (out,) of each
    outputs: list[Tensor]  # of each layer's neurons over the plane: (neurons, side, side)
    loss: float  # on the training set
    train_accuracy: float
    test_accuracy: float


def grid(side: int) -> Tensor:
    """(side * side, 2): the plane row by row, from the smallest of both features up."""
    ticks = torch.linspace(-REACH, REACH, side)
    return torch.cartesian_prod(ticks, ticks).flip(1)


@torch.no_grad()
def moment(model: Model, epoch: int, data: Data, side: int) -> Moment:
    x, layers, outputs = grid(side), [], []
    weights = [weight.clone() for weight in model.parameters()]  # W, b of each layer in turn
    for number, layer in enumerate((model.linear1, model.linear2, model.linear3)):
        x = layer(x)
        outputs.append(x.T.reshape(-1, side, side))
        layers.append((weights[2 * number], weights[2 * number + 1]))
    loss = BCELoss()(model(data.train.inputs), data.train.targets).item()
    scores = (accuracy(answers(model, part), part) for part in (data.train, data.test))
    return Moment(epoch, layers, outputs, loss, *scores)


def train_on_points(
    data: Data,
    activation: str,
    make_optimizer: Callable[..., optim.Optimizer],
    *,
    hidden: tuple[int, int],
    seed: int,
    moments: int,
    pace: int,
    side: int,
) -> list[Moment]:
    """Train the lesson's network; return it before training and ``moments`` times during it.

    There are ``pace`` epochs between two moments. Outputs are computed on side x side points of
    the plane.
    """
    found = []

    def watch(epoch: int, model: Model) -> None:
        if epoch % pace == 0:
            found.append(moment(model, epoch, data, side))

    train(data, activation, make_optimizer, moments * pace, seed, hidden, watch)
    return found
