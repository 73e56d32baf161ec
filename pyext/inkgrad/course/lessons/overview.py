"""Lesson 1, overview: the algebra, probability and calculus that the course builds on.

PyTorch adds a dynamic computational graph: it records every operation while the code runs, and goes
through the record backward to compute derivatives.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

# ---- algebra: a prediction is a sum of products, and a matrix product computes many of them


def forward(X: Tensor, w: Tensor, b: float) -> Tensor:
    """ŷ = X w + b: one row of X for each example, one column for each feature."""
    return X @ w + b


# ---- probability: a mean of samples approaches the expectation


def means_of_dice(rolls: int, seed: int = 0) -> Tensor:
    """The mean after each roll; the expectation is (1+2+3+4+5+6) / 6 = 3.5."""
    dice = torch.randint(1, 7, (rolls,), generator=Generator().manual_seed(seed))
    return dice.cumsum(0) / torch.arange(1, rolls + 1)


# ---- calculus: the derivative of a composition is the product of the derivatives


def chain(x: float) -> tuple[float, float]:
    """y = sin(u) with u = x², and dy/dx = dy/du · du/dx."""
    u, du_dx = x**2, 2 * x
    y, dy_du = math.sin(u), math.cos(u)
    return y, dy_du * du_dx


def slope_by_difference(x: float, h: float = 1e-6) -> float:
    """The meaning of the slope: how much y changes when x changes a little."""
    return (chain(x + h)[0] - chain(x - h)[0]) / (2 * h)


def slope_by_autograd(x: float) -> float:
    """PyTorch applies the chain rule automatically."""
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.sin(leaf**2), leaf)
    return slope.item()


# ---- a dynamic graph: plain Python decides at run time what is computed


def grow(x: Tensor, limit: float) -> Tensor:
    """x · x · x · ..., until the limit is reached."""
    y = x
    while y < limit:
        y = y * x
    return y


class Recorded(NamedTuple):
    """A node of the graph."""

    name: str
    operands: list[int]  # the nodes that it takes, by their place in the list of all


def recorded_graph(y: Tensor) -> list[Recorded]:
    """The graph that leads to y, as PyTorch recorded it: every node after its operands."""
    nodes: list[Recorded] = []
    places: dict[Any, int] = {}

    def visit(node: Any) -> int:
        if node not in places:
            operands = [visit(operand) for operand, _ in node.next_functions]
            places[node] = len(nodes)
            nodes.append(Recorded(node.name().rpartition("::")[2], operands))
        return places[node]

    visit(y.grad_fn)
    return nodes


class Growth(NamedTuple):
    x: float
    nodes: list[Recorded]  # x itself, which is AccumulateGrad there, and the products
    y: float
    grad: float  # dy/dx


LIMIT = 10.0


def growth(x: float, limit: float = LIMIT) -> Growth:
    """Run ``grow``, and read the graph that it recorded."""
    leaf = torch.tensor(x, requires_grad=True)
    y = grow(leaf, limit)
    (slope,) = torch.autograd.grad(y, leaf, retain_graph=True)
    return Growth(x, recorded_graph(y), y.item(), slope.item())


class Numbers(NamedTuple):
    predictions: list[float]
    means: Tensor
    chain: list[tuple[float, float, float, float]]  # x, slope by rule, by difference, by autograd
    growths: list[Growth]


def run() -> Numbers:
    X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    w, b = torch.tensor([2.0, -1.0]), 0.5
    return Numbers(
        forward(X, w, b).tolist(),
        means_of_dice(1000),
        [
            (x, chain(x)[1], slope_by_difference(x), slope_by_autograd(x))
            for x in (0.5, 1.0, 1.5, 2.0)
        ],
        [growth(x) for x in (2.0, 3.0, 5.0)],
    )
