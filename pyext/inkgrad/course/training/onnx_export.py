"""Export of a trained model as ONNX, for other runtimes; needs the packages onnx and onnxscript."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import tempfile
from pathlib import Path

import torch

from inkgrad.course import weights_file
from inkgrad.course.messages import message
from inkgrad.course.models import DigitModel


class Unavailable(ValueError):
    """A required package is not installed; the message says which, and how to install it."""


def export(weights: str | os.PathLike[str]) -> bytes:
    """The ONNX model of a weights file; ``input`` and ``output`` take any number of examples.

    Unavailable without the packages, WeightsFileError as from :func:`.weights_file.load`.
    """
    missing = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if missing:
        raise Unavailable(message("problem.no_onnx", packages=", ".join(missing)))
    # With torch's own ops, the only ones that other runtimes know.
    model, metadata = weights_file.load(weights, "native")
    features = metadata.get("model_kwargs", {}).get("in_features", 1)
    example = (
        torch.zeros(2, 1, 28, 28) if isinstance(model, DigitModel) else torch.zeros(2, features)
    )
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder, "model.onnx")
        torch.onnx.export(
            model,
            (example,),
            path,
            input_names=["input"],
            output_names=["output"],
            dynamic_shapes=({0: torch.export.Dim("examples")},),
            external_data=False,
            dynamo=True,
            verbose=False,
        )
        return path.read_bytes()
