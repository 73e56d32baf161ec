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
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Event
from typing import Any, SupportsFloat

import torch
from torch import Generator, Tensor

import inkgrad
from inkgrad.course import models
from inkgrad.course.data.augment import Augmentation
from inkgrad.course.data.datasets import Data, Examples, split
from inkgrad.course.settings import Settings
from inkgrad.course.training import data_parallel as parallel
from inkgrad.course.training import weights_file as checkpoint
from inkgrad.course.training.steps import (
    CHUNK,
    Diverged,
    Score,
    Steps,
    evaluate,
    finite,
    merge,
    share,
    steps_for,
)

# The part of the training examples that a run keeps aside to judge itself by, epoch by epoch.
VALIDATION_SHARE = 1 / 12

# As many images as stay in the caches with what becomes of them.
AUGMENTED_AT_ONCE = 512

# How many drawn digits of other styles there are for one example of the training part.
STYLES_SHARE = 1 / 20


@dataclass(frozen=True)
class Batch:
    """One step: batch ``number`` of ``count`` in this epoch, from 1, with its loss.

    ``seconds`` since the run began to train; pauses and ``on_batch`` are left out.
    """

    epoch: int
    number: int
    count: int
    examples: int
    late_loss: SupportsFloat
    seconds: float

    @property
    def loss(self) -> float:
        """Asking for it may wait for the device: no one who trains fast asks after every step."""
        return float(self.late_loss)


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


