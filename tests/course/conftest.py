"""Fixtures of the course's tests: no network, and a data folder of each test's own."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from inkgrad.course.data.datasets import Data, digits


@pytest.fixture(autouse=True)
def data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """INKGRAD_DATA: empty, so that no test depends on what this machine has."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv("INKGRAD_DATA", str(root))
    return root


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every http request fails as it does without a network; file:// URLs work."""
    urlopen = urllib.request.urlopen

    def only_files(request: urllib.request.Request, **kwargs: Any) -> Any:
        if request.type != "file":
            raise URLError("no network in tests")
        return urlopen(request, **kwargs)

    monkeypatch.setattr(urllib.request, "urlopen", only_files)


@pytest.fixture(scope="session")
def few_digits() -> Data:
    """300 digits to train with and 100 to test with."""
    data = digits()
    return Data(data.name, data.train[:300], data.test[:100])
