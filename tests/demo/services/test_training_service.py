"""Training: runs that are started, watched and steered, and clear errors."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.request_validation import parse
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.services.training_data import Datasets
from inkgrad_demo.services.training_requests import TrainRequest
from inkgrad_demo.services.training_service import TrainingService
from inkgrad_demo.serving.exposed import call


def _status(training: TrainingService, run: str, **more: Any) -> dict[str, Any]:
    return call(training.status, {"run": run, **more})


@pytest.mark.parametrize(
    "change", [{"epochs": 0}, {"lr": 0}, {"data": "images"}, {"activation": "relu"}]
)
def test_a_bad_request_starts_nothing(training, runs, quick, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        call(training.start, {**quick, **change})
    assert runs.all_live() == []


@pytest.mark.parametrize("request_", [None, [], "cnn", 3])
def test_a_request_is_an_object(training, request_: Any) -> None:
    for method in (training.start, training.status, training.steer, training.train):
        with pytest.raises(ValueError, match="request: expected an object"):
            call(method, request_)


def test_a_cursor_leaves_out_what_the_page_has(training, finish, quick) -> None:
    run = finish(quick)
    everything = _status(training, run)
    assert (everything["state"], everything["complete"]) == ("finished", True)
    assert [point[0] for point in everything["curve"]] == list(range(1, 22))
    assert everything["test"]["examples"] == 359
    assert everything["checkpoints"][-1] == everything["done"] == 21
    update = _status(training, run, cursor=everything["cursor"])
    assert (update["curve"], update["from"]["curve"], update["epochs"]) == ([], 21, [])
    assert "settings" not in update


@pytest.mark.parametrize("cursor", [7, "all", [], [0, 1], [0] * 10 + [-1], [0] * 10 + [0.5]])
def test_a_bad_cursor_is_refused(training, cursor: Any) -> None:
    with pytest.raises(ValueError, match="cursor"):
        _status(training, "20260101-000000-cnn-abcdef", cursor=cursor)


def test_both_backends_train_with_the_same_settings(training, runs, quick) -> None:
    fused, native = call(training.start, {**quick, "backend": "both"})["runs"]
    losses = []
    for run, backend in ((fused, "fused"), (native, "native")):
        assert runs.live(run).wait(60)
        status = _status(training, run)
        assert status["settings"]["backend"] == backend
        losses.append([point[3] for point in status["curve"]])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_steering(training, start, quick) -> None:
    run = start({**quick, "epochs": 2000})
    call(training.steer, {"run": run, "action": "lr", "lr": 0.25})
    assert _status(training, run)["lr"] == 0.25
    for action, lr in (("jump", None), ("lr", "fast"), ("lr", None), ("lr", 0)):
        with pytest.raises(ValueError, match="expected"):
            call(training.steer, {"run": run, "action": action, "lr": lr})
    answer = call(training.steer, {"run": run, "action": "stop"})
    assert answer == {"id": run, "state": "stopped"}


def test_a_stored_run_can_be_watched_and_not_steered(
    training, finish, quick, run_store: RunStore
) -> None:
    run = finish(quick)
    now = _status(training, run)
    later = TrainingService(Runs(run_store), Datasets())  # after a restart
    stored = _status(later, run)
    for name in ("state", "curve", "epochs", "test", "confusion", "complete", "settings"):
        assert stored[name] == now[name], name
    assert [one["id"] for one in call(later.earlier, {})["runs"]] == [run]
    with pytest.raises(ValueError, match="run: expected a run that is training"):
        call(later.steer, {"run": run, "action": "stop"})


def test_a_caller_who_stops_listening_ends_the_run(training, runs, quick) -> None:
    updates = training.train(parse(TrainRequest, {**quick, "epochs": 2000}))
    assert next(updates)["id"] == runs.all_live()[0].id
    updates.close()
    assert runs.all_live()[0].status().state == "stopped"
