"""The data of the course: MNIST, the diabetes table, one's own tables, and bundled stand-ins.

Everything lies under one root (:func:`data_root`), as ``MNIST/raw/...`` and ``diabetes.csv.gz``.
What is missing is downloaded once, and what cannot be had is replaced by data that scikit-learn
brings along; either is said aloud.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from inkgrad.course.data import download
from inkgrad.course.data.table import DataError, parse_table, read_table
from inkgrad.course.files import write_atomically
from inkgrad.course.messages import Message, message, message_of

__all__ = [
    "Data",
    "DataError",
    "Examples",
    "data_root",
    "diabetes",
    "digits",
    "load",
    "mnist",
    "parsed_table",
]

Say = Callable[[str], None]

DIABETES_URL = (
    "https://raw.githubusercontent.com/hunkim/PyTorchZeroToAll/"
    "8440894e621e3922a394da25b4a0806bdabee21c/data/diabetes.csv.gz"
)
DIABETES_SHA256 = "398214d0f6b7f4a722f598d8e424f28bc078abbd16ebdeea0f8e264492325aa4"
MNIST_PROBE_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz"
MNIST_FILES = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)

# Which examples are the test set never depends on a run's seed, so that runs can be compared.
TEST_SEED = 0
TEST_SHARE = 1 / 5


@dataclass(frozen=True)
class Examples:
    """Inputs and their targets.

    Digits: ``inputs`` uint8 (N, 1, 28, 28), ``targets`` int64 (N,) in 0..9. Tables: ``inputs``
    float32 (N, F), ``targets`` float32 (N, 1), 0 or 1.
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: Any) -> Examples:
        return Examples(self.inputs[index], self.targets[index])

    def take(self, rows: Tensor) -> Examples:
        """Those of int64 ``rows``; for small batches an index takes ten times as long."""
        return Examples(self.inputs.index_select(0, rows), self.targets.index_select(0, rows))

    def to(self, device: str | torch.device) -> Examples:
        return Examples(self.inputs.to(device), self.targets.to(device))

    def as_float(self) -> Tensor:
        """The inputs as a model takes them: float32, pixels in [0, 1]."""
        if self.inputs.dtype == torch.uint8:
            return self.inputs.float().div_(255)
        return self.inputs


@dataclass(frozen=True)
class Data:
    """What a run learns from (``train``) and what it is judged by in the end (``test``).

    ``stand_in``: it takes the place of data that could not be had.
    """

    name: str
    train: Examples
    test: Examples
    stand_in: bool = False


def data_root() -> Path:
    """The folder of all data: INKGRAD_DATA, else the user's cache folder."""
    return Path(os.environ.get("INKGRAD_DATA") or platformdirs.user_cache_dir("inkgrad"))


def say_on_stderr(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def load(
    model: str, source: str | os.PathLike[str] | None = None, say: Say = say_on_stderr
) -> Data:
    """The data that the course trains a model on.

    ``source`` is a folder with ``MNIST/raw`` for the digit models; a CSV file, or a URL with its
    checksum (``https://...#sha256=...``), for ``logistic`` and ``diabetes``. Without it the
    course's own data. DataError where ``source`` is not that.
    """
    if model == "logistic":
        return hours_of_study() if source is None else table(source, say)
    if model == "diabetes":
        return diabetes(source, say)
    return mnist(source, say)


def split(examples: Examples, share: float, generator: Generator) -> tuple[Examples, Examples]:
    """Two parts in random order, the second with that share of the examples (rounded down)."""
    order = torch.randperm(len(examples), generator=generator)
    kept = len(examples) - int(len(examples) * share)
    return examples[order[:kept]], examples[order[kept:]]


# ---------------------------------------------------------------- tables


def hours_of_study() -> Data:
    """The course's first classification: hours studied, and whether the exam was passed."""
    everything = Examples(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[0.0], [0.0], [1.0]]))
    return Data("hours of study", everything, test=everything[:0])


def diabetes(source: str | os.PathLike[str] | None = None, say: Say = say_on_stderr) -> Data:
    """The diabetes table: 759 people, 8 features scaled to [-1, 1]; or the table at ``source``.

    Without ``source`` and without a network, scikit-learn's breast cancer table stands in.
    """
    if source is not None:
        return table(source, say)
    cached = data_root() / "diabetes.csv.gz"
    if cached.exists():
        return _table_data("diabetes", *read_table(cached))
    try:
        content = _download(DIABETES_URL, DIABETES_SHA256, cached, say)
    except (download.Unreachable, DataError) as error:
        reason = message("said.no_table", error=message_of(error))
        return _stand_in(breast_cancer(), reason, say)
    return _table_data("diabetes", *parse_table(content, DIABETES_URL))


