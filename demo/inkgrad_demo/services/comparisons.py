"""Runs beside each other: what the Compare page asks about them. No Gradio in here.

Runs of this process that still train are asked themselves, all others come from the store.
"""

from __future__ import annotations

from typing import Any

from inkgrad.course.training.run_store import Record, RunError
from inkgrad_demo.services import exports
from inkgrad_demo.services.request_validation import brief, choice, fields
from inkgrad_demo.services.trainings import Trainings
from inkgrad_demo.texts import CATALOGUES, message

MOST_COMPARED = 6
"""So many curves can still be told apart."""
MOST_DELETED = 1000


class Comparisons:
    """The runs of the store, and of this process."""

    def __init__(self, trainings: Trainings) -> None:
        self._trainings = trainings

    def list_runs(self, question: Any) -> dict[str, Any]:
        """All ``runs``, the newest first, in short; how many ``damaged`` ones were left out."""
        damaged: list[str] = []
        records = self._trainings.store.records(damaged.append)
        return {
            "runs": [self._summary(self._newest(record)) for record in records],
            "damaged": len(damaged),
        }

    def load_runs(self, question: Any) -> dict[str, Any]:
        """All that is known of the ``runs`` whose ids the question has, in its order."""
        records = self._records(fields(question).get("runs"))
        return {"runs": [record.to_json() for record in records]}

    def delete_runs(self, question: Any) -> dict[str, Any]:
        """Forget ``runs`` for good. Those that still train cannot be."""
        ids = _ids(fields(question).get("runs"), MOST_DELETED)
        for run in ids:
            if self._is_active(run):
                raise ValueError(message("problem.still_trains", run=run))
        for run in ids:
            self._trainings.store.delete(run)
        return {}

    def export_runs(self, question: Any) -> dict[str, Any]:
        """A file of the ``runs``: {runs, form, language} -> {name, type, text}.

        ``form`` is a key of ``services.exports.FORMS``; ``language`` is the report's.
        """
        asked = fields(question)
        form = choice("form", asked.get("form"), tuple(exports.FORMS))
        language = choice("language", asked.get("language", "en"), tuple(CATALOGUES))
        name, kind, make = exports.FORMS[form]
        records = self._records(asked.get("runs"))
        return {"name": name, "type": kind, "text": make(records, language)}

    def _records(self, ids: Any) -> list[Record]:
        return [self._newest(self._trainings.store.load(run)) for run in _ids(ids, MOST_COMPARED)]

    def _newest(self, record: Record) -> Record:
        live = self._trainings.live().get(record.id)
        return live.record() if live is not None and live.is_active else record

    def _is_active(self, run: str) -> bool:
        live = self._trainings.live().get(run)
        return live is not None and live.is_active

    def _summary(self, record: Record) -> dict[str, Any]:
        return {
            "id": record.id,
            "created": record.created,
            "model": record.settings.model,
            "backend": record.settings.backend,
            "data": record.data,
            "state": record.state,
            "active": self._is_active(record.id),
            "epochs": len(record.epochs),
            "all_epochs": record.settings.epochs,
            "seconds": record.seconds,
            "accuracy": exports.accuracy_of(record),
        }


def _ids(ids: Any, most: int) -> list[str]:
    if not isinstance(ids, list) or not 1 <= len(ids) <= most:
        raise ValueError(message("problem.ids", most=most, got=brief(ids)))
    for run in ids:
        if not isinstance(run, str):
            raise RunError(message("problem.id", got=brief(run)))
    return list(dict.fromkeys(ids))
