"""The Train page: settings, a run to watch and steer, and a pad to try its model on.

A run trains in a thread of the server (see services/runs.py); the page polls it several times a
second and paints what is new.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from inkgrad.course.models import ACTIVATIONS_OF, MODELS, DigitModel
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad.course.settings import COURSE, DEFAULTS, OPTIMIZERS, Settings
from inkgrad_demo.pages.page_html import page_html
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


def build(
    training: TrainingService,
    predictions: RunPredictions,
    files: RunFiles,
    datasets: Datasets,
    confusion: ConfusionService,
) -> None:
    """Build the page in the open tab."""
    page_html(
        NAME,
        to_page(
            training.start,
            training.status,
            training.steer,
            training.resume,
            training.opened,
            training.listed,
            predictions.predict,
            predictions.history,
            predictions.picture,
            files.export,
            files.import_weights,
            datasets.upload,
            datasets.uploaded,
            confusion.cell,
        ),
        # The scripts find these in `props`, beside `value`:
        catalogues=catalogues_of(NAME, "chart", "cell", "data"),
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
    return {
        "reads_digits": issubclass(MODELS[model], DigitModel),
        "data": sets_for(model),
        "activations": ACTIVATIONS_OF.get(model, ()),
        "settings": _shown(DEFAULTS[model]),
        "course": _shown(COURSE[model]) if model in COURSE else None,
        "reduction": getattr(MODELS[model], "DEFAULT_REDUCTION", None),
    }


def _shown(settings: Settings) -> dict[str, Any]:
    return asdict(settings) | {"batch_size": settings.batch_size or 0}
