"""Runs side by side, for the Compare page. No Gradio in here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from inkgrad.course.training.run_record import RunRecord
from inkgrad.course.training.run_status import RunStatus
from inkgrad_demo.services import comparison_files
from inkgrad_demo.services.request_fields import OneOf, RunId
from inkgrad_demo.services.request_validation import EmptyRequest, Request
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.services.training_service import Cursor
from inkgrad_demo.texts import CATALOGUES, message

MAX_COMPARED = 6
"""Curves that can still be told apart."""
MAX_DELETED = 1000


def _distinct(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


Compared = Annotated[
    list[RunId], Field(min_length=1, max_length=MAX_COMPARED), AfterValidator(_distinct)
]


class LoadRequest(Request):
    runs: Compared
    cursors: dict[str, Cursor] = Field({})  # of earlier answers, by the id of the run


class DeleteRequest(Request):
    runs: list[RunId] = Field(min_length=1, max_length=MAX_DELETED)


class ExportRequest(Request):
    runs: Compared
    form: Annotated[str, OneOf(comparison_files.FORMS)]
    language: Annotated[str, OneOf(CATALOGUES)] = "en"  # of the report


class ComparisonService:
    """Lists, loads, deletes and exports runs."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def list_runs(self, request: EmptyRequest) -> dict[str, Any]:
        """Return summaries of all ``runs``, newest first, and the number of ``damaged`` ones."""
        damaged: list[str] = []
        records = self._runs.store.records(damaged.append)
        return {
            "runs": [self._status(record).summary() for record in records],
            "damaged": len(damaged),
        }

    def load_runs(self, request: LoadRequest) -> dict[str, Any]:
        """Return the status of each of ``runs`` in their order; see RunStatus.to_json."""
        statuses = (
            (self._runs.get(run).status(), request.cursors.get(run, [])) for run in request.runs
        )
        return {"runs": [status.to_json(cursor) for status, cursor in statuses]}

    def delete_runs(self, request: DeleteRequest) -> dict[str, Any]:
        """Delete runs and their files. Raises ValueError if one of them still trains."""
        runs = _distinct(request.runs)
        for run in runs:
            if self._runs.active(run) is not None:
                raise ValueError(message("problem.still_trains", run=run))
        for run in runs:
            self._runs.store.delete(run)
        return {}

    def export_runs(self, request: ExportRequest) -> dict[str, Any]:
        """Return a file about the runs: its ``name``, media ``type`` and ``text``."""
        name, kind, make = comparison_files.FORMS[request.form]
        records = [self._status(self._runs.store.load(run)).record for run in request.runs]
        return {"name": name, "type": kind, "text": make(records, request.language)}

    def _status(self, record: RunRecord) -> RunStatus:
        run = self._runs.active(record.id)
        return RunStatus.of_record(record) if run is None else run.status()
