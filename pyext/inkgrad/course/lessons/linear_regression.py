"""Lesson 5, linear regression with PyTorch: the four steps that every later lesson repeats.

1. prepare the data   2. design the model   3. choose loss and optimizer   4. training loop
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn, optim

from inkgrad.course.models import initialize

# ---- 1. data: a row for each example, a column for each feature

x_data = torch.tensor([[1.0], [2.0], [3.0]])
y_data = torch.tensor([[2.0], [4.0], [6.0]])


# ---- 2. model: its layers, and how they are applied


class LinearModel(nn.Module):
    """ŷ = x w + b."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)  # one feature in, one number out: one w and one b

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


# ---- 3. loss and optimizer, 4. training loop: forward, backward, update


class Training(NamedTuple):
    losses: list[float]  # before each step
    w: float
    b: float
    prediction: float  # for x = 4


LR = 0.01


def train(epochs: int = 1000, lr: float = LR, seed: int = 0) -> Training:
    """The course's run; the seed determines the initial weights."""
    model = LinearModel()
    initialize(model, Generator().manual_seed(seed))
    criterion = nn.MSELoss(reduction="sum")
    optimizer = optim.SGD(model.parameters(), lr=lr)

    losses = []
    for _ in range(epochs):
        y_pred = model(x_data)  # forward
        loss = criterion(y_pred, y_data)
        optimizer.zero_grad()  # otherwise gradients accumulate over all steps
        loss.backward()  # backward
        optimizer.step()  # update
        losses.append(loss.item())

    prediction = model(torch.tensor([[4.0]])).item()
    return Training(losses, model.linear.weight.item(), model.linear.bias.item(), prediction)


# ---- the optimizers compete, from the same start on the same surface

MakeOptimizer = Callable[[list[Tensor]], optim.Optimizer]

RACERS: dict[str, MakeOptimizer] = {
    "SGD": lambda weights: optim.SGD(weights, lr=0.02),
    "momentum": lambda weights: optim.SGD(weights, lr=0.02, momentum=0.8),
    "Adagrad": lambda weights: optim.Adagrad(weights, lr=1.0),
    "RMSprop": lambda weights: optim.RMSprop(weights, lr=0.1),
    "Adam": lambda weights: optim.Adam(weights, lr=0.3),
    "Adamax": lambda weights: optim.Adamax(weights, lr=0.5),
    "ASGD": lambda weights: optim.ASGD(weights, lr=0.02),
    "Rprop": lambda weights: optim.Rprop(weights, lr=0.1),
    "LBFGS": lambda weights: optim.LBFGS(weights, lr=0.5, max_iter=1),
}


class Race(NamedTuple):
    path: Tensor  # (steps + 1, 2): w and b before the first step and after each
    losses: list[float]  # at each of these
    lr: float


START = -1.0, 3.0


def minimum() -> tuple[float, float]:
    """w and b with the smallest sum of squared errors, by linear algebra."""
    X = torch.cat([x_data, torch.ones_like(x_data)], dim=1).double()
    w, b = torch.linalg.lstsq(X, y_data.double()).solution.flatten().tolist()
    return w, b


def largest_stable_rate() -> float:
    """SGD on all examples diverges above this learning rate: 2 / λ, as in lesson 3."""
    X = torch.cat([x_data, torch.ones_like(x_data)], dim=1).double()
    return 2 / torch.linalg.eigvalsh(2 * X.T @ X)[-1].item()


def race(
    make_optimizer: MakeOptimizer, steps: int = 60, start: tuple[float, float] = START
) -> Race:
    """Some steps of one optimizer on all examples."""
    w, b = (torch.tensor(value, requires_grad=True) for value in start)
    optimizer = make_optimizer([w, b])

    def loss_and_gradient() -> float:  # a function, because LBFGS may call it more than once a step
        loss = ((x_data * w + b - y_data) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        return loss.item()

    path, losses = [start], [loss_and_gradient()]
    for _ in range(steps):
        optimizer.step(loss_and_gradient)
        path.append((w.item(), b.item()))
        losses.append(loss_and_gradient())
    return Race(torch.tensor(path), losses, optimizer.param_groups[0]["lr"])


class Numbers(NamedTuple):
    training: Training
    races: dict[str, Race]


def run(epochs: int = 1000) -> Numbers:
    return Numbers(train(epochs), {name: race(make) for name, make in RACERS.items()})
