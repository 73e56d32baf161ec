"""The script of a run trains what that trained; the ONNX file computes what its model does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inkgrad.course import weights_file
from inkgrad.course.data.datasets import breast_cancer, digits
from inkgrad.course.settings import course_settings
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_record import LrChange
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.script_export import script


def test_the_script_gives_the_same_weights(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    settings = course_settings("diabetes", epochs=3)
    run = Run(settings, lambda report: breast_cancer(), store, source="datasets.breast_cancer()")
    run.start()
    assert run.wait(60)
    path = tmp_path / "train.py"
    path.write_text(script(store.load(run.id)))
    path_of_modules = {"PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, path],
        cwd=tmp_path,
        env=os.environ | path_of_modules,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 4
    trained, _ = weights_file.load(tmp_path / "diabetes.safetensors")
    kept, _ = weights_file.load(store.weights(run.id))
    for name, weight in kept.state_dict().items():
        assert torch.equal(trained.state_dict()[name], weight)


def test_the_script_repeats_changes_of_the_rate(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    run = Run(
        course_settings("cnn", epochs=1), lambda report: digits(), store, source="datasets.digits()"
    )
    record = replace(run.record(), lr_changes=(LrChange(5, 0.001), LrChange(9, 0.1)))
    assert "LR_CHANGES = {5: 0.001, 9: 0.1}" in script(record)


def test_a_run_of_unknown_data_has_no_script(tmp_path: Path) -> None:
    run = Run(course_settings("cnn"), lambda report: digits(), RunStore(tmp_path))
    with pytest.raises(ValueError, match="not recorded"):
        script(run.record())
