"""ONNX Runtime, on torch's own export of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def inference(model: nn.Module, images: Tensor, threads: int) -> Callable[[], np.ndarray]:
    """See :mod:`inkgrad_bench.peers`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        exported(model, images), options, providers=["CPUExecutionProvider"]
    )
    inputs: dict[str, Any] = {session.get_inputs()[0].name: images.numpy()}
    return lambda: session.run(None, inputs)[0]


def exported(model: nn.Module, images: Tensor) -> bytes:
    """The ONNX file of the model for images of this shape."""
    program = torch.onnx.export(model.eval(), (images,), dynamo=True, verbose=False)
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content
