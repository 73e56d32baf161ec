"""The status of a run: a poll sends what is new, and polling ends with the whole status."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inkgrad.course.data.datasets import hours_of_study
from inkgrad.course.settings import course_settings
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_record import LrChange, Point
from inkgrad.course.training.run_status import (
    CURSOR_LENGTH,
    QuickEvaluation,
    RunStatus,
    summary_row,
)
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.trainer import Epoch
from saved_runs import record

EPOCHS = 2000


def merged(known: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The status that web/run_status.js makes of an answer."""
    status = known | answer
    for series, start in answer["from"].items():
        status[series] = known.get(series, [])[:start] + answer[series]
    return status


def without_cursor(status: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in status.items() if name not in ("cursor", "from")}


def long_status() -> RunStatus:
    kept = replace(
        record(1, epochs=EPOCHS),
        state="training",
        curve=tuple(Point(100 * i, i / 3, i / 7, 1 / i) for i in range(1, 600)),
        epochs=tuple(Epoch(i, 1 / i, 1.1 / i, 1 - 1 / i, 0.123456789) for i in range(1, EPOCHS)),
    )
    quick = tuple(QuickEvaluation(9 * i, i / 9, i / 7, 1 - 1 / i) for i in range(1, 500))
    return replace(
        RunStatus.of_record(kept, range(60)), complete=False, quick_evaluations=quick, speed=1e5 / 3
    )


def test_a_poll_without_news_is_small_however_long_the_run() -> None:
    status = long_status()
    everything = status.to_json()
    assert len(json.dumps(everything)) > 100_000
    news = status.to_json(everything["cursor"])
    assert len(json.dumps(news)) < 1000
    assert merged(everything, news) == everything | {"from": news["from"]}


def _without(status: RunStatus, **changes: Any) -> RunStatus:
    return replace(status, record=replace(status.record, **changes))


@pytest.mark.parametrize(
    "earlier",
    [
        lambda now: _without(now, epochs=now.record.epochs[:-5], curve=now.record.curve[:7]),
        lambda now: _without(now, lr_changes=(), test=None, confusion=None),
        lambda now: replace(now, steps=0, complete=False),
        lambda now: replace(_without(now, curve=now.record.curve[::2]), revisions=(7, 0, 0)),
        lambda now: replace(now, quick_evaluations=(), revisions=(0, 7, 0)),
        lambda now: replace(now, checkpoints=(0, 7), revisions=(0, 0, 7)),
    ],
)
@pytest.mark.parametrize("complete", [False, True])
def test_what_has_changed_reaches_a_page_that_polls(
    earlier: Callable[[RunStatus], RunStatus], complete: bool
) -> None:
    now = replace(_without(long_status(), lr_changes=(LrChange(3, 1.0),)), complete=complete)
    known = replace(earlier(now), complete=False).to_json()
    known = merged(known, now.to_json(known["cursor"]))
    if not complete:  # results are sent at the end
        known |= {name: now.to_json()[name] for name in ("test", "confusion")}
    assert without_cursor(known) == without_cursor(now.to_json())


def test_polling_a_run_to_its_end_gives_the_whole_status(tmp_path: Path) -> None:
    settings = course_settings("logistic", epochs=EPOCHS)
    run = Run(settings, lambda report: hours_of_study(), RunStore(tmp_path / "runs"))
    known: dict[str, Any] = run.status().to_json()
    sizes = []
    run.start()
    while not known["complete"]:
        answer = run.status().to_json(known["cursor"])
        sizes.append(len(answer["epochs"]))
        known = merged(known, answer)
    assert len(sizes) > 2
    assert sum(sizes) == len(known["epochs"]) == EPOCHS  # each epoch was sent once
    assert len(known["curve"]) < 600
    assert without_cursor(known) == without_cursor(run.status().to_json())
    assert len(known["cursor"]) == CURSOR_LENGTH


def test_a_run_whose_process_is_gone_was_interrupted() -> None:
    kept = replace(record(1), state="training")
    assert RunStatus.of_record(kept).state == "interrupted"
    assert replace(RunStatus.of_record(kept), complete=False).state == "training"
    assert RunStatus.of_record(replace(kept, state="diverged")).state == "diverged"


def test_a_summary_tells_the_test_set_from_the_validation_part() -> None:
    kept = record(1)
    row = summary_row(kept.summary(), is_training=False)
    assert (row["accuracy"], row["validation_accuracy"]) == (
        kept.test.accuracy,
        kept.epochs[-1].accuracy,
    )
    untested = summary_row(replace(kept, test=None, epochs=()).summary(), is_training=False)
    assert (untested["accuracy"], untested["validation_accuracy"]) == (None, None)


def test_a_run_that_another_program_trains_is_active() -> None:
    summary = replace(record(1), state="training").summary()
    for is_training, state in ((True, "training"), (False, "interrupted")):
        row = summary_row(summary, is_training=is_training)
        assert (row["active"], row["state"]) == (is_training, state)
