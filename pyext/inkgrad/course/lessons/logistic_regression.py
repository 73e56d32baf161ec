"""Lesson 6, logistic regression: from a number to a probability, and a loss for probabilities.

How many hours of study does it take to pass? The labels are 0 (failed) and 1 (passed).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn, optim

import inkgrad.functional as F
from inkgrad.course.models import initialize
from inkgrad.nn import BCELoss, LinearSigmoid

x_data = torch.tensor([[1.0], [2.0], [3.0]])
y_data = torch.tensor([[0.0], [0.0], [1.0]])


def sigmoid(z: Tensor) -> Tensor:
    """σ(z) = 1 / (1 + e⁻ᶻ): maps any number to one between 0 and 1."""
    return 1 / (1 + torch.exp(-z))


def bce(y_pred: float, y: float) -> float:
    """-(y ln ŷ + (1 - y) ln(1 - ŷ)): small if ŷ is close to y, large if it is confidently wrong."""
    return -(y * math.log(y_pred) + (1 - y) * math.log(1 - y_pred))


class Batch(NamedTuple):
    y: list[float]
    y_pred: list[float]
    losses: list[float]  # by hand, for each example
    mean: float  # by hand
    mean_by_kernel: float


def batch_by_hand() -> Batch:
    """The loss of a batch is the mean over its examples; the fused kernel computes the same."""
    y, y_pred = [1.0, 1.0, 0.0, 0.0], [0.2, 0.8, 0.3, 0.7]
    losses = [bce(p, t) for p, t in zip(y_pred, y, strict=True)]
    mean = sum(losses) / len(losses)
    by_kernel = F.binary_cross_entropy(torch.tensor(y_pred), torch.tensor(y), reduction="mean")
    return Batch(y, y_pred, losses, mean, by_kernel.item())


class LogisticModel(nn.Module):
    """ŷ = σ(x w + b), in one fused op."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = LinearSigmoid(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


class Training(NamedTuple):
    losses: list[float]  # before each step
    weights: list[tuple[float, float]]  # w and b at each of these
    w: float
    b: float
    hours: Tensor  # 0 to 10
    probabilities: Tensor  # of passing after these hours


def train(
    epochs: int = 1000, lr: float = 0.01, seed: int = 0, x: Tensor = x_data, y: Tensor = y_data
) -> Training:
    """The four steps of lesson 5; only model and loss are new."""
    model = LogisticModel()
    initialize(model, Generator().manual_seed(seed))
    criterion = BCELoss(reduction="sum")
    optimizer = optim.SGD(model.parameters(), lr=lr)

    losses, weights = [], []
    for _ in range(epochs):
        weights.append((model.linear.weight.item(), model.linear.bias.item()))
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    hours = torch.linspace(0, 10, 201)
    with torch.no_grad():
        probabilities = model(hours.unsqueeze(1)).squeeze(1)
    w, b = model.linear.weight.item(), model.linear.bias.item()
    return Training(losses, weights, w, b, hours, probabilities)


def even_hours(w: float, b: float) -> float:
    """The hours after which passing is as likely as failing: x w + b = 0. NaN if w is 0.

    Passing is more likely above them if w > 0, and below them if w < 0.
    """
    return -b / w if w else math.nan


class Numbers(NamedTuple):
    z: Tensor  # -10 to 10
    sigmoid: Tensor  # at each
    batch: Batch
    training: Training


def run(epochs: int = 1000) -> Numbers:
    z = torch.linspace(-10, 10, 201)
    return Numbers(z, sigmoid(z), batch_by_hand(), train(epochs))
