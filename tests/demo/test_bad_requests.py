"""The app as a whole: no request to any page or endpoint is answered with a crash."""

from __future__ import annotations

import base64
import contextlib
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("gradio")

import gradio as gr
import httpx

from inkgrad.course.training.run import Run
from inkgrad.course.training.run_status import CURSOR_LENGTH
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo import app
from inkgrad_demo.jobs.job_queue import Job, JobQueue
from inkgrad_demo.services import runs
from inkgrad_demo.services.lesson_results import LessonResults
from inkgrad_demo.services.pictures import RASTER_SIDE
from inkgrad_demo.services.recognizers import Recognizers
from inkgrad_demo.texts import CATALOGUES
from saved_runs import record

pytestmark = pytest.mark.usefixtures("short_lessons")

RUN = record(1, "cnn")
RASTER = base64.b64encode(bytes(RASTER_SIDE**2)).decode()
SQUARE = base64.b64encode(bytes(28 * 28)).decode()
TABLE = base64.b64encode(b"1,2,0\n3,4,1\n" * 20).decode()
DRAWING = {"pixels": RASTER, "model": "softmax", "backend": "native"}
MAP = {"model": "cnn", "backend": "native", "layer": "conv1", "channel": 0}
LABEL = {"run": RUN.id, "name": "first", "note": "x"}
START: dict[str, Any] = {
    "model": "softmax",
    "data": "drawings",
    "epochs": 1,
    "batch_size": 0,
    "lr": 0.1,
    "optimizer": "sgd",
    "momentum": 0.5,
    "weight_decay": 0,
    "activation": "relu",
    "augment": False,
    "one_cycle": False,
    "seed": 0,
    "backend": "fused",
    "upload": None,
    "drawings": [{"label": 1, "pixels": SQUARE}],
}
BENCH: dict[str, Any] = {
    "op": "linear_relu",
    "sizes": {"rows": 1},
    "dtype": "float32",
    "threads": 1,
    "quick": True,
}

