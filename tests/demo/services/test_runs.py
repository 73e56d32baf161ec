"""The registry of runs: how many train at once, and which are forgotten."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.services import runs as module
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.serving.exposed import call


@pytest.fixture
def long(quick):
    return {**quick, "epochs": 2000}


def test_too_many_runs_at_once_are_refused(runs, training, start, long, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 2)
    first = start(long)
    with pytest.raises(ValueError, match="at most 2 runs can train at once, and 1 is training"):
        start({**long, "backend": "both"})
    start(long)
    with pytest.raises(ValueError, match="at most 2 runs can train at once, and 2 are training"):
        start(long)
    assert len(runs.all_live()) == 2
    call(training.steer, {"run": first, "action": "stop"})
    assert runs.live(first).wait(60)
    start(long)


def test_a_paused_run_that_nobody_watches_is_stopped(runs, start, long, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 1)
    run = start(long)
    runs.live(run).pause()
    while runs.get(run).status().state != "paused":
        pass
    monkeypatch.setattr(module, "_MAX_SECONDS_UNWATCHED", -1.0)
    start(long)
    assert runs.get(run).status().state == "stopped"
    assert runs.get(run).status().can_resume
    assert "make room" in runs.get(run).status().record.message


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
