"""The runs that people train in the app: started, watched, steered, tried out. No Gradio in here.

A run belongs to nobody: whoever knows its id may watch it. It goes on when the page that started it
is closed, and the page comes back to it by the id in its address; but a run that is paused and that
nobody watches any more is stopped after a while, so that it does not keep others from training.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from inkgrad.course import models, onnx
from inkgrad.course.live import LiveRun
from inkgrad.course.models import DigitModel
from inkgrad.course.preprocess import prepare
from inkgrad.course.recognizer import Recognizer
from inkgrad.course.runs import RunStore
from inkgrad.course.script import script
from inkgrad.course.settings import OPTIMIZERS, Settings, course_settings
from inkgrad.course.snapshots import Snapshot
from inkgrad_demo.datasets import Datasets, Source, sets_for
from inkgrad_demo.questions import brief, choice, fields, number, whole
from inkgrad_demo.reading import BACKENDS, as_bytes, drawing_of

# What the app trains at most, since it may be shared.
MOST_RUNS = 4
MOST_EPOCHS = 2000
MOST_BATCH = 4096
MOST_SEED = 2**31 - 1
MOST_SECONDS = 3600.0

# What a run can be downloaded as, and how the files' names end.
FORMATS = {"weights": ".safetensors", "onnx": ".onnx", "script": ".py", "record": ".json"}

# Runs whose snapshots are kept in memory after their end.
_REMEMBERED = 8
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
                raise ValueError(
                    f"at most {MOST_RUNS} runs train at once, and {active} do: "
                    "wait for one to end, or stop one"
                )
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
        (``from``). The rest as in :class:`inkgrad.course.live.Progress`, and ``snapshots`` (their
        steps), ``test`` and ``confusion`` once they are known.
        """
        asked = fields(question)
        live = self._watched(asked)
        now = live.progress()
        known = asked.get("known", 0) if asked.get("stride") == now.stride else 0
        start = whole("known", known, 0, 10**9)
        record = live.record()
        return asdict(now) | {
            "run": live.id,
            "model": live.settings.model,
            "backend": live.settings.backend,
            "from": start,
            "points": [[p.step, p.epoch, p.seconds, p.loss] for p in now.points[start:]],
            "epochs": [[e.loss, e.validation_loss, e.accuracy, e.seconds] for e in now.epochs],
            "glances": [[g.step, g.epoch, g.seconds, g.accuracy] for g in now.glances],
            "all_epochs": live.settings.epochs,
            "snapshots": [kept.step for kept in live.snapshots],
            "data": record.data,
            "examples": record.examples,
            "test": record.test and asdict(record.test),
            "confusion": record.confusion,
        }

    def steer(self, question: Any) -> dict[str, Any]:
        """{run, act} with "pause", "go on", "stop" or "lr" (then with ``lr``); as :meth:`progress`
        without points.
        """
        asked = fields(question)
        live = self._watched(asked)
        act = choice("act", asked.get("act"), ("pause", "go on", "stop", "lr"))
        if act == "lr":
            live.set_lr(number("lr", asked.get("lr"), 0, 1000))
        else:
            {"pause": live.pause, "go on": live.go_on, "stop": live.stop}[act]()
        return {"run": live.id, "phase": live.progress().phase}

    def try_out(self, question: Any) -> dict[str, Any]:
        """What a run's model reads in a drawing: {run, step, pixels}.

        ``step`` is that of a snapshot, or None for the newest weights. The answer has ``step``,
        ``label`` (None: nothing is drawn), ``probabilities`` and the ``picture`` that it saw, 28 x
        28 bytes in base64.
        """
        asked = fields(question)
        live = self._watched(asked)
        snapshot = _snapshot(live, asked.get("step"))
        prediction = _reader(live, snapshot).predict(drawing_of(asked))
        return {
            "step": snapshot.step,
            "label": prediction.label,
            "probabilities": prediction.probabilities.tolist(),
            "picture": as_bytes(prediction.image),
        }

    def history(self, question: Any) -> dict[str, Any]:
        """What a run's model read in a drawing at every snapshot so far: {run, pixels}.

        The answer has ``steps``, and ``probabilities``, ten for each step.
        """
        asked = fields(question)
        live = self._watched(asked)
        drawing = drawing_of(asked)
        snapshots = list(live.snapshots)
        read = [_reader(live, snapshot).predict(drawing) for snapshot in snapshots]
        return {
            "steps": [snapshot.step for snapshot in snapshots],
            "probabilities": [one.probabilities.tolist() for one in read],
        }

    def picture(self, question: Any) -> dict[str, Any]:
        """A drawing as the models see it: {pixels} -> {picture, empty}, 28 x 28 bytes in base64."""
        prepared = prepare(drawing_of(fields(question)))
        return {"picture": as_bytes(prepared.image), "empty": prepared.empty}

    def export(self, question: Any) -> dict[str, Any]:
        """A run as a file: {run, format} with one of FORMATS -> {name, content}, in base64.

        Of any run in the store, also those of the days before.
        """
        asked = fields(question)
        kind = choice("format", asked.get("format"), tuple(FORMATS))
        record = self.store.load(asked.get("run"))
        weights = self.store.weights(record.id)
        if kind in ("weights", "onnx") and not weights.exists():
            raise ValueError(f"run {record.id} learnt nothing: it has no weights")
        if kind == "weights":
            content = weights.read_bytes()
        elif kind == "onnx":
            content = onnx.export(weights)
        elif kind == "script":
            content = script(record).encode()
        else:
            content = json.dumps(record.to_json(), indent=1).encode()
        name = f"{record.settings.model}-{record.id[-6:]}{FORMATS[kind]}"
        return {"name": name, "content": base64.b64encode(content).decode("ascii")}

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

    def _watched(self, asked: dict[str, Any]) -> LiveRun:
        run = asked.get("run")
        watched = self._runs.get(run) if isinstance(run, str) else None
        if watched is None:
            raise ValueError(f"run: expected the id of a run of this server, got {brief(run)}")
        watched.seen = time.monotonic()
        return watched.live

    def _end_unwatched(self) -> None:
        limit = time.monotonic() - _SECONDS_UNWATCHED
        for watched in self._runs.values():
            if watched.seen < limit and watched.live.progress().phase == "paused":
                watched.live.stop()

    def _forget_old(self) -> None:
        ended = [name for name, watched in self._runs.items() if not watched.live.is_active]
        for name in ended[: max(0, len(ended) - _REMEMBERED)]:
            del self._runs[name]


