"""OpenVINO, on its own conversion of the torch model."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from torch import Tensor, nn


def inference(model: nn.Module, images: Tensor, threads: int) -> Callable[[], np.ndarray]:
    """See :mod:`inkgrad_bench.peers`. Arithmetic is float32, as in the others."""
    import openvino

    with warnings.catch_warnings():  # it traces the model, which torch has deprecated
        warnings.simplefilter("ignore", FutureWarning)
        converted = openvino.convert_model(
            model.eval(), example_input=images, input=[openvino.PartialShape(list(images.shape))]
        )
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.compile_model(converted, "CPU", settings).create_infer_request()
    array = images.numpy()
    return lambda: request.infer([array], share_inputs=True, share_outputs=True)[0]
