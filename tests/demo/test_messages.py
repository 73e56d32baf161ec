"""Errors reach a page in the language of the page.

Every error that a request can cause is a message of a catalogue; tests of the catalogues check that
they have it in every language.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

import inkgrad.course
import inkgrad_demo
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.run_files import RunFiles
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.services.training_data import Datasets
from inkgrad_demo.services.training_service import TrainingService
from inkgrad_demo.services.upload_store import UploadStore
from inkgrad_demo.serving.exposed import call, to_page
from inkgrad_demo.texts import CATALOGUES

DEMO = Path(inkgrad_demo.__file__).parent
COURSE = Path(inkgrad.course.__file__).parent
# The code that a request reaches; the command line is English only, and skeleton.py is for the data
# of the shipped networks.
FILES = [
    *(p for p in sorted(DEMO.rglob("*.py")) if p.stem not in ("command", "passwords")),
    *(COURSE / name for name in ("settings.py", "weights_file.py")),
    *(path for path in sorted((COURSE / "data").rglob("*.py")) if path.stem != "skeleton"),
    *(path for path in sorted((COURSE / "training").glob("*.py")) if path.stem != "data_parallel"),
]
ERRORS = {"ValueError", "DataError", "RunError", "WeightsFileError", "Unavailable", "JobFailed"}


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _plain_errors(path: Path) -> list[int]:
    """Return the lines that raise an error with anything but a message of a catalogue."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    messages = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name) and _name(node.value.func) == "message"
    }

    def is_message(value: ast.expr) -> bool:
        if isinstance(value, ast.BoolOp):  # job.error or message(...)
            return is_message(value.values[-1])
        if isinstance(value, ast.Name):
            return value.id in messages
        return isinstance(value, ast.Call) and _name(value.func) in ("message", "_message")

    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and _name(node.func) in ERRORS
        and not (node.args and is_message(node.args[0]))
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_error_is_a_message_of_a_catalogue(path: Path) -> None:
    assert _plain_errors(path) == []


def test_an_error_in_plain_english_is_found(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    lines = ('text = f"x"', 'raise ValueError("no")', 'RunError(f"{x}")', "ValueError(text)")
    bad.write_text("\n".join(lines))
    assert _plain_errors(bad) == [2, 3, 4]


# Errors that pydantic cannot rule out: from the course, and from the state of the server.
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("start", {"model": "cnn", "lr": 0}),
    ("start", {"model": "cnn", "momentum": 1}),
    ("start", {"model": "cnn", "activation": "relu"}),
    ("start", {"model": "diabetes", "activation": "softsign"}),
    ("start", {"model": "diabetes", "augment": True}),
    ("start", {"model": "diabetes", "optimizer": "rprop", "weight_decay": 1}),
    ("start", {"model": "cnn", "data": "hours"}),
    ("start", {"model": "cnn", "data": "images"}),
    ("start", {"model": "cnn", "data": "drawings"}),
    ("status", {"run": "20260101-000000-cnn-abcdef"}),
    ("steer", {"run": "20260101-000000-cnn-abcdef", "action": "stop"}),
    ("export", {"run": "20260101-000000-cnn-abcdef"}),
    ("import_weights", {"name": "w.safetensors", "content": "AAAA"}),
    ("import_weights", {"name": "w.safetensors", "content": ""}),
    ("upload", {"name": "a.csv", "content": "YQo="}),
    ("upload", {"name": "a.zip", "content": "UEs="}),
    ("upload", {"name": "a.csv", "content": "?"}),
]


@pytest.mark.parametrize(("name", "request_"), REQUESTS)
def test_a_page_gets_errors_in_every_language(
    tmp_path: Path, name: str, request_: dict[str, Any]
) -> None:
    store, datasets = RunStore(tmp_path), Datasets(UploadStore(tmp_path / "uploads"))
    services = (TrainingService(Runs(store), datasets), datasets, RunFiles(store))
    method = next(getattr(service, name) for service in services if hasattr(service, name))
    (answer,) = to_page(method)
    texts = answer(request_)["error"]
    assert texts.keys() == CATALOGUES.keys()
    assert len(set(texts.values())) == len(texts)
    with pytest.raises(ValueError, match=re.escape(texts["en"])):  # the API gets the English one
        call(method, request_)
