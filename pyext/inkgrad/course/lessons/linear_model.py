"""Lesson 2, the linear model: data set, model, loss, and the weight that minimizes the loss.

Given hours of study and points in the exam: which w in ŷ = x w fits best?
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

x_data = [1.0, 2.0, 3.0]
y_data = [2.0, 4.0, 6.0]


def forward(x: float, w: float, b: float = 0.0) -> float:
    """ŷ = x w + b."""
    return x * w + b


def loss(x: float, y: float, w: float, b: float = 0.0) -> float:
    """(ŷ - y)², for one example."""
    y_pred = forward(x, w, b)
    return (y_pred - y) ** 2


def mse(w: float, b: float = 0.0) -> float:
    """1/N Σ (ŷ - y)²: the mean squared error over the data set."""
    losses = [loss(x, y, w, b) for x, y in zip(x_data, y_data, strict=True)]
    return sum(losses) / len(losses)


# ---- trying every weight: feasible for one or two weights, hopeless for a network


def loss_curve() -> tuple[np.ndarray, np.ndarray]:
    """w from 0 to 4 in steps of 0.1, and the MSE at each."""
    ws = np.linspace(0, 4, 41)
    return ws, np.array([mse(w) for w in ws])


def loss_surface() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w and b, and the MSE at each pair: row i has b[i], column j has w[j]."""
    ws, bs = np.linspace(0, 4, 41), np.linspace(-2, 2, 41)
    return ws, bs, np.array([[mse(w, b) for w in ws] for b in bs])


# ---- overfitting: more weights fit the training data better, but not other data


class Fit(NamedTuple):
    degree: int
    train: float  # MSE on the examples that it was fitted to
    validation: float  # MSE on other examples, by which the degree is chosen
    weights: np.ndarray


class Overfitting(NamedTuple):
    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    fits: list[Fit]
    chosen: Fit
    test: float  # MSE of the chosen fit on examples that were not used for any choice


def noisy_points(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A smooth curve on [-1, 1], with noise."""
    x = rng.uniform(-1, 1, count)
    return x, np.sin(2 * x + 0.7) + rng.normal(0, 0.25, count)


def polynomial_mse(weights: np.ndarray, points: tuple[np.ndarray, np.ndarray]) -> float:
    x, y = points
    return float(np.mean((np.polyval(weights, x) - y) ** 2))


def verdict(fit: Fit, chosen: Fit) -> str:
    """Compare a fit with the chosen one, which has the lowest validation loss.

    It overfits if its training loss is lower, and it underfits if both of its losses are higher.
    """
    if fit.validation == chosen.validation:
        return "best"
    return "overfits" if fit.train < chosen.train else "underfits"


def overfit(seed: int = 6) -> Overfitting:
    """Polynomials ŷ = w₀ + w₁ x + ... of each degree, fitted to the training set only.

    With so few points the curve depends on the noise. The seed was chosen because its validation
    loss falls up to the chosen degree and rises from there on; few seeds show that so clearly.
    """
    rng = np.random.default_rng(seed)
    train, validation, test = (noisy_points(count, rng) for count in (15, 30, 30))
    fits = []
    for degree in range(11):
        weights = np.polyfit(*train, degree)  # the weights with the lowest MSE on these points
        seen, unseen = polynomial_mse(weights, train), polynomial_mse(weights, validation)
        fits.append(Fit(degree, seen, unseen, weights))
    chosen = min(fits, key=lambda fit: fit.validation)
    return Overfitting(train, validation, fits, chosen, polynomial_mse(chosen.weights, test))


class Numbers(NamedTuple):
    curve: tuple[np.ndarray, np.ndarray]
    surface: tuple[np.ndarray, np.ndarray, np.ndarray]
    overfitting: Overfitting


def run() -> Numbers:
    return Numbers(loss_curve(), loss_surface(), overfit())
