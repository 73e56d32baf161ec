"""A trained model as an ONNX file, for other runtimes; needs the packages onnx and onnxscript."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import tempfile
from pathlib import Path

import torch

from inkgrad.course.messages import message
from inkgrad.course.models import DigitModel
from inkgrad.course.training import weights_file as checkpoint


class Unavailable(ValueError):
    """A package that is needed is not installed; the message says which, and how to get it."""


def export(weights: str | os.PathLike[str]) -> bytes:
    """The ONNX file of a checkpoint; ``input`` and ``output`` may have any number of examples.

    CheckpointError as from :func:`checkpoint.load`.
    """
    missing = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if missing:
        raise Unavailable(message("problem.no_onnx", packages=", ".join(missing)))
    # In torch's own ops: other runtimes know no others.
    model, metadata = checkpoint.load(weights, "native")
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
