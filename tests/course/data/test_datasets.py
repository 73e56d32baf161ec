"""Data comes from the root, from the network, or from bundled fallback data, with a message."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator

from inkgrad.course.data import datasets as data
from inkgrad.course.data import download

TABLE = b"0.5,-1,0\n1,0.25,1\n0,0,1\n0.75,1,0\n0.1,0.2,1\n"
MACHINE_DATA = os.environ.get("INKGRAD_DATA", "")  # read before the fixtures set another
HAS_MNIST = Path(MACHINE_DATA, "MNIST", "raw", data.MNIST_FILES[0]).exists()


class Screen(list[str]):
    """Collects what is said."""

    def __call__(self, message: str) -> None:
        self.append(message)

    @property
    def text(self) -> str:
        return "\n".join(self)


@pytest.fixture
def screen() -> Screen:
    return Screen()


def write_idx(path: Path, values: torch.Tensor) -> None:
    """MNIST's file format: a magic number, the shape, the bytes."""
    header = struct.pack(f">{values.dim() + 1}I", 0x800 + values.dim(), *values.shape)
    path.write_bytes(header + values.numpy().tobytes())


@pytest.fixture
def tiny_mnist(data_folder: Path) -> Path:
    """A root with an MNIST of 4 and 2 images."""
    raw = data_folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 4), ("t10k", 2)):
        images = torch.arange(count * 784).remainder(256).to(torch.uint8).view(count, 28, 28)
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", torch.arange(count).to(torch.uint8))
    return data_folder


def test_the_root_is_inkgrad_data_or_the_users_cache(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data.data_root() == data_folder
    monkeypatch.delenv("INKGRAD_DATA")
    assert data.data_root().name == "inkgrad"


def test_splitting_loses_and_repeats_nothing() -> None:
    everything = data.Examples(torch.arange(30.0).unsqueeze(1), torch.arange(30))
    first, second = data.split(everything, 1 / 4, Generator().manual_seed(0))
    assert (len(first), len(second)) == (23, 7)
    assert sorted([*first.targets.tolist(), *second.targets.tolist()]) == list(range(30))
    assert torch.equal(first.inputs.squeeze(1).long(), first.targets)


# ---------------------------------------------------------------- digits


def test_the_bundled_digits_look_like_mnist() -> None:
    digits = data.digits()
    for part in (digits.train, digits.test):
        assert part.inputs.shape == (len(part), 1, 28, 28)
        assert (part.inputs.dtype, part.targets.dtype) == (torch.uint8, torch.int64)
        assert part.targets.unique().tolist() == list(range(10))
    assert len(digits.train) + len(digits.test) == 1797
    frame = digits.train.inputs.clone()
    frame[:, :, 4:24, 4:24] = 0
    assert frame.sum() == 0
    assert 0.9 < digits.train.as_float().max() <= 1


def test_mnist_is_read_from_the_root(tiny_mnist: Path, screen: Screen) -> None:
    pytest.importorskip("torchvision", exc_type=Exception)
    for mnist in (data.mnist(report=screen), data.load("cnn", tiny_mnist, screen)):
        assert mnist.train.inputs.shape == (4, 1, 28, 28)
        assert mnist.train.inputs[1, 0, 0, 0] == 784 % 256
        assert mnist.test.targets.tolist() == [0, 1]
    assert screen == []


def test_a_damaged_mnist_is_named(tiny_mnist: Path) -> None:
    pytest.importorskip("torchvision", exc_type=Exception)
    labels = tiny_mnist / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1])
    with pytest.raises(data.DataError, match="MNIST/raw: damaged"):
        data.mnist()


def test_a_given_folder_must_hold_mnist(tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match=r"no MNIST found: expected MNIST/raw/train-images"):
        data.load("softmax", tmp_path)


def test_without_a_network_the_bundled_digits_are_the_fallback(
    screen: Screen, data_folder: Path
) -> None:
    pytest.importorskip("torchvision", exc_type=Exception)
    assert data.load("strong", report=screen).name == "scikit-learn's digits"
    assert "no network in tests" in screen.text
    assert "*** Fallback data: scikit-learn's digits." in screen.text
    assert list(data_folder.iterdir()) == []


@pytest.mark.parametrize("error", [ImportError("none"), RuntimeError("operator nms missing")])
def test_without_a_fitting_torchvision_the_bundled_digits_are_the_fallback(
    tiny_mnist: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Refuses:
        @staticmethod
        def find_spec(name: str, *_: Any) -> None:
            if name.startswith("torchvision"):
                raise error

    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Refuses, *sys.meta_path])
    assert data.mnist(report=screen).name == "scikit-learn's digits"
    assert str(error) in screen.text
    assert "pip install -U torchvision" in screen.text


