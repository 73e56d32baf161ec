"""The ONNX file computes what its model does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inkgrad.course import models, weights_file
from inkgrad.course.training import onnx_export


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    kwargs = {"in_features": 8, "activation": "gelu"}
    path = tmp_path / "diabetes.safetensors"
    model = models.build("diabetes", **kwargs)
    weights_file.save(path, model, {"model": "diabetes", "model_kwargs": kwargs})
    return path


def test_without_its_packages_onnx_says_what_to_install(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        onnx_export.Unavailable, match=r'onnx, onnxscript: pip install "inkgrad\[onnx\]"'
    ):
        onnx_export.export(weights)


def test_the_onnx_file_computes_what_the_model_does(weights: Path) -> None:
    pytest.importorskip("onnxscript")
    from onnx import load_from_string
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(load_from_string(onnx_export.export(weights)))
    inputs = torch.randn(5, 8)
    (output,) = session.run(None, {"input": inputs.numpy()})
    model, _ = weights_file.load(weights)
    torch.testing.assert_close(torch.from_numpy(output), model(inputs))
