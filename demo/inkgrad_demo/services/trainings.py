"""The runs that are trained in the app: started, watched, steered and tried. Independent of Gradio.

A run belongs to nobody: anyone who knows its id may watch it. It continues when the page that
started it is closed, and the page finds it again by the id in its address. A paused run that nobody
watches is stopped after a while, so that it does not keep others from training.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from inkgrad.course.recognition.preprocess import prepare
from inkgrad.course.settings import Settings
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_record import ENDED
from inkgrad.course.training.run_status import CURSOR_LENGTH, RunStatus
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.saved_run import SavedRun
from inkgrad_demo.services.data_choices import Datasets, Source, sets_for
from inkgrad_demo.services.recognition import BACKENDS, as_bytes, drawing_of
from inkgrad_demo.services.request_validation import Asked, brief, choice, fields, number, whole
from inkgrad_demo.services.run_files import RunFiles
from inkgrad_demo.services.run_settings import MOST_LR, settings_of
from inkgrad_demo.texts import message

# The app may be shared, so it limits training.
MAX_RUNS = 4
MAX_SECONDS = 3600.0

# The ended runs whose checkpoints stay in memory.
_MAX_ENDED = 8
# The runs of the store that the Train page lists; the Compare page lists them all.
_MAX_RECENT = 12
_SECONDS_UNWATCHED = 600.0


class Trainings:
    """The runs of this process, and the store that keeps them. Thread-safe."""

    def __init__(self, store: RunStore, datasets: Datasets) -> None:
        self.store = store
        self.datasets = datasets
        self.files = RunFiles(store)
        self._runs: dict[str, Run] = {}
        self._watched: dict[str, float] = {}  # when, by the run's id
        self._starting = threading.Lock()

    # ---------------------------------------------------------------- requests of the page

    def start(self, question: Any) -> dict[str, Any]:
        """Start a run, or with ``backend`` "both" two that differ only in that: {runs: [id]}.

        ``question`` is an object of ``model`` and, unless the course's own settings are wanted,
        ``epochs``, ``batch_size`` (0: all examples), ``lr``, ``optimizer``, ``momentum``,
        ``weight_decay``, ``augment``, ``one_cycle``, ``activation``, ``seed``, ``backend``,
        ``data``, ``upload`` and ``drawings`` (see Datasets.source).
        """
        asked = fields(question)
        backends = BACKENDS if asked.get("backend") == "both" else (asked.get("backend", "fused"),)
        settings = [settings_of({**asked, "backend": backend}) for backend in backends]
        source = self._source(settings[0], asked)
        with self._starting:
            self._stop_unwatched()
            active = sum(run.is_active for run in self._runs.values())
            if active + len(settings) > MAX_RUNS:
                raise ValueError(message("problem.most_runs", most=MAX_RUNS, active=active))
            started = [
                Run(each, source.load, self.store, source=source.code, max_seconds=MAX_SECONDS)
                for each in settings
            ]
            self._runs |= {run.id: run for run in started}
            self._watched |= {run.id: time.monotonic() for run in started}
            self._forget_old()
        for run in started:
            run.start()
        return {"runs": [run.id for run in started]}

    def status(self, question: Any) -> dict[str, Any]:
        """The status of a run: {run, cursor}.

        With the ``cursor`` of an earlier answer, what has changed since (see RunStatus.to_json).
        """
        asked, cursor = Asked(question), []
        if asked.has("cursor"):
            length = range(CURSOR_LENGTH, CURSOR_LENGTH + 1)
            numbers = asked.numbers("cursor", length, 0, 10**9)
            cursor = [whole("cursor", each, 0, 10**9) for each in numbers]
        return self._run(fields(question)).status().to_json(cursor)

    def steer(self, question: Any) -> dict[str, Any]:
        """{run, action} with "pause", "resume", "stop" or "lr" (then with ``lr``): {id, state}."""
        asked = fields(question)
        run = self._live_run(asked)
        if run is None:
            raise ValueError(message("problem.trains_not", got=brief(asked.get("run"))))
        action = choice("action", asked.get("action"), ("pause", "resume", "stop", "lr"))
        if action == "lr":
            run.set_lr(number("lr", asked.get("lr"), 0, MOST_LR))
        else:
            {"pause": run.pause, "resume": run.resume, "stop": run.stop}[action]()
        return {"id": run.id, "state": run.status().state}

    def predict(self, question: Any) -> dict[str, Any]:
        """The prediction of a run's model for a drawing: {run, step, pixels}.

        ``step`` is that of a checkpoint, or None for the latest weights. The answer has ``label``
        (None: nothing is drawn) and ``probabilities``.
        """
        asked = fields(question)
        recognizer = self._run(asked).recognizer(asked.get("step"))
        prediction = recognizer.predict(drawing_of(asked))
        return {"label": prediction.label, "probabilities": prediction.probabilities.tolist()}

    def history(self, question: Any) -> dict[str, Any]:
        """The predictions of all of a run's checkpoints for a drawing: {run, pixels}.

        The answer has ``steps``, and ``probabilities``, ten for each step.
        """
        asked = fields(question)
        drawing = drawing_of(asked)
        run = self._run(asked)
        steps = run.checkpoint_steps
        predictions = [run.recognizer(step).predict(drawing) for step in steps]
        return {"steps": steps, "probabilities": [p.probabilities.tolist() for p in predictions]}

    def picture(self, question: Any) -> dict[str, Any]:
        """A preprocessed drawing: {pixels} -> {picture, empty}, 28 x 28 bytes in base64."""
        prepared = prepare(drawing_of(fields(question)))
        return {"picture": as_bytes(prepared.image), "empty": prepared.empty}

    def recent(self, question: Any) -> dict[str, Any]:
        """The latest runs of the store that have ended: {runs: [RunStatus.summary()]}."""
        records = [record for record in self.store.records() if record.state in ENDED]
        return {"runs": [RunStatus.of_record(record).summary() for record in records[:_MAX_RECENT]]}

    # ---------------------------------------------------------------- for other services

    def live(self) -> dict[str, Run]:
        """The runs that this process started and still has in memory, by id."""
        return dict(self._runs)

    # ----------------------------------------------------------------

    def _source(self, settings: Settings, asked: dict[str, Any]) -> Source:
        name = asked.get("data") or sets_for(settings.model)[0]
        return self.datasets.source(
            settings.model, name, asked.get("upload"), asked.get("drawings")
        )

    def _run(self, asked: dict[str, Any]) -> Run | SavedRun:
        """The run that is asked about, in this process or in the store."""
        return self._live_run(asked) or SavedRun(self.store, asked.get("run", ""))

    def _live_run(self, asked: dict[str, Any]) -> Run | None:
        """The run that is asked about if this process has it in memory; marks it as watched."""
        run = asked.get("run")
        if not isinstance(run, str) or run not in self._runs:
            return None
        self._watched[run] = time.monotonic()
        return self._runs[run]

    def _stop_unwatched(self) -> None:
        limit = time.monotonic() - _SECONDS_UNWATCHED
        for run in self._runs.values():
            if self._watched[run.id] < limit and run.status().state == "paused":
                run.stop()

    def _forget_old(self) -> None:
        ended = [run.id for run in self._runs.values() if not run.is_active]
        for run in ended[: max(0, len(ended) - _MAX_ENDED)]:
            del self._runs[run], self._watched[run]
