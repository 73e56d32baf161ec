"""A run: it trains, in a thread of its own, is watched and steered from others, and is saved."""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from inkgrad.course import models
from inkgrad.course.data.datasets import Data, Report
from inkgrad.course.messages import Message, message, message_of
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.settings import Settings
from inkgrad.course.training import (
    checkpoints,
    confusion_images,
    data_parallel,
    run_data,
    state_file,
)
from inkgrad.course.training.checkpoints import Checkpoint
from inkgrad.course.training.confusion_images import ConfusionImages
from inkgrad.course.training.diagnosis import Diagnosis
from inkgrad.course.training.run_progress import RunProgress
from inkgrad.course.training.run_record import ENDED, LrChange, RunRecord, State, now
from inkgrad.course.training.run_saver import SECONDS_BETWEEN_SAVES, RunSaver, Snapshot
from inkgrad.course.training.run_status import RunStatus
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.steps import Diverged, confusion_matrix
from inkgrad.course.training.trainer import Batch, Trainer

# The time between copies of the weights for recognizers.
_SECONDS_BETWEEN_COPIES = 0.1


class Run:
    """A run that is saved in ``store`` from its first second on, every few seconds.

    :meth:`start` trains in a thread of its own, :meth:`work` in the caller's. Every other method
    may be called from any thread and returns at once.

    Args:
        settings: What to train.
        load: Loads the data, in the run's thread, and reports what takes long, which is then the
            run's message.
        store: Where the run is saved; None: nowhere.
        source: ``load`` as a Python expression.
        max_seconds: The run stops by itself after training for so long.
        on_batch: Called after each step, in the run's thread.
        on_epoch: Called after each epoch, likewise, with the trainer.
    """

    def __init__(
        self,
        settings: Settings,
        load: Callable[[Report], Data],
        store: RunStore | None,
        *,
        source: str = "",
        max_seconds: float = float("inf"),
        on_batch: Callable[[Batch], None] | None = None,
        on_epoch: Callable[[Trainer], None] | None = None,
    ) -> None:
        first = RunRecord(
            id=RunStore.new_id(settings.model),
            created=now(),
            data="",
            examples=0,
            settings=settings,
            source=source,
        )
        self._set_up(first, None, load, store, max_seconds, on_batch, on_epoch)

    @classmethod
    def resumed(
        cls,
        store: RunStore,
        run: str,
        *,
        max_seconds: float = float("inf"),
        on_batch: Callable[[Batch], None] | None = None,
        on_epoch: Callable[[Trainer], None] | None = None,
    ) -> Run:
        """The run that goes on where a saved one ended.

        On the same machine, with as many threads, its curve and its weights are those of a run that
        was never interrupted.

        Raises:
            RunError: there is no such run, or its record is damaged.
            ValueError: it has ended for good, another program trains it, or its state is damaged.
        """
        record = store.load(run)
        if data_parallel.is_first() and store.is_training(run):
            raise ValueError(message("problem.trains_elsewhere", run=run))
        if record.state in ("finished", "diverged"):
            raise ValueError(message("problem.over", run=run, state=record.state))
        try:
            state = state_file.load(store.state(run))
            _ = state["trainer"]["lr"], state["progress"]
        except FileNotFoundError:
            raise ValueError(message("problem.no_state", run=run)) from None
        except (OSError, KeyError, TypeError) as error:
            problem = message("problem.bad_state", run=run, error=error)
            raise ValueError(problem) from None
        resumed = cls.__new__(cls)
        resumed._set_up(
            record,
            state,
            lambda report: run_data.load(store.data(run), record),
            store,
            max_seconds,
            on_batch,
            on_epoch,
        )
        return resumed

    def _set_up(
        self,
        first: RunRecord,
        state: dict[str, Any] | None,
        load: Callable[[Report], Data],
        store: RunStore | None,
        max_seconds: float,
        on_batch: Callable[[Batch], None] | None,
        on_epoch: Callable[[Trainer], None] | None,
    ) -> None:
        self.id = first.id
        self.settings = first.settings
        self.checkpoints: list[Checkpoint] = []
        self.latest: Checkpoint | None = None
        self.trainer: Trainer | None = None
        self._first = first
        self._saved_state = state
        self._load = load
        self._store = store
        self._max_seconds = max_seconds
        self._on_batch, self._on_epoch = on_batch, on_epoch
        self._saver = None
        if store is not None and data_parallel.is_first():
            self._saver = RunSaver(store, self.id, self.stop, is_resumed=state is not None)
        self._stop, self._pause = threading.Event(), threading.Event()
        self._lr: float = first.settings.lr if state is None else state["trainer"]["lr"]
        self._state: State = "loading"
        self._message = ""
        self._complete = threading.Event()
        # Guards what the run's thread writes and others read.
        self._lock = threading.RLock()
        self._progress = RunProgress()
        self._facts: dict[str, Any] = {}  # of the record, known when the data is loaded
        self._warnings: tuple[str, ...] = first.warnings
        self._diagnosis: Diagnosis | None = None
        self._confusion: tuple[tuple[int, ...], ...] | None = None
        self._confusion_images: ConfusionImages | None = None
        self._copied = 0.0
        self._seconds_before = 0.0  # of an earlier process
        self._next_checkpoints: deque[int] = deque()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._work_in_thread, name=self.id, daemon=True)

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
        self._leaving.set()
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
            self._progress.lr_changes.append(LrChange(self._progress.done + 1, lr))

    def make_room(self) -> None:
        """Stop, with a message: another run needs the room, and nobody watches this one."""
        self._message = message("report.made_room")
        self.stop()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the run has ended and is evaluated and saved; False if time runs out."""
        return self._complete.wait(seconds)

    # ---------------------------------------------------------------- watching

    @property
    def is_active(self) -> bool:
        """Whether the run still trains, or is still being evaluated and saved."""
        return not self._complete.is_set()

    @property
    def is_unsaved(self) -> bool:
        """Whether there is only this run in memory: it could not be saved yet."""
        return self._saver is not None and self._saver.problem is not None

    def status(self) -> RunStatus:
        complete = self._complete.is_set()  # read first: what follows is then final
        with self._lock:
            trainer, progress = self.trainer, self._progress
            steps = trainer.total_steps if trainer else self._first.steps
            seconds_left = None
            if progress.done and self._state in ("training", "paused"):
                seconds_left = progress.seconds / progress.done * (steps - progress.done)
            return RunStatus(
                record=self.record(),
                steps=steps,
                done=progress.done,
                lr=self._lr,
                speed=progress.speed if self._state == "training" else 0.0,
                seconds_left=seconds_left,
                complete=complete,
                can_resume=complete and self._can_resume(),
                problem=self._saver.problem if self._saver else None,
                quick_evaluations=tuple(progress.quick_evaluations),
                checkpoints=tuple(self.checkpoint_steps),
                revisions=(progress.curve.stride, 1 + progress.times_thinned, 1 + complete),
            )

    def record(self) -> RunRecord:
        """The run as the store keeps it."""
        with self._lock:
            trainer, progress = self.trainer, self._progress
            if trainer is None and self._saved_state is not None:
                return replace(self._first, state=self._state, message=self._message)
            return replace(
                self._first,
                **self._facts,
                state=self._state,
                message=self._message,
                curve=tuple(progress.curve.points),
                epochs=tuple(progress.epochs),
                lr_changes=tuple(progress.lr_changes),
                seconds=progress.seconds,
                done=progress.done,
                test=trainer.test_result if trainer else None,
                confusion=self._confusion,
                warnings=self._warnings,
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
        if trainer is None or self.latest is None or self._store is None:
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

    def work(self) -> None:
        """Train, evaluate and save; what goes wrong is in the :meth:`status`.

        An exception that ends the program, such as KeyboardInterrupt, is passed on.
        """
        try:
            self._train_and_evaluate()
        finally:
            self._last_snapshot = self._snapshot(is_over=True)
            self._complete.set()

    def _train_and_evaluate(self) -> None:
        try:
            self._save()
            self._train()
        except Diverged as error:
            self._end("diverged", message_of(error))
            self._warnings = self._diagnosis.when_diverged() if self._diagnosis else ()
        except Exception as error:  # of any kind: the run's status has to show it
            self._end("failed", _reason(error))
        try:
            self._evaluate()
        except Exception as error:
            self._end("failed", _reason(error))
        finally:
            self._save(is_over=True)

    def _work_in_thread(self) -> None:
        try:
            self.work()
            while not self.save_again() and not self._leaving.wait(SECONDS_BETWEEN_SAVES):
                pass
        finally:
            if self.trainer is not None:
                self.trainer.release()

    def _train(self) -> None:
        data = self._load(self._report)
        self._message = ""
        trainer = Trainer(self.settings, data, stop=self._stop, on_batch=self._after_step)
        weights = trainer.weights()
        size = sum(weight.nbytes for weight in weights.values())
        steps = checkpoints.checkpoint_steps(trainer.total_steps, size)
        self.checkpoints.append(Checkpoint(0, weights))
        self._diagnosis = Diagnosis(trainer)
        if self._saved_state is not None:
            self._restore(trainer, self._saved_state)
        self._next_checkpoints = deque(step for step in steps if step > trainer.steps)
        self.latest = Checkpoint(trainer.steps, trainer.weights())
        with self._lock:
            self._facts = {
                "data": data.name,
                "examples": trainer.counts["train"],
                "steps": trainer.total_steps,
                "data_sha256": self._first.data_sha256 or run_data.digest(data),
                "data_folder": str(data.folder or ""),
                "is_fallback": data.is_fallback,
                "threads": torch.get_num_threads(),
                "baseline": self._diagnosis.baseline,
            }
            self.trainer = trainer
            trainer.pause = self._pause
            trainer.lr = self._lr
            if self._state == "loading":
                self._state = "paused" if self._pause.is_set() else "training"
        self._save()
        for _ in trainer.epochs():
            with self._lock:
                self._progress.end_epoch(trainer)
                self._warnings = self._diagnosis.warnings()
            if self._on_epoch is not None:
                self._on_epoch(trainer)
        self._end("finished" if trainer.epochs_done == self.settings.epochs else "stopped")

    def _restore(self, trainer: Trainer, state: dict[str, Any]) -> None:
        try:
            trainer.restore(state["trainer"])
            progress = RunProgress()
            progress.restore(state["progress"], trainer)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            problem = message("problem.bad_state", run=self.id, error=repr(error))
            raise ValueError(problem) from None
        assert self._store is not None
        _, kept = checkpoints.load(self._store.checkpoints(self.id))
        self.checkpoints += [each for each in kept if 0 < each.step <= trainer.steps]
        self._seconds_before = progress.seconds
        with self._lock:
            changes = self._progress.lr_changes  # made while the data was loaded
            progress.lr_changes += [replace(each, step=trainer.steps + 1) for each in changes]
            self._progress = progress

    def _report(self, message: str) -> None:
        self._message = message

    def _after_step(self, batch: Batch) -> None:
        trainer = self.trainer
        assert trainer is not None
        with self._lock:
            self._progress.add(batch)
        quick = self._progress.quick_evaluation(trainer, batch)
        if quick is not None:
            with self._lock:
                self._progress.add_quick_evaluation(quick)
        if batch.seconds - self._seconds_before > self._max_seconds:
            self._message = message("problem.too_long", seconds=round(self._max_seconds))
            self.stop()
        if self._next_checkpoints and trainer.steps >= self._next_checkpoints[0]:
            self._next_checkpoints.popleft()
            self.latest = Checkpoint(trainer.steps, trainer.weights())
            self.checkpoints.append(self.latest)
        elif batch.seconds - self._copied > _SECONDS_BETWEEN_COPIES:
            self._copied = batch.seconds
            self.latest = Checkpoint(trainer.steps, trainer.weights())
        if self._on_batch is not None:
            self._on_batch(batch)
        if self._saver is not None and self._saver.is_due:
            self._save()

    def _evaluate(self) -> None:
        """The end of the run: its last checkpoint, and the test set."""
        trainer = self.trainer
        if trainer is None:
            return
        good_steps = trainer.epochs_done * (trainer.total_steps // self.settings.epochs)
        last = good_steps if self._state == "diverged" else trainer.steps
        self.latest = Checkpoint(last, trainer.weights())
        self.checkpoints = [c for c in self.checkpoints if c.step < last] + [self.latest]
        if last > 0 and not self._leaving.is_set():
            trainer.test()
            sets = trainer.data.test, trainer.validation, trainer.train
            examples = next(each for each in sets if len(each))
            if isinstance(trainer.model, models.DigitModel):
                counts, self._confusion_images = confusion_images.collect(trainer.model, examples)
            else:
                counts = confusion_matrix(trainer.model, examples)
            self._confusion = tuple(map(tuple, counts))
            if self._state == "finished" and self._diagnosis is not None:
                self._warnings = self._diagnosis.warnings(is_over=True)

    # ---------------------------------------------------------------- saving

    def save_again(self) -> bool:
        """Save a run that has ended if that has failed, as on a full disk. Whether it is saved."""
        saver = self._saver
        if saver is None or saver.problem is None or saver.is_lost:
            return True
        saver.save(self._last_snapshot)
        if saver.problem is None:
            saver.close()
        return saver.problem is None

    def _save(self, *, is_over: bool = False) -> None:
        if self._saver is not None:
            self._saver.save(self._snapshot(is_over))
            if is_over and self._saver.problem is None:
                self._saver.close()

    def _snapshot(self, is_over: bool) -> Snapshot:
        trainer = self.trainer
        if trainer is None:
            return Snapshot(self.record())
        can_resume = not is_over or self._can_resume()
        return Snapshot(
            self.record(),
            trainer,
            trainer.data,
            list(self.checkpoints),
            self._confusion_images if is_over else None,
            {"trainer": trainer.state(), "progress": self._progress.state()}
            if can_resume
            else None,
            has_learned=bool(self.latest and self.latest.step if is_over else trainer.steps),
        )

    def _can_resume(self) -> bool:
        return self.trainer is not None and self._state not in ("finished", "diverged")

    def _end(self, state: State, message: str = "") -> None:
        with self._lock:
            if self._state not in ENDED or state == "failed":
                self._state = state
                self._message = message


def _reason(error: Exception) -> str:
    """Why a run failed; with the error's type unless it has a message for users."""
    text = message_of(error)
    return text if isinstance(text, Message) else f"{type(error).__name__}: {text}"


_ACTIVE: weakref.WeakSet[Run] = weakref.WeakSet()
_SECONDS_TO_LEAVE = 10.0


@atexit.register
def _leave_all() -> None:
    """Save what the runs learned. A thread in C++ when Python ends would abort the process."""
    active = [run for run in _ACTIVE if run.is_active or run.is_unsaved]
    for run in active:
        run.leave()
    for run in active:
        run.wait(_SECONDS_TO_LEAVE)
        if run.is_unsaved:
            print(f"inkgrad: run {run.id} is lost: {run.status().problem}", file=sys.stderr)
