"""Files about several runs: JSON, tables (CSV), and a self-contained report (HTML)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from inkgrad.course.training.run_record import RunRecord
from inkgrad_demo.services.comparison_report import report


def as_json(records: Sequence[RunRecord], language: str) -> str:
    """Return the records of the runs."""
    return json.dumps({"runs": [record.to_json() for record in records]}, indent=1)


def as_table(records: Sequence[RunRecord], language: str) -> str:
    """Return a row for each run, with its settings and results."""
    return _csv([_row(record) for record in records])


def as_curves(records: Sequence[RunRecord], language: str) -> str:
    """Return a row for each epoch of each run."""
    rows = []
    for record in records:
        seconds = 0.0
        for epoch in record.epochs:
            seconds += epoch.seconds
            rows.append({"run": record.id, **asdict(epoch), "seconds": seconds})
    return _csv(rows or [{"run": record.id} for record in records])


def _row(record: RunRecord) -> dict[str, Any]:
    last = record.epochs[-1] if record.epochs else None
    return {
        "run": record.id,
        "name": record.name,
        "note": record.note,
        "created": record.created,
        "state": record.state,
        "data": record.data,
        "examples": record.examples,
        **asdict(record.settings),
        "epochs_done": record.epochs_done,
        "seconds": record.seconds,
        "training_loss": last and last.loss,
        "validation_loss": last and last.validation_loss,
        "validation_accuracy": last and last.accuracy,
        "validation_examples": record.validation_examples,
        "baseline": record.baseline,
        "test_loss": record.test and record.test.loss,
        "test_accuracy": record.test and record.test.accuracy,
        "test_examples": record.test and record.test.examples,
    }


def _csv(rows: Iterable[dict[str, Any]]) -> str:
    rows = list(rows)
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


# form: name of the file, its media type, and the function that writes it
FORMS: dict[str, tuple[str, str, Callable[[Sequence[RunRecord], str], str]]] = {
    "json": ("inkgrad-runs.json", "application/json", as_json),
    "table": ("inkgrad-runs.csv", "text/csv", as_table),
    "curves": ("inkgrad-curves.csv", "text/csv", as_curves),
    "report": ("inkgrad-report.html", "text/html", report),
}
