"""A saved run predicts as it did while it trained; its checkpoints are small, and go with it."""

from __future__ import annotations

import numpy as np
import pytest

from inkgrad.course.data.datasets import digits
from inkgrad.course.settings import course_settings
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.saved_run import SavedRun
from strokes import SEVEN, raster


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("runs"))


def _trained(store: RunStore, model: str, **settings) -> Run:
    run = Run(course_settings(model, epochs=2, **settings), lambda report: digits(), store)
    run.start()
    assert run.wait(60)
    return run


@pytest.mark.parametrize("model", ["cnn", "softmax"])
def test_it_predicts_as_it_did_while_it_trained(store: RunStore, model: str) -> None:
    run = _trained(store, model)
    saved = SavedRun(store, run.id)
    assert (saved.checkpoint_steps[0], saved.checkpoint_steps[-1]) == (0, run.checkpoint_steps[-1])
    assert set(saved.checkpoint_steps) <= set(run.checkpoint_steps)
    drawing = raster(SEVEN, 140)
    for step in saved.checkpoint_steps:
        then, now = (each.recognizer(step).predict(drawing) for each in (run, saved))
        np.testing.assert_allclose(now.probabilities, then.probabilities, atol=2e-3)
    ends = [each.recognizer().predict(drawing).probabilities for each in (run, saved)]
    np.testing.assert_allclose(*ends, atol=1e-6)
    with pytest.raises(ValueError, match=r"step: expected the step of .*, got 7777"):
        saved.recognizer(7777)


def test_it_goes_with_the_run(store: RunStore) -> None:
    run = _trained(store, "cnn")
    path = store.checkpoints(run.id)
    assert path.exists()
    store.delete(run.id)
    assert not path.exists()
    with pytest.raises(ValueError, match="no run"):
        SavedRun(store, run.id)


def test_a_run_without_its_checkpoints_has_its_weights(store: RunStore) -> None:
    run = _trained(store, "cnn")
    for damaged in (b"", b"what is this"):
        store.checkpoints(run.id).write_bytes(damaged)
        assert SavedRun(store, run.id).checkpoint_steps == []
    store.checkpoints(run.id).unlink()
    saved = SavedRun(store, run.id)
    assert saved.checkpoint_steps == []
    assert saved.recognizer().predict(raster(SEVEN, 140)).label is not None