class Run:
    """One training run.

    ``for epoch in run.epochs(): ...`` trains; ``on_batch`` is called after each step. Setting
    ``stop``, from any thread, ends the run after the step in progress; what was learned stays.
    ``pause`` makes it wait while it is set, and ``lr`` may be changed from the next step on.
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
        self.pause = Event()
        self.lr = settings.lr
        self.on_batch = on_batch
        self.history: list[Epoch] = []
        self.test_score: Score | None = None
        self.steps = 0
        self.generator = Generator().manual_seed(settings.seed)
        self.model_kwargs = _model_kwargs(settings, data)
        self.model = models.build(
            settings.model, settings.backend, generator=self.generator, **self.model_kwargs
        ).to(settings.device)
        train, validation = split(data.train, VALIDATION_SHARE, self.generator)
        if settings.styles:
            train = _with_styles(train, self.generator)
        self.train = train.to(settings.device)
        self.validation = validation.to(settings.device)
        parts = {"train": self.train, "validation": self.validation, "test": data.test}
        self.counts = {name: len(part) for name, part in parts.items()}
        self._batch_size = settings.batch_size or len(train)
        self._batches = math.ceil(len(train) / self._batch_size)
        self.total_steps = settings.epochs * self._batches
        self._seconds_waited = 0.0
        self._began = 0.0
        if parallel.size() > 1:
            self._steps: Steps = parallel.ParallelSteps(self.model, settings)
        else:
            self._steps = steps_for(self.model, settings, self._batch_size)
        self._weights = list(self.model.state_dict().values())
        self._good_weights = [torch.empty_like(weight) for weight in self._weights]
        self._keep_weights()

    def epochs(self) -> Iterator[Epoch]:
        """Train; one :class:`Epoch` after each that was finished.

        Diverged when the numbers run away; the model then has the weights of the last good epoch.
        """
        self._began = self._time()
        try:
            for number in range(1, self.settings.epochs + 1):
                start = self._time()
                loss = self._train_epoch(number)
                self._steps.check_finite()
                if loss is None:
                    return
                score = self._judge(self.validation if len(self.validation) else self.train)
                if score is None:
                    return
                self._keep_weights()
                seconds = self._time() - start
                self.history.append(Epoch(number, loss, score.loss, score.accuracy, seconds))
                yield self.history[-1]
        except Diverged as error:
            torch._foreach_copy_(self._weights, self._good_weights)
            raise Diverged(f"in epoch {len(self.history) + 1} {error}") from None

    def test(self) -> Score | None:
        """How the model does on the test set, which it has never seen; None where there is none."""
        if len(self.data.test):
            self.test_score = evaluate(self.model, self.data.test.to(self.settings.device))
        return self.test_score

    def weights(self) -> dict[str, Tensor]:
        """A copy of the weights as they are; to be asked for between steps."""
        return {name: weight.clone() for name, weight in self.model.state_dict().items()}

    def release(self) -> None:
        """Let go of the examples: whoever keeps a run after its end needs them no more."""
        nothing = Examples(torch.empty(0), torch.empty(0))
        self.train = self.validation = nothing
        self.data = Data(self.data.name, nothing, nothing, self.data.stand_in)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint: the weights, and in its metadata how they came about."""
        checkpoint.save(path, self.model, self.metadata())

    def metadata(self) -> dict[str, Any]:
        """What :mod:`.checkpoint` keeps beside the weights."""
        return {
            "model": self.settings.model,
            "model_kwargs": self.model_kwargs,
            "data": {"name": self.data.name} | self.counts,
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
        losses: list[tuple[SupportsFloat, float]] = []  # each with its share of the epoch's
        for number, (examples, rows) in enumerate(self._epoch_batches(), start=1):
            if self._is_stopped():
                return None
            progress = (self.steps + 1) / (self.total_steps + 1)
            lr = self.lr * self.settings.lr_factor(progress)
            size = len(examples if rows is None else rows)
            loss = self._steps.step(examples, rows, lr)
            losses.append((loss, share(self.model.criterion, size, len(self.train))))
            self.steps += 1
            if self.on_batch is not None:
                seconds = self._time() - self._began
                with self._not_counted():
                    self.on_batch(Batch(epoch, number, self._batches, size, loss, seconds))
        return sum(finite(loss) * part for loss, part in losses)

    def _epoch_batches(self) -> Iterator[tuple[Examples, Tensor | None]]:
        """Every training example once: rows of all of them, or all rows of some, changed."""
        augmentation = (
            Augmentation(self.train.inputs.shape, self.generator) if self.settings.augment else None
        )
        order = torch.randperm(len(self.train), generator=self.generator).to(self.settings.device)
        size = self._batch_size
        if augmentation is None:
            yield from ((self.train, rows) for rows in order.split(size))
            return
        for rows in order.split(max(AUGMENTED_AT_ONCE // size, 1) * size):
            some = self.train.take(rows)
            changed = Examples(augmentation(some.as_float(), size), some.targets)
            yield from ((changed[k : k + size], None) for k in range(0, len(rows), size))

    def _judge(self, examples: Examples) -> Score | None:
        """Piece by piece, so that it can be stopped on the way: then None."""
        scores = []
        for start in range(0, len(examples), CHUNK):
            if self._is_stopped():
                return None
            scores.append(self._steps.judge(examples[start : start + CHUNK]))
        return merge(self.model.criterion, scores)

    def _is_stopped(self) -> bool:
        """Asked before every step; waits while the run is paused."""
        if self.pause.is_set():
            with self._not_counted():
                while self.pause.is_set() and not self.stop.wait(0.02):
                    pass
        return parallel.anyone(self.stop.is_set())

    @contextmanager
    def _not_counted(self) -> Iterator[None]:
        """Time in here is none of training: pauses, and what a watcher does."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds_waited += time.perf_counter() - start

    def _time(self) -> float:
        return time.perf_counter() - self._seconds_waited

    def _keep_weights(self) -> None:
        torch._foreach_copy_(self._good_weights, self._weights)


def _with_styles(train: Examples, generator: Generator) -> Examples:
    from inkgrad.course.data.styles import STYLES, examples

    each = math.ceil(len(train) * STYLES_SHARE / len(STYLES))
    seed = int(torch.randint(2**31, (), generator=generator))
    drawn = Examples(*examples(each, seed))
    return Examples(
        torch.cat([train.inputs, drawn.inputs]), torch.cat([train.targets, drawn.targets])
    )


def _model_kwargs(settings: Settings, data: Data) -> dict[str, Any]:
    kwargs: dict[str, Any] = {}
    if data.train.inputs.dim() == 2:
        kwargs["in_features"] = data.train.inputs.shape[1]
    if settings.activation is not None:
        kwargs["activation"] = settings.activation
    return kwargs
