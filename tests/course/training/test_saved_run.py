"""The past of a kept run: as it was while it trained, small on the disk, gone with the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inkgrad.course.data.datasets import digits
from inkgrad.course.settings import course_settings
from inkgrad.course.training import checkpoints as snapshots
from inkgrad.course.training.checkpoints import Snapshot
from inkgrad.course.training.live_run import LiveRun
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.saved_run import Past
from strokes import SEVEN, raster


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("runs"))


def _trained(store: RunStore, model: str, **settings) -> LiveRun:
    live = LiveRun(course_settings(model, epochs=2, **settings), lambda say: digits(), store)
    live.start()
    assert live.wait(60)
    return live


@pytest.mark.parametrize("model", ["cnn", "softmax"])
def test_it_reads_as_it_read_while_it_trained(store: RunStore, model: str) -> None:
    live = _trained(store, model)
    past = Past(store, live.id)
    assert (past.moments[0], past.moments[-1]) == (0, live.moments[-1])
    assert set(past.moments) <= set(live.moments)
    drawing = raster(SEVEN, 140)
    for step in past.moments:
        then, now = (run.recognizer(step).predict(drawing) for run in (live, past))
        np.testing.assert_allclose(now.probabilities, then.probabilities, atol=2e-3)
    ends = [run.recognizer().predict(drawing).probabilities for run in (live, past)]
    np.testing.assert_allclose(*ends, atol=1e-6)
    with pytest.raises(ValueError, match=r"step: expected the step of .*, got 7777"):
        past.recognizer(7777)


def test_it_goes_with_the_run(store: RunStore) -> None:
    live = _trained(store, "cnn")
    path = store.snapshots(live.id)
    assert path.exists()
    store.delete(live.id)
    assert not path.exists()
    with pytest.raises(ValueError, match="has no weights"):
        Past(store, live.id)


def test_a_run_without_its_file_has_no_past_but_its_weights(store: RunStore) -> None:
    live = _trained(store, "cnn")
    for damaged in (b"", b"what is this"):
        store.snapshots(live.id).write_bytes(damaged)
        assert Past(store, live.id).moments == []
    store.snapshots(live.id).unlink()
    past = Past(store, live.id)
    assert past.moments == []
    drawing = raster(SEVEN, 140)
    kept, trained = (run.recognizer().predict(drawing).probabilities for run in (past, live))
    np.testing.assert_allclose(kept, trained, atol=1e-6)


def test_a_large_model_leaves_a_bounded_file(tmp_path: Path) -> None:
    weights = {"weight": torch.randn(1000, 1000)}
    snapshots.save(tmp_path / "kept", [Snapshot(step, weights) for step in range(0, 100, 5)])
    steps = snapshots.steps_in(tmp_path / "kept")
    assert (tmp_path / "kept").stat().st_size < 13 * 2**20
    assert (steps[0], steps[-1], len(steps)) == (0, 95, 7)
    assert steps == sorted(set(steps))
    for step in steps[:-1]:
        kept = snapshots.load(tmp_path / "kept", step)["weight"]
        torch.testing.assert_close(kept, weights["weight"], rtol=1e-3, atol=1e-6)


def test_numbers_too_large_for_half_the_bytes_are_kept_whole(tmp_path: Path) -> None:
    large = {"weight": torch.tensor([1e6, 1.0]), "bias": torch.tensor([1.0])}
    snapshots.save(tmp_path / "kept", [Snapshot(0, large), Snapshot(1, large)])
    assert snapshots.load(tmp_path / "kept", 0)["weight"].tolist() == [1e6, 1.0]


def test_a_run_of_one_moment_has_a_file_too(tmp_path: Path) -> None:
    snapshots.save(tmp_path / "kept", [Snapshot(0, {"weight": torch.ones(2)})])
    assert snapshots.steps_in(tmp_path / "kept") == [0]
