"""Training a model of the course: the loop over epochs and batches.

A :class:`Trainer` has its own random numbers: two of them at once give what each gives alone, and
the same seed gives the same run on the same machine with the same number of threads.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, replace
from threading import Event
from typing import Any, SupportsFloat

import torch
from torch import Generator, Tensor

import inkgrad
from inkgrad.course import models, weights_file
from inkgrad.course.data.augment import Augmentation
from inkgrad.course.data.datasets import Data, Examples, split
from inkgrad.course.data.styles import STYLES, styled_examples
from inkgrad.course.settings import Settings
from inkgrad.course.training import data_parallel
from inkgrad.course.training.steps import (
    CHUNK,
    Diverged,
    Evaluation,
    Steps,
    evaluate,
    finite,
    merge,
    share,
    steps_for,
)

# The share of the training examples that is kept aside to evaluate the model after each epoch.
VALIDATION_SHARE = 1 / 12

# Longer histories are thinned: each entry then stands for several epochs.
MAX_HISTORY = 4096

# As many images as fit in the caches together with their augmented versions.
AUGMENTED_AT_ONCE = 512

# Drawn digits of other styles per example of the training part.
STYLES_SHARE = 1 / 20


@dataclass(frozen=True)
class Batch:
    """One step: batch ``number`` (from 1) of ``count`` in this epoch, and its loss.

    ``seconds`` is the training time so far, without pauses and ``on_batch``.
    """

    epoch: int
    number: int
    count: int
    examples: int
    late_loss: SupportsFloat
    seconds: float

    @property
    def loss(self) -> float:
        """The loss. On a GPU this waits for the step, so reading it after every step is slow."""
        return float(self.late_loss)


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part, and the evaluation on the validation part after it.

    With too few examples for a validation part, the training part is evaluated. ``seconds`` is the
    time of both.
    """

    epoch: int
    loss: float
    validation_loss: float
    accuracy: float
    seconds: float


