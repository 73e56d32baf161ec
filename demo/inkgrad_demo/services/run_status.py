"""How a run stands, in the words that the page's scripts and the API get. No Gradio in here.

``phase`` and what goes with it as in ``live_run.Progress``; ``points`` are [step, epoch, seconds,
loss], ``epochs`` [loss, validation loss, accuracy, seconds], ``glances`` [step, epoch, seconds,
accuracy], ``snapshots`` their steps; ``test`` and ``confusion`` come at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inkgrad.course.training.live_run import LiveRun
from inkgrad.course.training.run_store import Record


def of_live(live: LiveRun, known: int, stride: Any) -> dict[str, Any]:
    """Of a run in this process; without the first ``known`` points of a curve of that stride."""
    now = live.progress()
    start = known if stride == now.stride else 0
    kept = of_record(live.record())
    return kept | {
        "phase": now.phase,
        "message": now.message,
        "steps": now.steps,
        "done": now.done,
        "seconds": now.seconds,
        "speed": now.speed,
        "left": now.left,
        "lr": now.lr,
        "stride": now.stride,
        "from": start,
        "points": [[p.step, p.epoch, p.seconds, p.loss] for p in now.points[start:]],
        "glances": [[g.step, g.epoch, g.seconds, g.accuracy] for g in now.glances],
        "stand_in": live.run is not None and live.run.data.stand_in,
        "judged": now.judged,
        "snapshots": live.moments,
    }


def of_record(record: Record, snapshots: Sequence[int] = ()) -> dict[str, Any]:
    """Of a run that is kept in the store and in no process: it has ended, whatever it says."""
    last = record.curve[-1] if record.curve else None
    done = max([last.step if last else 0, *snapshots[-1:]])
    steps = round(last.step / last.epoch * record.settings.epochs) if last else done
    rates = [rate.lr for rate in record.rates]
    return {
        "run": record.id,
        "model": record.settings.model,
        "backend": record.settings.backend,
        "settings": asdict(record.settings),
        "all_epochs": record.settings.epochs,
        "data": record.data,
        "examples": record.examples,
        "phase": "stopped" if record.state == "unfinished" else record.state,
        "message": record.message,
        "steps": steps,
        "done": done,
        "seconds": record.seconds,
        "speed": 0.0,
        "left": None,
        "lr": [record.settings.lr, *rates][-1],
        "stride": 1,
        "from": 0,
        "points": [[p.step, p.epoch, p.seconds, p.loss] for p in record.curve],
        "epochs": [[e.loss, e.validation_loss, e.accuracy, e.seconds] for e in record.epochs],
        "glances": [],
        "stand_in": False,
        "judged": True,
        "snapshots": list(snapshots),
        "test": record.test and asdict(record.test),
        "confusion": record.confusion,
    }


def brief(record: Record) -> dict[str, Any]:
    """A line in a list of runs."""
    accuracy = record.epochs[-1].accuracy if record.epochs else None
    return {
        "run": record.id,
        "created": record.created,
        "state": record.state,
        "model": record.settings.model,
        "backend": record.settings.backend,
        "data": record.data,
        "epochs": len(record.epochs),
        "accuracy": record.test.accuracy if record.test else accuracy,
    }
