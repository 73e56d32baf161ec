"""The images behind the cells of a run's confusion matrix. No Gradio in here."""

from __future__ import annotations

import base64
from typing import Any

from inkgrad.course.training import confusion_images as cells
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.request_validation import Asked
from inkgrad_demo.texts import message


class CellImages:
    """Of the runs of a store."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def cell(self, question: Any) -> dict[str, Any]:
        """Images of {run, row, column}: the answer of :func:`shown`."""
        asked = Asked(question)
        row, column = asked.whole("row", 0, 9), asked.whole("column", 0, 9)
        run = asked.text("run", 60)
        try:
            kept = cells.load(self._store.cells(run))
        except FileNotFoundError:
            raise ValueError(message("problem.no_cells", run=run)) from None
        return shown(kept.of(row, column).numpy())


def shown(images: Any) -> dict[str, Any]:
    """N x side x side bytes for the page: how many are ``shown``, their ``side``, and ``images``,
    one below the other in base64.
    """
    return {
        "shown": len(images),
        "side": images.shape[-1],
        "images": base64.b64encode(images.tobytes()).decode("ascii"),
    }