class Trainer:
    """Trains one model.

    ``for epoch in trainer.epochs(): ...`` trains; ``on_batch`` is called after each step. Setting
    ``stop``, from any thread, ends training after the current step and keeps what was learned.
    While ``pause`` is set, training waits. ``lr`` may be changed from the next step on.
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
        self.test_result: Evaluation | None = None
        self.steps = 0
        self.generator = Generator().manual_seed(settings.seed)
        self.model_kwargs = _model_kwargs(settings, data)
        self.model = models.build(
            settings.model, settings.backend, generator=self.generator, **self.model_kwargs
        ).to(settings.device)
        train, validation = split(data.train, VALIDATION_SHARE, self.generator)
        if isinstance(self.model, models.TableModel):
            self.model.fit_columns(train.inputs)
        if settings.styles:
            train = _with_styles(train, self.generator)
        self.train = train.to(settings.device)
        self.validation = validation.to(settings.device)
        sets = {"train": self.train, "validation": self.validation, "test": data.test}
        self.counts = {name: len(examples) for name, examples in sets.items()}
        self._table = {"table": data.schema.to_json()} if data.schema else {}
        self._batch_size = settings.batch_size or len(train)
        self._batches = math.ceil(len(train) / self._batch_size)
        self.total_steps = settings.epochs * self._batches
        self._seconds_excluded = 0.0
        self._idle_since = time.perf_counter()
        self._began = self._epoch_began = self._time()
        # The random numbers and the losses, each with its share, of the epoch in progress.
        self._epoch_generator = self.generator.get_state()
        self._losses: list[tuple[SupportsFloat, float]] = []
        if data_parallel.size() > 1:
            self._steps: Steps = data_parallel.ParallelSteps(self.model, settings)
        else:
            self._steps = steps_for(self.model, settings, self._batch_size)
        self._weights = list(self.model.state_dict().values())
        self._good_weights = [torch.empty_like(weight) for weight in self._weights]
        self._keep_weights()

    def epochs(self) -> Iterator[Epoch]:
        """Train; yield an :class:`Epoch` after each completed one.

        Raises Diverged if the loss or a weight is no longer finite; the model then has the weights
        of the last good epoch.
        """
        self._seconds_excluded += time.perf_counter() - self._idle_since
        try:
            while self.epochs_done < self.settings.epochs:
                loss = self._train_epoch()
                self._steps.check_finite()
                if loss is None:
                    return
                result = self._evaluate(self.validation if len(self.validation) else self.train)
                if result is None:
                    return
                self._keep_weights()
                seconds = self._time() - self._epoch_began
                epoch = Epoch(self.epochs_done + 1, loss, result.loss, result.accuracy, seconds)
                self._end_epoch(epoch)
                with self._excluded_time():
                    yield epoch
        except Diverged as error:
            torch._foreach_copy_(self._weights, self._good_weights)
            raise Diverged(f"in epoch {self.epochs_done + 1}: {error}") from None

    @property
    def epochs_done(self) -> int:
        return self.history[-1].epoch if self.history else 0

    @property
    def seconds(self) -> float:
        """The training time so far, without pauses."""
        return self._time() - self._began

    def state(self) -> dict[str, Any]:
        """Everything that :meth:`restore` needs to go on from here, to the same bits.

        A copy; call it between steps only, as from ``on_batch``.
        """
        return {
            "weights": self.weights(),
            "good_weights": [weight.clone() for weight in self._good_weights],
            "optimizer": self._steps.state(),
            "epoch_generator": self._epoch_generator.clone(),
            "losses": torch.tensor([float(loss) for loss, _ in self._losses], dtype=torch.float64),
            "shares": torch.tensor([share for _, share in self._losses], dtype=torch.float64),
            "history": [list(astuple(epoch)) for epoch in self.history],
            "steps": self.steps,
            "lr": self.lr,
            "seconds": self.seconds,
            "epoch_seconds": self._time() - self._epoch_began,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on, in :meth:`epochs`, from a :meth:`state` of a trainer with these settings and data.

        On the same machine, with as many threads, the rest of the run is what it would have been.
        ValueError, KeyError or TypeError for anything else; the trainer is then of no use.
        """
        self.model.load_state_dict(
            {name: weight.to(self.settings.device) for name, weight in state["weights"].items()}
        )
        for good, saved in zip(self._good_weights, state["good_weights"], strict=True):
            good.copy_(saved)
        self._steps.restore(state["optimizer"])
        self._epoch_generator = state["epoch_generator"]
        self.generator.set_state(self._epoch_generator)
        self._losses = list(zip(state["losses"].tolist(), state["shares"].tolist(), strict=True))
        self.history = [Epoch(*epoch) for epoch in state["history"]]
        self.steps = state["steps"]
        self.lr = state["lr"]
        self._idle_since = time.perf_counter()
        self._began = self._time() - state["seconds"]
        self._epoch_began = self._time() - state["epoch_seconds"]

    def test(self) -> Evaluation | None:
        """Evaluate the model on the test set; None if there is none."""
        if len(self.data.test):
            self.test_result = evaluate(self.model, self.data.test.to(self.settings.device))
        return self.test_result

    def weights(self) -> dict[str, Tensor]:
        """Copy the current weights. Call it between steps only."""
        return {name: weight.clone() for name, weight in self.model.state_dict().items()}

    def release(self) -> None:
        """Release the examples: they are not needed after the end."""
        nothing = Examples(torch.empty(0), torch.empty(0))
        self.train = self.validation = nothing
        self.data = Data(self.data.name, nothing, nothing, self.data.is_fallback)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a weights file, with :meth:`metadata`."""
        weights_file.save(path, self.model, self.metadata())

    def metadata(self) -> dict[str, Any]:
        """How the weights were trained, for :mod:`.weights_file`."""
        return {
            "model": self.settings.model,
            "model_kwargs": self.model_kwargs,
            "data": {"name": self.data.name} | self.counts | self._table,
            "settings": asdict(self.settings) | {"threads": torch.get_num_threads()},
            "versions": {
                "inkgrad": inkgrad.__version__,
                "torch": str(torch.__version__),
                "python": platform.python_version(),
            },
            "results": {
                "steps": self.steps,
                "last_epoch": asdict(self.history[-1]) if self.history else None,
                "test": asdict(self.test_result) if self.test_result else None,
            },
        }

    def _train_epoch(self) -> float | None:
        """The loss over the epoch, or None if it was stopped before its end."""
        done = len(self._losses)
        for number, (examples, rows) in enumerate(self._epoch_batches(done), start=done + 1):
            if self._is_stopped():
                return None
            progress = (self.steps + 1) / (self.total_steps + 1)
            lr = self.lr * self.settings.lr_factor(progress)
            size = len(examples if rows is None else rows)
            loss = self._steps.step(examples, rows, lr)
            self._losses.append((loss, share(self.model.criterion, size, len(self.train))))
            self.steps += 1
            if self.on_batch is not None:
                seconds = self._time() - self._began
                epoch = self.epochs_done + 1
                with self._excluded_time():
                    self.on_batch(Batch(epoch, number, self._batches, size, loss, seconds))
        return sum(finite(loss) * factor for loss, factor in self._losses)

    def _end_epoch(self, epoch: Epoch) -> None:
        self.history.append(epoch)
        if len(self.history) >= MAX_HISTORY:
            pairs = zip(self.history[::2], self.history[1::2], strict=True)
            self.history = [replace(b, seconds=a.seconds + b.seconds) for a, b in pairs]
        self._losses = []
        self._epoch_generator = self.generator.get_state()
        self._epoch_began = self._time()

    def _epoch_batches(self, done: int) -> Iterator[tuple[Examples, Tensor | None]]:
        """Every training example once, without the first ``done`` batches: rows of all examples,
        or None and augmented examples.
        """
        augmentation = (
            Augmentation(self.train.inputs.shape, self.generator) if self.settings.augment else None
        )
        order = torch.randperm(len(self.train), generator=self.generator).to(self.settings.device)
        size = self._batch_size
        if augmentation is None:
            yield from ((self.train, rows) for rows in order.split(size)[done:])
            return
        batches_at_once = max(AUGMENTED_AT_ONCE // size, 1)
        for rows in order.split(batches_at_once * size):
            if done >= batches_at_once:
                augmentation.skip(len(rows))
                done -= batches_at_once
                continue
            some = self.train.take(rows)
            augmented = Examples(augmentation(some.as_float(), size), some.targets)
            starts = range(done * size, len(rows), size)
            yield from ((augmented[k : k + size], None) for k in starts)
            done = 0

    def _evaluate(self, examples: Examples) -> Evaluation | None:
        """Evaluate in chunks, so that it can be stopped in between: then None."""
        evaluations = []
        for start in range(0, len(examples), CHUNK):
            if self._is_stopped():
                return None
            evaluations.append(self._steps.evaluate(examples[start : start + CHUNK]))
        return merge(self.model.criterion, evaluations)

    def _is_stopped(self) -> bool:
        """Called before every step; waits while training is paused."""
        if self.pause.is_set():
            with self._excluded_time():
                while self.pause.is_set() and not self.stop.wait(0.02):
                    pass
        return data_parallel.anyone(self.stop.is_set())

    @contextmanager
    def _excluded_time(self) -> Iterator[None]:
        """The time in this block does not count as training time: pauses and callbacks."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds_excluded += time.perf_counter() - start

    def _time(self) -> float:
        return time.perf_counter() - self._seconds_excluded

    def _keep_weights(self) -> None:
        torch._foreach_copy_(self._good_weights, self._weights)


def _with_styles(train: Examples, generator: Generator) -> Examples:
    each = math.ceil(len(train) * STYLES_SHARE / len(STYLES))
    seed = int(torch.randint(2**31, (), generator=generator))
    drawn = Examples(*styled_examples(each, seed))
    return Examples(
        torch.cat([train.inputs, drawn.inputs]), torch.cat([train.targets, drawn.targets])
    )


def _model_kwargs(settings: Settings, data: Data) -> dict[str, Any]:
    kwargs: dict[str, Any] = {}
    if data.train.inputs.dim() == 2:
        kwargs["in_features"] = data.train.inputs.shape[1]
        if data.classes > 2:
            kwargs["classes"] = data.classes
    if settings.standardize:
        kwargs["standardize"] = True
    if settings.reduction is not None:
        kwargs["reduction"] = settings.reduction
    if settings.activation is not None:
        kwargs["activation"] = settings.activation
    return kwargs
