"""Lesson 3, gradient descent: go downhill instead of trying every weight.

    w ← w - lr · d(loss)/dw

with all examples in each step (full batch), with one (stochastic), or with some (mini-batch).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

x_data = [1.0, 2.0, 3.0]
y_data = [2.0, 4.0, 6.0]


def forward(x: float, w: float) -> float:
    """ŷ = x w."""
    return x * w


def cost(w: float) -> float:
    """1/N Σ (x w - y)²."""
    losses = [(forward(x, w) - y) ** 2 for x, y in zip(x_data, y_data, strict=True)]
    return sum(losses) / len(losses)


def gradient(w: float) -> float:
    """1/N Σ 2 x (x w - y): the derivative of the cost."""
    slopes = [2 * x * (forward(x, w) - y) for x, y in zip(x_data, y_data, strict=True)]
    return sum(slopes) / len(slopes)


def descend(w: float = 1.0, lr: float = 0.01, epochs: int = 100) -> list[float]:
    """w before the first step and after each."""
    ws = [w]
    for _ in range(epochs):
        w -= lr * gradient(w)
        ws.append(w)
    return ws


def behavior(ws: list[float]) -> str:
    """How a descent goes: it converges, from one side or oscillating, or it diverges."""
    steps = np.diff(ws)
    if not abs(steps[-1]) <= abs(steps[0]):  # also if it is no number any more
        return "diverges"
    return "oscillates" if steps[0] * steps[1] < 0 else "converges"


# ---- two weights and noisy data: how many examples to use for a step


class Walk(NamedTuple):
    batch_size: int
    path: np.ndarray  # (steps + 1, 2): w and b before the first step and after each


def noisy_line(count: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """y = 2 x + 1, with noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, count)
    return x, 2 * x + 1 + rng.normal(0, 1.5, count)


def walk(
    x: np.ndarray,
    y: np.ndarray,
    batch_size: int,
    *,
    epochs: int = 12,
    lr: float = 0.05,
    start: tuple[float, float] = (-1.0, 3.0),
    seed: int = 0,
) -> Walk:
    """Descend the MSE of ŷ = x w + b, one step per batch; examples are shuffled every epoch."""
    rng = np.random.default_rng(seed)
    w, b = start
    path = [start]
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for first in range(0, len(x), batch_size):
            batch = order[first : first + batch_size]
            error = x[batch] * w + b - y[batch]
            w -= lr * np.mean(2 * error * x[batch])
            b -= lr * np.mean(2 * error)
            path.append((float(w), float(b)))
    return Walk(batch_size, np.array(path))


def loss_surface(x: np.ndarray, y: np.ndarray, ws: np.ndarray, bs: np.ndarray) -> np.ndarray:
    """The MSE for each b (rows) and w (columns)."""
    errors = x * ws[None, :, None] + bs[:, None, None] - y
    return np.mean(errors**2, axis=2)


# ---- descent stops where the slope is zero, which is not always the lowest point


def two_valleys(w: float) -> float:
    """w⁴ - 3 w² + w has a local minimum near 1.13 and the global one near -1.30."""
    return w**4 - 3 * w**2 + w


def two_valleys_slope(w: float) -> float:
    return 4 * w**3 - 6 * w + 1


def in_deeper_valley(w: float) -> bool:
    """Whether a place in one of the valleys is in the deeper one: nothing is much lower."""
    lowest = min(two_valleys(each) for each in np.linspace(-2, 2, 401))
    return two_valleys(w) < lowest + 0.1


def roll_down(
    slope: Callable[[float], float], w: float, lr: float = 0.02, steps: int = 60
) -> list[float]:
    """Gradient descent on any curve with a known slope."""
    ws = [w]
    for _ in range(steps):
        ws.append(ws[-1] - lr * slope(ws[-1]))
    return ws


def saddle(w: Any, v: Any) -> Any:
    """w² - v², for numbers, arrays or tensors: no minimum, but the slope is zero at (0, 0)."""
    return w**2 - v**2


def cross_saddle(v: float, w: float = 1.0, lr: float = 0.1, steps: int = 25) -> np.ndarray:
    """Descend the saddle from (w, v). Returns the path, (steps + 1, 2)."""
    path = [(w, v)]
    for _ in range(steps):
        w, v = w - lr * 2 * w, v + lr * 2 * v
        path.append((w, v))
    return np.array(path)


def largest_stable_rate(x: np.ndarray) -> float:
    """Full-batch descent of the MSE of ŷ = x w + b diverges above this learning rate.

    It is 2 / λ, where λ is the largest second derivative: the largest eigenvalue of the Hessian.
    """
    hessian = 2 * np.array([[np.mean(x * x), np.mean(x)], [np.mean(x), 1.0]])
    return float(2 / np.linalg.eigvalsh(hessian)[-1])


class Numbers(NamedTuple):
    descents: dict[float, list[float]]  # learning rate: w before the first step and after each
    points: tuple[np.ndarray, np.ndarray]
    walks: list[Walk]
    valleys: list[list[float]]
    saddles: list[np.ndarray]


def run() -> Numbers:
    x, y = noisy_line()
    return Numbers(
        {lr: descend(lr=lr) for lr in (0.01, 0.1, 0.2, 0.22)},
        (x, y),
        [walk(x, y, batch_size) for batch_size in (len(x), 10, 1)],
        [roll_down(two_valleys_slope, w) for w in (2.0, -2.0)],
        [cross_saddle(v) for v in (0.0, 0.01)],
    )
