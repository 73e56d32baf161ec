"""A run in the background, that can be watched and steered while it trains."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from inkgrad.course import models
from inkgrad.course.data.datasets import Data, Say
from inkgrad.course.messages import Message, message, message_of
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.settings import Settings
from inkgrad.course.training import checkpoints as snapshots
from inkgrad.course.training import confusion_images as cells
from inkgrad.course.training.checkpoints import Snapshot
from inkgrad.course.training.curve import Curve
from inkgrad.course.training.loop import Batch, Epoch, Run
from inkgrad.course.training.run_store import Point, Rate, Record, RunStore, State, now
from inkgrad.course.training.steps import Diverged, confusion, evaluate

Phase = Literal["loading", "training", "paused", "finished", "stopped", "diverged", "failed"]
ENDED = ("finished", "stopped", "diverged", "failed")
_STATES: dict[Phase, State] = {
    "loading": "unfinished",
    "training": "unfinished",
    "paused": "unfinished",
    "finished": "finished",
    "stopped": "stopped",
    "diverged": "diverged",
    "failed": "failed",
}

# How often the weights are copied for whoever wants to try the model, and the record is saved.
_SECONDS_TO_COPY = 0.1
_SECONDS_TO_SAVE = 10.0
# Between epochs the model is judged by so many examples, now and then; that takes no more of the
# time than this share.
_EXAMPLES_TO_GLANCE = 512
_SHARE_TO_GLANCE = 1 / 10
_SECONDS_TO_GLANCE = 0.2
_MOST_GLANCES = 500
# The span over which the speed is measured.
_SECONDS_OF_SPEED = 2.0


@dataclass(frozen=True)
class Glance:
    """The accuracy on a few of the validation examples, between the ends of two epochs."""

    step: int
    epoch: float
    seconds: float
    accuracy: float


@dataclass(frozen=True)
class Progress:
    """How a run stands.

    ``points`` of the curve, of which there is one for every ``stride`` steps; ``done`` of
    ``steps``, which is 0 until the data is loaded. ``speed`` in examples a second; ``left`` is the
    time to the end at the speed until now, None where there is nothing to go by. ``judged``: the
    test set has been gone through, and nothing will change any more.
    """

    phase: Phase
    message: str
    steps: int
    done: int
    seconds: float
    speed: float
    left: float | None
    lr: float
    stride: int
    points: tuple[Point, ...]
    epochs: tuple[Epoch, ...]
    glances: tuple[Glance, ...]
    judged: bool


class LiveRun:
    """A run that trains in a thread of its own, and is kept in ``store``.

    ``load`` gives the data, in that thread, and says what takes long, which is the run's message
    meanwhile; ``source`` is the same as Python code. All methods are for any thread and return at
    once. The run ends by itself after ``most_seconds``, as if stopped.
    """

    def __init__(
        self,
        settings: Settings,
        load: Callable[[Say], Data],
        store: RunStore,
        *,
        source: str = "",
        most_seconds: float = float("inf"),
    ) -> None:
        self.id = store.new_id(settings.model)
        self.settings = settings
        self.snapshots: list[Snapshot] = []
        self.latest: Snapshot | None = None
        self.run: Run | None = None
        self._load = load
        self._store = store
        self._source = source
        self._most_seconds = most_seconds
        self._created = now()
        self._stop, self._pause = threading.Event(), threading.Event()
        self._lr = settings.lr
        self._rates: list[Rate] = []
        self._phase: Phase = "loading"
        self._message = ""
        self._ended = threading.Event()
        # What the worker writes and others read, together.
        self._lock = threading.Lock()
        self._curve = Curve()
        self._epochs: list[Epoch] = []
        self._glances: list[Glance] = []
        self._next_glance = 0.0
        self._done = 0
        self._seconds = 0.0
        self._trained = 0  # examples
        self._recent: deque[tuple[float, int]] = deque(maxlen=20)  # seconds and examples then
        self._confusion: tuple[tuple[int, ...], ...] | None = None
        self._cells: cells.Cells | None = None
        self._saved = time.monotonic()
        self._copied = 0.0
        self._moments: deque[int] = deque()
        self._leaving = False
        self._worker = threading.Thread(target=self._work, name=self.id, daemon=True)

    # ---------------------------------------------------------------- steering

    def start(self) -> None:
        _ACTIVE.add(self)
        self._worker.start()

    def stop(self) -> None:
        """End it after the step in progress; the model keeps what it learnt."""
        with self._lock:
            if self._phase not in ENDED:
                self._phase = "stopped"
        self._stop.set()

    def leave(self) -> None:
        """Stop it without going through the test set: the program ends."""
        self._leaving = True
        self.stop()

    def pause(self) -> None:
        with self._lock:
            self._pause.set()
            if self._phase == "training":
                self._phase = "paused"

    def go_on(self) -> None:
        with self._lock:
            self._pause.clear()
            if self._phase == "paused":
                self._phase = "training"

    def set_lr(self, lr: float) -> None:
        """The learning rate from the next step on. ValueError where it is none."""
        replace(self.settings, lr=lr)  # checks it
        with self._lock:
            self._lr = lr
            if self.run is not None:
                self.run.lr = lr
            self._rates.append(Rate(self._done + 1, lr))

    def wait(self, seconds: float | None = None) -> bool:
        """Until it has ended and been judged and saved; False if it has not by then."""
        return self._ended.wait(seconds)

    # ---------------------------------------------------------------- watching

    @property
    def is_active(self) -> bool:
        """Whether it still has work to do."""
        return not self._ended.is_set()

    def progress(self) -> Progress:
        with self._lock:
            steps = self.run.total_steps if self.run else 0
            left = None
            if self._done and self._phase in ("training", "paused"):
                left = self._seconds / self._done * (steps - self._done)
            return Progress(
                phase=self._phase,
                message=self._message,
                steps=steps,
                done=self._done,
                seconds=self._seconds,
                speed=self._speed() if self._phase == "training" else 0.0,
                left=left,
                lr=self._lr,
                stride=self._curve.stride,
                points=tuple(self._curve.points),
                epochs=tuple(self._epochs),
                glances=tuple(self._glances),
                judged=self._ended.is_set(),
            )

    @property
    def moments(self) -> list[int]:
        """After which steps there is a snapshot."""
        return [snapshot.step for snapshot in self.snapshots]

    def recognizer(self, step: int | None = None) -> Recognizer:
        """What reads digits with the weights of the snapshot after ``step``; None: as they are now.

        ValueError where there is no such snapshot, or the model does not read digits.
        """
        run = self.run
        if run is None or self.latest is None:
            raise ValueError(message("problem.not_loaded", run=self.id))
        kept = [self.latest] if step is None else [s for s in self.snapshots if s.step == step]
        if not kept:
            raise ValueError(message("problem.no_snapshot", got=repr(step)))
        settings = self.settings
        model = models.build_empty(settings.model, settings.backend, **run.model_kwargs)
        if not isinstance(model, models.DigitModel):
            raise ValueError(message("problem.no_digits", run=self.id, model=settings.model))
        model.load_state_dict(kept[0].weights, assign=True)
        return Recognizer(model, run.metadata(), self._store.weights(self.id))

    def record(self) -> Record:
        """What the store keeps of it."""
        with self._lock:
            run = self.run
            return Record(
                id=self.id,
                created=self._created,
                data=run.data.name if run else "",
                examples=run.counts["train"] if run else 0,
                settings=self.settings,
                source=self._source,
                state=_STATES[self._phase],
                message=self._message,
                curve=tuple(self._curve.points),
                epochs=tuple(self._epochs),
                rates=tuple(self._rates),
                seconds=self._seconds,
                test=run.test_score if run else None,
                confusion=self._confusion,
            )

    # ---------------------------------------------------------------- the worker

    def _work(self) -> None:
        try:
            self._train()
        except Diverged as error:
            self._end("diverged", message_of(error))
        except Exception as error:  # whatever it is, the person who watches is told
            self._end("failed", _reason(error))
        try:
            self._judge()
        except Exception as error:
            self._end("failed", _reason(error))
        finally:
            if self.run is not None:
                self.run.release()
            self._ended.set()

    def _train(self) -> None:
        data = self._load(self._say)
        self._message = ""
        run = Run(self.settings, data, stop=self._stop, on_batch=self._after_step)
        weights = run.weights()
        size = sum(weight.nbytes for weight in weights.values())
        self._moments = deque(snapshots.moments(run.total_steps, size)[1:])
        self.snapshots.append(Snapshot(0, weights))
        self.latest = self.snapshots[0]
        with self._lock:
            self.run = run
            run.pause = self._pause
            run.lr = self._lr
            if self._phase == "loading":
                self._phase = "paused" if self._pause.is_set() else "training"
        for epoch in run.epochs():
            with self._lock:
                self._epochs.append(epoch)
                self._seconds = max(self._seconds, sum(e.seconds for e in self._epochs))
            if time.monotonic() - self._saved > _SECONDS_TO_SAVE:
                self._save()
        complete = len(run.history) == self.settings.epochs
        self._end("finished" if complete else "stopped")

    def _say(self, message: str) -> None:
        self._message = message

    def _after_step(self, batch: Batch) -> None:
        run = self.run
        assert run is not None
        with self._lock:
            self._curve.add(batch)
            self._done = run.steps
            self._seconds = batch.seconds
            self._trained += batch.examples
            if not self._recent or batch.seconds - self._recent[-1][0] > _SECONDS_OF_SPEED / 20:
                self._recent.append((batch.seconds, self._trained))
        if batch.seconds >= self._next_glance:
            self._glance(run, batch)
        if batch.seconds > self._most_seconds:
            self._message = message("problem.too_long", seconds=round(self._most_seconds))
            self.stop()
        if self._moments and run.steps >= self._moments[0]:
            self._moments.popleft()
            self.latest = Snapshot(run.steps, run.weights())
            self.snapshots.append(self.latest)
        elif batch.seconds - self._copied > _SECONDS_TO_COPY:
            self._copied = batch.seconds
            self.latest = Snapshot(run.steps, run.weights())

    def _glance(self, run: Run, batch: Batch) -> None:
        start = time.perf_counter()
        judged = run.validation if len(run.validation) else run.train
        score = evaluate(run.model, judged[:_EXAMPLES_TO_GLANCE])
        cost = time.perf_counter() - start
        self._next_glance = batch.seconds + max(_SECONDS_TO_GLANCE, cost / _SHARE_TO_GLANCE)
        epoch = run.steps / batch.count
        with self._lock:
            self._glances.append(Glance(run.steps, epoch, batch.seconds, score.accuracy))
            if len(self._glances) > _MOST_GLANCES:
                del self._glances[1::2]

    def _judge(self) -> None:
        """The end: the last snapshot, the test set, and the weights, if anything was learnt."""
        run = self.run
        if run is None:
            return
        good = len(run.history) * (run.total_steps // self.settings.epochs)
        last = good if self._phase == "diverged" else run.steps
        self.snapshots = [kept for kept in self.snapshots if kept.step < last]
        self.latest = Snapshot(last, run.weights())
        self.snapshots.append(self.latest)
        if last > 0 and not self._leaving:
            run.test()
            judged = next(part for part in (run.data.test, run.validation, run.train) if len(part))
            if isinstance(run.model, models.DigitModel):
                counts, self._cells = cells.judge(run.model, judged)
            else:
                counts = confusion(run.model, judged)
            self._confusion = tuple(map(tuple, counts))
        if run.steps > 0:
            self._save(with_weights=last > 0)

    def _save(self, with_weights: bool = False) -> None:
        self._saved = time.monotonic()
        try:
            self._store.save(self.record())
            if with_weights and self.run is not None:
                self.run.save(self._store.weights(self.id))
                snapshots.save(self._store.snapshots(self.id), self.snapshots)
            if self._cells is not None:
                cells.save(self._store.cells(self.id), self._cells)
        except OSError as error:  # the run goes on, whatever the disk does
            self._message = message("problem.not_kept", error=error)

    def _end(self, phase: Phase, message: str = "") -> None:
        with self._lock:
            if self._phase not in ENDED or phase == "failed":
                self._phase = phase
                self._message = message

    def _speed(self) -> float:
        if not self._recent:
            return 0.0
        seconds, trained = self._recent[0]
        span = self._seconds - seconds
        return (self._trained - trained) / span if span > 0 else 0.0


def _reason(error: Exception) -> str:
    """What went wrong; of what is no message for people, the kind as well."""
    said = message_of(error)
    return said if isinstance(said, Message) else f"{type(error).__name__}: {said}"


_ACTIVE: weakref.WeakSet[LiveRun] = weakref.WeakSet()
_SECONDS_TO_LEAVE = 5.0


@atexit.register
def _leave_all() -> None:
    """Keep what they learnt. A thread still in C++ when Python ends would abort the process."""
    active = [live for live in _ACTIVE if live.is_active]
    for live in active:
        live.leave()
    for live in active:
        live.wait(_SECONDS_TO_LEAVE)
