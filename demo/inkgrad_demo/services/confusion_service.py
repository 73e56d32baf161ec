"""The images behind the cells of a run's confusion matrix. No Gradio in here."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from inkgrad.course.training import confusion_images
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.own_stores import own_runs
from inkgrad_demo.services.request_fields import RunId, Whole
from inkgrad_demo.services.request_validation import Request
from inkgrad_demo.texts import message


class CellRequest(Request):
    run: RunId
    row: Annotated[int, Whole(0, 9)]
    column: Annotated[int, Whole(0, 9)]


class ConfusionService:
    """Shows the images that the runs of a store have kept."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def cell(self, request: CellRequest) -> dict[str, Any]:
        """Return the images of one cell; see :func:`image_list`."""
        try:
            images = confusion_images.load(own_runs(self._store).confusion_images(request.run))
        except FileNotFoundError:
            raise ValueError(message("problem.no_cells", run=request.run)) from None
        return image_list(images.in_cell(request.row, request.column).numpy())


def image_list(images: Any) -> dict[str, Any]:
    """Return N x side x side bytes as the page takes them.

    ``shown`` is their number, ``side`` their side, ``images`` their bytes in base64.
    """
    return {
        "shown": len(images),
        "side": images.shape[-1],
        "images": base64.b64encode(images.tobytes()).decode("ascii"),
    }
