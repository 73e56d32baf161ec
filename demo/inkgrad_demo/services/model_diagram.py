"""The layers of a model with the settings of the Train page's form. No Gradio in here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from inkgrad.course.model_layers import layers
from inkgrad.course.models import ACTIVATIONS, MODELS, TableModel
from inkgrad_demo.services.request_fields import OneOf, Whole
from inkgrad_demo.services.request_validation import Request, choice_error

# For the tables of the course. Those of an upload are in its description.
TABLE_FEATURES = {"hours": 1, "diabetes": 8, "cancer": 30}

_MAX_FEATURES = 10**6


class ArchitectureRequest(Request):
    model: Annotated[str, OneOf(MODELS)]
    activation: Annotated[str, OneOf(ACTIVATIONS)] | None = Field(None)
    features: Annotated[int, Whole(1, _MAX_FEATURES)] | None = Field(None)
    classes: Annotated[int, Whole(2, _MAX_FEATURES)] | None = Field(None)


def architecture(request: ArchitectureRequest) -> dict[str, Any]:
    """Return the shape of an ``input`` and the ``layers``, as :class:`~.model_layers.Layer`."""
    kwargs: dict[str, Any] = {}
    if request.activation is not None:
        kwargs["activation"] = request.activation
    if issubclass(MODELS[request.model], TableModel):
        if request.features is not None:
            kwargs["in_features"] = request.features
        if request.classes is not None:
            kwargs["classes"] = request.classes
    try:
        shape, found = layers(request.model, **kwargs)
    except TypeError:  # a model whose activation is fixed
        raise choice_error("activation", ["null"], request.activation) from None
    return {"input": shape, "layers": [asdict(layer) for layer in found]}
