"""Loading recognizers: each once, and none for a run without weights."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("gradio")

from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.recognizers import MODELS, Recognizers
from saved_runs import record


def test_a_recognizer_is_loaded_once(tmp_path, monkeypatch) -> None:
    recognizers = Recognizers(RunStore(tmp_path))
    first = recognizers.get("softmax", "native")
    monkeypatch.setattr(Recognizer, "load", None)
    assert recognizers.get("softmax", "native") is first


def test_the_weights_of_a_run_are_unloaded_when_it_is_deleted(tmp_path) -> None:
    store = RunStore(tmp_path)
    run = record(1, "cnn")
    store.save(run)
    recognizers = Recognizers(store)
    assert recognizers.is_gone(run.id)  # it has no weights yet
    shutil.copy(Recognizer.load("cnn").path, store.weights(run.id))
    assert not recognizers.is_gone(run.id)
    first = recognizers.get(run.id, "fused")
    store.delete(run.id)
    with pytest.raises(ValueError, match="has no weights here"):
        recognizers.get(run.id, "fused")
    store.save(run)
    shutil.copy(Recognizer.load("cnn").path, store.weights(run.id))
    assert recognizers.get(run.id, "fused") is not first


def test_every_shipped_model_has_its_accuracy_on_mnist(tmp_path) -> None:
    recognizers = Recognizers(RunStore(tmp_path))
    for model in MODELS:
        accuracy = recognizers.accuracy(model)
        assert accuracy is not None
        assert 0.9 < accuracy < 1
