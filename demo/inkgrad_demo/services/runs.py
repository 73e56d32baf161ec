"""The runs that this process trains, and those in the store. No Gradio in here.

Anyone who knows the id of a run may watch it. A run goes on when its page is closed; the lists of
runs and the address of the page lead back to it. If all places are taken, a run that nobody has
watched for a while is stopped for a new one; it can be resumed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from inkgrad.course.settings import Settings
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_status import summary_row
from inkgrad.course.training.run_store import Damaged, RunStore
from inkgrad.course.training.saved_run import SavedRun
from inkgrad_demo.services.training_data import Source
from inkgrad_demo.texts import message

# Limits of training in the app, which several people may share.
MAX_RUNS = 4
MAX_SECONDS = 3600.0

# Runs that stay in memory after their end, with their checkpoints.
_MAX_ENDED = 8
_MAX_SECONDS_UNWATCHED = 600.0
_SECONDS_TO_STOP = 10.0


@dataclass
class _Entry:
    run: Run
    watched: float = field(default_factory=time.monotonic)


class Runs:
    """The live runs by id, backed by the store. Thread-safe."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._live: dict[str, _Entry] = {}
        self._starting = threading.Lock()
        store.clean()

    def start(self, all_settings: Sequence[Settings], source: Source) -> list[Run]:
        """Start a run for each of the settings. Raises ValueError if too many train already."""
        return self._start(
            len(all_settings),
            lambda: [
                Run(settings, source.load, self.store, source=source.code, max_seconds=MAX_SECONDS)
                for settings in all_settings
            ],
        )

    def resume(self, id: str) -> Run:
        """Go on with a run that was stopped or interrupted. Raises ValueError if it cannot."""

        def make() -> list[Run]:
            entry = self._live.get(id)
            if entry is not None and entry.run.is_active:
                raise ValueError(message("problem.still_trains", run=id))
            return [Run.resumed(self.store, id, max_seconds=MAX_SECONDS)]

        (run,) = self._start(1, make)
        return run

    def _start(self, count: int, make: Callable[[], list[Run]]) -> list[Run]:
        with self._starting:
            self._make_room(count)
            active = sum(entry.run.is_active for entry in self._live.values())
            if active + count > MAX_RUNS:
                raise ValueError(message("problem.most_runs", most=MAX_RUNS, active=active))
            started = make()
            for run in started:
                self._live.pop(run.id, None)  # an earlier part of a resumed run
                self._live[run.id] = _Entry(run)
            self._forget_ended()
        for run in started:
            run.start()
        return started

    def summaries(self) -> tuple[list[dict[str, Any]], list[Damaged]]:
        """Return a row for each run, live or stored, newest first, and the damaged ones."""
        stored, damaged = self.store.summaries()
        live = {run.id: run for run in self.all_live()}
        rows = []
        for summary in stored:
            run = live.pop(summary.id, None)
            if run is None or not (run.is_active or run.is_unsaved):
                is_training = self.store.is_training(summary.id)
                rows.append(summary_row(summary, is_training=is_training))
            else:
                rows.append(_row_of(run))
        rows += [_row_of(run) for run in live.values() if run.is_active or run.is_unsaved]
        return sorted(rows, key=lambda row: str(row["created"]), reverse=True), damaged

    def live(self, id: str) -> Run | None:
        """Return the run if it is live, and note that somebody watches it."""
        entry = self._live.get(id)
        if entry is None:
            return None
        entry.watched = time.monotonic()
        return entry.run

    def all_live(self) -> list[Run]:
        return [entry.run for entry in self._live.values()]

    def active(self, id: str) -> Run | None:
        """Return the run if it still has work to do."""
        entry = self._live.get(id)
        return entry.run if entry is not None and entry.run.is_active else None

    def get(self, id: str) -> Run | SavedRun:
        """Return the live or stored run. Raises RunError if there is none."""
        return self.live(id) or SavedRun(self.store, id)

    def _make_room(self, count: int) -> None:
        """Stop runs that nobody watches, paused ones first, while there are too many."""
        active = [entry for entry in self._live.values() if entry.run.is_active]
        limit = time.monotonic() - _MAX_SECONDS_UNWATCHED
        unwatched = [entry for entry in active if entry.watched < limit]
        unwatched.sort(key=lambda entry: (entry.run.status().state != "paused", entry.watched))
        too_many = max(0, len(active) + count - MAX_RUNS)
        stopped = [entry.run for entry in unwatched[:too_many]]
        for run in stopped:
            run.make_room()
        for run in stopped:
            run.wait(_SECONDS_TO_STOP)

    def _forget_ended(self) -> None:
        ended = [
            id
            for id, entry in self._live.items()
            if not entry.run.is_active and not entry.run.is_unsaved
        ]
        for id in ended[: max(0, len(ended) - _MAX_ENDED)]:
            del self._live[id]


def _row_of(run: Run) -> dict[str, Any]:
    return summary_row(run.record().summary(), is_training=run.is_active)
