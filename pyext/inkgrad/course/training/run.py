"""A run that trains in a thread of its own, and can be watched and steered from others."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from inkgrad.course import models
from inkgrad.course.data.datasets import Data, Report
from inkgrad.course.messages import Message, message, message_of
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.settings import Settings
from inkgrad.course.training import checkpoints, confusion_images
from inkgrad.course.training.checkpoints import Checkpoint
from inkgrad.course.training.confusion_images import ConfusionImages
from inkgrad.course.training.loss_curve import LossCurve
from inkgrad.course.training.run_record import ENDED, LrChange, RunRecord, State, now
from inkgrad.course.training.run_status import QuickEvaluation, RunStatus
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.steps import Diverged, confusion_matrix, evaluate
from inkgrad.course.training.trainer import Batch, Epoch, Trainer

# How often the weights are copied for recognizers, and the record is saved.
_SECONDS_BETWEEN_COPIES = 0.1
_SECONDS_BETWEEN_SAVES = 10.0
# Quick evaluations, between the ends of two epochs: examples, the share of the time that they may
# take, the shortest interval, and how many are kept.
_QUICK_EXAMPLES = 512
_QUICK_SHARE_OF_TIME = 1 / 10
_SECONDS_BETWEEN_QUICK = 0.2
_MAX_QUICK_EVALUATIONS = 500
# The interval over which the speed is measured.
_SECONDS_OF_SPEED = 2.0


class Run:
    """A run that trains in the background and is saved in ``store``.

    ``load`` loads the data in the run's thread and reports what takes long, which is then the run's
    message; ``source`` is the same as a Python expression. Every method may be called from any
    thread and returns at once. The run stops by itself after ``max_seconds``.
    """

    def __init__(
        self,
        settings: Settings,
        load: Callable[[Report], Data],
        store: RunStore,
        *,
        source: str = "",
        max_seconds: float = float("inf"),
    ) -> None:
        self.id = store.new_id(settings.model)
        self.settings = settings
        self.checkpoints: list[Checkpoint] = []
        self.latest: Checkpoint | None = None
        self.trainer: Trainer | None = None
        self._load = load
        self._store = store
        self._source = source
        self._max_seconds = max_seconds
        self._created = now()
        self._stop, self._pause = threading.Event(), threading.Event()
        self._lr = settings.lr
        self._lr_changes: list[LrChange] = []
        self._state: State = "loading"
        self._message = ""
        self._complete = threading.Event()
        # Guards what the run's thread writes and others read.
        self._lock = threading.RLock()
        self._curve = LossCurve()
        self._epochs: list[Epoch] = []
        self._quick_evaluations: list[QuickEvaluation] = []
        self._times_thinned = 0  # the quick evaluations
        self._next_quick_evaluation = 0.0
        self._done = 0
        self._seconds = 0.0
        self._trained = 0  # examples
        self._recent: deque[tuple[float, int]] = deque(maxlen=20)  # seconds, examples trained
        self._confusion: tuple[tuple[int, ...], ...] | None = None
        self._confusion_images: ConfusionImages | None = None
        self._saved = time.monotonic()
        self._copied = 0.0
        self._next_checkpoints: deque[int] = deque()
        self._leaving = False
        self._thread = threading.Thread(target=self._work, name=self.id, daemon=True)

    # ---------------------------------------------------------------- steering

    def start(self) -> None:
        _ACTIVE.add(self)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current step; the model keeps what it learned."""
        with self._lock:
            if self._state not in ENDED:
                self._state = "stopped"
        self._stop.set()

    def leave(self) -> None:
        """Stop without evaluating the test set: the program is ending."""
        self._leaving = True
        self.stop()

    def pause(self) -> None:
        with self._lock:
            self._pause.set()
            if self._state == "training":
                self._state = "paused"

    def resume(self) -> None:
        with self._lock:
            self._pause.clear()
            if self._state == "paused":
                self._state = "training"

    def set_lr(self, lr: float) -> None:
        """Set the learning rate from the next step on. ValueError if it is invalid."""
        replace(self.settings, lr=lr)  # validates it
        with self._lock:
            self._lr = lr
            if self.trainer is not None:
                self.trainer.lr = lr
            self._lr_changes.append(LrChange(self._done + 1, lr))

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the run has ended and is evaluated and saved; False if time runs out."""
        return self._complete.wait(seconds)

    # ---------------------------------------------------------------- watching

    @property
    def is_active(self) -> bool:
        """Whether the run still trains, or is still being evaluated and saved."""
        return not self._complete.is_set()

    def status(self) -> RunStatus:
        complete = self._complete.is_set()  # read first: what follows is then final
        with self._lock:
            trainer, steps = self.trainer, self.trainer.total_steps if self.trainer else 0
            seconds_left = None
            if self._done and self._state in ("training", "paused"):
                seconds_left = self._seconds / self._done * (steps - self._done)
            return RunStatus(
                record=self.record(),
                steps=steps,
                done=self._done,
                lr=self._lr,
                speed=self._speed() if self._state == "training" else 0.0,
                seconds_left=seconds_left,
                fallback_data=trainer is not None and trainer.data.is_fallback,
                complete=complete,
                quick_evaluations=tuple(self._quick_evaluations),
                checkpoints=tuple(self.checkpoint_steps),
                revisions=(self._curve.stride, 1 + self._times_thinned, 1 + complete),
            )

    def record(self) -> RunRecord:
        """The run as the store keeps it."""
        with self._lock:
            trainer = self.trainer
            return RunRecord(
                id=self.id,
                created=self._created,
                data=trainer.data.name if trainer else "",
                examples=trainer.counts["train"] if trainer else 0,
                settings=self.settings,
                source=self._source,
                state=self._state,
                message=self._message,
                curve=tuple(self._curve.points),
                epochs=tuple(self._epochs),
                lr_changes=tuple(self._lr_changes),
                seconds=self._seconds,
                test=trainer.test_result if trainer else None,
                confusion=self._confusion,
            )

    @property
    def checkpoint_steps(self) -> list[int]:
        """The steps after which there is a checkpoint."""
        return [checkpoint.step for checkpoint in self.checkpoints]

    def recognizer(self, step: int | None = None) -> Recognizer:
        """Make a recognizer with the weights after ``step``; None: with the latest weights.

        ValueError if there is no such checkpoint, or the model does not recognize digits.
        """
        trainer = self.trainer
        if trainer is None or self.latest is None:
            raise ValueError(message("problem.not_loaded", run=self.id))
        found = [self.latest] if step is None else [c for c in self.checkpoints if c.step == step]
        if not found:
            raise ValueError(message("problem.no_checkpoint", got=repr(step)))
        settings = self.settings
        model = models.build_empty(settings.model, settings.backend, **trainer.model_kwargs)
        if not isinstance(model, models.DigitModel):
            raise ValueError(message("problem.no_digits", run=self.id, model=settings.model))
        model.load_state_dict(found[0].weights, assign=True)
        return Recognizer(model, trainer.metadata(), self._store.weights(self.id))

    # ---------------------------------------------------------------- in the run's thread

    def _work(self) -> None:
        try:
            self._train()
        except Diverged as error:
            self._end("diverged", message_of(error))
        except Exception as error:  # of any kind: the run's status has to show it
            self._end("failed", _reason(error))
        try:
            self._evaluate()
        except Exception as error:
            self._end("failed", _reason(error))
        finally:
            if self.trainer is not None:
                self.trainer.release()
            self._complete.set()

    def _train(self) -> None:
        data = self._load(self._report)
        self._message = ""
        trainer = Trainer(self.settings, data, stop=self._stop, on_batch=self._after_step)
        weights = trainer.weights()
        size = sum(weight.nbytes for weight in weights.values())
        steps = checkpoints.checkpoint_steps(trainer.total_steps, size)
        self._next_checkpoints = deque(steps[1:])
        self.checkpoints.append(Checkpoint(0, weights))
        self.latest = self.checkpoints[0]
        with self._lock:
            self.trainer = trainer
            trainer.pause = self._pause
            trainer.lr = self._lr
            if self._state == "loading":
                self._state = "paused" if self._pause.is_set() else "training"
        for epoch in trainer.epochs():
            with self._lock:
                self._epochs.append(epoch)
                self._seconds = max(self._seconds, sum(e.seconds for e in self._epochs))
            if time.monotonic() - self._saved > _SECONDS_BETWEEN_SAVES:
                self._save()
        finished = len(trainer.history) == self.settings.epochs
        self._end("finished" if finished else "stopped")

    def _report(self, message: str) -> None:
        self._message = message

    def _after_step(self, batch: Batch) -> None:
        trainer = self.trainer
        assert trainer is not None
        with self._lock:
            self._curve.add(batch)
            self._done = trainer.steps
            self._seconds = batch.seconds
            self._trained += batch.examples
            if not self._recent or batch.seconds - self._recent[-1][0] > _SECONDS_OF_SPEED / 20:
                self._recent.append((batch.seconds, self._trained))
        if batch.seconds >= self._next_quick_evaluation:
            self._evaluate_quickly(trainer, batch)
        if batch.seconds > self._max_seconds:
            self._message = message("problem.too_long", seconds=round(self._max_seconds))
            self.stop()
        if self._next_checkpoints and trainer.steps >= self._next_checkpoints[0]:
            self._next_checkpoints.popleft()
            self.latest = Checkpoint(trainer.steps, trainer.weights())
            self.checkpoints.append(self.latest)
        elif batch.seconds - self._copied > _SECONDS_BETWEEN_COPIES:
            self._copied = batch.seconds
            self.latest = Checkpoint(trainer.steps, trainer.weights())

    def _evaluate_quickly(self, trainer: Trainer, batch: Batch) -> None:
        start = time.perf_counter()
        examples = trainer.validation if len(trainer.validation) else trainer.train
        accuracy = evaluate(trainer.model, examples[:_QUICK_EXAMPLES]).accuracy
        cost = time.perf_counter() - start
        interval = max(_SECONDS_BETWEEN_QUICK, cost / _QUICK_SHARE_OF_TIME)
        self._next_quick_evaluation = batch.seconds + interval
        epoch = trainer.steps / batch.count
        result = QuickEvaluation(trainer.steps, epoch, batch.seconds, accuracy)
        with self._lock:
            self._quick_evaluations.append(result)
            if len(self._quick_evaluations) > _MAX_QUICK_EVALUATIONS:
                del self._quick_evaluations[1::2]
                self._times_thinned += 1

    def _evaluate(self) -> None:
        """The end of the run: its last checkpoint, the test set, and saving what was learned."""
        trainer = self.trainer
        if trainer is None:
            return
        good_steps = len(trainer.history) * (trainer.total_steps // self.settings.epochs)
        last = good_steps if self._state == "diverged" else trainer.steps
        self.latest = Checkpoint(last, trainer.weights())
        self.checkpoints = [c for c in self.checkpoints if c.step < last] + [self.latest]
        if last > 0 and not self._leaving:
            trainer.test()
            sets = trainer.data.test, trainer.validation, trainer.train
            examples = next(each for each in sets if len(each))
            if isinstance(trainer.model, models.DigitModel):
                counts, self._confusion_images = confusion_images.collect(trainer.model, examples)
            else:
                counts = confusion_matrix(trainer.model, examples)
            self._confusion = tuple(map(tuple, counts))
        if trainer.steps > 0:
            self._save(with_weights=last > 0)

    def _save(self, with_weights: bool = False) -> None:
        self._saved = time.monotonic()
        store = self._store
        try:
            store.save(self.record())
            if with_weights and self.trainer is not None:
                self.trainer.save(store.weights(self.id))
                checkpoints.save(store.checkpoints(self.id), self.checkpoints)
            if self._confusion_images is not None:
                confusion_images.save(store.confusion_images(self.id), self._confusion_images)
        except OSError as error:  # the run continues without being saved
            self._message = message("problem.not_kept", error=error)

    def _end(self, state: State, message: str = "") -> None:
        with self._lock:
            if self._state not in ENDED or state == "failed":
                self._state = state
                self._message = message

    def _speed(self) -> float:
        if not self._recent:
            return 0.0
        seconds, trained = self._recent[0]
        span = self._seconds - seconds
        return (self._trained - trained) / span if span > 0 else 0.0


def _reason(error: Exception) -> str:
    """Why a run failed; with the error's type unless it has a message for users."""
    text = message_of(error)
    return text if isinstance(text, Message) else f"{type(error).__name__}: {text}"


_ACTIVE: weakref.WeakSet[Run] = weakref.WeakSet()
_SECONDS_TO_LEAVE = 5.0


@atexit.register
def _leave_all() -> None:
    """Save what the runs learned. A thread in C++ when Python ends would abort the process."""
    active = [run for run in _ACTIVE if run.is_active]
    for run in active:
        run.leave()
    for run in active:
        run.wait(_SECONDS_TO_LEAVE)
