"""Training a model of the course: the loop, and what it tells while it runs.

A :class:`Run` owns its random numbers, so two runs at once give what each gives alone, and the same
seed gives the same run on the same machine with as many threads.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from threading import Event
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

import inkgrad
from inkgrad.course import checkpoint, models
from inkgrad.course.data import Data, Examples, split
from inkgrad.course.settings import Settings

# The part of the training examples that a run keeps aside to judge itself by, epoch by epoch.
VALIDATION_SHARE = 1 / 12

# How many drawn digits of other styles there are for one example of the training part.
STYLES_SHARE = 1 / 20

# No more examples than this go through a model at once: a large batch is done in pieces.
CHUNK = 1024


class Diverged(ArithmeticError):
    """The loss or a weight is no longer a finite number; the model has its last good weights."""


@dataclass(frozen=True)
class Batch:
    """One step: batch ``number`` of ``count`` in this epoch, from 1, with its loss."""

    epoch: int
    number: int
    count: int
    examples: int
    loss: float


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part, and how the model then does on the validation part.

    Where there are too few examples to keep some aside, the training part is judged instead.
    ``seconds`` is the time of both.
    """

    epoch: int
    loss: float
    validation_loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class Score:
    """The loss of the model's criterion, and the share of examples that were got right."""

    loss: float
    accuracy: float
    examples: int


