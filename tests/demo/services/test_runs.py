"""The registry of runs: how many train at once, which wait, and which are forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.services import runs as module
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.serving import visitors
from inkgrad_demo.serving.exposed import call
from inkgrad_demo.serving.visitors import Visitor


@pytest.fixture
def long(quick):
    return {**quick, "epochs": 2000}


def _until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _state(runs: Runs, run: str) -> tuple[str, int | None]:
    status = runs.get(run).status()
    return status.state, status.place


def test_runs_wait_for_a_place(runs, training, start, long, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 2)
    first, second = start(long), start(long)
    race = call(training.start, {**long, "backend": "both"})["runs"]
    last = start(long)
    assert [_state(runs, run) for run in (*race, last)] == [
        ("queued", place) for place in (1, 1, 2)
    ]
    assert [row["state"] for row in runs.summaries()[0]].count("queued") == 3
    call(training.steer, {"run": first, "action": "stop"})
    assert runs.live(first).wait(60)
    assert _state(runs, race[0]) == ("queued", 1)  # a race needs two places, and is next
    call(training.steer, {"run": race[1], "action": "pause"})
    call(training.steer, {"run": second, "action": "stop"})
    _until(lambda: runs.get(race[0]).status().state == "training")
    _until(lambda: runs.get(race[1]).status().state == "paused")
    assert _state(runs, last) == ("queued", 1)
    assert (runs.store.folder / race[0] / "request.json").exists()
    assert not (runs.store.folder / last).exists()
    for run in race:
        call(training.steer, {"run": run, "action": "stop"})
    _until(lambda: runs.get(last).status().state == "training")


def test_a_run_that_waits_can_be_stopped(runs, training, start, long, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 1)
    first, second, third = start(long), start(long), start(long)
    assert call(training.steer, {"run": second, "action": "stop"})["state"] == "stopped"
    assert runs.live(second).wait(60)
    assert call(training.status, {"run": second})["complete"]
    assert not (runs.store.folder / second).exists()
    _until(lambda: _state(runs, third) == ("queued", 1))
    assert [row["id"] for row in runs.summaries()[0]] == [third, first]


def test_a_run_that_was_to_be_resumed_is_as_before(
    runs, training, start, long, monkeypatch
) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 1)
    run = start(long)
    _until(lambda: runs.get(run).status().done > 0)
    runs.live(run).stop()
    assert runs.live(run).wait(60)
    start(long)
    assert call(training.resume, {"run": run})["state"] == "queued"
    with pytest.raises(ValueError, match="still training"):
        call(training.resume, {"run": run})
    call(training.steer, {"run": run, "action": "stop"})
    _until(lambda: runs.active(run) is None)
    status = call(training.status, {"run": run})
    assert (status["state"], status["can_resume"]) == ("stopped", True)


def test_a_person_has_a_share_and_people_take_turns(runs, training, long, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 3)

    def start(person: str) -> str:
        with visitors.acting(Visitor(person=person)):
            (run,) = call(training.start, long)["runs"]
        return run

    ada = [start("ada") for _ in range(5)]
    assert [_state(runs, run)[1] for run in ada] == [None, None, 1, 2, 3]  # a place is left
    bo = [start("bo") for _ in range(3)]
    eve = start("eve")
    assert [_state(runs, run)[1] for run in bo] == [None, 2, 4]
    assert [_state(runs, run)[1] for run in (eve, *ada)] == [1, None, None, 3, 5, 6]
    with visitors.acting(Visitor(person="bo")):
        for run, action in ((ada[0], "stop"), (ada[0], "pause"), (ada[4], "stop")):
            with pytest.raises(ValueError, match="started by someone else"):
                call(training.steer, {"run": run, "action": action})
        rows = {row["id"]: row["own"] for row in runs.summaries()[0]}
    assert [rows[run] for run in (*ada, *bo)] == [False] * 5 + [True] * 3
    runs.live(ada[0]).stop()
    _until(lambda: runs.get(eve).status().state == "training")
    # Among those with one running, ada has had no turn for longest.
    assert [_state(runs, run)[1] for run in (ada[2], bo[1])] == [1, 2]


def test_a_paused_run_that_nobody_watches_is_stopped(runs, start, long, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 1)
    run = start(long)
    runs.live(run).pause()
    _until(lambda: runs.get(run).status().state == "paused")
    monkeypatch.setattr(module, "_MAX_SECONDS_UNWATCHED", -1.0)
    second = start(long)
    assert runs.live(run).wait(60)
    assert runs.get(run).status().state == "stopped"
    assert runs.get(run).status().can_resume
    assert "make room" in runs.get(run).status().record.message
    _until(lambda: runs.get(second).status().state == "training")


def test_only_as_many_runs_are_stopped_as_places_are_needed(runs, start, long, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 2)
    monkeypatch.setattr(module, "_MAX_SECONDS_UNWATCHED", -1.0)
    first, second = start(long), start(long)
    third = start(long)
    _until(lambda: runs.get(third).status().state == "training")
    assert [runs.get(run).status().state for run in (first, second)].count("stopped") == 1


def test_the_oldest_ended_runs_are_forgotten(runs, finish, quick, monkeypatch) -> None:
    monkeypatch.setattr(module, "_MAX_ENDED", 1)
    first, second, third = (finish({**quick, "model": "softmax"}) for _ in range(3))
    assert [run.id for run in runs.all_live()] == [second, third]
    assert runs.live(first) is None
    assert runs.get(first).status().state == "finished"  # from the store


def test_a_run_is_active_until_it_is_complete(runs, start, long) -> None:
    run = start(long)
    assert runs.active(run) is runs.live(run)
    runs.live(run).stop()
    assert runs.live(run).wait(60)
    assert runs.active(run) is None
    assert runs.active("nonesuch") is None


def test_a_run_of_an_earlier_process_is_found_in_the_store(runs, finish, quick) -> None:
    run = finish(quick)
    now, later = runs.get(run).status(), Runs(runs.store).get(run).status()
    for name in ("state", "done", "steps", "checkpoints", "complete"):
        assert getattr(later, name) == getattr(now, name), name
    assert later.record == now.record
