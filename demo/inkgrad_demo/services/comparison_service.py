"""Runs side by side, for the Compare page. No Gradio in here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from inkgrad.course.training.run_record import RunError
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
        """Return rows of all ``runs``, newest first, and id and problem of ``damaged`` ones."""
        rows, damaged = self._runs.summaries()
        return {
            "runs": rows,
            "damaged": [{"id": each.id, "problem": each.problem} for each in damaged],
            "notice": self._runs.store.notice,
        }

    def load_runs(self, request: LoadRequest) -> dict[str, Any]:
        """Return the status of each of ``runs`` in their order; see RunStatus.to_json.

        Runs that are gone or damaged meanwhile are left out. Raises ValueError if no run is left.
        """
        statuses, problems = [], []
        for run in request.runs:
            try:
                status = self._runs.get(run).status()
            except RunError as error:
                problems.append(error)
            else:
                statuses.append(status.to_json(request.cursors.get(run, [])))
        if not statuses:
            raise problems[0]
        return {"runs": statuses}

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
        records = [self._runs.get(run).status().record for run in request.runs]
        return {"name": name, "type": kind, "text": make(records, request.language)}
