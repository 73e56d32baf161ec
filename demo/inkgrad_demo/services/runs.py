"""The runs that this process trains, and those in the store. No Gradio in here.

Anyone who knows the id of a run may watch it. A run goes on when its page is closed, and the page
finds it again by the id in its address. A paused run that nobody watches is stopped after a while:
it would keep others from training.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from inkgrad.course.settings import Settings
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.saved_run import SavedRun
from inkgrad_demo.services.training_data import Source
from inkgrad_demo.texts import message

# Limits of training in the app, which several people may share.
MAX_RUNS = 4
MAX_SECONDS = 3600.0

# Runs that stay in memory after their end, with their checkpoints.
_MAX_ENDED = 8
_MAX_SECONDS_UNWATCHED = 600.0


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

    def start(self, all_settings: Sequence[Settings], source: Source) -> list[Run]:
        """Start a run for each of the settings. Raises ValueError if too many train already."""
        with self._starting:
            self._stop_unwatched()
            active = sum(entry.run.is_active for entry in self._live.values())
            if active + len(all_settings) > MAX_RUNS:
                raise ValueError(message("problem.most_runs", most=MAX_RUNS, active=active))
            started = [
                Run(settings, source.load, self.store, source=source.code, max_seconds=MAX_SECONDS)
                for settings in all_settings
            ]
            self._live |= {run.id: _Entry(run) for run in started}
            self._forget_ended()
        for run in started:
            run.start()
        return started

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

    def _stop_unwatched(self) -> None:
        limit = time.monotonic() - _MAX_SECONDS_UNWATCHED
        for entry in self._live.values():
            if entry.watched < limit and entry.run.status().state == "paused":
                entry.run.stop()

    def _forget_ended(self) -> None:
        ended = [id for id, entry in self._live.items() if not entry.run.is_active]
        for id in ended[: max(0, len(ended) - _MAX_ENDED)]:
            del self._live[id]
