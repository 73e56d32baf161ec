"""The runs that people train in the app: started, watched, steered, tried out. No Gradio in here.

A run belongs to nobody: whoever knows its id may watch it. It goes on when the page that started it
is closed, and the page comes back to it by the id in its address; but a run that is paused and that
nobody watches any more is stopped after a while, so that it does not keep others from training.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from inkgrad.course.recognition.preprocess import prepare
from inkgrad.course.settings import Settings
from inkgrad.course.training.checkpoints import steps_in
from inkgrad.course.training.live_run import LiveRun
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.saved_run import Past
from inkgrad_demo.services import run_status as standing
from inkgrad_demo.services.data_choices import Datasets, Source, sets_for
from inkgrad_demo.services.recognition import BACKENDS, as_bytes, drawing_of
from inkgrad_demo.services.request_validation import brief, choice, fields, number, whole
from inkgrad_demo.services.run_files import RunFiles
from inkgrad_demo.services.run_settings import MOST_LR, settings_of
from inkgrad_demo.texts import message

# What the app trains at most, since it may be shared.
MOST_RUNS = 4
MOST_SECONDS = 3600.0

# Runs whose snapshots are kept in memory after their end.
_REMEMBERED = 8
# How many runs of the store the page lists; the Compare page has them all.
_EARLIER = 12
_SECONDS_UNWATCHED = 600.0


@dataclass
class _Watched:
    live: LiveRun
    seen: float = field(default_factory=time.monotonic)


class Trainings:
    """The runs of this process, and the store that keeps them. Thread-safe."""

    def __init__(self, store: RunStore, datasets: Datasets) -> None:
        self.store = store
        self.datasets = datasets
        self.files = RunFiles(store)
        self._runs: dict[str, _Watched] = {}
        self._starting = threading.Lock()

    # ---------------------------------------------------------------- questions of the page

    def start(self, question: Any) -> dict[str, Any]:
        """Start a run; two with ``backend`` "both", which differ in that alone.

        ``question`` is an object of ``model`` and, where they are not to be the course's own,
        ``epochs``, ``batch_size`` (0: all examples), ``lr``, ``optimizer``, ``momentum``,
        ``weight_decay``, ``augment``, ``one_cycle``, ``activation``, ``seed``, ``backend``,
        ``data``, ``upload`` and ``drawings`` (see Datasets.source). The answer is {runs: [id]}.
        """
        asked = fields(question)
        backends = BACKENDS if asked.get("backend") == "both" else (asked.get("backend", "fused"),)
        settings = [settings_of({**asked, "backend": backend}) for backend in backends]
        source = self._source(settings[0], asked)
        with self._starting:
            self._end_unwatched()
            active = sum(watched.live.is_active for watched in self._runs.values())
            if active + len(settings) > MOST_RUNS:
                raise ValueError(message("problem.most_runs", most=MOST_RUNS, active=active))
            started = [
                LiveRun(
                    each, source.load, self.store, source=source.code, most_seconds=MOST_SECONDS
                )
                for each in settings
            ]
            self._runs |= {live.id: _Watched(live) for live in started}
            self._forget_old()
        for live in started:
            live.start()
        return {"runs": [live.id for live in started]}

    def progress(self, question: Any) -> dict[str, Any]:
        """How a run stands: ``question`` is {run, stride, known}.

        ``known`` is how many points the asker has of a curve of that ``stride``: the answer's
        ``points`` begin behind them, or, if the stride is another one now, with the first
        (``from``). The rest is as :mod:`.standing` has it; of a run of another day as it is kept.
        """
        asked = fields(question)
        known = whole("known", asked.get("known", 0), 0, 10**9)
        live = self._live(asked)
        if live is None:
            record = self.store.load(asked.get("run"))
            return standing.of_record(record, steps_in(self.store.snapshots(record.id)))
        return standing.of_live(live, known, asked.get("stride"))

    def steer(self, question: Any) -> dict[str, Any]:
        """{run, act} with "pause", "go on", "stop" or "lr" (then with ``lr``); as :meth:`progress`
        without points.
        """
        asked = fields(question)
        live = self._live(asked)
        if live is None:
            raise ValueError(message("problem.trains_not", got=brief(asked.get("run"))))
        act = choice("act", asked.get("act"), ("pause", "go on", "stop", "lr"))
        if act == "lr":
            live.set_lr(number("lr", asked.get("lr"), 0, MOST_LR))
        else:
            {"pause": live.pause, "go on": live.go_on, "stop": live.stop}[act]()
        return {"run": live.id, "phase": live.progress().phase}

    def try_out(self, question: Any) -> dict[str, Any]:
        """What a run's model reads in a drawing: {run, step, pixels}.

        ``step`` is that of a snapshot, or None for the newest weights. The answer has ``label``
        (None: nothing is drawn) and ``probabilities``.
        """
        asked = fields(question)
        recognizer = self._moments(asked).recognizer(asked.get("step"))
        prediction = recognizer.predict(drawing_of(asked))
        return {"label": prediction.label, "probabilities": prediction.probabilities.tolist()}

    def history(self, question: Any) -> dict[str, Any]:
        """What a run's model read in a drawing at every snapshot so far: {run, pixels}.

        The answer has ``steps``, and ``probabilities``, ten for each step.
        """
        asked = fields(question)
        drawing = drawing_of(asked)
        run = self._moments(asked)
        steps = run.moments
        read = [run.recognizer(step).predict(drawing) for step in steps]
        return {"steps": steps, "probabilities": [one.probabilities.tolist() for one in read]}

    def picture(self, question: Any) -> dict[str, Any]:
        """A drawing as the models see it: {pixels} -> {picture, empty}, 28 x 28 bytes in base64."""
        prepared = prepare(drawing_of(fields(question)))
        return {"picture": as_bytes(prepared.image), "empty": prepared.empty}

    def earlier(self, question: Any) -> dict[str, Any]:
        """The latest runs in the store that have ended: {runs: [{run, model, data, ...}]}."""
        records = [record for record in self.store.records() if record.state != "unfinished"]
        return {"runs": [standing.brief(record) for record in records[:_EARLIER]]}

    # ---------------------------------------------------------------- for other pages

    def live(self) -> dict[str, LiveRun]:
        """The runs that this process started and remembers, by their id."""
        return {name: watched.live for name, watched in self._runs.items()}

    # ----------------------------------------------------------------

    def _source(self, settings: Settings, asked: dict[str, Any]) -> Source:
        name = asked.get("data") or sets_for(settings.model)[0]
        return self.datasets.source(
            settings.model, name, asked.get("upload"), asked.get("drawings")
        )

    def _live(self, asked: dict[str, Any]) -> LiveRun | None:
        """The run that is asked about, if this process remembers it; it is being watched."""
        run = asked.get("run")
        watched = self._runs.get(run) if isinstance(run, str) else None
        if watched is None:
            return None
        watched.seen = time.monotonic()
        return watched.live

    def _moments(self, asked: dict[str, Any]) -> LiveRun | Past:
        """The run that is asked about, in this process or as it is kept."""
        return self._live(asked) or Past(self.store, asked.get("run", ""))

    def _end_unwatched(self) -> None:
        limit = time.monotonic() - _SECONDS_UNWATCHED
        for watched in self._runs.values():
            if watched.seen < limit and watched.live.progress().phase == "paused":
                watched.live.stop()

    def _forget_old(self) -> None:
        ended = [name for name, watched in self._runs.items() if not watched.live.is_active]
        for name in ended[: max(0, len(ended) - _REMEMBERED)]:
            del self._runs[name]
