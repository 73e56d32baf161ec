"""The runs that this process trains, and those in the store. No Gradio in here.

Anyone who has the runs of a store may watch them; the one who has started a run steers it. A run
goes on when its page is closed; the lists of runs and the address of the page lead back to it. If
all places are taken, new runs wait in a queue. A run that nobody has watched for a while is stopped
for them; it can be resumed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from inkgrad.course.messages import Message
from inkgrad.course.settings import Settings
from inkgrad.course.training.race import Race
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_label import RunLabel
from inkgrad.course.training.run_record import ENDED, RunError
from inkgrad.course.training.run_status import summary_row
from inkgrad.course.training.run_store import Damaged, RunStore
from inkgrad.course.training.saved_run import SavedRun
from inkgrad_demo.jobs import giving_way
from inkgrad_demo.jobs.waiting_line import WaitingLine
from inkgrad_demo.services.own_stores import own_runs
from inkgrad_demo.services.training_data import Source
from inkgrad_demo.serving import visitors
from inkgrad_demo.texts import message

# Limits of training in the app, which several people may share.
MAX_RUNS = 4
MAX_RUNS_OF_PERSON = 2
"""At once, where several people share the server: a race needs two."""
MAX_SECONDS = 3600.0

# Runs that stay in memory after their end, with their checkpoints.
_MAX_ENDED = 8
_MAX_SECONDS_UNWATCHED = 600.0
_SECONDS_BETWEEN_LOOKS = 0.2

_LIMITS: dict[str, Any] = {
    "max_seconds": MAX_SECONDS,
    "on_batch": lambda batch: giving_way.give_way(),
}


@dataclass
class _Entry:
    """A run, the store that it is in, and the person who started it."""

    run: Run
    store: RunStore
    person: str
    watched: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class _Group:
    """Runs that start together."""

    entries: list[_Entry]
    started: Callable[[str], None]

    @property
    def person(self) -> str:
        return self.entries[0].person

    @property
    def is_stopped(self) -> bool:
        return all(_is_ending(each) for each in self.entries)


class Runs:
    """The live runs by id, backed by the store. Thread-safe.

    If all places are taken, or a person has a fair share of them, runs wait in a queue.
    """

    def __init__(self, store: RunStore) -> None:
        self._shared = store
        self._live: dict[str, _Entry] = {}
        self._line: WaitingLine[_Group] = WaitingLine()
        self._lock = threading.RLock()
        self._is_watching = False
        store.clean()

    @property
    def store(self) -> RunStore:
        """The runs of the visitor."""
        return own_runs(self._shared)

    @property
    def notice(self) -> Message | None:
        """Where new runs are saved, if that is not where one expects them."""
        return self._shared.notice

    def start(
        self,
        all_settings: Sequence[Settings],
        source: Source,
        started: Callable[[str], None] = lambda run: None,
    ) -> list[Run]:
        """Start a run for each of the settings, or queue them. Raises LineFull.

        Several race (:mod:`inkgrad.course.training.race`). ``started`` is called
        with the id of each run when its turn has come.
        """
        store = self.store
        lanes = Race(len(all_settings)).lanes if len(all_settings) > 1 else [None]
        runs = [
            Run(settings, source.load, store, source=source.code, lane=lane, **_LIMITS)
            for settings, lane in zip(all_settings, lanes, strict=True)
        ]
        self._enqueue(store, runs, started)
        return runs

    def resume(self, id: str) -> Run:
        """Go on with a run that was stopped or interrupted. Raises ValueError if it cannot."""
        with self._lock:
            if self.active(id) is not None:
                raise ValueError(message("problem.still_trains", run=id))
            store = self.store
            run = Run.resumed(store, id, **_LIMITS)
            self._enqueue(store, [run], lambda run: None)
        return run

    def is_own(self, id: str) -> bool:
        """Whether the visitor may steer the run: not one that another person has started, nor one
        without an owner where visitors have runs of their own.
        """
        entry, store = self._find(id), self.store
        if entry is None:
            return store.path(id).parent == store.folder
        return entry.person == visitors.current().person

    def _enqueue(self, store: RunStore, runs: list[Run], started: Callable[[str], None]) -> None:
        person = visitors.current().person
        group = _Group([_Entry(run, store, person) for run in runs], started)
        with self._lock:
            self._line.add(person, group)
            for entry in group.entries:
                entry.run.place = len(self._line)
                self._live.pop(entry.run.id, None)  # an earlier part of a resumed run
                self._live[entry.run.id] = entry
            self._start_waiting()
            self._forget_ended()
            if len(self._line) and not self._is_watching:
                self._is_watching = True
                threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            with self._lock:
                self._start_waiting()
                if not len(self._line):
                    self._is_watching = False
                    return

    def _start_waiting(self) -> None:
        """Start the runs whose turn has come, and number those that go on waiting."""
        waiting = self._in_line()
        while True:
            active = self._started()
            group = next((each for each in waiting if _missing(each, active, own=True) <= 0), None)
            if group is None or _missing(group, active) > 0:
                break
            self._line.take(group)
            for entry in group.entries:
                if _is_ending(entry):  # one of two that were to start together
                    entry.run.discard()
                else:
                    group.started(entry.run.id)
                    entry.run.start()
            waiting = self._in_line()
        if waiting:
            self._make_room(group or waiting[0], active)
        for place, group in enumerate(waiting, start=1):
            for entry in group.entries:
                entry.run.place = place

    def _in_line(self) -> list[_Group]:
        """Return the waiting groups in their order. Groups that were stopped leave the queue."""
        order = self._line.order(entry.person for entry in self._started())
        for group in order:
            if group.is_stopped:
                self._line.remove(group)
                for entry in group.entries:
                    entry.run.discard()
                    if entry.run.is_resumed:  # it is again what it was
                        del self._live[entry.run.id]
        return [group for group in order if not group.is_stopped]

    def _started(self) -> list[_Entry]:
        return [
            entry
            for entry in self._live.values()
            if entry.run.is_active and entry.run.place is None
        ]

    def summaries(self) -> tuple[list[dict[str, Any]], list[Damaged]]:
        """Return a row for each run, live or stored, newest first, and the damaged ones."""
        stored, damaged = self.store.summaries()
        live = {run.id: run for run in self.all_live() if run.is_active or run.is_unsaved}
        rows = []
        for summary in stored:
            run = live.pop(summary.id, None)
            if run is None:
                is_training = self.store.is_training(summary.id)
                rows.append(summary_row(summary, is_training=is_training))
            else:
                rows.append(_row_of(run))
        rows += map(_row_of, live.values())
        for row in rows:
            row["own"] = self.is_own(row["id"])
        return sorted(rows, key=lambda row: str(row["created"]), reverse=True), damaged

    def live(self, id: str) -> Run | None:
        """Return the run if it is live, and note that somebody watches it."""
        entry = self._find(id)
        if entry is None:
            return None
        entry.watched = time.monotonic()
        return entry.run

    def all_live(self) -> list[Run]:
        store = self.store
        return [entry.run for entry in list(self._live.values()) if entry.store == store]

    def active(self, id: str) -> Run | None:
        """Return the run if it still has work to do."""
        entry = self._find(id)
        return entry.run if entry is not None and entry.run.is_active else None

    def get(self, id: str) -> Run | SavedRun:
        """Return the live or stored run. Raises RunError if there is none."""
        return self.live(id) or SavedRun(self.store, id)

    def set_label(self, id: str, label: RunLabel) -> None:
        """Give a run a name and a note. Raises RunError if there is none."""
        run = self.live(id)
        try:
            self.store.set_label(id, label)
        except (OSError, RunError):
            if run is None:
                raise  # one that waits, or that could not be saved yet, is saved with it
        if run is not None:
            run.label = label

    def _find(self, id: str) -> _Entry | None:
        entry = self._live.get(id)
        return entry if entry is not None and entry.store == self.store else None

    def _make_room(self, group: _Group, active: list[_Entry]) -> None:
        """Stop runs that nobody watches, paused ones first, if ``group`` waits for their places."""
        waits_for_own = _missing(group, active, own=True) > 0
        if waits_for_own:
            active = [entry for entry in active if entry.person == group.person]
        ending = sum(map(_is_ending, active))
        limit = time.monotonic() - _MAX_SECONDS_UNWATCHED
        unwatched = [each for each in active if each.watched < limit and not _is_ending(each)]
        unwatched.sort(key=lambda entry: (entry.run.status().state != "paused", entry.watched))
        too_many = max(0, _missing(group, active, own=waits_for_own) - ending)
        for entry in unwatched[:too_many]:
            entry.run.make_room()

    def _forget_ended(self) -> None:
        ended = [
            id
            for id, entry in self._live.items()
            if not entry.run.is_active and not entry.run.is_unsaved
        ]
        for id in ended[: max(0, len(ended) - _MAX_ENDED)]:
            del self._live[id]


def _missing(group: _Group, active: list[_Entry], *, own: bool = False) -> int:
    """The number of places that the group lacks; ``own``: in the share of its person."""
    if not own:
        return len(active) + len(group.entries) - MAX_RUNS
    if not group.person:  # who has all of the server
        return 0
    active = [entry for entry in active if entry.person == group.person]
    return len(active) + len(group.entries) - MAX_RUNS_OF_PERSON


def _is_ending(entry: _Entry) -> bool:
    return entry.run.status().state in ENDED


def _row_of(run: Run) -> dict[str, Any]:
    row = summary_row(run.record().summary(), is_training=run.is_active)
    return row if run.place is None else row | {"state": "queued"}