# A good request for every server function, by its page and name.
PAGES: dict[tuple[str, str], dict[str, Any]] = {
    ("draw", "recognize"): DRAWING,
    ("draw", "recognize_image"): {"picture": SQUARE, "model": "softmax", "backend": "native"},
    ("draw", "recognize_picture"): {"image": RASTER, "model": "softmax", "backend": "native"},
    ("draw", "race"): DRAWING,
    ("draw", "open_map"): {**MAP, "picture": SQUARE},
    ("draw", "exciting_images"): {**MAP, "layer": "none"},
    ("lessons", "lesson"): {"number": 2, "language": "en"},
    ("lessons", "results"): {"number": 2, "language": "en"},
    ("lessons", "picture"): {"number": 2, "language": "en", "name": "x"},
    ("lessons", "play"): {"number": 2, "about": "line", "w": 1, "b": 1},
    ("lessons", "run_code"): {"code": "print(1)"},
    ("lessons", "check_answer"): {"number": 2, "exercise": 1, "answer": "1"},
    ("lessons", "follow_code"): {"job": "x", "after": 0},
    ("lessons", "stop_code"): {"job": "x"},
    ("lessons", "color_code"): {"code": "print(1)"},
    ("train", "start"): START,
    ("train", "status"): {"run": RUN.id, "cursor": [0] * CURSOR_LENGTH},
    ("train", "steer"): {"run": RUN.id, "action": "lr", "lr": 0.1},
    ("train", "resume"): {"run": RUN.id},
    ("train", "opened"): {"run": RUN.id},
    ("train", "label"): LABEL,
    ("train", "listed"): {},
    ("train", "predict"): {"run": RUN.id, "step": None, "pixels": RASTER},
    ("train", "history"): {"run": RUN.id, "pixels": RASTER},
    ("train", "picture"): {"pixels": RASTER},
    ("train", "export"): {"run": RUN.id, "format": "record"},
    ("train", "import_weights"): {"name": "w", "content": TABLE},
    ("train", "upload"): {"name": "t", "content": TABLE},
    ("train", "uploaded"): {"upload": "0123456789abcdef"},
    ("train", "cell"): {"run": RUN.id, "row": 1, "column": 2},
    ("train", "architecture"): {"model": "diabetes", "features": 3, "classes": 2},
    ("compare", "list_runs"): {"version": ""},
    ("compare", "load_runs"): {"runs": [RUN.id], "cursors": {RUN.id: [0] * CURSOR_LENGTH}},
    ("compare", "delete_runs"): {"runs": [RUN.id.replace("abc", "def")]},
    ("compare", "restore_runs"): {"runs": [RUN.id.replace("abc", "def")]},
    ("compare", "export_runs"): {"runs": [RUN.id], "form": "json", "language": "en"},
    ("compare", "steer"): {"run": RUN.id, "action": "stop"},
    ("compare", "label"): LABEL,
    ("compare", "cell"): {"run": RUN.id, "row": 1, "column": 2},
    ("kernels", "start_check"): {"ops": ["conv2d"], "dtypes": ["float32"]},
    ("kernels", "start_bench"): BENCH,
    ("kernels", "poll"): {"job": "x", "after": 0},
    ("kernels", "stop"): {"job": "x"},
    ("kernels", "committed"): {},
    ("kernels", "source"): {"file": "cpu/conv2d.cpp"},
}
ENDPOINTS: dict[str, dict[str, Any]] = {
    "predict": {"image": RASTER, "model": "softmax", "backend": "native"},
    "train": START,
    "train_start": START,
    "train_status": PAGES["train", "status"],
    "train_steer": PAGES["train", "steer"],
    "train_upload": PAGES["train", "upload"],
    "train_resume": PAGES["train", "resume"],
    "train_export": PAGES["train", "export"],
    "check": PAGES["kernels", "start_check"],
    "bench": BENCH,
}
# Every form of every widget.
FORMS: dict[int, list[dict[str, Any]]] = {
    1: [{"at": 1, "x": 2, "limit": 10, "rolls": 10, "seed": 0}],
    2: [{"about": "line", "w": 1, "b": 1}, {"about": "polynomial", "degree": 3}],
    3: [
        {"about": "walk", "batch_size": 5, "epochs": 3, "lr": 0.1, "w": 0, "b": 0},
        {"about": "valleys", "from": 1},
        {
            "about": "saddle",
            "optimizer": "SGD",
            "saddle_lr": 0.1,
            "saddle_w": 1,
            "saddle_v": 0,
            "noise": False,
        },
    ],
    4: [{"model": "linear", "values": [1, 2, 3, 4]}],
    5: [{"about": "races", "steps": 5, "w": 0, "b": 0, "factor": 1}],
    6: [
        {"about": "training", "hours": [1, 2], "passed": [0, 1], "epochs": 5, "lr": 0.1},
        {"about": "formulas", "z": 0, "y_pred": 0.5, "y": 1},
    ],
    7: [
        {
            "activation": "ReLU",
            "optimizer": "SGD",
            "lr": 0.1,
            "epochs": 2,
            "file": "t",
            "csv": TABLE,
        }
    ],
    8: [{"count": 5, "batch_size": 2, "epochs": 1, "seed": 0, "shuffle": True}],
    9: [
        {"about": "loss", "z": [1, 2, 3], "right": 0},
        {"about": "cell", "row": 1, "column": 1},
        {"about": "confusion"},
    ],
    10: [
        {
            "about": "convolution",
            "side": 1,
            "kernel": [1],
            "stride": 1,
            "padding": 0,
            "pool": 1,
            "picture": SQUARE,
        }
    ],
}

NESTED: Any = []
for _ in range(50):
    NESTED = [{"a": NESTED}]
GARBAGE: list[Any] = [
    None,
    True,
    0,
    -1,
    0.5,
    2.0,
    1e308,
    math.nan,
    math.inf,
    10**400,
    "",
    "x",
    "x" * 100_000,
    "\ud800",
    "../../etc/passwd",
    "YQ==",
    RUN.id,
    [],
    [None],
    [-1, "x", {}],
    [[]] * 1000,
    {},
    {"": None},
    {"label": 3, "pixels": "AAAA"},
    {"\ud800": 1},
    NESTED,
]


