"""The recognizers that the app has loaded."""

from __future__ import annotations

import threading
from typing import Any, get_args

from inkgrad.course.models import Backend
from inkgrad.course.recognition.recognizer import SHIPPED, Recognizer
from inkgrad.course.training.run_index import Stamp, stamp_of
from inkgrad.course.training.run_store import RunStore, is_id
from inkgrad_demo.services.request_fields import Checked
from inkgrad_demo.texts import message

MODELS: tuple[str, ...] = SHIPPED
BACKENDS: tuple[Backend, ...] = get_args(Backend)


def _model_or_run(value: Any) -> str:
    if value not in MODELS and not is_id(value):
        raise ValueError
    return str(value)


MODEL_OR_RUN = Checked(_model_or_run, "problem.one_of", choices=", ".join(MODELS))
"""Annotates a ``str``: the name of a shipped model, or the id of a run."""


class Recognizers:
    """One recognizer per model and backend, loaded on first use. Thread-safe.

    A model is one of MODELS, or the id of a run in ``store``.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._loaded: dict[tuple[str, str], tuple[Stamp | None, Recognizer]] = {}
        self._loading = threading.Lock()

    def get(self, model: str, backend: Backend) -> Recognizer:
        """Return the recognizer. Raises ValueError for a run without weights."""
        if self.is_gone(model):
            raise ValueError(message("problem.no_weights", run=model))
        stamp = stamp_of(self._store.weights(model)) if is_id(model) else None
        loaded = self._loaded.get((model, backend))
        if loaded is None or loaded[0] != stamp:  # a run that was resumed has other weights
            with self._loading:
                loaded = self._loaded.get((model, backend))
                if loaded is None or loaded[0] != stamp:  # nor by another thread meanwhile
                    weights = self._store.weights(model) if is_id(model) else model
                    recognizer = Recognizer.load(weights, backend)
                    recognizer.warm_up()
                    loaded = self._loaded[model, backend] = stamp, recognizer
        return loaded[1]

    def is_gone(self, model: str) -> bool:
        """Return whether it is a run that was deleted or has no weights, and unload it then."""
        if not is_id(model) or self._store.weights(model).exists():
            return False
        for backend in BACKENDS:
            self._loaded.pop((model, backend), None)
        return True

    def load_all(self) -> None:
        """Load the shipped models for every backend."""
        for model in MODELS:
            for backend in BACKENDS:
                self.get(model, backend)

    def accuracy(self, model: str) -> float | None:
        """Return the model's accuracy on the MNIST test set; None if its file does not say."""
        metadata = self.get(model, BACKENDS[0]).metadata
        try:
            test, data = metadata["results"]["test"], metadata["data"]["name"]
            return float(test["accuracy"]) if test and data == "MNIST" else None
        except (KeyError, TypeError, ValueError):  # an imported file of unknown origin
            return None