def test_a_download_of_mnist_arrives_whole_or_not_at_all(
    data_folder: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("torchvision.datasets", exc_type=Exception)
    monkeypatch.setattr(download, "check_reachable", lambda url: None)

    def breaks_off(self: Any) -> None:
        Path(self.raw_folder).mkdir(parents=True)
        Path(self.raw_folder, data.MNIST_FILES[0]).write_bytes(b"half")
        raise RuntimeError("Error downloading train-images")

    monkeypatch.setattr(datasets.MNIST, "download", breaks_off)
    assert data.mnist(report=screen).name == "scikit-learn's digits"
    assert "Downloading MNIST" in screen.text
    assert list((data_folder / "MNIST" / "raw").iterdir()) == []

    def succeeds(self: Any) -> None:
        raw = Path(self.raw_folder)
        raw.mkdir(parents=True)
        for name in data.MNIST_FILES:
            shape = (3, 28, 28) if "images" in name else (3,)
            write_idx(raw / name, torch.ones(shape, dtype=torch.uint8))

    monkeypatch.setattr(datasets.MNIST, "download", succeeds)
    assert data.mnist(report=screen).name == "MNIST"
    names = sorted(path.name for path in (data_folder / "MNIST" / "raw").iterdir())
    assert names == sorted(data.MNIST_FILES)


@pytest.mark.skipif(not HAS_MNIST, reason="MNIST is not available (INKGRAD_DATA)")
def test_the_real_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKGRAD_DATA", MACHINE_DATA)
    mnist = data.mnist()
    assert (len(mnist.train), len(mnist.test)) == (60000, 10000)
    assert mnist.train.targets[:5].tolist() == [5, 0, 4, 1, 9]
    pixels = mnist.train.as_float()
    assert float(pixels.mean()) == pytest.approx(0.1307, abs=1e-4)
    assert float(pixels.std()) == pytest.approx(0.3081, abs=1e-4)


# ---------------------------------------------------------------- tables


def test_the_test_rows_do_not_depend_on_the_run() -> None:
    first, again = data.breast_cancer(), data.breast_cancer()
    assert torch.equal(first.test.inputs, again.test.inputs)
    assert (len(first.train), len(first.test)) == (456, 113)
    assert first.train.inputs.shape[1] == 30
    assert first.train.inputs.mean().abs() < 0.1


def test_the_cached_diabetes_table_is_used(data_folder: Path, screen: Screen) -> None:
    (data_folder / "diabetes.csv.gz").write_bytes(gzip.compress(TABLE))
    diabetes = data.load("diabetes", report=screen)
    assert (len(diabetes.train), len(diabetes.test)) == (4, 1)
    assert screen == []
    named = data.load("diabetes", data_folder, screen)
    assert torch.equal(named.train.inputs, diabetes.train.inputs)
    assert "5 rows, 3 columns" in screen[0]


def test_without_a_network_another_table_is_the_fallback(screen: Screen) -> None:
    assert data.diabetes(report=screen).name == "scikit-learn's breast cancer table"
    assert "Downloading https://" in screen.text
    assert "*** Fallback data: scikit-learn's breast cancer table." in screen.text


def test_a_url_is_checked_and_kept(data_folder: Path, tmp_path: Path, screen: Screen) -> None:
    original = tmp_path / "mine.csv.gz"
    original.write_bytes(gzip.compress(TABLE))
    checksum = hashlib.sha256(original.read_bytes()).hexdigest()
    source = f"{original.as_uri()}#sha256={checksum}"
    first = data.load("diabetes", source, screen)
    original.unlink()
    again = data.load("diabetes", source, screen)
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert screen.count(f"Downloading {original.as_uri()}") == 1


def test_another_file_than_the_expected_one_is_refused(data_folder: Path, tmp_path: Path) -> None:
    original = tmp_path / "mine.csv"
    original.write_bytes(TABLE)
    with pytest.raises(data.DataError, match=r"mine\.csv: expected the SHA-256 checksum 0000"):
        data.load("diabetes", f"{original.as_uri()}#sha256={'0' * 64}", Screen())
    with pytest.raises(data.DataError, match="expected a URL with the checksum of the file"):
        data.load("diabetes", original.as_uri())
    assert list(data_folder.iterdir()) == []


def test_a_root_that_cannot_be_written_to_is_no_obstacle(
    tmp_path: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file in place of the folder: not even the superuser can write below it.
    (tmp_path / "root").write_text("")
    monkeypatch.setenv("INKGRAD_DATA", str(tmp_path / "root"))
    original = tmp_path / "mine.csv"
    original.write_bytes(TABLE)
    checksum = hashlib.sha256(TABLE).hexdigest()
    table = data.load("logistic", f"{original.as_uri()}#sha256={checksum}", screen)
    assert len(table.train) == 4
    assert "Not saved for the next time" in screen.text


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match=r"none\.csv: no such file"):
        data.load("diabetes", tmp_path / "none.csv")


# ---------------------------------------------------------------- network


def test_a_network_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert download.SECONDS_TO_ANSWER < 5
    answers = threading.Event()
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: answers.wait())
    monkeypatch.setattr(download, "SECONDS_TO_ANSWER", 0.05)
    with pytest.raises(download.Unreachable, match=r"no response within 0\.05 s"):
        download.fetch("https://example.org/table.csv")
    answers.set()
