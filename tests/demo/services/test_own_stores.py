"""Each user has runs and uploads of their own, and all see those of the time before."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.comparison_service import ComparisonService
from inkgrad_demo.services.confusion_service import ConfusionService
from inkgrad_demo.services.own_stores import _folder, own_runs
from inkgrad_demo.services.pictures import RASTER_SIDE
from inkgrad_demo.services.recognition_service import RecognitionService
from inkgrad_demo.services.recognizers import Recognizers
from inkgrad_demo.services.run_files import RunFiles
from inkgrad_demo.services.run_predictions import RunPredictions
from inkgrad_demo.services.training_service import TrainingService
from inkgrad_demo.serving import visitors
from inkgrad_demo.serving.exposed import call, to_page
from inkgrad_demo.serving.visitors import Visitor

ADA, BO, SHARED = Visitor("ada", "ada"), Visitor("bo", "bo"), Visitor()
PIXELS = b64encode(bytes(RASTER_SIDE**2)).decode()


@pytest.fixture
def run_of(finish, runs, quick) -> Callable[[Visitor], str]:
    """Trains a run of a visitor."""

    def train(visitor: Visitor) -> str:
        with visitors.acting(visitor):
            return finish({**quick, "model": "softmax"})

    return train


def test_a_run_is_its_owners_alone(run_of, runs, training, datasets, run_store: RunStore) -> None:
    run = run_of(ADA)
    comparison, files = ComparisonService(runs), RunFiles(run_store)
    predictions, recognition = RunPredictions(runs), RecognitionService(Recognizers(run_store))
    refused: list[tuple[Callable[[Any], Any], dict[str, Any]]] = [
        (training.status, {"run": run}),
        (training.resume, {"run": run}),
        (training.opened, {"run": run}),
        (training.steer, {"run": run, "action": "stop"}),
        (files.export, {"run": run, "format": "record"}),
        (files.export, {"run": run, "format": "weights"}),
        (ConfusionService(run_store).cell, {"run": run, "row": 0, "column": 0}),
        (predictions.predict, {"run": run, "pixels": PIXELS}),
        (predictions.history, {"run": run, "pixels": PIXELS}),
        (comparison.load_runs, {"runs": [run]}),
        (comparison.delete_runs, {"runs": [run]}),
        (comparison.export_runs, {"runs": [run], "form": "json"}),
    ]
    drawing = {"pixels": PIXELS, "model": run, "backend": "fused"}
    # While it is in memory, and from the store as after a restart.
    for service in (training, TrainingService(type(runs)(run_store), datasets)):
        refused[:4] = [(getattr(service, each.__name__), sent) for each, sent in refused[:4]]
        for other in (BO, SHARED):
            with visitors.acting(other):
                for method, request in refused:
                    with pytest.raises(ValueError, match=f"{run}|expected a run that"):
                        call(method, request)
                    (page_method,) = to_page(method)
                    assert page_method(request).keys() == {"error"}
                assert call(recognition.recognize, drawing)["gone"]
                assert call(service.listed, {})["earlier"] == []
    with visitors.acting(ADA):
        for method, request in refused:
            if method.__name__ not in ("resume", "steer", "delete_runs"):  # it has ended
                call(method, request)
        assert "kind" in call(recognition.recognize, drawing)
        assert [row["id"] for row in call(training.listed, {})["earlier"]] == [run]
        call(comparison.delete_runs, {"runs": [run]})
        assert call(comparison.list_runs, {})["ended"] == []


def test_runs_without_an_owner_are_seen_by_all_and_changed_by_none(
    run_of, runs, training, run_store: RunStore
) -> None:
    run = run_of(SHARED)
    for visitor in (ADA, BO):
        with visitors.acting(visitor):
            assert [row["id"] for row in call(training.listed, {})["earlier"]] == [run]
            assert call(training.status, {"run": run})["state"] == "finished"
            with pytest.raises(ValueError, match="read-only"):
                call(ComparisonService(runs).delete_runs, {"runs": [run]})
    assert run_store.weights(run).exists()


def test_nobody_stops_a_run_that_another_program_trains(
    runs, datasets, start, quick, run_store: RunStore
) -> None:
    run = start({**quick, "epochs": 2000})  # by a server without users, or inkgrad train
    while runs.get(run).status().done == 0:
        pass
    service = TrainingService(type(runs)(run_store), datasets)
    with visitors.acting(ADA):
        (row,) = call(service.listed, {})["running"]
        assert (row["id"], row["own"]) == (run, False)
        with pytest.raises(ValueError, match="started by someone else"):
            call(service.steer, {"run": run, "action": "stop"})
    assert runs.active(run) is not None


def test_a_stopped_run_without_an_owner_goes_on_as_a_copy(
    runs, training, start, quick, run_store: RunStore
) -> None:
    run = start({**quick, "model": "softmax", "epochs": 2000})
    while runs.get(run).status().done < 5:
        pass
    runs.live(run).stop()
    assert runs.live(run).wait(60)
    before = runs.get(run).status().done
    with visitors.acting(ADA):
        call(training.resume, {"run": run})
        mine = runs.live(run)
        while mine.status().done <= before:
            assert mine.is_active
        mine.stop()
        assert mine.wait(60)
        store = own_runs(run_store)
        assert store.load(run).done > before
        call(ComparisonService(runs).delete_runs, {"runs": [run]})
    assert run_store.load(run).done == before


def test_uploads_are_their_owners_alone(datasets, tmp_path: Path) -> None:
    content = b64encode(b"a,b,label\n" + b"1,2,0\n3,4,1\n" * 20).decode()
    with visitors.acting(ADA):
        sent = call(datasets.upload, {"name": "mine.csv", "content": content})
    for again in (datasets, type(datasets)(datasets._files)):  # in memory, and from the disk
        for other in (BO, SHARED):
            with visitors.acting(other), pytest.raises(ValueError, match="no longer on the server"):
                call(again.uploaded, {"upload": sent["upload"]})
        with visitors.acting(ADA):
            assert call(again.uploaded, {"upload": sent["upload"]}) == sent
    with visitors.acting(BO):  # the same file, sent again
        assert call(datasets.upload, {"name": "mine.csv", "content": content}) == sent


@pytest.mark.parametrize(
    "name", ["ada", "Ada", "..", "../../etc", "a/b", "CON", "艾达", "x" * 300, "ada "]
)
def test_the_folder_of_a_user_is_a_folder_below_the_root(name: str, tmp_path: Path) -> None:
    folder = _folder(tmp_path, name)
    folder.mkdir(parents=True)
    assert folder.parent == tmp_path / "users"
    others = {_folder(tmp_path, f"{name}{more}").name.lower() for more in ("", ".", "1", "A")}
    assert len(others) == 4
