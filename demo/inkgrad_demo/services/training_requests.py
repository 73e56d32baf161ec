"""Requests to train, within the limits of what the app trains. No Gradio in here."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from inkgrad.course.models import ACTIVATIONS_OF, MODELS, Backend
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad.course.settings import OPTIMIZERS, Settings, course_settings
from inkgrad_demo.services.recognizers import BACKENDS
from inkgrad_demo.services.request_fields import OneOf, Whole, square
from inkgrad_demo.services.request_validation import Request

MAX_EPOCHS = 2000
MAX_BATCH = 4096
MAX_LR = 1000
MAX_WEIGHT_DECAY = 10
MAX_SEED = 2**31 - 1
MAX_DRAWINGS = 500


class LabeledDrawing(Request):
    """A drawing to learn from: as in MNIST, white ink on black, one byte per pixel."""

    label: Annotated[int, Whole(0, 9)]
    pixels: Annotated[bytes, square(SIDE)]


class StartRequest(Request):
    """Settings of a run; fields that are null are the course's own settings of the model."""

    model: Annotated[str, OneOf(MODELS)] = Field("cnn", description=f"one of {', '.join(MODELS)}")
    data: str | None = Field(
        None,
        max_length=60,
        description="mnist, digits, drawings or images for models of digits; hours, diabetes, "
        "cancer or table for logistic and diabetes",
    )
    epochs: Annotated[int, Whole(1, MAX_EPOCHS)] | None = Field(
        None, description=f"passes over the training part, 1 to {MAX_EPOCHS}"
    )
    batch_size: Annotated[int, Whole(0, MAX_BATCH)] | None = Field(
        None, description=f"examples per step, 1 to {MAX_BATCH}; 0 for all at once"
    )
    lr: float | None = Field(None, ge=0, le=MAX_LR, description="learning rate")
    optimizer: Annotated[str, OneOf(OPTIMIZERS)] | None = Field(
        None, description=f"one of {', '.join(OPTIMIZERS)}"
    )
    momentum: float | None = Field(None, ge=0, le=1, description="for sgd and rmsprop")
    weight_decay: float | None = Field(
        None, ge=0, le=MAX_WEIGHT_DECAY, description="not for rprop and lbfgs"
    )
    activation: str | None = Field(
        None,
        max_length=60,
        description="; ".join(
            f"for {model}: {', '.join(activations)}"
            for model, activations in ACTIVATIONS_OF.items()
        ),
    )
    augment: bool | None = Field(
        None, description="shift, rotate and stretch each digit a little (digits only)"
    )
    standardize: bool | None = Field(
        None, description="scale each column to mean 0 and standard deviation 1 (tables only)"
    )
    reduction: Literal["mean", "sum"] | None = Field(
        None, description="of the loss over a batch (tables only)"
    )
    one_cycle: bool | None = Field(None, description="raise the learning rate, then lower it")
    seed: Annotated[int, Whole(0, MAX_SEED)] = Field(
        0, description="the same seed gives the same run"
    )
    backend: Literal["fused", "native", "both"] = Field(
        "fused", description="fused, native, or both: two runs that differ only in the backend"
    )
    upload: str | None = Field(
        None, max_length=60, description="for images and table: the answer of /train_upload"
    )
    drawings: list[LabeledDrawing] | None = Field(
        None,
        max_length=MAX_DRAWINGS,
        description="digits to learn from, instead of or beside the data: label, and pixels in "
        "base64 (28 x 28 bytes, white ink on black)",
    )

    def settings(self) -> list[Settings]:
        """Return the settings of each run. Raises ValueError for values that do not go together."""
        names = {"data", "batch_size", "backend", "upload", "drawings"}
        changes = self.model_dump(exclude=names, exclude_none=True)
        settings = course_settings(styles=False, **changes)
        if self.batch_size is not None:
            settings = replace(settings, batch_size=self.batch_size or None)
        backends = BACKENDS if self.backend == "both" else (self.backend,)
        return [replace(settings, backend=backend) for backend in backends]


class TrainRequest(StartRequest):
    """One run, so not with both backends."""

    backend: Backend = Field("fused", description="fused (inkgrad's kernels) or native (torch's)")
