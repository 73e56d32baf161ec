"""What the Compare page asks: the runs of the store, deleting them, and files made of them."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.comparisons import Comparisons
from inkgrad_demo.services.data_choices import Datasets
from inkgrad_demo.services.trainings import Trainings
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
def comparisons(store: RunStore) -> Comparisons:
    return Comparisons(Trainings(store, Datasets()))


def test_the_runs_are_listed_the_newest_first(comparisons) -> None:
    answer = comparisons.list_runs({})
    assert [run["id"] for run in answer["runs"]] == [SECOND.id, FIRST.id]
    assert answer["runs"][1] == {
        "id": FIRST.id,
        "created": FIRST.created,
        "model": "softmax",
        "backend": "fused",
        "data": "made up",
        "state": "finished",
        "active": False,
        "epochs": 3,
        "all_epochs": 3,
        "seconds": 6.0,
        "accuracy": FIRST.test.accuracy,
    }


def test_damaged_runs_are_counted(comparisons, store) -> None:
    (store.folder / FIRST.id / "run.json").write_text("{", encoding="utf-8")
    answer = comparisons.list_runs({})
    assert ([run["id"] for run in answer["runs"]], answer["damaged"]) == ([SECOND.id], 1)


def test_runs_are_loaded_in_the_order_asked_for(comparisons) -> None:
    loaded = comparisons.load_runs({"runs": [SECOND.id, FIRST.id]})["runs"]
    assert loaded == [SECOND.to_json(), FIRST.to_json()]


def test_deleted_runs_are_gone(comparisons, store) -> None:
    comparisons.delete_runs({"runs": [FIRST.id]})
    assert [run.id for run in store.records()] == [SECOND.id]


def test_a_run_that_trains_is_shown_as_it_is_and_not_deleted(comparisons, monkeypatch) -> None:
    class Live:
        is_active = True

        def record(self) -> Any:
            return replace(FIRST, state="unfinished", epochs=FIRST.epochs[:1], test=None)

    monkeypatch.setattr(Trainings, "live", lambda self: {FIRST.id: Live()})
    summary = comparisons.list_runs({})["runs"][1]
    assert (summary["active"], summary["epochs"]) == (True, 1)
    assert summary["accuracy"] == FIRST.epochs[0].accuracy
    with pytest.raises(ValueError, match="is still training: stop it first"):
        comparisons.delete_runs({"runs": BOTH})
    assert len(comparisons.list_runs({})["runs"]) == 2  # the other one neither


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (None, "expected an object"),
        ({}, "runs: expected a list of 1 to 6 ids, got None"),
        ({"runs": []}, "runs: expected a list of 1 to 6 ids"),
        ({"runs": [FIRST.id] * 7}, "runs: expected a list of 1 to 6 ids"),
        ({"runs": [3]}, "run: expected the id of a run, got 3"),
        ({"runs": ["../../etc"]}, "run: expected the id of a run"),
        ({"runs": ["20261126-040000-cnn-0000"]}, "there is no run"),
    ],
)
def test_a_bad_question_is_named(comparisons, question: Any, complaint: str) -> None:
    for ask in (comparisons.load_runs, lambda q: comparisons.export_runs({**q, "form": "json"})):
        if question is None and ask != comparisons.load_runs:
            continue
        with pytest.raises(ValueError, match=complaint):
            ask(question)


def test_nothing_outside_the_store_is_deleted(comparisons, tmp_path) -> None:
    (tmp_path / "precious").mkdir()
    with pytest.raises(ValueError, match="expected the id of a run"):
        comparisons.delete_runs({"runs": ["../precious"]})
    assert (tmp_path / "precious").is_dir()


def _export(comparisons: Comparisons, form: str, language: str = "en") -> str:
    return comparisons.export_runs({"runs": BOTH, "form": form, "language": language})["text"]


def test_everything_as_json(comparisons) -> None:
    assert json.loads(_export(comparisons, "json"))["runs"] == json.loads(
        json.dumps([FIRST.to_json(), SECOND.to_json()])
    )


def test_settings_and_results_as_csv(comparisons) -> None:
    rows = list(csv.DictReader(io.StringIO(_export(comparisons, "table"))))
    assert [row["run"] for row in rows] == BOTH
    assert [float(row["lr"]) for row in rows] == [0.05, 0.1]
    assert [float(row["test_accuracy"]) for row in rows] == [0.89, 0.88]


def test_epochs_as_csv(comparisons) -> None:
    rows = list(csv.DictReader(io.StringIO(_export(comparisons, "curves"))))
    assert [(row["run"], row["epoch"]) for row in rows] == [(r, e) for r in BOTH for e in "123"]
    assert [float(row["seconds"]) for row in rows[:3]] == [2, 4, 6]
    assert float(rows[2]["accuracy"]) == pytest.approx(0.94)


@pytest.mark.parametrize(("language", "word"), [("en", "Learning rate"), ("zh-CN", "学习率")])
def test_the_report_needs_nothing_but_itself(comparisons, language: str, word: str) -> None:
    text = _export(comparisons, "report", language)
    assert f'<html lang="{language}">' in text
    assert re.search(rf'class="differs"><th scope="row">{word}</th><td>0.05</td><td>0.1</td>', text)
    assert len(re.findall(r"<polyline", text)) == 4  # loss and accuracy of both
    assert text.count('class="confusion"') == 2
    assert not re.search(r"https?:|<script|<link|@import|url\(", text)


def test_the_report_escapes_what_people_called_their_data(comparisons, store) -> None:
    store.save(replace(FIRST, data="<script>alert(1)</script>"))
    assert "<script" not in _export(comparisons, "report")


def test_a_report_of_a_run_that_learnt_nothing(comparisons, store) -> None:
    store.save(replace(FIRST, state="failed", curve=(), epochs=(), test=None, confusion=None))
    answer = comparisons.export_runs({"runs": [FIRST.id], "form": "report"})
    assert "<h2>" not in answer["text"]
    answer = comparisons.export_runs({"runs": [FIRST.id], "form": "curves"})
    assert answer["text"] == f"run\n{FIRST.id}\n"
