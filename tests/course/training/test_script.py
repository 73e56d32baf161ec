"""The script of a run trains what that trained; the ONNX file computes what its model does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inkgrad.course import models
from inkgrad.course.data.datasets import breast_cancer, digits
from inkgrad.course.settings import course_settings
from inkgrad.course.training import onnx_export as onnx
from inkgrad.course.training import weights_file as checkpoint
from inkgrad.course.training.live_run import LiveRun
from inkgrad.course.training.run_store import Rate, RunStore
from inkgrad.course.training.script import script
from warm_python import WarmPython


def test_the_script_gives_the_same_weights(python: WarmPython, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    settings = course_settings("diabetes", epochs=3)
    live = LiveRun(settings, lambda say: breast_cancer(), store, source="data.breast_cancer()")
    live.start()
    assert live.wait(60)
    ran = python.run(script(store.load(live.id)), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 4
    trained, _ = checkpoint.load(tmp_path / "diabetes.safetensors")
    kept, _ = checkpoint.load(store.weights(live.id))
    for name, weight in kept.state_dict().items():
        assert torch.equal(trained.state_dict()[name], weight)


def test_the_script_repeats_changes_of_the_rate(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    live = LiveRun(
        course_settings("cnn", epochs=1), lambda say: digits(), store, source="data.digits()"
    )
    record = replace(live.record(), rates=(Rate(5, 0.001), Rate(9, 0.1)))
    assert "RATES = {5: 0.001, 9: 0.1}" in script(record)


def test_a_run_of_unknown_data_has_no_script(tmp_path: Path) -> None:
    live = LiveRun(course_settings("cnn"), lambda say: digits(), RunStore(tmp_path))
    with pytest.raises(ValueError, match="not recorded"):
        script(live.record())


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    kwargs = {"in_features": 8, "activation": "gelu"}
    path = tmp_path / "diabetes.safetensors"
    model = models.build("diabetes", **kwargs)
    checkpoint.save(path, model, {"model": "diabetes", "model_kwargs": kwargs})
    return path


def test_without_its_packages_onnx_says_what_to_install(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(onnx.Unavailable, match=r"onnx, onnxscript: pip install 'inkgrad\[onnx\]'"):
        onnx.export(weights)


def test_the_onnx_file_computes_what_the_model_does(weights: Path) -> None:
    pytest.importorskip("onnxscript")
    from onnx import load_from_string
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(load_from_string(onnx.export(weights)))
    inputs = torch.randn(5, 8)
    (output,) = session.run(None, {"input": inputs.numpy()})
    model, _ = checkpoint.load(weights)
    torch.testing.assert_close(torch.from_numpy(output), model(inputs))
