"""Saving a run while it trains, so that a program that ends at any moment loses seconds of it.

If a run cannot be saved, for example on a full disk, it goes on in memory and is saved when that is
possible again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from inkgrad.course.data.datasets import Data
from inkgrad.course.messages import Message, message
from inkgrad.course.training import checkpoints, confusion_images, run_data, state_file
from inkgrad.course.training.checkpoints import Checkpoint
from inkgrad.course.training.confusion_images import ConfusionImages
from inkgrad.course.training.run_lock import Locked, RunLock
from inkgrad.course.training.run_record import RunRecord
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.trainer import Trainer

# With the time that a step and saving take, less than 5 s are lost.
SECONDS_BETWEEN_SAVES = 3.0


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment, to be saved. Without ``trainer`` it has not begun to train.

    ``state`` is what it goes on from; None: it has ended, and its state is removed.
    """

    record: RunRecord
    trainer: Trainer | None = None
    data: Data | None = None
    checkpoints: Sequence[Checkpoint] = ()
    confusion_images: ConfusionImages | None = None
    state: dict[str, Any] | None = None
    has_learned: bool = False


class RunSaver:
    """Saves the run ``run`` in ``store``, and holds its lock.

    ``stop`` is called when another program asks to stop the run, and when another one trains it:
    then nothing is saved any more. Only one thread may use a saver.
    """

    def __init__(
        self,
        store: RunStore,
        run: str,
        stop: Callable[[], None],
        *,
        is_resumed: bool,
    ) -> None:
        self.problem: Message | None = None
        """Why the run is not saved now; None if it is."""
        self._store, self._run = store, run
        self._lock = RunLock(store.folder / run, stop, self._lose)
        self._stop = stop
        self.is_lost = False
        """Whether another program has taken the run."""
        self._next_save = 0.0
        self._has_data = is_resumed
        self._checkpoints = -1  # how many are saved

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self._next_save

    def save(self, snapshot: Snapshot) -> None:
        """Save the run. If that fails, :attr:`problem` is the reason."""
        if self.is_lost:
            return
        try:
            self._store.prepare(self._run)
            self._lock.take()
            self._write(snapshot)
        except Locked:
            self._lose()
        except OSError as error:
            self.problem = message("problem.not_kept", error=error)
        else:
            self.problem = None
        self._next_save = time.monotonic() + SECONDS_BETWEEN_SAVES

    def close(self) -> None:
        """Release the lock."""
        self._lock.release()

    def _write(self, snapshot: Snapshot) -> None:
        store, run, trainer = self._store, self._run, snapshot.trainer
        if snapshot.data is not None and not self._has_data:
            if snapshot.data.folder is None:
                run_data.save(store.data(run), snapshot.data)
            self._has_data = True
        if trainer is not None and len(snapshot.checkpoints) != self._checkpoints:
            checkpoints.save(store.checkpoints(run), snapshot.checkpoints)
            self._checkpoints = len(snapshot.checkpoints)
        if snapshot.confusion_images is not None:
            confusion_images.save(store.confusion_images(run), snapshot.confusion_images)
        if trainer is not None and snapshot.has_learned:
            trainer.save(store.weights(run))
        if snapshot.state is not None:
            state_file.save(store.state(run), snapshot.state)
        store.save(snapshot.record)
        if trainer is not None and snapshot.state is None:
            store.state(run).unlink(missing_ok=True)
            if not snapshot.has_learned:
                store.weights(run).unlink(missing_ok=True)

    def _lose(self) -> None:
        self.is_lost = True
        self.problem = message("problem.trains_elsewhere", run=self._run)
        self._stop()
