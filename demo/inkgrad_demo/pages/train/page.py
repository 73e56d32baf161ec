"""The Train page: settings, a run that one watches and steers, and a pad to try its model with.

A run trains in a thread of the server (see training.py); the page polls it several times a second
and paints what is new.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import gradio as gr

from inkgrad.course.models import ACTIVATIONS_OF, MODELS, DigitModel
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad.course.settings import DEFAULTS, OPTIMIZERS
from inkgrad_demo.i18n import i18n
from inkgrad_demo.pages.parts import telling_function, text_of
from inkgrad_demo.pages.train import api as train_api
from inkgrad_demo.services.confusion_images import CellImages
from inkgrad_demo.services.data_choices import DATA_NAMES, MOST_DRAWINGS, sets_for
from inkgrad_demo.services.recognition import RASTER_SIDE
from inkgrad_demo.services.run_settings import (
    MOST_BATCH,
    MOST_EPOCHS,
    MOST_LR,
    MOST_SEED,
    MOST_WEIGHT_DECAY,
)
from inkgrad_demo.services.trainings import Trainings
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
    "pages/train/form.js",
    "pages/train/curves.js",
    "pages/train/watch.js",
    "pages/train/teach.js",
    "pages/train/trial.js",
    "pages/train/result.js",
    "pages/train/earlier.js",
    "pages/train/page.js",
)


def build(trainings: Trainings, images: CellImages) -> None:
    """Put the page into the tab that is open."""
    gr.HTML(
        value=i18n("app.language"),
        html_template=text_of("pages/train/page.html"),
        js_on_load=text_of(*_SCRIPTS),
        apply_default_css=False,
        server_functions=[
            telling_function(trainings.start),
            telling_function(trainings.progress),
            telling_function(trainings.steer),
            telling_function(trainings.try_out),
            telling_function(trainings.history),
            telling_function(trainings.picture),
            telling_function(trainings.earlier),
            telling_function(trainings.files.export),
            telling_function(trainings.files.take_in),
            telling_function(trainings.datasets.upload),
            telling_function(images.cell),
        ],
        # What the scripts find in `props`, beside `value`:
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
            "epochs": (1, MOST_EPOCHS),
            "batch_size": (0, MOST_BATCH),
            "lr": (1e-8, MOST_LR),
            "momentum": (0, 0.999),
            "weight_decay": (0, MOST_WEIGHT_DECAY),
            "seed": (0, MOST_SEED),
        },
        most_drawings=MOST_DRAWINGS,
        raster_side=RASTER_SIDE,
        picture_side=SIDE,
    )
    train_api.build(trainings)


def _facts(model: str) -> dict[str, Any]:
    """What the page's form has to know of a model."""
    settings = asdict(DEFAULTS[model])
    settings["batch_size"] = settings["batch_size"] or 0
    return {
        "reads_digits": issubclass(MODELS[model], DigitModel),
        "data": sets_for(model),
        "activations": ACTIVATIONS_OF.get(model, ()),
        "settings": settings,
    }
