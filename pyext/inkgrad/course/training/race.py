"""Races: runs that train in turn, each alone on the machine and all for the same time.

Two runs that train at once take processors from each other, by chance and unevenly. Here the run
with the least training time goes next. At any moment all of a race have trained for about the same
time, and what each has done in it can be compared.
"""

from __future__ import annotations

import threading
from threading import Event

# A run goes on until it is so far ahead: the caches are cold after each change.
SLICE_SECONDS = 0.05
_SECONDS_BETWEEN_LOOKS = 0.05  # whether a run that waits was stopped


class Race:
    """The turns of ``count`` runs. None begins to train before all are ready.

    Attributes:
        lanes: One :class:`Lane` for each run.
    """

    def __init__(self, count: int) -> None:
        self._changed = threading.Condition()
        self.lanes = [Lane(self) for _ in range(count)]
        self._seconds: dict[Lane, float | None] = dict.fromkeys(self.lanes)  # None: not ready
        self._holder: Lane | None = None

    def _wait(self, lane: Lane, seconds: float, stop: Event) -> None:
        with self._changed:
            self._seconds[lane] = seconds
            if self._holder is lane and self._lead(lane) > SLICE_SECONDS:
                self._holder = None
            self._changed.notify_all()
            while not self._is_turn_of(lane) and not stop.is_set():
                self._changed.wait(_SECONDS_BETWEEN_LOOKS)
            if not stop.is_set():
                self._holder = lane

    def _leave(self, lane: Lane) -> None:
        with self._changed:
            self._seconds.pop(lane, None)
            if self._holder is lane:
                self._holder = None
            self._changed.notify_all()

    def _lead(self, lane: Lane) -> float:
        """The lead of the lane over the last one, in seconds of training."""
        times = [each for each in self._seconds.values() if each is not None]
        return (self._seconds[lane] or 0.0) - min(times)

    def _is_turn_of(self, lane: Lane) -> bool:
        if self._holder is not None:
            return self._holder is lane
        return None not in self._seconds.values() and self._lead(lane) <= 0


class Lane:
    """The place of one run in a race."""

    def __init__(self, race: Race) -> None:
        self._race = race

    def wait(self, seconds: float, stop: Event) -> None:
        """Return when it is this run's turn, or ``stop`` is set. ``seconds``: its training time."""
        self._race._wait(self, seconds, stop)

    def leave(self) -> None:
        """Let the others train without this run, until it waits again."""
        self._race._leave(self)
