"""Runs side by side, for the Compare page. No Gradio in here."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from inkgrad.course.training.run_record import RunError
from inkgrad.course.training.run_trash import SECONDS_KEPT
from inkgrad_demo.services import comparison_files
from inkgrad_demo.services.request_fields import OneOf, RunId
from inkgrad_demo.services.request_validation import Request
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.services.training_service import Cursor
from inkgrad_demo.texts import CATALOGUES, message

MAX_COMPARED = 6
"""Curves that can still be told apart."""
MAX_DELETED = 10_000
_MAX_VERSION = 64


def _distinct(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


Compared = Annotated[
    list[RunId], Field(min_length=1, max_length=MAX_COMPARED), AfterValidator(_distinct)
]


class ListRequest(Request):
    version: str = Field("", max_length=_MAX_VERSION)  # of the list that the page has


class LoadRequest(Request):
    runs: Compared
    cursors: dict[str, Cursor] = Field({})  # of earlier answers, by the id of the run


class DeleteRequest(Request):
    runs: Annotated[
        list[RunId], Field(min_length=1, max_length=MAX_DELETED), AfterValidator(_distinct)
    ]


class ExportRequest(Request):
    runs: Compared
    form: Annotated[str, OneOf(comparison_files.FORMS)]
    language: Annotated[str, OneOf(CATALOGUES)] = "en"  # of the report


class ComparisonService:
    """Lists, loads, deletes and exports runs."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def list_runs(self, request: ListRequest) -> dict[str, Any]:
        """Return the ``active`` runs, which train or wait, and the ``version`` of the rest.

        If that is not the version of the request, also the rest: ``ended`` runs, id and problem of
        ``damaged`` ones, and the ``runs`` of each of the ``deletions`` that can be undone, with the
        ``seconds_left`` to do so. Runs and deletions are in order, the latest first.
        """
        rows, damaged = self._runs.summaries()
        deletions = self._runs.store.deletions()
        rest = {
            "ended": [row for row in rows if not row["active"]],
            "damaged": [{"id": each.id, "problem": each.problem} for each in damaged],
            "notice": self._runs.notice,
        }
        version = _version_of(rest, [each.runs for each in deletions])
        answer = {"version": version, "active": [row for row in rows if row["active"]]}
        if version == request.version:
            return answer
        left = [max(0, round(SECONDS_KEPT - each.seconds)) for each in deletions]
        shown = [
            {"runs": each.runs, "seconds_left": seconds}
            for each, seconds in zip(deletions, left, strict=True)
        ]
        return answer | rest | {"deletions": shown}

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
        """Delete runs. Raises ValueError if one of them still trains."""
        for run in request.runs:
            if self._runs.active(run) is not None:
                raise ValueError(message("problem.still_trains", run=run))
        self._runs.store.delete(*request.runs)
        return {}

    def restore_runs(self, request: DeleteRequest) -> dict[str, Any]:
        """Undo the deletion of runs. Raises ValueError if that was too long ago."""
        self._runs.store.restore(*request.runs)
        return {}

    def export_runs(self, request: ExportRequest) -> dict[str, Any]:
        """Return a file about the runs: its ``name``, media ``type`` and ``text``."""
        name, kind, make = comparison_files.FORMS[request.form]
        records = [self._runs.get(run).status().record for run in request.runs]
        return {"name": name, "type": kind, "text": make(records, request.language)}


def _version_of(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
