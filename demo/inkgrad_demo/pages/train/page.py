"""The Train page: settings, a run to watch and steer, and a pad to try its model on.

A run trains in a thread of the server (see services/runs.py); the page polls it several times a
second and paints what is new.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import gradio as gr

from inkgrad.course.models import ACTIVATIONS_OF, MODELS, DigitModel
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad.course.settings import DEFAULTS, OPTIMIZERS
from inkgrad_demo.i18n import i18n
from inkgrad_demo.pages.parts import text_of
from inkgrad_demo.pages.train import api as train_api
from inkgrad_demo.services.confusion_service import ConfusionService
from inkgrad_demo.services.pictures import RASTER_SIDE
from inkgrad_demo.services.run_files import RunFiles
from inkgrad_demo.services.run_predictions import RunPredictions
from inkgrad_demo.services.training_data import DATA_NAMES, Datasets, sets_for
from inkgrad_demo.services.training_requests import (
    MAX_BATCH,
    MAX_DRAWINGS,
    MAX_EPOCHS,
    MAX_LR,
    MAX_SEED,
    MAX_WEIGHT_DECAY,
)
from inkgrad_demo.services.training_service import TrainingService
from inkgrad_demo.serving.exposed import to_page
from inkgrad_demo.texts import catalogues_of

NAME = "train"

_SCRIPTS = (
    "web/words.js",
    "web/pad.js",
    "web/keyboard.js",
    "web/newest.js",
    "web/paint.js",
    "web/chart.js",
    "web/confusion.js",
    "web/cells.js",
    "web/run_status.js",
    "pages/train/form.js",
    "pages/train/curves.js",
    "pages/train/watch.js",
    "pages/train/teach.js",
    "pages/train/trial.js",
    "pages/train/result.js",
    "pages/train/earlier.js",
    "pages/train/page.js",
)


def build(
    training: TrainingService,
    predictions: RunPredictions,
    files: RunFiles,
    datasets: Datasets,
    confusion: ConfusionService,
) -> None:
    """Build the page in the open tab."""
    gr.HTML(
        value=i18n("app.language"),
        html_template=text_of("pages/train/page.html"),
        js_on_load=text_of(*_SCRIPTS),
        apply_default_css=False,
        server_functions=to_page(
            training.start,
            training.status,
            training.steer,
            training.earlier,
            predictions.predict,
            predictions.history,
            predictions.picture,
            files.export,
            files.import_weights,
            datasets.upload,
            confusion.cell,
        ),
        # The scripts find these in `props`, beside `value`:
        catalogues=catalogues_of(NAME, "cell", "data"),
        data_names=DATA_NAMES,
        models={model: _facts(model) for model in MODELS},
        optimizers={
            name: {
                "lr": choice.lr,
                "has_momentum": choice.has_momentum,
                "weight_decay": choice.weight_decay,
                "full_batch": choice.full_batch,
            }
            for name, choice in OPTIMIZERS.items()
        },
        limits={
            "epochs": (1, MAX_EPOCHS),
            "batch_size": (0, MAX_BATCH),
            "lr": (1e-8, MAX_LR),
            "momentum": (0, 0.999),
            "weight_decay": (0, MAX_WEIGHT_DECAY),
            "seed": (0, MAX_SEED),
        },
        most_drawings=MAX_DRAWINGS,
        raster_side=RASTER_SIDE,
        picture_side=SIDE,
    )
    train_api.build(training, files, datasets)


def _facts(model: str) -> dict[str, Any]:
    """Return what the page's form has to know about a model."""
    settings = asdict(DEFAULTS[model])
    settings["batch_size"] = settings["batch_size"] or 0
    return {
        "reads_digits": issubclass(MODELS[model], DigitModel),
        "data": sets_for(model),
        "activations": ACTIVATIONS_OF.get(model, ()),
        "settings": settings,
    }