def _bad_requests(good: dict[str, Any]) -> Iterator[Any]:
    """The good request, garbage instead of it and of each field, and a field more or less."""
    yield good
    yield from GARBAGE
    yield {**good, "nonesuch": 1}
    for name in good:
        yield {other: value for other, value in good.items() if other != name}
        for value in GARBAGE:
            yield {**good, name: value}


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    """The app, in which nothing is trained, checked or timed."""

    def done(queue: JobQueue, request: dict[str, Any], person: str) -> Job:
        job = Job(request, state="done", events=[{"done": {}}])
        job.ended.set()
        return job

    store = RunStore(tmp_path_factory.mktemp("runs"))
    store.save(RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recognizers, "load_all", lambda recognizers: None)
        patch.setattr(JobQueue, "submit", done)
        patch.setattr(LessonResults, "start", lambda results: None)
        patch.setattr(Run, "start", lambda run: None)
        patch.setattr(Run, "wait", lambda run, seconds=None: True)
        patch.setattr(runs, "MAX_RUNS", 10**6)
        yield app.build(store, allow_code=True)


def _server_functions(blocks: gr.Blocks) -> dict[tuple[str, str], Any]:
    pages = [block for block in blocks.blocks.values() if getattr(block, "server_fns", None)]
    return {
        (page.NAME, function.__name__): function
        for page, block in zip(app.PAGES, pages, strict=True)
        for function in block.server_fns
    }


def _check_answer(answer: Any) -> None:
    """It is an object that can be sent; an error is text in every language."""
    json.dumps(answer, ensure_ascii=False).encode()
    if "error" in answer and "state" not in answer:
        assert answer["error"].keys() == CATALOGUES.keys()
        assert all(0 < len(text) < 500 for text in answer["error"].values())


def test_every_server_function_has_a_good_request(blocks: gr.Blocks) -> None:
    assert _server_functions(blocks).keys() == PAGES.keys()


@pytest.mark.parametrize("name", PAGES, ids="-".join)
def test_no_request_to_a_page_crashes(blocks: gr.Blocks, name: tuple[str, str]) -> None:
    function = _server_functions(blocks)[name]
    for request in _bad_requests(PAGES[name]):
        _check_answer(function(request))


@pytest.mark.parametrize("number", FORMS)
def test_no_request_to_a_widget_crashes(blocks: gr.Blocks, number: int) -> None:
    play = _server_functions(blocks)["lessons", "play"]
    for form in FORMS[number]:
        good = {"number": number, **form}
        if number != 9 or form["about"] == "loss":  # the others need results
            assert "error" not in play(good)
        for request in _bad_requests(good):
            _check_answer(play(request))


@pytest.mark.parametrize("name", ENDPOINTS)
def test_no_request_to_the_api_crashes(blocks: gr.Blocks, name: str) -> None:
    functions = {function.api_name: function.fn for function in blocks.fns.values()}
    assert {name for name in functions if isinstance(name, str)} >= ENDPOINTS.keys()
    good = ENDPOINTS[name]
    for request in _bad_requests(good):
        if not isinstance(request, dict) or request.keys() != good.keys():
            continue  # Gradio itself fills in the parameters
        with contextlib.suppress(gr.Error):
            answer = functions[name](*request.values(), None)  # no HTTP request
            json.dumps(list(answer) if name == "train" else answer)


RAW = ["null", "NaN", "1e999", "[[", '"\\ud800"', '{"\\ud800": 1}', "[" * 200 + "]" * 200, "{}"]


@pytest.mark.parametrize("name", PAGES, ids="-".join)
def test_no_request_over_http_crashes(address: str, name: tuple[str, str]) -> None:
    page, function = name
    components = httpx.get(f"{address}/config").json()["components"]
    ids = [each["id"] for each in components if each["props"].get("server_fns")]
    id = ids[[each.NAME for each in app.PAGES].index(page)]
    for data in RAW:
        known = {"component_id": id, "fn_name": function, "session_hash": "s"}
        body = f'{json.dumps(known)[:-1]}, "data": {data}}}'
        response = httpx.post(
            f"{address}/gradio_api/component_server",
            content=body.encode(),
            headers={"Content-Type": "application/json"},
        )
        assert response.status_code < 500, (data, response.text)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("call/nothing", {"data": []}),
        ("run/nothing", {"data": []}),
        ("queue/join", {"data": [], "fn_index": 9999, "session_hash": "s"}),
        (
            "component_server",
            {"component_id": 9999, "fn_name": "x", "session_hash": "s", "data": 1},
        ),
    ],
)
def test_what_does_not_exist_is_not_found(address: str, route: str, body: dict[str, Any]) -> None:
    assert httpx.post(f"{address}/gradio_api/{route}", json=body).status_code == 404
