"""Comparing runs, for the Compare page. Independent of Gradio.

Runs that still train in this process have their live status; all others come from the store.
"""

from __future__ import annotations

from typing import Any

from inkgrad.course.training.run_record import RunError, RunRecord
from inkgrad.course.training.run_status import RunStatus
from inkgrad_demo.services import exports
from inkgrad_demo.services.request_validation import brief, choice, fields
from inkgrad_demo.services.trainings import Trainings
from inkgrad_demo.texts import CATALOGUES, message

MOST_COMPARED = 6
"""More curves than this cannot be told apart."""
MOST_DELETED = 1000


class Comparisons:
    """The runs of the store, and of this process."""

    def __init__(self, trainings: Trainings) -> None:
        self._trainings = trainings

    def list_runs(self, question: Any) -> dict[str, Any]:
        """Summaries of all ``runs``, the newest first, and the number of ``damaged`` ones."""
        damaged: list[str] = []
        records = self._trainings.store.records(damaged.append)
        return {
            "runs": [self._status(record).summary() for record in records],
            "damaged": len(damaged),
        }

    def load_runs(self, question: Any) -> dict[str, Any]:
        """The status of each of ``runs``, in the order of these ids.

        ``cursors`` has the cursors of earlier answers, by id; see :meth:`Trainings.status`.
        """
        asked = fields(question)
        ids, cursors = _ids(asked.get("runs"), MOST_COMPARED), fields(asked.get("cursors", {}))
        ask = self._trainings.status
        return {"runs": [ask({"run": run, "cursor": cursors.get(run)}) for run in ids]}

    def delete_runs(self, question: Any) -> dict[str, Any]:
        """Delete ``runs`` for good. Runs that still train cannot be deleted."""
        ids = _ids(fields(question).get("runs"), MOST_DELETED)
        for run in ids:
            if self._is_active(run):
                raise ValueError(message("problem.still_trains", run=run))
        for run in ids:
            self._trainings.store.delete(run)
        return {}

    def export_runs(self, question: Any) -> dict[str, Any]:
        """Export ``runs`` as one file: {runs, form, language} -> {name, type, text}.

        ``form`` is a key of ``services.exports.FORMS``; ``language`` is the report's.
        """
        asked = fields(question)
        form = choice("form", asked.get("form"), tuple(exports.FORMS))
        language = choice("language", asked.get("language", "en"), tuple(CATALOGUES))
        name, kind, make = exports.FORMS[form]
        records = self._records(asked.get("runs"))
        return {"name": name, "type": kind, "text": make(records, language)}

    def _records(self, ids: Any) -> list[RunRecord]:
        records = [self._trainings.store.load(run) for run in _ids(ids, MOST_COMPARED)]
        return [self._status(record).record for record in records]

    def _status(self, record: RunRecord) -> RunStatus:
        if self._is_active(record.id):
            return self._trainings.live()[record.id].status()
        return RunStatus.of_record(record)

    def _is_active(self, run: str) -> bool:
        live = self._trainings.live().get(run)
        return live is not None and live.is_active


def _ids(ids: Any, most: int) -> list[str]:
    if not isinstance(ids, list) or not 1 <= len(ids) <= most:
        raise ValueError(message("problem.ids", most=most, got=brief(ids)))
    for run in ids:
        if not isinstance(run, str):
            raise RunError(message("problem.id", got=brief(run)))
    return list(dict.fromkeys(ids))
