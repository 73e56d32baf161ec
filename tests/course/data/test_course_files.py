"""The files of the course's data, for programs that read files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inkgrad.course.data import course_files
from inkgrad.course.data.datasets import MNIST_FILES, breast_cancer, digits


@pytest.fixture(autouse=True)
def _forget() -> None:
    for cached in (course_files._fallback_table, course_files._fallback_digits):
        cached.cache_clear()


def test_what_is_there_is_used(data_folder: Path) -> None:
    table = data_folder / "diabetes.csv.gz"
    table.touch()
    (data_folder / "MNIST" / "raw").mkdir(parents=True)
    for name in MNIST_FILES:
        (data_folder / "MNIST" / "raw" / name).touch()
    assert course_files.diabetes_csv() == table
    assert course_files.mnist_folder() == data_folder


def test_without_a_network_the_fallback_is_written_as_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    xy = np.loadtxt(course_files.diabetes_csv(), delimiter=",", dtype=np.float32)
    data = breast_cancer()
    assert xy.shape == (569, 31)
    assert np.allclose(xy[: len(data.train), :-1], data.train.inputs, atol=1e-5)
    assert set(xy[:, -1]) == {0, 1}
    datasets = pytest.importorskip("torchvision.datasets")
    folder = course_files.mnist_folder()
    for part, examples in ((True, digits().train), (False, digits().test)):
        read = datasets.MNIST(folder, train=part)
        assert torch.equal(read.data, examples.inputs[:, 0])
        assert torch.equal(read.targets, examples.targets)
    assert capsys.readouterr().err.count("Fallback data") == 2  # both are reported
