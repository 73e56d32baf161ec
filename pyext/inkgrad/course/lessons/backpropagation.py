"""Lesson 4, backpropagation: the chain rule, applied to a graph from its end to its beginning.

A node has ``data``, a number, and ``grad`` = d(loss)/d(data). An operation has two formulas: its
result, and its slope for each operand. That is all there is to autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

# sign: (result, slope for each operand)
OPERATIONS: dict[str, tuple[Callable[..., float], Callable[..., tuple[float, ...]]]] = {
    "+": (lambda a, b: a + b, lambda a, b: (1.0, 1.0)),
    "-": (lambda a, b: a - b, lambda a, b: (1.0, -1.0)),
    "×": (lambda a, b: a * b, lambda a, b: (b, a)),
    "²": (lambda a: a**2, lambda a: (2 * a,)),
}


class Node:
    """A leaf with a name and a number, or an operation on other nodes."""

    def __init__(self, name: str, data: float = 0.0, operands: tuple[Node, ...] = ()) -> None:
        self.name = name  # for an operation, its sign
        self.data = data
        self.grad = 0.0
        self.operands = operands

    def __add__(self, other: Node) -> Node:
        return Node("+", operands=(self, other))

    def __sub__(self, other: Node) -> Node:
        return Node("-", operands=(self, other))

    def __mul__(self, other: Node) -> Node:
        return Node("×", operands=(self, other))

    def square(self) -> Node:
        return Node("²", operands=(self,))

    def compute(self) -> None:
        """Compute data from the data of the operands."""
        result, _ = OPERATIONS[self.name]
        self.data = result(*(operand.data for operand in self.operands))

    def pass_back(self) -> None:
        """Chain rule: d(loss)/d(operand) += d(loss)/d(this) · d(this)/d(operand)."""
        _, slopes_of = OPERATIONS[self.name]
        slopes = slopes_of(*(operand.data for operand in self.operands))
        for operand, slope in zip(self.operands, slopes, strict=True):
            operand.grad += self.grad * slope


def in_order(node: Node) -> list[Node]:
    """The node and everything that it depends on, once each, operands before their results."""
    found: dict[int, Node] = {}

    def visit(node: Node) -> None:
        if id(node) not in found:
            for operand in node.operands:
                visit(operand)
            found[id(node)] = node

    visit(node)
    return list(found.values())


def forward(loss: Node) -> Iterator[Node]:
    """Compute one operation after the other; yields each node after computing it."""
    for node in in_order(loss):
        if node.operands:
            node.compute()
            yield node


def backward(loss: Node) -> Iterator[Node]:
    """Yields the loss with its grad of 1, then each operation after it has passed its grad back."""
    order = in_order(loss)
    for node in order:
        node.grad = 0.0
    loss.grad = 1.0  # d(loss)/d(loss)
    yield loss
    for node in reversed(order):
        if node.operands:
            node.pass_back()
            yield node


# ---- two models of the course, for one example: the same code for our nodes and torch's tensors

Number = TypeVar("Number", Node, Tensor)


def linear(x: Number, y: Number, w: Number, b: Number) -> Number:
    """loss = (x w + b - y)²."""
    return (x * w + b - y).square()


def quadratic(x: Number, y: Number, w1: Number, w2: Number, b: Number) -> Number:
    """loss = (w1 x² + w2 x + b - y)²."""
    return (w1 * x.square() + w2 * x + b - y).square()


LINEAR = {"x": 1.0, "y": 2.0, "w": 1.0, "b": 2.0}
QUADRATIC = {"x": 2.0, "y": 4.0, "w1": 1.0, "w2": 1.0, "b": 1.0}


def leaves(**values: float) -> dict[str, Node]:
    """A leaf for each name."""
    return {name: Node(name, value) for name, value in values.items()}


class State(NamedTuple):
    """A node after forward and backward."""

    name: str
    data: float
    grad: float


def states(loss: Node) -> list[State]:
    """Run forward and backward. Returns all nodes in the order of the computation."""
    for _ in forward(loss):
        pass
    for _ in backward(loss):
        pass
    return [State(node.name, node.data, node.grad) for node in in_order(loss)]


def grads_by_torch(model: Callable[..., Tensor], **values: float) -> dict[str, float]:
    """The gradients that PyTorch computes for the leaves of the same model."""
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    grads = torch.autograd.grad(model(**tensors), list(tensors.values()))
    return {name: grad.item() for name, grad in zip(tensors, grads, strict=True)}


# ---- training with it


class Epoch(NamedTuple):
    w: float
    loss: float  # of the last example


START, LR = 1.0, 0.01


def train(w: float = START, lr: float = LR, epochs: int = 100) -> list[Epoch]:
    """Stochastic gradient descent of ŷ = x w as in lesson 3, with slopes from backpropagation."""
    weight = Node("w", w)
    history = []
    for _ in range(epochs):
        for x, y in ((1.0, 2.0), (2.0, 4.0), (3.0, 6.0)):
            loss = (Node("x", x) * weight - Node("y", y)).square()  # a new graph each time
            states(loss)
            weight.data -= lr * weight.grad
        history.append(Epoch(weight.data, loss.data))
    return history


class Example(NamedTuple):
    states: list[State]
    by_torch: dict[str, float]  # grads of the leaves


class Numbers(NamedTuple):
    linear: Example
    quadratic: Example
    training: list[Epoch]


def run() -> Numbers:
    return Numbers(
        Example(states(linear(**leaves(**LINEAR))), grads_by_torch(linear, **LINEAR)),
        Example(states(quadratic(**leaves(**QUADRATIC))), grads_by_torch(quadratic, **QUADRATIC)),
        train(),
    )