def table(source: str | os.PathLike[str], say: Say = say_on_stderr) -> Data:
    """The table in a CSV file, in a folder's ``diabetes.csv.gz``, or at a URL with checksum."""
    source = os.fspath(source)
    if "://" in source:
        url, _, checksum = source.partition("#sha256=")
        if not checksum:
            raise DataError(message("problem.url_checksum", url=source, address=url))
        name = Path(urlsplit(url).path).name
        cached = data_root() / "tables" / f"{checksum[:16]}-{name}"
        if not cached.exists():
            content = _download(url, checksum, cached, say)
            return parsed_table(content, name)
        source = os.fspath(cached)
    path = Path(source, "diabetes.csv.gz") if Path(source).is_dir() else Path(source)
    if not path.exists():
        raise DataError(message("problem.no_file", file=path))
    return _table_data(path.name, *read_table(path))


def parsed_table(content: bytes, name: str) -> Data:
    """The table in a CSV file's bytes; ``name`` is what a DataError calls it."""
    return _table_data(name, *parse_table(content, name))


def breast_cancer() -> Data:
    """scikit-learn's breast cancer table: 569 tumours, 30 features standardised; 1 is benign."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    features = torch.from_numpy(bunch.data)
    features = (features - features.mean(0)) / features.std(0)
    labels = torch.from_numpy(bunch.target).float().unsqueeze(1)
    return _table_data("scikit-learn's breast cancer table", features.float(), labels)


def _table_data(name: str, features: Tensor, labels: Tensor) -> Data:
    generator = Generator().manual_seed(TEST_SEED)
    return Data(name, *split(Examples(features, labels), TEST_SHARE, generator))


def _download(url: str, checksum: str, cached: Path, say: Say) -> bytes:
    """The file, kept at ``cached`` where that can be written. Unreachable or DataError."""
    say(message("said.downloading", url=url))
    content = download.fetch(url)
    if (got := download.sha256(content)) != checksum.lower():
        raise DataError(message("problem.other_checksum", url=url, expected=checksum, got=got))
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cached, content)
    except OSError as error:
        say(message("said.not_kept", error=error))
    return content


def _stand_in(data: Data, reason: Message, say: Say) -> Data:
    say(message("said.stand_in", reason=reason, data=data.name))
    return replace(data, stand_in=True)


# ---------------------------------------------------------------- digits


def mnist(source: str | os.PathLike[str] | None = None, say: Say = say_on_stderr) -> Data:
    """MNIST: 60000 digits to train with, 10000 to test with.

    Read by torchvision from ``source/MNIST/raw``, by default under :func:`data_root`, where it is
    downloaded to if it is missing. If that is impossible :func:`digits` stand in; but DataError
    where ``source`` is given and holds no MNIST.
    """
    root = data_root() if source is None else Path(source)
    missing = [name for name in MNIST_FILES if not (root / "MNIST" / "raw" / name).exists()]
    if missing and source is not None:
        expected = f"MNIST/raw/{missing[0]}"
        raise DataError(message("problem.no_mnist", folder=root, file=expected))
    try:
        from torchvision.datasets import MNIST
    except Exception as error:  # not installed; or built for another torch: then anything is raised
        reason = message("said.no_torchvision", torch=torch.__version__, error=error)
        return _stand_in(digits(), reason, say)
    if missing:
        try:
            _download_mnist(MNIST, root, say)
        except (OSError, RuntimeError) as error:
            reason = message("said.no_mnist", error=message_of(error))
            return _stand_in(digits(), reason, say)
    try:
        train, test = MNIST(root, train=True), MNIST(root, train=False)
    except (AssertionError, RuntimeError, ValueError) as error:
        folder = f"{root}/MNIST/raw"
        raise DataError(message("problem.damaged_mnist", folder=folder)) from error
    return Data(
        "MNIST",
        Examples(train.data.unsqueeze(1), train.targets),
        Examples(test.data.unsqueeze(1), test.targets),
    )


def _download_mnist(mnist_class: Any, root: Path, say: Say) -> None:
    """Download beside the goal and move the finished files there: never half of a file."""
    raw = root / "MNIST" / "raw"
    download.check_reachable(MNIST_PROBE_URL)
    raw.mkdir(parents=True, exist_ok=True)
    say(message("said.downloading_mnist", folder=raw))
    with tempfile.TemporaryDirectory(dir=raw) as folder:
        mnist_class(folder, download=True)
        for name in MNIST_FILES:
            Path(folder, "MNIST", "raw", name).replace(raw / name)


def digits() -> Data:
    """scikit-learn's 1797 handwritten digits of 8 x 8, brought to MNIST's shape.

    As in MNIST the ink fills 20 x 20 pixels in the middle of 28 x 28. The last fifth is the test
    set: other people wrote it.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = torch.from_numpy(bunch.images).float().unsqueeze(1) / bunch.images.max()
    large = F.interpolate(small, size=(20, 20), mode="bilinear", align_corners=False)
    images = F.pad(large * 255, (4, 4, 4, 4)).round().to(torch.uint8)
    everything = Examples(images, torch.from_numpy(bunch.target))
    kept = len(everything) - int(len(everything) * TEST_SHARE)
    return Data("scikit-learn's digits", everything[:kept], everything[kept:])
