"""Lesson 9, softmax: one of ten classes, cross entropy, and recognizing handwritten digits."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from inkgrad.course.data.datasets import Data, Examples, mnist
from inkgrad.course.models import DigitModel
from inkgrad.course.settings import course_settings
from inkgrad.course.training.steps import CHUNK
from inkgrad.course.training.trainer import Batch, Trainer, evaluate

# ---- by hand, with NumPy


def softmax(z: np.ndarray) -> np.ndarray:
    """ŷ_k = e^(z_k) / Σ e^(z_j): positive, with a sum of 1.

    Subtracting the largest z changes nothing, since it cancels, and prevents overflow.
    """
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cross_entropy(z: np.ndarray, y: np.ndarray) -> float:
    """-Σ y_k ln ŷ_k, where y is 1 for the correct class and 0 for the others."""
    return float(-(y * np.log(softmax(z))).sum())


def cross_entropy_of_batch(z: np.ndarray, labels: list[int]) -> float:
    """The mean over the examples; a label is the index of the correct class."""
    one_hot = np.eye(z.shape[1])[labels]
    return cross_entropy(z, one_hot) / len(labels)


class Sample(NamedTuple):
    z: np.ndarray
    y_pred: np.ndarray
    loss: float
    loss_by_torch: float


def one_sample() -> Sample:
    """Three classes, of which the first is correct."""
    z, y = np.array([0.2, 0.1, -0.1]), np.array([1.0, 0.0, 0.0])
    by_torch = nn.CrossEntropyLoss()(torch.tensor(z), torch.tensor(0))
    return Sample(z, softmax(z), cross_entropy(z, y), by_torch.item())


class Comparison(NamedTuple):
    labels: list[int]
    good: np.ndarray  # (3, 3): z of three examples, the largest for the correct class
    bad: np.ndarray  # the same, mostly wrong
    good_loss: float
    bad_loss: float
    losses_by_torch: tuple[float, float]


def good_and_bad() -> Comparison:
    labels = [2, 0, 1]
    good = np.array([[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]])
    bad = np.array([[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]])
    criterion = nn.CrossEntropyLoss()
    by_torch = [criterion(torch.tensor(z), torch.tensor(labels)).item() for z in (good, bad)]
    return Comparison(
        labels,
        good,
        bad,
        cross_entropy_of_batch(good, labels),
        cross_entropy_of_batch(bad, labels),
        (by_torch[0], by_torch[1]),
    )


# ---- the classifier: 784 pixels - 512 - 256 - 128 - 64 - 10 numbers, ReLU between the layers


class Training(NamedTuple):
    losses: list[float]  # of each epoch
    accuracies: list[float]  # on the test set, after each epoch
    predicted: Tensor  # for each image of the test set, at the end
    model: DigitModel


def train(
    name: str,
    data: Data,
    epochs: int | None,
    on_batch: Callable[[Batch], None] | None = None,
    seed: int = 0,
) -> Training:
    """Train a digit model with the fused kernels; ``Trainer`` is the training loop of lesson 5."""
    settings = course_settings(name, epochs=epochs, augment=False, seed=seed)
    trainer = Trainer(settings, data, on_batch=on_batch)
    accuracies = []
    for _ in trainer.epochs():
        accuracies.append(evaluate(trainer.model, data.test).accuracy)
    assert isinstance(trainer.model, DigitModel)
    losses = [epoch.loss for epoch in trainer.history]
    return Training(losses, accuracies, predict(trainer.model, data.test), trainer.model)


@torch.no_grad()
def predict(model: DigitModel, examples: Examples) -> Tensor:
    """The most likely digit for each image."""
    return torch.cat([model(images).argmax(1) for images in examples.as_float().split(CHUNK)])


def confusion_matrix(labels: Tensor, predicted: Tensor) -> Tensor:
    """(10, 10): row i, column j counts the images of an i that were recognized as a j."""
    return torch.bincount(10 * labels + predicted, minlength=100).reshape(10, 10)


def images_in_cell(labels: Tensor, predicted: Tensor, row: int, column: int) -> Tensor:
    """The indices of the test images in a cell of the confusion matrix."""
    return ((labels == row) & (predicted == column)).nonzero().flatten()


SUBSET = 10_000  # training images of a short run


def digits_for(full: bool, data: str | os.PathLike[str] | None) -> Data:
    """MNIST, complete or with the first images of its training part only."""
    digits = mnist(data)
    return digits if full else replace(digits, train=digits.train[:SUBSET])


class Numbers(NamedTuple):
    sample: Sample
    comparison: Comparison
    data: Data
    training: Training
    confusion: Tensor


def run(
    epochs: int | None = None,
    full: bool = False,
    data: str | os.PathLike[str] | None = None,
    on_batch: Callable[[Batch], None] | None = None,
) -> Numbers:
    """``full``: 10 epochs on all of MNIST, else 4 on a part of it. ``data``: MNIST's folder."""
    digits = digits_for(full, data)
    training = train("softmax", digits, epochs or (None if full else 4), on_batch)
    confusion = confusion_matrix(digits.test.targets, training.predicted)
    return Numbers(one_sample(), good_and_bad(), digits, training, confusion)