class Run:
    """One training run.

    ``for epoch in run.epochs(): ...`` trains; ``on_batch`` is called after each step. Setting
    ``stop``, from any thread, ends the run after the step in progress; what was learned stays.
    """

    def __init__(
        self,
        settings: Settings,
        data: Data,
        *,
        stop: Event | None = None,
        on_batch: Callable[[Batch], None] | None = None,
    ) -> None:
        self.settings = settings
        self.data = data
        self.stop = stop or Event()
        self.on_batch = on_batch
        self.history: list[Epoch] = []
        self.test_score: Score | None = None
        self.steps = 0
        self.generator = Generator().manual_seed(settings.seed)
        self.model_kwargs = _model_kwargs(settings.model, data)
        self.model = models.build(
            settings.model, settings.backend, generator=self.generator, **self.model_kwargs
        ).to(settings.device)
        train, validation = split(data.train, VALIDATION_SHARE, self.generator)
        if settings.styles:
            train = _with_styles(train, self.generator)
        self.train = train.to(settings.device)
        self.validation = validation.to(settings.device)
        self._batch_size = settings.batch_size or len(train)
        self._batches = math.ceil(len(train) / self._batch_size)
        self._optimizer = settings.make_optimizer(self.model.parameters())
        total_steps = settings.epochs * self._batches
        self._schedule = LambdaLR(
            self._optimizer, lambda step: settings.lr_factor((step + 1) / (total_steps + 1))
        )
        self._keep_weights()

    def epochs(self) -> Iterator[Epoch]:
        """Train; one :class:`Epoch` after each that was finished.

        Diverged when the numbers run away; the model then has the weights of the last good epoch.
        """
        try:
            for number in range(1, self.settings.epochs + 1):
                start = time.perf_counter()
                loss = self._train_epoch(number)
                self._check_finite()
                if loss is None:
                    return
                judged = self.validation if len(self.validation) else self.train
                score = evaluate(self.model, judged)
                self._keep_weights()
                seconds = time.perf_counter() - start
                self.history.append(Epoch(number, loss, score.loss, score.accuracy, seconds))
                yield self.history[-1]
        except Diverged as error:
            self.model.load_state_dict(self._good_weights)
            raise Diverged(f"in epoch {len(self.history) + 1} {error}") from None

    def test(self) -> Score | None:
        """How the model does on the test set, which it has never seen; None where there is none."""
        if len(self.data.test):
            self.test_score = evaluate(self.model, self.data.test.to(self.settings.device))
        return self.test_score

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint: the weights, and in its metadata how they came about."""
        checkpoint.save(path, self.model, self.metadata())

    def metadata(self) -> dict[str, Any]:
        """What :mod:`.checkpoint` keeps beside the weights."""
        parts = {"train": self.train, "validation": self.validation, "test": self.data.test}
        return {
            "model": self.settings.model,
            "model_kwargs": self.model_kwargs,
            "data": {"name": self.data.name} | {name: len(part) for name, part in parts.items()},
            "settings": asdict(self.settings) | {"threads": torch.get_num_threads()},
            "versions": {
                "inkgrad": inkgrad.__version__,
                "torch": str(torch.__version__),
                "python": platform.python_version(),
            },
            "results": {
                "steps": self.steps,
                "last_epoch": asdict(self.history[-1]) if self.history else None,
                "test": asdict(self.test_score) if self.test_score else None,
            },
        }

    def _train_epoch(self, epoch: int) -> float | None:
        """The loss over the epoch, or None if it was stopped before its end."""
        self.model.train()
        total = 0.0
        order = torch.randperm(len(self.train), generator=self.generator)
        for number, index in enumerate(order.split(self._batch_size), start=1):
            if self.stop.is_set():
                return None
            loss = self._step(self.train[index.to(self.settings.device)])
            total += loss * _share(self.model.criterion, len(index), len(self.train))
            self.steps += 1
            if self.on_batch is not None:
                self.on_batch(Batch(epoch, number, self._batches, len(index), loss))
        return total

    def _step(self, batch: Examples) -> float:
        """Move the weights by one step of the optimizer; the loss of the batch before it."""
        inputs, targets = batch.as_float(), batch.targets
        if self.settings.augment:
            from inkgrad.course.augment import augment

            inputs = augment(inputs, self.generator)

        def loss_and_gradient() -> float:
            self._optimizer.zero_grad()
            total = 0.0
            for x, y in zip(inputs.split(CHUNK), targets.split(CHUNK), strict=True):
                loss = _loss(self.model.criterion, self.model(x), y)
                loss = loss * _share(self.model.criterion, len(y), len(targets))
                loss.backward()
                total += loss.item()
            return total

        loss: float = self._optimizer.step(loss_and_gradient)
        self._schedule.step()
        return loss

    def _check_finite(self) -> None:
        for name, parameter in self.model.named_parameters():
            if not parameter.isfinite().all():
                raise Diverged(f"{name} holds numbers that are not finite")

    def _keep_weights(self) -> None:
        self._good_weights = {k: v.clone() for k, v in self.model.state_dict().items()}


@torch.no_grad()
def evaluate(model: models.CourseModel, examples: Examples) -> Score:
    """Loss and accuracy of a model, which is left in eval mode."""
    model.eval()
    loss, right = 0.0, 0
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        output = model(chunk.as_float())
        chunk_loss = _loss(model.criterion, output, chunk.targets).item()
        loss += chunk_loss * _share(model.criterion, len(chunk), len(examples))
        right += int(_is_right(output, chunk.targets).sum())
    return Score(loss, right / len(examples), len(examples))


def _loss(criterion: nn.Module, output: Tensor, targets: Tensor) -> Tensor:
    if not output.isfinite().all():  # asked first, because BCE refuses what is no probability
        raise Diverged("the model gives numbers that are not finite")
    loss: Tensor = criterion(output, targets)
    if not loss.isfinite():
        raise Diverged(f"the loss is {loss.item()}")
    return loss


def _is_right(output: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():  # one probability of a 1
        return (output > 0.5) == (targets > 0.5)
    return output.argmax(1) == targets


def _share(criterion: nn.Module, part: int, whole: int) -> float:
    """What the loss of a part of the examples counts in the loss of all of them."""
    return part / whole if criterion.reduction == "mean" else 1.0


def _with_styles(train: Examples, generator: Generator) -> Examples:
    from inkgrad.course.styles import STYLES, examples

    each = math.ceil(len(train) * STYLES_SHARE / len(STYLES))
    seed = int(torch.randint(2**31, (), generator=generator))
    drawn = Examples(*examples(each, seed))
    return Examples(
        torch.cat([train.inputs, drawn.inputs]), torch.cat([train.targets, drawn.targets])
    )


def _model_kwargs(model: str, data: Data) -> dict[str, int]:
    if data.train.inputs.dim() == 2:
        return {"in_features": data.train.inputs.shape[1]}
    return {}