def settings_of(asked: dict[str, Any]) -> Settings:
    """The settings that are asked for; what is left out is the course's own."""
    model = choice("model", asked.get("model"), tuple(models.MODELS))
    given = {name: value for name, value in asked.items() if value not in (None, "")}
    changes: dict[str, Any] = {"styles": False}
    if "epochs" in given:
        changes["epochs"] = whole("epochs", given["epochs"], 1, MOST_EPOCHS)
    if "seed" in given:
        changes["seed"] = whole("seed", given["seed"], 0, MOST_SEED)
    for name, most in (("lr", 1000), ("momentum", 1), ("weight_decay", 10)):
        if name in given:
            changes[name] = number(name, given[name], 0, most)
    for name in ("augment", "one_cycle"):
        if name in given:
            changes[name] = bool(given[name])
    for name in ("optimizer", "activation", "backend"):
        if name in given:
            changes[name] = given[name]
    choice("optimizer", changes.get("optimizer", "sgd"), tuple(OPTIMIZERS))
    choice("backend", changes.get("backend", "fused"), BACKENDS)
    settings = course_settings(model, **changes)
    if "batch_size" in given:
        size = whole("batch_size", given["batch_size"], 0, MOST_BATCH)
        settings = replace(settings, batch_size=size or None)
    return settings


def _snapshot(live: LiveRun, step: Any) -> Snapshot:
    if step is None:
        if live.latest is None:
            raise ValueError("the run has no weights yet: its data is being loaded")
        return live.latest
    kept = [snapshot for snapshot in live.snapshots if snapshot.step == step]
    if not kept:
        raise ValueError(f"step: expected one of the run's snapshots, got {brief(step)}")
    return kept[0]


def _reader(live: LiveRun, snapshot: Snapshot) -> Recognizer:
    run = live.run
    assert run is not None  # there is a snapshot
    settings = run.settings
    model = models.build_empty(settings.model, settings.backend, **run.model_kwargs)
    if not isinstance(model, DigitModel):
        raise ValueError(f"run: its model, {settings.model}, does not read digits")
    model.load_state_dict(snapshot.weights, assign=True)
    return Recognizer(model, run.metadata(), Path(live.id))
