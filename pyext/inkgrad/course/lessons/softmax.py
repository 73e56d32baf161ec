"""Lesson 9, softmax: one of ten classes, cross entropy, and recognizing handwritten digits."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor, nn, optim
from torch.utils.data import DataLoader, TensorDataset

from inkgrad.course.data.datasets import Data, Examples, mnist
from inkgrad.course.models import PIXEL_MEAN, PIXEL_STD, initialize
from inkgrad.nn import LinearReLU

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


# ---- the classifier


class Net(nn.Module):
    """784-512-256-128-64-10, with ReLU between the layers."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1 = LinearReLU(784, 512)  # nn.Linear and torch.relu in one fused op
        self.linear2 = LinearReLU(512, 256)
        self.linear3 = LinearReLU(256, 128)
        self.linear4 = LinearReLU(128, 64)
        self.linear5 = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(-1, 784)  # from (N, 1, 28, 28): every image becomes a row
        x = self.linear1(x)
        x = self.linear2(x)
        x = self.linear3(x)
        x = self.linear4(x)
        return self.linear5(x)  # no softmax: CrossEntropyLoss contains it


def standardized(examples: Examples) -> TensorDataset:
    """Pixels with mean 0 and standard deviation 1, as Normalize of torchvision makes them."""
    return TensorDataset((examples.as_float() - PIXEL_MEAN) / PIXEL_STD, examples.targets)


class Progress(NamedTuple):
    epoch: int
    number: int  # of the step in this epoch, from 1
    steps: int  # of the epoch
    loss: float


def train_epoch(
    model: nn.Module,
    loader: DataLoader,
    optimizer: optim.Optimizer,
    epoch: int,
    on_batch: Callable[[Progress], None],
) -> float:
    """One pass over the training set. Returns the mean loss."""
    criterion = nn.CrossEntropyLoss()
    total = 0.0
    for number, (images, labels) in enumerate(loader, start=1):
        loss = criterion(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        on_batch(Progress(epoch, number, len(loader), loss.item()))
    return total / len(loader.dataset)  # type: ignore[arg-type]


def test(model: nn.Module, loader: DataLoader) -> tuple[float, Tensor]:
    """The accuracy, and the most likely digit for each image."""
    correct, total, answers = 0, 0, []
    with torch.no_grad():  # no graph: nothing is trained here
        for images, labels in loader:
            _, predicted = model(images).max(dim=1)  # the largest of each row, and its index
            correct += int((predicted == labels).sum())
            total += len(labels)
            answers.append(predicted)
    return correct / total, torch.cat(answers)


class Training(NamedTuple):
    losses: list[float]  # of each epoch
    accuracies: list[float]  # on the test set, after each epoch
    predicted: Tensor  # for each image of the test set, at the end
    model: nn.Module


def train(
    model: nn.Module,
    data: Data,
    epochs: int,
    on_batch: Callable[[Progress], None] | None = None,
    seed: int = 0,
) -> Training:
    """Train and test by turns: the training loop of lesson 5, in mini-batches of lesson 8."""
    generator = Generator().manual_seed(seed)
    initialize(model, generator)
    loader = DataLoader(standardized(data.train), 64, shuffle=True, generator=generator)
    test_loader = DataLoader(standardized(data.test), 1000, shuffle=False)
    optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    losses, accuracies = [], []
    for epoch in range(1, epochs + 1):
        losses.append(train_epoch(model, loader, optimizer, epoch, on_batch or (lambda _: None)))
        accuracy, predicted = test(model, test_loader)
        accuracies.append(accuracy)
    return Training(losses, accuracies, predicted, model)


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
    on_batch: Callable[[Progress], None] | None = None,
) -> Numbers:
    """``full``: 10 epochs on all of MNIST, else 4 on a part of it. ``data``: MNIST's folder."""
    digits = digits_for(full, data)
    training = train(Net(), digits, epochs or (10 if full else 4), on_batch)
    confusion = confusion_matrix(digits.test.targets, training.predicted)
    return Numbers(one_sample(), good_and_bad(), digits, training, confusion)
