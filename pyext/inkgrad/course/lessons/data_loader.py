"""Lesson 8, Dataset and DataLoader: from single examples to shuffled batches.

epoch: every example once. batch size: examples per step. iterations: batches per epoch.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor, optim
from torch.utils.data import DataLoader, Dataset, TensorDataset

from inkgrad.course import models
from inkgrad.course.data.datasets import Data, Examples, diabetes
from inkgrad.course.interrupts import not_for_children

# ---- what you write: the number of examples, and each example by its index


class TableDataset(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> TableDataset:
        """Read rows of numbers: features, and a label of 0 or 1 in the last column."""
        xy = np.loadtxt(path, delimiter=",", dtype=np.float32)
        x = torch.from_numpy(xy[:, :-1])  # all columns but the last
        y = torch.from_numpy(xy[:, [-1]])  # the last; [-1] in brackets keeps it a matrix, (N, 1)
        return cls(x, y)

    def __len__(self) -> int:  # len(dataset)
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:  # dataset[index]
        return self.x[index], self.y[index]


def mnist_loaders(
    root: str | os.PathLike[str], batch_size: int = 64
) -> tuple[DataLoader, DataLoader]:
    """torchvision has the Dataset of MNIST: loaders of its training and of its test images.

    ToTensor makes a (1, 28, 28) tensor in [0, 1] of an image. Only training is shuffled.
    """
    from torchvision import datasets, transforms

    to_tensor = transforms.ToTensor()
    train = datasets.MNIST(root, train=True, transform=to_tensor, download=True)
    test = datasets.MNIST(root, train=False, transform=to_tensor, download=True)
    return DataLoader(train, batch_size, shuffle=True), DataLoader(test, batch_size, shuffle=False)


# ---- what the loader does with it


def batches_of(
    count: int, batch_size: int, epochs: int, *, shuffle: bool = True, seed: int = 0
) -> list[list[list[int]]]:
    """The batches of each epoch, as lists of indices of examples."""
    generator = Generator().manual_seed(seed)
    dataset = TensorDataset(torch.arange(count))
    loader = DataLoader(dataset, batch_size, shuffle=shuffle, generator=generator)
    return [[batch.tolist() for (batch,) in loader] for _ in range(epochs)]


def iterations(examples: int, batch_size: int) -> int:
    """The number of batches per epoch; the last one may be smaller."""
    return math.ceil(examples / batch_size)


# The course's SGD, and another optimizer of lesson 5.
OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "SGD, lr = 0.01": lambda weights: optim.SGD(weights, lr=0.01),
    "Adam, lr = 0.01": lambda weights: optim.Adam(weights, lr=0.01),
}
BATCH_SIZE = 32


def train(
    examples: Examples,
    epochs: int,
    make_optimizer: Callable[..., optim.Optimizer],
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
) -> list[float]:
    """Train the network of lesson 7, one step per batch. Returns the mean loss of each epoch."""
    generator = Generator().manual_seed(seed)
    dataset = TableDataset(examples.inputs, examples.targets)
    loader = DataLoader(dataset, batch_size, shuffle=True, generator=generator)
    features = examples.inputs.shape[1]
    model = models.build("diabetes", generator=generator, in_features=features)
    optimizer = make_optimizer(model.parameters())

    history = []
    for _ in range(epochs):
        total = 0.0
        for x, y in loader:
            loss = model.criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        history.append(total / len(examples))
    return history


def constant_loss(examples: Examples) -> float:
    """The mean BCE of always answering the share of ones: the loss without learning."""
    share = examples.targets.mean()
    answers = share.expand_as(examples.targets)
    return torch.nn.functional.binary_cross_entropy(answers, examples.targets).item()


# ---- workers: processes that prepare batches while this one trains


class SlowDataset(Dataset[Tensor]):
    """Simulates reading every example from a slow disk."""

    def __init__(self, count: int, seconds: float) -> None:
        self.count, self.seconds = count, seconds

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Tensor:
        time.sleep(self.seconds)
        return torch.tensor(index)


class Timing(NamedTuple):
    is_slow: bool
    batch_size: int
    workers: int
    first_epoch: float  # seconds; workers start in this one
    second_epoch: float


def time_loader(dataset: Dataset, batch_size: int, workers: int = 0) -> Timing:
    """Time two epochs, with workers started as on Windows and macOS ("spawn")."""
    loader = DataLoader(
        dataset,
        batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,
    )
    epochs = []
    for _ in range(2):
        start = time.perf_counter()
        with not_for_children():  # Ctrl-C is for this process, which then ends the workers
            batches = iter(loader)
        for _ in batches:
            pass
        epochs.append(time.perf_counter() - start)
    return Timing(isinstance(dataset, SlowDataset), batch_size, workers, *epochs)


# ---- the main guard: a spawned process first runs your file again, to define its functions

WITHOUT_GUARD = """\
import multiprocessing

print("this file runs in", multiprocessing.current_process().name)
worker = multiprocessing.get_context("spawn").Process(target=print, args=("work is done",))
worker.start()
worker.join()
"""

WITH_GUARD = """\
import multiprocessing

print("this file runs in", multiprocessing.current_process().name)
if __name__ == "__main__":  # not in a worker, where the name is "__mp_main__"
    worker = multiprocessing.get_context("spawn").Process(target=print, args=("work is done",))
    worker.start()
    worker.join()
"""


class Outcome(NamedTuple):
    printed: list[str]
    error: str  # the type of the error that ended a worker, if any


def run_script(code: str) -> Outcome:
    """Run the code as a script."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "script.py")
        file.write_text(code, encoding="utf-8")
        done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True)
    kinds = [line.partition(":")[0] for line in done.stderr.splitlines() if "Error:" in line]
    return Outcome(done.stdout.splitlines(), kinds[-1] if kinds else "")


class Numbers(NamedTuple):
    batches: list[list[list[int]]]  # of 10 examples, 3 epochs
    data: Data
    trainings: dict[str, list[float]]  # losses by optimizer
    constant_loss: float  # without learning
    measured: datetime  # the time of what follows
    timings: list[Timing]
    without_guard: Outcome
    with_guard: Outcome


def run(
    epochs: int = 100,
    data: str | os.PathLike[str] | None = None,
    workers: tuple[int, ...] = (0, 2),
) -> Numbers:
    """``data``: your own CSV file, features in the first columns and a label of 0 or 1 last."""
    table = diabetes(data)
    quick = TableDataset(table.train.inputs, table.train.targets)
    slow = SlowDataset(count=600, seconds=0.002)
    return Numbers(
        batches_of(10, batch_size=4, epochs=3),
        table,
        {name: train(table.train, epochs, make) for name, make in OPTIMIZERS.items()},
        constant_loss(table.train),
        datetime.now(timezone.utc),
        [time_loader(quick, batch_size) for batch_size in (1, 32, len(quick))]
        + [time_loader(slow, 32, count) for count in workers],
        run_script(WITHOUT_GUARD),
        run_script(WITH_GUARD),
    )
