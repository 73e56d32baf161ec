"""Training over the API: the same runs, with the same results, as on the Train page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from inkgrad_demo.services.trainings import MOST_RUNS, Trainings

_SECONDS_BETWEEN_NEWS = 0.5


def build(trainings: Trainings) -> None:
    """Put the endpoints into the app."""

    def told(ask: Callable[[Any], dict[str, Any]], question: dict[str, Any]) -> dict[str, Any]:
        try:
            return ask(question)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def train(
        model: str = "cnn",
        data: str = "",
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        optimizer: str = "",
        momentum: float | None = None,
        weight_decay: float | None = None,
        activation: str = "",
        augment: bool | None = None,
        one_cycle: bool | None = None,
        seed: int = 0,
        backend: str = "fused",
        upload: str = "",
    ) -> Iterator[dict[str, Any]]:
        """Train a model and tell how it goes, until it ends. It is stopped if the caller leaves.

        What is left out is the course's own setting of the model.

        Args:
            model: logistic, diabetes, softmax, cnn or strong.
            data: mnist, digits or images; for logistic and diabetes hours, diabetes, cancer, table.
            epochs: passes over the training part.
            batch_size: examples a step; 0 for all at once.
            lr: learning rate.
            optimizer: sgd, adagrad, rmsprop, adam, adamw, adamax, asgd, rprop or lbfgs.
            momentum: for sgd and rmsprop.
            weight_decay: of the optimizer.
            activation: for diabetes and softmax: relu, sigmoid, tanh or gelu.
            augment: vary the digits a little each time.
            one_cycle: the rate rises, then falls.
            seed: the same seed gives the same run.
            backend: fused or native.
            upload: for images and table, what /train_upload answered.

        Returns:
            run (its id), phase, done of steps, epochs (training loss, validation loss, accuracy and
            seconds of each); in the end test and confusion.
        """
        asked = {
            "model": model,
            "data": data,
            "epochs": epochs,
            "batch_size": batch_size,
            "lr": lr,
            "optimizer": optimizer,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "activation": activation,
            "augment": augment,
            "one_cycle": one_cycle,
            "seed": seed,
            "backend": backend,
            "upload": upload,
        }
        if backend == "both":  # whoever wants a race starts it with train_start
            raise gr.Error("backend: expected fused or native, got 'both'", print_exception=False)
        (run,) = told(trainings.start, asked)["runs"]
        live = trainings.live()[run]
        try:
            while not live.wait(_SECONDS_BETWEEN_NEWS):
                yield _brief(told(trainings.progress, {"run": run}))
            yield _brief(told(trainings.progress, {"run": run}))
        finally:
            live.stop()

    def train_start(settings: dict[str, Any]) -> dict[str, Any]:
        """Start a run and come back at once: {"runs": [its id]}.

        Args:
            settings: an object of /train's arguments; model has to be there. With the backend
                "both" two runs start. ``drawings``: a list of {label, pixels}, 28 x 28 bytes each
                in base64, ink white on black, to learn from.
        """
        return told(trainings.start, settings)

    def train_progress(run: str) -> dict[str, Any]:
        """How a run stands.

        Args:
            run: its id.
        """
        return told(trainings.progress, {"run": run})

    def train_steer(run: str, act: str, lr: float | None = None) -> dict[str, Any]:
        """Pause a run, let it go on, stop it, or change its learning rate.

        Args:
            run: its id.
            act: pause, go on, stop or lr.
            lr: the new learning rate.
        """
        return told(trainings.steer, {"run": run, "act": act, "lr": lr})

    def train_upload(name: str, content: str) -> dict[str, Any]:
        """Send a file to train on; the answer's ``upload`` is what to ask for it by.

        Args:
            name: the file's name.
            content: in base64: a CSV file, the label of 0 or 1 last, or a zip archive of pictures.
        """
        return told(trainings.datasets.upload, {"name": name, "content": content})

    def train_export(run: str, format: str = "weights") -> dict[str, Any]:
        """A run as a file: its name, and its content in base64.

        Args:
            run: its id.
            format: weights (safetensors), onnx, script (Python) or record (JSON).
        """
        return told(trainings.files.export, {"run": run, "format": format})

    gr.api(train, api_name="train", concurrency_limit=MOST_RUNS)
    for endpoint in (train_start, train_progress, train_steer, train_upload, train_export):
        gr.api(endpoint, api_name=endpoint.__name__, queue=False)


def _brief(progress: dict[str, Any]) -> dict[str, Any]:
    """Without the curve, which the run's record has."""
    names = ("run", "phase", "message", "done", "steps", "seconds", "speed", "epochs")
    return {name: progress[name] for name in (*names, "data", "test", "confusion")}
