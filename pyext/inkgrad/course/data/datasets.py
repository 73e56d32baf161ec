"""The data of the course: MNIST, the diabetes table, tables from files, and fallback data.

Everything is under one root (:func:`data_root`), as ``MNIST/raw/...`` and ``diabetes.csv.gz``.
Missing data is downloaded once; if that fails, data that scikit-learn bundles is the fallback. Both
are reported.
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

from inkgrad.course.data import download, tables
from inkgrad.course.data.errors import DataError
from inkgrad.course.data.tables import Limits, Schema, Table, TableOptions
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

Report = Callable[[str], None]
"""Called with messages for the user."""

DIABETES_URL = (
    "https://raw.githubusercontent.com/hunkim/PyTorchZeroToAll/"
    "8440894e621e3922a394da25b4a0806bdabee21c/data/diabetes.csv.gz"
)
DIABETES_SHA256 = "398214d0f6b7f4a722f598d8e424f28bc078abbd16ebdeea0f8e264492325aa4"
MNIST_PROBE_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz"
MNIST_FILES = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)

# The test set does not depend on a run's seed, so that runs can be compared.
TEST_SEED = 0
TEST_SHARE = 1 / 5


@dataclass(frozen=True)
class Examples:
    """Inputs and their targets.

    Digits: ``inputs`` uint8 (N, 1, 28, 28), ``targets`` int64 (N,) in 0..9. Tables: ``inputs``
    float32 (N, F), ``targets`` float32 (N, 1), 0 or 1, for two classes, int64 (N,) for more.
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: Any) -> Examples:
        return Examples(self.inputs[index], self.targets[index])

    def take(self, rows: Tensor) -> Examples:
        """The examples of int64 ``rows``; for small batches ten times as fast as an index."""
        return Examples(self.inputs.index_select(0, rows), self.targets.index_select(0, rows))

    def to(self, device: str | torch.device) -> Examples:
        return Examples(self.inputs.to(device), self.targets.to(device))

    def as_float(self) -> Tensor:
        """The inputs that a model expects: float32, pixels in [0, 1]."""
        if self.inputs.dtype == torch.uint8:
            return self.inputs.float().div_(255)
        return self.inputs


@dataclass(frozen=True)
class Data:
    """Training and test examples.

    ``is_fallback``: this replaces data that could not be loaded. ``schema``: how the inputs come
    from the columns of a table. ``folder``: where MNIST lies, for runs that keep no copy of it.
    """

    name: str
    train: Examples
    test: Examples
    is_fallback: bool = False
    schema: Schema | None = None
    folder: Path | None = None

    @property
    def classes(self) -> int:
        """The number of classes of a table."""
        return len(self.schema.classes) if self.schema else 2


def data_root() -> Path:
    """The folder of all data: INKGRAD_DATA, else the user's cache folder."""
    return Path(os.environ.get("INKGRAD_DATA") or platformdirs.user_cache_dir("inkgrad"))


def report_to_stderr(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def load(
    model: str,
    source: str | os.PathLike[str] | None = None,
    report: Report = report_to_stderr,
    options: TableOptions | None = None,
) -> Data:
    """Load the data for a model.

    ``source`` is a folder with ``MNIST/raw`` for the digit models; a table (:func:`table`) for
    ``logistic`` and ``diabetes``, read with ``options``. None is the course's own data. DataError
    if ``source`` has not the expected form.
    """
    if model in ("logistic", "diabetes"):
        if source is not None:
            return table(source, report, options)
        return hours_of_study() if model == "logistic" else diabetes(report=report)
    return mnist(source, report)


def split(examples: Examples, share: float, generator: Generator) -> tuple[Examples, Examples]:
    """Split in random order; the second part has ``share`` of the examples, rounded down."""
    order = torch.randperm(len(examples), generator=generator)
    kept = len(examples) - int(len(examples) * share)
    return examples[order[:kept]], examples[order[kept:]]


# ---------------------------------------------------------------- tables


def hours_of_study() -> Data:
    """The course's first classification: hours studied, and whether the exam was passed."""
    everything = Examples(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[0.0], [0.0], [1.0]]))
    return Data("hours of study", everything, test=everything[:0])


def diabetes(
    source: str | os.PathLike[str] | None = None, report: Report = report_to_stderr
) -> Data:
    """Load the diabetes table: 759 people, 8 features scaled to [-1, 1]; or the one at ``source``.

    Without ``source`` and without a network, the fallback is scikit-learn's breast cancer table.
    """
    if source is not None:
        return table(source, report)
    cached = data_root() / "diabetes.csv.gz"
    if cached.exists():
        return table_data(tables.read(cached), "diabetes")
    try:
        content = _download(DIABETES_URL, DIABETES_SHA256, cached, report)
    except (download.Unreachable, DataError) as error:
        reason = message("report.no_table", error=message_of(error))
        return _as_fallback(breast_cancer(), reason, report)
    return table_data(tables.parse(content, DIABETES_URL), "diabetes")


def table(
    source: str | os.PathLike[str],
    report: Report = report_to_stderr,
    options: TableOptions | None = None,
) -> Data:
    """Load a table: a file of delimited text or Excel, packed or not; ``diabetes.csv.gz`` in a
    folder; or a URL with its checksum, ``https://...#sha256=...``.

    ``report`` gets what was understood of it.
    """
    source = os.fspath(source)
    if "://" in source:
        url, _, checksum = source.partition("#sha256=")
        if not checksum:
            raise DataError(message("problem.url_checksum", url=source, address=url))
        name = Path(urlsplit(url).path).name
        cached = data_root() / "tables" / f"{checksum[:16]}-{name}"
        if not cached.exists():
            content = _download(url, checksum, cached, report)
            return _reported(tables.parse(content, name, options), name, report)
        source = os.fspath(cached)
    path = Path(source, "diabetes.csv.gz") if Path(source).is_dir() else Path(source)
    if not path.exists():
        raise DataError(message("problem.no_file", file=path))
    return _reported(tables.read(path, options), path.name, report)


