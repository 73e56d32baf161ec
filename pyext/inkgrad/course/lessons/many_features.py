"""Lesson 7, many features: x and w become matrices, and a network has several layers.

Predicting diabetes from eight measurements of a person: (N, 8) → (N, 6) → (N, 4) → (N, 1).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn, optim

import inkgrad.functional as F
from inkgrad.course.data.datasets import Data, Examples, diabetes
from inkgrad.course.models import initialize
from inkgrad.nn import BCELoss, LinearReLU, LinearSigmoid

# ---- vectorization: loops over examples and features, or one matrix product


def forward_by_loops(X: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """ŷ[n, k] = σ(Σ x[n, m] w[k, m] + b[k]), written out."""
    z = torch.empty(len(X), len(W))
    for n in range(len(X)):
        for k in range(len(W)):
            z[n, k] = sum(X[n, m] * W[k, m] for m in range(X.shape[1])) + b[k]
    return 1 / (1 + torch.exp(-z))


def forward_by_matrices(X: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Ŷ = σ(X Wᵀ + b): the same for all examples, in one fused op."""
    return F.linear_sigmoid(X, W, b)


# ---- the network of the course, also with other activations


# From numbers of inputs and outputs to a layer with its activation; the first two are fused ops.
ACTIVATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "sigmoid": LinearSigmoid,
    "ReLU": LinearReLU,
    "tanh": lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, outputs), nn.Tanh()),
    "GELU": lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, outputs), nn.GELU()),
}


class Model(nn.Module):
    """Features-6-4-1; the last layer is always a sigmoid, since its output is a probability."""

    def __init__(self, features: int, activation: str = "sigmoid") -> None:
        super().__init__()
        layer = ACTIVATIONS[activation]
        self.linear1 = layer(features, 6)
        self.linear2 = layer(6, 4)
        self.linear3 = LinearSigmoid(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear1(x)
        x = self.linear2(x)
        return self.linear3(x)


class Training(NamedTuple):
    losses: list[float]  # on the training set, before each step
    train_accuracy: float
    test_accuracy: float


def accuracy(model: nn.Module, examples: Examples) -> float:
    """The share of correct predictions."""
    with torch.no_grad():
        answers = model(examples.inputs) > 0.5
    return (answers == (examples.targets > 0.5)).float().mean().item()


def train(
    data: Data,
    activation: str,
    make_optimizer: Callable[..., optim.Optimizer],
    epochs: int,
    seed: int = 0,
) -> Training:
    """Train with all examples in every step, as the course does before mini-batches."""
    X, y = data.train.inputs, data.train.targets
    model = Model(X.shape[1], activation)
    initialize(model, Generator().manual_seed(seed))
    criterion = BCELoss(reduction="mean")
    optimizer = make_optimizer(model.parameters())

    losses = []
    for _ in range(epochs):
        loss = criterion(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return Training(losses, accuracy(model, data.train), accuracy(model, data.test))


class Numbers(NamedTuple):
    by_loops: Tensor
    by_matrices: Tensor
    data: Data
    majority: float  # the share of the more frequent label: the accuracy without learning
    course: Training  # sigmoid, SGD, lr 0.1
    activations: dict[str, Training]  # Adam, lr 0.01


def run(epochs: int = 100, data: str | os.PathLike[str] | None = None) -> Numbers:
    """``data``: your own CSV file, features in the first columns and a label of 0 or 1 last."""
    generator = Generator().manual_seed(0)
    X, W, b = (torch.randn(size, generator=generator) for size in ((4, 3), (2, 3), (2,)))
    table = diabetes(data)
    ones = table.train.targets.mean().item()
    return Numbers(
        forward_by_loops(X, W, b),
        forward_by_matrices(X, W, b),
        table,
        max(ones, 1 - ones),
        train(table, "sigmoid", lambda weights: optim.SGD(weights, lr=0.1), epochs),
        {
            name: train(table, name, lambda weights: optim.Adam(weights, lr=0.01), epochs)
            for name in ACTIVATIONS
        },
    )
