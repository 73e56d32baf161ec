"""Lesson 7, many features: x and w become matrices, and a network has several layers.

Predicting diabetes from eight measurements of a person: (N, 8) → (N, 6) → (N, 4) → (N, 1).
"""

from __future__ import annotations

import os
import time
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


class Timing(NamedTuple):
    examples: int
    loops: float  # seconds
    matrices: float


def time_both(examples: int = 200) -> Timing:
    """The time that both need for the first layer: 8 features, 6 neurons."""
    X, W, b = torch.randn(examples, 8), torch.randn(6, 8), torch.randn(6)
    seconds = []
    for compute in (forward_by_loops, forward_by_matrices):
        compute(X[:1], W, b)  # the first call takes longer
        start = time.perf_counter()
        compute(X, W, b)
        seconds.append(time.perf_counter() - start)
    return Timing(examples, *seconds)


# ---- the network of the course, also with other activations


# From numbers of inputs and outputs to a layer with its activation; the first two are fused ops.
ACTIVATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "sigmoid": LinearSigmoid,
    "ReLU": LinearReLU,
    "tanh": lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, outputs), nn.Tanh()),
    "GELU": lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, outputs), nn.GELU()),
}


class Model(nn.Module):
    """Features-6-4-1, or with other hidden layers.

    The last layer is always a sigmoid, since its output is a probability.
    """

    def __init__(
        self, features: int, activation: str = "sigmoid", hidden: tuple[int, int] = (6, 4)
    ) -> None:
        super().__init__()
        layer = ACTIVATIONS[activation]
        self.linear1 = layer(features, hidden[0])
        self.linear2 = layer(*hidden)
        self.linear3 = LinearSigmoid(hidden[1], 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear1(x)
        x = self.linear2(x)
        return self.linear3(x)


class Training(NamedTuple):
    losses: list[float]  # on the training set, before each step
    train_accuracy: float
    test_accuracy: float
    test_answers: Tensor  # True for 1


@torch.no_grad()
def answers(model: nn.Module, examples: Examples) -> Tensor:
    """True where the model predicts a 1."""
    return model(examples.inputs) > 0.5


def accuracy(answers: Tensor, examples: Examples) -> float:
    """The share of correct predictions."""
    return (answers == (examples.targets > 0.5)).float().mean().item()


def is_constant(answers: Tensor) -> bool:
    """Whether the answer is the same for all examples: nothing was learned from their features."""
    return bool((answers == answers[:1]).all())


def baseline(data: Data) -> tuple[float, float]:
    """Accuracy on the training and the test set of always answering the more common label.

    "More common" is decided on the training set.
    """
    answer = data.train.targets.mean() > 0.5
    return accuracy(answer, data.train), accuracy(answer, data.test)


def standardized(data: Data) -> Data:
    """Every feature with mean 0 and standard deviation 1 on the training set."""
    mean, std = data.train.inputs.mean(0), data.train.inputs.std(0).clamp(min=1e-8)
    train, test = (
        Examples((part.inputs - mean) / std, part.targets) for part in (data.train, data.test)
    )
    return Data(data.name, train, test, data.is_fallback)


def train(
    data: Data,
    activation: str,
    make_optimizer: Callable[..., optim.Optimizer],
    epochs: int,
    seed: int = 0,
    hidden: tuple[int, int] = (6, 4),
    watch: Callable[[int, Model], None] = lambda epoch, model: None,
) -> Training:
    """Train with all examples in every step, as the course does before mini-batches.

    ``watch`` gets the model before the first epoch and after each: 0, 1, ..., ``epochs``.
    """
    X, y = data.train.inputs, data.train.targets
    model = Model(X.shape[1], activation, hidden)
    initialize(model, Generator().manual_seed(seed))
    criterion = BCELoss(reduction="mean")
    optimizer = make_optimizer(model.parameters())

    losses = []
    watch(0, model)
    for epoch in range(1, epochs + 1):
        loss = criterion(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        watch(epoch, model)
    on_train, on_test = (answers(model, part) for part in (data.train, data.test))
    scores = accuracy(on_train, data.train), accuracy(on_test, data.test)
    return Training(losses, *scores, on_test)


class Setting(NamedTuple):
    activation: str
    optimizer: str  # a class of torch.optim
    lr: float
    standardized: bool = False


SETTINGS = (
    Setting("sigmoid", "SGD", 0.1),  # the course's
    *(Setting(activation, "Adam", 0.01) for activation in ACTIVATIONS),
    Setting("sigmoid", "Adam", 0.1),
    Setting("sigmoid", "SGD", 5.0, standardized=True),
)


def train_with(data: Data, setting: Setting, epochs: int) -> Training:
    optimizer = getattr(optim, setting.optimizer)
    return train(
        standardized(data) if setting.standardized else data,
        setting.activation,
        lambda weights: optimizer(weights, lr=setting.lr),
        epochs,
    )


class Shapes(NamedTuple):
    """Shapes of the parameters of a layer, Z = X Wᵀ + b."""

    W: tuple[int, ...]
    b: tuple[int, ...]


def shapes(model: Model) -> list[Shapes]:
    weights = list(model.parameters())  # W and b of the first layer, of the second, ...
    pairs = zip(weights[::2], weights[1::2], strict=True)
    return [Shapes(tuple(W.shape), tuple(b.shape)) for W, b in pairs]


class Numbers(NamedTuple):
    by_loops: Tensor
    by_matrices: Tensor
    timing: Timing
    data: Data
    shapes: list[Shapes]
    baseline: tuple[float, float]  # accuracy without learning, on the training and the test set
    trainings: dict[Setting, Training]


def run(epochs: int = 100, data: str | os.PathLike[str] | None = None) -> Numbers:
    """``data``: your own CSV file, features in the first columns and a label of 0 or 1 last."""
    generator = Generator().manual_seed(0)
    X, W, b = (torch.randn(size, generator=generator) for size in ((4, 3), (2, 3), (2,)))
    table = diabetes(data)
    return Numbers(
        forward_by_loops(X, W, b),
        forward_by_matrices(X, W, b),
        time_both(),
        table,
        shapes(Model(table.train.inputs.shape[1])),
        baseline(table),
        {setting: train_with(table, setting, epochs) for setting in SETTINGS},
    )
