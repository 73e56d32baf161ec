"""Predictions of a run's model for a drawing, now and at its checkpoints. No Gradio in here."""

from __future__ import annotations

from typing import Annotated, Any

from inkgrad.course.recognition.preprocess import prepare
from inkgrad_demo.services.pictures import RASTER, drawing, to_base64
from inkgrad_demo.services.request_fields import RunId, Whole
from inkgrad_demo.services.request_validation import Request
from inkgrad_demo.services.runs import Runs


class PreviewRequest(Request):
    pixels: Annotated[bytes, RASTER]


class HistoryRequest(PreviewRequest):
    run: RunId


class CheckpointRequest(HistoryRequest):
    step: Annotated[int, Whole(0, 10**9)] | None = None  # of a checkpoint; None: the latest weights


class RunPredictions:
    """Recognizes drawings with the models of runs."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def predict(self, request: CheckpointRequest) -> dict[str, Any]:
        """Return the prediction at one checkpoint; see :meth:`.Prediction.as_fields`."""
        recognizer = self._runs.get(request.run).recognizer(request.step)
        return recognizer.predict(drawing(request.pixels)).as_fields()

    def history(self, request: HistoryRequest) -> dict[str, Any]:
        """Return ``steps`` of all checkpoints and ``probabilities``, ten for each."""
        image = drawing(request.pixels)
        run = self._runs.get(request.run)
        steps = run.checkpoint_steps
        predictions = [run.recognizer(step).predict(image) for step in steps]
        return {"steps": steps, "probabilities": [p.probabilities.tolist() for p in predictions]}

    def picture(self, request: PreviewRequest) -> dict[str, Any]:
        """Return the drawing as the models see it: ``picture`` (28 x 28 bytes) and ``empty``."""
        prepared = prepare(drawing(request.pixels))
        return {"picture": to_base64(prepared.image), "empty": prepared.empty}
