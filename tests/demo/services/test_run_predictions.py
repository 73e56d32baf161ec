"""Predictions of a run's model: the recognizer's own, at every checkpoint."""

from __future__ import annotations

import base64
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.pictures import RASTER_SIDE, drawing
from inkgrad_demo.services.recognition_service import RecognitionService
from inkgrad_demo.services.recognizers import Recognizers
from inkgrad_demo.services.run_predictions import RunPredictions
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.serving.exposed import call
from strokes import SEVEN, raster

RASTER = raster(SEVEN, RASTER_SIDE).tobytes()
PIXELS = base64.b64encode(RASTER).decode()


@pytest.fixture
def predictions(runs: Runs) -> RunPredictions:
    return RunPredictions(runs)


def _predict(predictions: RunPredictions, run: str, step: int | None = None) -> dict[str, Any]:
    return call(predictions.predict, {"run": run, "step": step, "pixels": PIXELS})


def test_predictions_now_and_at_every_checkpoint(
    predictions, runs, finish, quick, run_store: RunStore
) -> None:
    run = finish({**quick, "epochs": 2, "optimizer": "adam"})
    now = _predict(predictions, run)
    expected = Recognizer.load(run_store.weights(run)).predict(drawing(RASTER))
    assert now["label"] == expected.label
    assert now["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
    history = call(predictions.history, {"run": run, "pixels": PIXELS})
    assert history["steps"] == list(runs.get(run).status().checkpoints)
    assert history["probabilities"][-1] == pytest.approx(now["probabilities"], abs=1e-6)
    first = _predict(predictions, run, 0)
    assert first["probabilities"] == pytest.approx(history["probabilities"][0], abs=1e-6)
    assert max(first["probabilities"]) < 0.2  # untrained
    with pytest.raises(ValueError, match=r"step: expected .* got 1000000"):
        _predict(predictions, run, 1000000)


def test_a_stored_run_predicts_as_the_live_one_did(predictions, finish, quick, run_store) -> None:
    run = finish(quick)
    stored = RunPredictions(Runs(run_store))  # after a restart
    expected = _predict(predictions, run)["probabilities"]
    assert _predict(stored, run)["probabilities"] == pytest.approx(expected, abs=1e-6)
    history = call(stored.history, {"run": run, "pixels": PIXELS})
    assert history["steps"] == list(Runs(run_store).get(run).status().checkpoints) != []
    assert _predict(stored, run, 0)["probabilities"] == history["probabilities"][0]
    assert history["probabilities"][-1] == _predict(stored, run)["probabilities"]


def test_a_model_of_tables_recognizes_no_drawings(predictions, finish) -> None:
    run = finish({"model": "logistic", "epochs": 2})
    with pytest.raises(ValueError, match="logistic, does not recognize digits"):
        _predict(predictions, run)


def test_labeled_drawings_are_learned(predictions, finish, quick) -> None:
    picture = call(predictions.picture, {"pixels": PIXELS})
    assert not picture["empty"]
    drawings = [{"label": 3, "pixels": picture["picture"]}]  # a 7 labeled as a 3
    request = {**quick, "data": "drawings", "drawings": drawings}
    run = finish({**request, "epochs": 15, "optimizer": "adam"})
    assert _predict(predictions, run)["label"] == 3


def test_the_draw_page_recognizes_with_a_run(finish, quick, run_store: RunStore) -> None:
    run = finish(quick)
    recognition = RecognitionService(Recognizers(run_store))
    request = {"pixels": PIXELS, "model": run, "backend": "native"}
    assert call(recognition.recognize, request)["model"] == run
