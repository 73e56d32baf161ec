"""Services on an empty store, and quick runs for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from inkgrad.course.training.run_store import RunStore


@pytest.fixture
def run_store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def datasets(tmp_path: Path) -> Any:
    from inkgrad_demo.services.training_data import Datasets
    from inkgrad_demo.services.upload_store import UploadStore

    return Datasets(UploadStore(tmp_path / "uploads"))


@pytest.fixture
def runs(run_store: RunStore) -> Iterator[Any]:
    """On one thread, as the app is served; every run has ended after the test."""
    from inkgrad_demo.services.runs import Runs

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    runs = Runs(run_store)
    yield runs
    for run in runs.all_live():
        run.stop()
        assert run.wait(60)
    torch.set_num_threads(threads)


@pytest.fixture
def training(runs: Any, datasets: Any) -> Any:
    from inkgrad_demo.services.training_service import TrainingService

    return TrainingService(runs, datasets)


@pytest.fixture
def start(training: Any) -> Callable[[dict[str, Any]], str]:
    """Starts a run; returns its id."""
    from inkgrad_demo.serving.exposed import call

    def start(request: dict[str, Any]) -> str:
        (run,) = call(training.start, request)["runs"]
        return run

    return start


@pytest.fixture
def finish(start: Any, runs: Any) -> Callable[[dict[str, Any]], str]:
    """Starts a run and waits for its end; returns its id."""

    def finish(request: dict[str, Any]) -> str:
        run = start(request)
        assert runs.live(run).wait(60)
        return run

    return finish


@pytest.fixture
def quick() -> dict[str, Any]:
    """A run of about a second."""
    return {"model": "cnn", "data": "digits", "epochs": 1, "augment": False}
