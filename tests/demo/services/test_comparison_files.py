"""Files about several runs: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.services.comparison_files import as_curves, as_json, as_table
from saved_runs import record

RUNS = [record(1), record(2, lr=0.1)]
IDS = [run.id for run in RUNS]


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_json_has_the_whole_records() -> None:
    records = json.loads(json.dumps([run.to_json() for run in RUNS]))
    assert json.loads(as_json(RUNS, "en"))["runs"] == records


def test_the_table_has_settings_and_results() -> None:
    rows = _rows(as_table(RUNS, "en"))
    assert [row["run"] for row in rows] == IDS
    assert [float(row["lr"]) for row in rows] == [0.05, 0.1]
    assert [float(row["test_accuracy"]) for row in rows] == [0.89, 0.88]


def test_the_curves_have_a_row_for_each_epoch() -> None:
    rows = _rows(as_curves(RUNS, "en"))
    assert [(row["run"], row["epoch"]) for row in rows] == [(run, e) for run in IDS for e in "123"]
    assert [float(row["seconds"]) for row in rows[:3]] == [2, 4, 6]
    assert float(rows[2]["accuracy"]) == pytest.approx(0.94)


def test_the_curves_of_a_run_without_epochs() -> None:
    failed = replace(RUNS[0], state="failed", curve=(), epochs=(), test=None, confusion=None)
    assert as_curves([failed], "en") == f"run\n{failed.id}\n"
