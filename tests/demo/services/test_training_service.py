"""Training: runs that are started, watched and steered, and clear errors."""

from __future__ import annotations

import shutil
from base64 import b64encode
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.request_validation import parse
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.services.training_data import Datasets
from inkgrad_demo.services.training_requests import TrainRequest
from inkgrad_demo.services.training_service import TrainingService
from inkgrad_demo.services.upload_store import UploadStore
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
    training, datasets, finish, quick, run_store: RunStore
) -> None:
    run = finish(quick)
    now = _status(training, run)
    later = TrainingService(Runs(run_store), datasets)  # after a restart
    stored = _status(later, run)
    for name in ("state", "curve", "epochs", "test", "confusion", "complete", "settings"):
        assert stored[name] == now[name], name
    listed = call(later.listed, {})
    assert ([one["id"] for one in listed["earlier"]], listed["running"]) == ([run], [])
    with pytest.raises(ValueError, match="run: expected a run that is training"):
        call(later.steer, {"run": run, "action": "stop"})


def test_a_caller_who_stops_listening_ends_the_run(training, runs, quick) -> None:
    updates = training.train(parse(TrainRequest, {**quick, "epochs": 2000}))
    assert next(updates)["id"] == runs.all_live()[0].id
    updates.close()
    assert runs.all_live()[0].status().state == "stopped"


def test_a_stopped_run_goes_on_to_the_curve_of_one_that_was_not(
    training, datasets, runs, start, finish, quick, run_store: RunStore
) -> None:
    request = {**quick, "model": "softmax", "epochs": 3, "one_cycle": False}
    whole = _status(training, finish(request))
    run = start(request)
    live = runs.live(run)
    while live.status().done < 5 and live.is_active:
        pass
    live.stop()
    assert live.wait(60)
    later = Runs(run_store)  # after a restart
    resumed = TrainingService(later, datasets)
    before = _status(resumed, run)
    assert (before["state"], before["can_resume"]) == ("stopped", True)
    assert call(resumed.resume, {"run": run})["id"] == run
    assert later.live(run).wait(60)
    status = _status(resumed, run)
    assert (status["state"], status["can_resume"]) == ("finished", False)
    assert [each[:3] for each in status["epochs"]] == [each[:3] for each in whole["epochs"]]
    assert [point[3] for point in status["curve"]] == [point[3] for point in whole["curve"]]
    assert status["test"] == whole["test"]
    with pytest.raises(ValueError, match="cannot be resumed: it is finished"):
        call(resumed.resume, {"run": run})


def test_runs_that_train_are_listed_and_stopped_by_anyone(training, runs, start, quick) -> None:
    run = start({**quick, "epochs": 2000})
    (row,) = call(training.listed, {})["running"]
    assert (row["id"], row["active"]) == (run, True)
    call(training.steer, {"run": run, "action": "stop"})
    assert runs.live(run).wait(60)
    listed = call(training.listed, {})
    assert (listed["running"], [row["id"] for row in listed["earlier"]]) == ([], [run])


def test_a_run_of_another_program_is_respected_and_can_be_stopped(
    datasets, runs, start, quick, run_store: RunStore
) -> None:
    run = start({**quick, "epochs": 2000})
    while runs.get(run).status().done == 0:
        pass
    other = Runs(run_store)  # another server on the same folder
    service = TrainingService(other, datasets)
    (row,) = call(service.listed, {})["running"]
    assert row["id"] == run
    assert not other.get(run).status().complete
    with pytest.raises(ValueError, match="is being trained by another program"):
        call(service.resume, {"run": run})
    with pytest.raises(ValueError, match="still training"):
        run_store.delete(run)
    call(service.steer, {"run": run, "action": "stop"})
    assert runs.live(run).wait(60)
    assert other.get(run).status().state == "stopped"


def test_an_opened_run_shows_its_data_its_file_and_its_drawings(
    training, datasets, start, finish, quick, run_store: RunStore
) -> None:
    table = "a,b,label\n" + "1,2,0\n3,4,1\n" * 20
    content = b64encode(table.encode()).decode()
    file = call(datasets.upload, {"name": "mine.csv", "content": content})
    asked = {"model": "diabetes", "data": "table", "epochs": 2, "upload": file["upload"]}
    run = finish(asked)
    drawn = [{"label": 3, "pixels": b64encode(bytes([9] * 784)).decode()}]
    other = finish({**quick, "data": "drawings", "drawings": drawn, "backend": "native"})
    folder = run_store.folder.parent
    shutil.rmtree(folder / "uploads")  # others have made room
    restarted = Datasets(UploadStore(folder / "uploads"))
    later = TrainingService(Runs(run_store), restarted)
    opened = call(later.opened, {"run": run})
    assert opened["file"] == file
    assert opened["request"]["data"] == "table"
    assert opened["settings"]["epochs"] == 2
    assert call(restarted.uploaded, {"upload": file["upload"]}) == file
    opened = call(later.opened, {"run": other})["request"]
    assert (opened["data"], opened["drawings"], opened["backend"]) == ("drawings", drawn, "native")
    (run_store.folder / other / "request.json").write_text('{"model": 7}')
    assert call(later.opened, {"run": other})["request"] == {"data": None}