def parsed_table(
    content: bytes,
    name: str,
    options: TableOptions | None = None,
    limits: Limits | None = None,
) -> Data:
    """Parse the bytes of a table's file; errors call it ``name``."""
    return table_data(tables.parse(content, name, options, limits), name)


def breast_cancer() -> Data:
    """scikit-learn's breast cancer table: 569 tumors, 30 standardized features; 1 is benign."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    features = torch.from_numpy(bunch.data)
    features = (features - features.mean(0)) / features.std(0)
    labels = torch.from_numpy(bunch.target).float().unsqueeze(1)
    everything = Examples(features.float(), labels)
    return Data("scikit-learn's breast cancer table", *_split_test(everything))


def _reported(parsed: Table, name: str, report: Report) -> Data:
    for line in parsed.facts.lines:
        report(line)
    return table_data(parsed, name)


def table_data(parsed: Table, name: str) -> Data:
    """Split a table into training and test examples, and fill missing values."""
    rows = Examples(torch.arange(len(parsed.targets)), parsed.targets)
    parsed = parsed.filled(_split_test(rows)[0].inputs)
    everything = Examples(parsed.inputs, parsed.targets)
    return Data(name, *_split_test(everything), schema=parsed.schema)


def _split_test(everything: Examples) -> tuple[Examples, Examples]:
    return split(everything, TEST_SHARE, Generator().manual_seed(TEST_SEED))


def _download(url: str, checksum: str, cached: Path, report: Report) -> bytes:
    """Download a file and save it at ``cached`` if possible. Unreachable or DataError."""
    report(message("report.downloading", url=url))
    content = download.fetch(url)
    if (got := download.sha256(content)) != checksum.lower():
        raise DataError(message("problem.other_checksum", url=url, expected=checksum, got=got))
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cached, content)
    except OSError as error:
        report(message("report.not_kept", error=error))
    return content


def _as_fallback(data: Data, reason: Message, report: Report) -> Data:
    report(message("report.fallback", reason=reason, data=data.name))
    return replace(data, is_fallback=True)


# ---------------------------------------------------------------- digits


def mnist(source: str | os.PathLike[str] | None = None, report: Report = report_to_stderr) -> Data:
    """Load MNIST: 60,000 training and 10,000 test digits.

    torchvision reads ``source/MNIST/raw``, by default under :func:`data_root`, and downloads it if
    it is missing. If that is impossible, :func:`digits` is the fallback; but if ``source`` is given
    and has no MNIST, DataError.
    """
    root = data_root() if source is None else Path(source)
    missing = [name for name in MNIST_FILES if not (root / "MNIST" / "raw" / name).exists()]
    if missing and source is not None:
        expected = f"MNIST/raw/{missing[0]}"
        raise DataError(message("problem.no_mnist", folder=root, file=expected))
    try:
        from torchvision.datasets import MNIST
    except Exception as error:  # not installed, or built for another torch, which raises anything
        reason = message("report.no_torchvision", torch=torch.__version__, error=error)
        return _as_fallback(digits(), reason, report)
    if missing:
        try:
            _download_mnist(MNIST, root, report)
        except (OSError, RuntimeError) as error:
            reason = message("report.no_mnist", error=message_of(error))
            return _as_fallback(digits(), reason, report)
    try:
        train, test = MNIST(root, train=True), MNIST(root, train=False)
    except (AssertionError, RuntimeError, ValueError) as error:
        folder = f"{root}/MNIST/raw"
        raise DataError(message("problem.damaged_mnist", folder=folder)) from error
    return Data(
        "MNIST",
        Examples(train.data.unsqueeze(1), train.targets),
        Examples(test.data.unsqueeze(1), test.targets),
        folder=root.absolute(),
    )


def _download_mnist(mnist_class: Any, root: Path, report: Report) -> None:
    """Download to a temporary folder and move the finished files: never half a file."""
    raw = root / "MNIST" / "raw"
    download.check_reachable(MNIST_PROBE_URL)
    raw.mkdir(parents=True, exist_ok=True)
    report(message("report.downloading_mnist", folder=raw))
    with tempfile.TemporaryDirectory(dir=raw) as folder:
        mnist_class(folder, download=True)
        for name in MNIST_FILES:
            Path(folder, "MNIST", "raw", name).replace(raw / name)


def digits() -> Data:
    """scikit-learn's 1797 handwritten digits, resized from 8 x 8 to MNIST's 28 x 28.

    As in MNIST, the ink fills the central 20 x 20 pixels. The test set is the last fifth, which
    other people wrote.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = torch.from_numpy(bunch.images).float().unsqueeze(1) / bunch.images.max()
    large = F.interpolate(small, size=(20, 20), mode="bilinear", align_corners=False)
    images = F.pad(large * 255, (4, 4, 4, 4)).round().to(torch.uint8)
    everything = Examples(images, torch.from_numpy(bunch.target))
    kept = len(everything) - int(len(everything) * TEST_SHARE)
    return Data("scikit-learn's digits", everything[:kept], everything[kept:])
