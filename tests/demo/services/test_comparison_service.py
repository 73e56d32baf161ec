"""Runs side by side: listed, loaded and deleted; and clear errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.training.run_label import RunLabel
from inkgrad.course.training.run_status import RunStatus
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services import comparison_files
from inkgrad_demo.services.comparison_service import ComparisonService
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.serving.exposed import call
from saved_runs import record

FIRST, SECOND = record(1), record(2, lr=0.1)
BOTH = [FIRST.id, SECOND.id]


@pytest.fixture
def store(tmp_path) -> RunStore:
    store = RunStore(tmp_path / "runs")
    for each in (FIRST, SECOND):
        store.save(each)
    return store


@pytest.fixture
def comparison(store: RunStore) -> ComparisonService:
    return ComparisonService(Runs(store))


def test_runs_are_listed_newest_first(comparison) -> None:
    answer = call(comparison.list_runs, {})
    assert [run["id"] for run in answer["ended"]] == [SECOND.id, FIRST.id]
    assert answer["ended"][1] == {
        "id": FIRST.id,
        "name": "",
        "note": "",
        "created": FIRST.created,
        "model": "softmax",
        "backend": "fused",
        "data": "made up",
        "state": "finished",
        "active": False,
        "own": True,
        "epochs": 3,
        "epochs_done": 3,
        "steps": 0,
        "done": 0,
        "seconds": 6.0,
        "accuracy": FIRST.test.accuracy,
        "test_examples": 100,
        "validation_examples": None,
        "validation_accuracy": FIRST.epochs[-1].accuracy,
        "learned": True,
    }


def test_damaged_runs_are_listed_apart_and_can_be_deleted(comparison, store) -> None:
    (store.folder / FIRST.id / "run.json").write_text("{", encoding="utf-8")
    answer = call(comparison.list_runs, {})
    assert [run["id"] for run in answer["ended"]] == [SECOND.id]
    (damaged,) = answer["damaged"]
    assert damaged["id"] == FIRST.id
    assert "damaged" in damaged["problem"]
    loaded = call(comparison.load_runs, {"runs": BOTH})["runs"]
    assert [run["id"] for run in loaded] == [SECOND.id]
    call(comparison.delete_runs, {"runs": [FIRST.id]})
    assert call(comparison.list_runs, {})["damaged"] == []


def test_runs_are_loaded_in_the_order_of_the_request(comparison) -> None:
    loaded = call(comparison.load_runs, {"runs": [SECOND.id, FIRST.id]})["runs"]
    assert loaded == [RunStatus.of_record(run).to_json() for run in (SECOND, FIRST)]
    cursors = {run["id"]: run["cursor"] for run in loaded}
    again = call(comparison.load_runs, {"runs": BOTH, "cursors": cursors})["runs"]
    assert [(run["id"], run["curve"]) for run in again] == [(run, []) for run in BOTH]


def test_deleted_runs_are_gone(comparison, store) -> None:
    call(comparison.delete_runs, {"runs": [FIRST.id]})
    assert [run.id for run in store.summaries()[0]] == [SECOND.id]


def test_a_deletion_is_undone(comparison, store) -> None:
    call(comparison.delete_runs, {"runs": BOTH})
    (deletion,) = call(comparison.list_runs, {})["deletions"]
    assert deletion["runs"] == tuple(sorted(BOTH))
    assert 3590 < deletion["seconds_left"] <= 3600
    call(comparison.restore_runs, {"runs": list(deletion["runs"])})
    answer = call(comparison.list_runs, {})
    assert (len(answer["ended"]), answer["deletions"]) == (2, [])
    with pytest.raises(ValueError, match="cannot be restored"):
        call(comparison.restore_runs, {"runs": [FIRST.id]})


def test_a_run_that_trains_is_shown_as_it_is_and_not_deleted(comparison, monkeypatch) -> None:
    training = replace(FIRST, state="training", epochs=FIRST.epochs[:1], test=None)

    class Live:
        id = FIRST.id
        is_active = True
        place = None

        def record(self) -> Any:
            return training

    monkeypatch.setattr(Runs, "active", lambda self, id: Live() if id == FIRST.id else None)
    monkeypatch.setattr(Runs, "all_live", lambda self: [Live()])
    summary = call(comparison.list_runs, {})["active"][0]
    assert (summary["active"], summary["state"], summary["epochs_done"]) == (True, "training", 1)
    assert summary["accuracy"] is None
    assert summary["validation_accuracy"] == FIRST.epochs[0].accuracy
    with pytest.raises(ValueError, match="is still training: stop it first"):
        call(comparison.delete_runs, {"runs": BOTH})
    assert [run["id"] for run in call(comparison.list_runs, {})["ended"]] == [SECOND.id]
    assert call(comparison.list_runs, {})["deletions"] == []


def test_a_list_that_has_not_changed_is_not_sent_again(comparison, store) -> None:
    first = call(comparison.list_runs, {})
    request = {"version": first["version"]}
    assert call(comparison.list_runs, request) == request | {"active": []}
    store.set_label(FIRST.id, RunLabel("named"))
    named = call(comparison.list_runs, request)
    assert [run["name"] for run in named["ended"]] == ["", "named"]
    call(comparison.delete_runs, {"runs": [FIRST.id]})
    deleted = call(comparison.list_runs, {"version": named["version"]})
    assert len(deleted["deletions"]) == len(deleted["ended"]) == 1


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({}, "runs: expected a list of 1 to 6 ids, got None"),
        ({"runs": []}, "runs: expected a list of 1 to 6 ids"),
        ({"runs": [FIRST.id] * 7}, "runs: expected a list of 1 to 6 ids"),
        ({"runs": [3]}, r"runs\[0\]: expected the id of a run, got 3"),
        ({"runs": ["../../etc"]}, r"runs\[0\]: expected the id of a run"),
        ({"runs": ["20261126-040000-cnn-0000"]}, "there is no run"),
    ],
)
def test_a_bad_request_is_refused(comparison, request_: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        call(comparison.load_runs, request_)
    with pytest.raises(ValueError, match=error):
        call(comparison.export_runs, {**request_, "form": "json"})


@pytest.mark.parametrize(
    ("cursors", "error"),
    [
        ([], "cursors: expected an object"),
        ({FIRST.id: [1]}, r"cursors\['2026.*'\]: expected a list of 11 to 11 numbers"),
        ({FIRST.id: [0.5] * 11}, r"cursors\['2026.*'\]\[0\]: expected a whole number"),
    ],
)
def test_a_bad_cursor_is_refused(comparison, cursors: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        call(comparison.load_runs, {"runs": BOTH, "cursors": cursors})


def test_nothing_outside_the_store_is_deleted(comparison, tmp_path) -> None:
    (tmp_path / "precious").mkdir()
    with pytest.raises(ValueError, match="expected the id of a run"):
        call(comparison.delete_runs, {"runs": ["../precious"]})
    assert (tmp_path / "precious").is_dir()


def test_an_export_is_a_file_about_the_runs(comparison) -> None:
    request = {"runs": [SECOND.id, SECOND.id, FIRST.id], "form": "json"}
    answer = call(comparison.export_runs, request)
    assert (answer["name"], answer["type"]) == ("inkgrad-runs.json", "application/json")
    assert answer["text"] == comparison_files.as_json([SECOND, FIRST], "en")
