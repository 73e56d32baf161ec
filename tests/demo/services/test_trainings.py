"""What the Train page asks for: runs that are started, watched, tried out; clear errors else."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from PIL import Image

from inkgrad.course.data.datasets import digits
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.settings import course_settings
from inkgrad.course.training.live_run import LiveRun
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services import trainings as training
from inkgrad_demo.services.data_choices import Datasets
from inkgrad_demo.services.recognition import RASTER_SIDE, Readers, drawing_of
from inkgrad_demo.services.run_settings import settings_of
from inkgrad_demo.services.trainings import Trainings
from strokes import SEVEN, raster

SEVEN_PIXELS = base64.b64encode(raster(SEVEN, RASTER_SIDE).tobytes()).decode()
QUICK = {"model": "cnn", "data": "digits", "epochs": 1, "augment": False}
LONG = {**QUICK, "epochs": 2000}
TABLE = base64.b64encode(b"a,b,label\n" + b"1,2,0\n3,4,1\n" * 20).decode()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As the app is served."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def trainings(store: RunStore) -> Iterator[Trainings]:
    made = Trainings(store, Datasets())
    yield made
    for live in made.live().values():
        live.stop()
        assert live.wait(60)


def start(trainings: Trainings, question: dict[str, Any]) -> str:
    (run,) = trainings.start(question)["runs"]
    return run


def finish(trainings: Trainings, question: dict[str, Any]) -> str:
    run = start(trainings, question)
    assert trainings.live()[run].wait(60)
    return run


def test_what_is_left_out_is_the_courses(trainings: Trainings) -> None:
    assert settings_of({"model": "cnn"}) == course_settings("cnn")
    asked = {"model": "softmax", "optimizer": "adam", "batch_size": 0, "activation": "tanh"}
    expected = course_settings("softmax", optimizer="adam", activation="tanh")
    assert settings_of(asked).batch_size is None
    assert settings_of({**asked, "batch_size": 64}) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "vgg"}, "model: expected one of logistic, diabetes"),
        ({"model": ["cnn"]}, "model: expected one of"),
        ({"epochs": 0}, "epochs: expected a whole number from 1 to 2000, got 0"),
        ({"epochs": 1.5}, "epochs: expected a whole number from 1 to 2000, got 1.5"),
        ({"epochs": "3"}, "epochs: expected a whole number from 1 to 2000, got '3'"),
        ({"batch_size": 5000}, "batch_size: expected a whole number from 0 to 4096"),
        ({"lr": 0}, "lr: expected a positive number, got 0"),
        ({"lr": float("nan")}, "lr: expected a number"),
        ({"momentum": 1}, "momentum: expected at least 0 and below 1"),
        ({"weight_decay": -1}, "weight_decay: expected a number from 0 to 10"),
        ({"optimizer": "magic"}, "optimizer: expected one of sgd"),
        ({"backend": "gpu"}, "backend: expected one of fused, native"),
        ({"seed": True}, "seed: expected a whole number"),
        ({"activation": "relu"}, "activation: expected none: cnn has a fixed activation"),
        ({"data": "diabetes"}, "data: expected one of mnist, digits, drawings, images"),
        ({"data": "images"}, "data: the file is no longer on the server"),
        ({"data": "drawings"}, "drawings: expected a list"),
        ({"drawings": [{"label": 3, "pixels": "AAAA"}]}, "drawing 1: expected 784 pixels, got 3"),
        ({"drawings": [7]}, "drawings: expected a list of"),
    ],
)
def test_settings_that_make_no_sense_start_nothing(
    trainings: Trainings, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        trainings.start({**QUICK, **change})
    assert trainings.live() == {}


@pytest.mark.parametrize("question", [None, [], "cnn", {}])
def test_what_is_no_question_is_refused(trainings: Trainings, question: Any) -> None:
    for ask in (trainings.start, trainings.progress, trainings.steer, trainings.try_out):
        with pytest.raises(ValueError, match="expected"):
            ask(question)


def test_only_news_are_sent(trainings: Trainings) -> None:
    run = finish(trainings, QUICK)
    everything = trainings.progress({"run": run})
    assert (everything["phase"], everything["judged"], everything["from"]) == ("finished", True, 0)
    assert [point[0] for point in everything["points"]] == list(range(1, 22))
    assert everything["test"]["examples"] == 359
    assert everything["snapshots"][-1] == everything["done"] == 21
    news = trainings.progress({"run": run, "stride": 1, "known": 19})
    assert (news["from"], news["points"]) == (19, everything["points"][19:])
    # of a curve that was joined since, all is news
    again = trainings.progress({"run": run, "stride": 2, "known": 19})
    assert (again["from"], again["points"]) == (0, everything["points"])


def test_both_backends_race_with_the_same_settings(trainings: Trainings) -> None:
    fused, native = trainings.start({**QUICK, "backend": "both"})["runs"]
    losses = []
    for run, backend in ((fused, "fused"), (native, "native")):
        assert trainings.live()[run].wait(60)
        progress = trainings.progress({"run": run})
        assert progress["backend"] == backend
        losses.append([point[3] for point in progress["points"]])
    # The first steps: rounding errors grow from step to step.
    assert losses[0][:10] == pytest.approx(losses[1][:10], rel=1e-4)
    assert len(losses[0]) == len(losses[1])


def test_more_runs_at_once_than_allowed_are_refused(trainings: Trainings, monkeypatch) -> None:
    monkeypatch.setattr(training, "MOST_RUNS", 2)
    first = start(trainings, LONG)
    with pytest.raises(ValueError, match="at most 2 runs can train at once, and 1 are"):
        trainings.start({**LONG, "backend": "both"})
    start(trainings, LONG)
    with pytest.raises(ValueError, match="at most 2 runs can train at once, and 2 are"):
        trainings.start(LONG)
    trainings.steer({"run": first, "act": "stop"})
    assert trainings.live()[first].wait(60)
    start(trainings, LONG)


def test_a_paused_run_that_nobody_watches_makes_room(trainings: Trainings, monkeypatch) -> None:
    monkeypatch.setattr(training, "MOST_RUNS", 1)
    run = start(trainings, LONG)
    trainings.steer({"run": run, "act": "pause"})
    while trainings.progress({"run": run})["phase"] != "paused":
        pass
    monkeypatch.setattr(training, "_SECONDS_UNWATCHED", -1.0)
    with pytest.raises(ValueError, match="at most 1"):
        trainings.start(LONG)  # it is being ended
    assert trainings.live()[run].wait(60)
    start(trainings, LONG)


def test_steering(trainings: Trainings) -> None:
    run = start(trainings, LONG)
    trainings.steer({"run": run, "act": "lr", "lr": 0.25})
    assert trainings.progress({"run": run})["lr"] == 0.25
    for act, lr in (("jump", None), ("lr", "fast"), ("lr", 0)):
        with pytest.raises(ValueError, match="expected"):
            trainings.steer({"run": run, "act": act, "lr": lr})
    assert trainings.steer({"run": run, "act": "stop"})["phase"] == "stopped"


def test_the_model_reads_a_drawing_now_and_at_any_moment_before(
    trainings: Trainings, store: RunStore
) -> None:
    run = finish(trainings, {**QUICK, "epochs": 2, "optimizer": "adam"})
    now = trainings.try_out({"run": run, "step": None, "pixels": SEVEN_PIXELS})
    drawing = drawing_of({"pixels": SEVEN_PIXELS})
    kept = Recognizer.load(store.weights(run)).predict(drawing)
    assert now["label"] == kept.label
    assert now["probabilities"] == pytest.approx(kept.probabilities, abs=1e-6)
    history = trainings.history({"run": run, "pixels": SEVEN_PIXELS})
    assert history["steps"] == trainings.progress({"run": run})["snapshots"]
    assert history["probabilities"][-1] == pytest.approx(now["probabilities"], abs=1e-6)
    first = trainings.try_out({"run": run, "step": 0, "pixels": SEVEN_PIXELS})
    assert first["probabilities"] == pytest.approx(history["probabilities"][0], abs=1e-6)
    assert max(first["probabilities"]) < 0.2  # it has learnt nothing yet
    with pytest.raises(ValueError, match=r"step: expected the step of .*, got 1000000"):
        trainings.try_out({"run": run, "step": 1000000, "pixels": SEVEN_PIXELS})


def test_a_model_of_tables_reads_no_drawings(trainings: Trainings) -> None:
    run = finish(trainings, {"model": "logistic", "epochs": 2})
    with pytest.raises(ValueError, match="logistic, does not recognize digits"):
        trainings.try_out({"run": run, "step": None, "pixels": SEVEN_PIXELS})


def test_ones_own_drawings_are_learnt(trainings: Trainings) -> None:
    picture = trainings.picture({"pixels": SEVEN_PIXELS})
    assert not picture["empty"]
    drawings = [{"label": 3, "pixels": picture["picture"]}]  # a 7 that is to be read as a 3
    asked = {**QUICK, "data": "drawings", "drawings": drawings, "epochs": 15, "optimizer": "adam"}
    run = finish(trainings, asked)
    assert trainings.try_out({"run": run, "step": None, "pixels": SEVEN_PIXELS})["label"] == 3
    mixed = finish(trainings, {**QUICK, "drawings": drawings})
    assert trainings.progress({"run": mixed})["data"] == "scikit-learn's digits and 1 drawings"


def test_a_table_of_ones_own_is_learnt_from(trainings: Trainings) -> None:
    sent = trainings.datasets.upload({"name": "C:\\mine\n.csv", "content": TABLE})
    assert sent["name"] == "mine.csv"
    assert (sent["kind"], sent["examples"], sent["features"]) == ("table", 40, 2)
    asked = {"model": "diabetes", "data": "table", "upload": sent["upload"], "epochs": 2}
    run = finish(trainings, asked)
    assert trainings.progress({"run": run})["examples"] == 30
    with pytest.raises(ValueError, match=r"data: mine\.csv does not contain images"):
        trainings.start({**QUICK, "data": "images", "upload": sent["upload"]})


def test_pictures_of_ones_own_are_learnt_from(trainings: Trainings) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for label in (3, 7):
            picture = io.BytesIO()
            Image.fromarray(raster(SEVEN, 60 + label)).save(picture, "PNG")
            archive.writestr(f"{label}/a.png", picture.getvalue())
    content = base64.b64encode(stream.getvalue()).decode()
    sent = trainings.datasets.upload({"name": "mine.zip", "content": content})
    assert (sent["kind"], sent["examples"]) == ("images", 2)
    run = finish(trainings, {**QUICK, "data": "images", "upload": sent["upload"]})
    assert trainings.progress({"run": run})["examples"] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "mine: the file is empty"),
        (b"1,2,7\n", "mine, row 1, column 3: expected a label of 0 or 1, got '7'"),
        (b"\x00\xff", "mine: not a text file"),
        (b"PK junk", "mine: not a readable zip archive"),
    ],
)
def test_a_bad_file_is_refused_in_clear_words(
    trainings: Trainings, content: bytes, message: str
) -> None:
    sent = {"name": "mine", "content": base64.b64encode(content).decode()}
    with pytest.raises(ValueError, match=message):
        trainings.datasets.upload(sent)


def test_files_to_download(trainings: Trainings, store: RunStore) -> None:
    run = finish(trainings, QUICK)

    def content(kind: str) -> bytes:
        return base64.b64decode(trainings.files.export({"run": run, "format": kind})["content"])

    assert content("weights") == store.weights(run).read_bytes()
    assert run.encode() in content("record")
    assert b"return data.digits()" in content("script")
    with pytest.raises(ValueError, match="format: expected one of weights, onnx, script, record"):
        content("exe")
    with pytest.raises(ValueError, match="expected the id of a run"):
        trainings.files.export({"run": "../../etc/passwd", "format": "record"})


def test_a_run_that_learnt_nothing_has_no_weights_to_download(
    trainings: Trainings, store: RunStore
) -> None:
    record = LiveRun(settings_of(QUICK), lambda say: digits(), store).record()
    store.save(record)
    for kind in ("weights", "onnx"):
        with pytest.raises(ValueError, match="it has no weights"):
            trainings.files.export({"run": record.id, "format": kind})


def test_the_draw_page_reads_with_a_trained_model(trainings: Trainings, store: RunStore) -> None:
    run = finish(trainings, QUICK)
    readers = Readers(store)
    answer = readers.read({"pixels": SEVEN_PIXELS, "model": run, "backend": "native"})
    assert answer["model"] == run
    with pytest.raises(ValueError, match="has no weights here"):
        readers.get("20200101-000000-cnn-abcdef", "fused")
    with pytest.raises(ValueError, match="model: expected one of strong, cnn, softmax"):
        readers.get("../../etc", "fused")


def test_a_run_of_another_day_can_be_watched_and_tried_out(
    trainings: Trainings, store: RunStore
) -> None:
    run = finish(trainings, QUICK)
    now = trainings.progress({"run": run})
    later = Trainings(RunStore(store.folder), Datasets())  # after a restart
    kept = later.progress({"run": run})
    for name in ("phase", "points", "epochs", "test", "confusion", "judged", "settings"):
        assert kept[name] == now[name], name
    question = {"run": run, "step": None, "pixels": SEVEN_PIXELS}
    expected = trainings.try_out(question)["probabilities"]
    assert later.try_out(question)["probabilities"] == pytest.approx(expected, abs=1e-6)
    history = later.history(question)
    assert history["steps"] == later.progress({"run": run})["snapshots"] != []
    first = later.try_out({**question, "step": 0})
    assert first["probabilities"] == history["probabilities"][0]
    assert history["probabilities"][-1] == later.try_out(question)["probabilities"]
    assert [one["run"] for one in later.earlier({})["runs"]] == [run]
    with pytest.raises(ValueError, match="run: expected a run that is training"):
        later.steer({"run": run, "act": "stop"})


def test_weights_come_back_as_a_run(trainings: Trainings, store: RunStore) -> None:
    run = finish(trainings, QUICK)
    file = trainings.files.export({"run": run, "format": "weights"})
    again = trainings.files.take_in(file)["run"]
    assert again != run
    assert store.load(again).test == store.load(run).test
    assert store.load(again).settings == store.load(run).settings
    assert store.weights(again).read_bytes() == store.weights(run).read_bytes()


@pytest.mark.parametrize("content", [b"no weights", b""])
def test_a_file_that_holds_no_weights_becomes_no_run(
    trainings: Trainings, store: RunStore, content: bytes
) -> None:
    file = {"name": "mine", "content": base64.b64encode(content).decode()}
    with pytest.raises(ValueError, match=r"^mine: "):
        trainings.files.take_in(file)
    assert store.records() == []
