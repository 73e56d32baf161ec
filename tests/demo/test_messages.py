"""What the server complains of reaches a page in the page's language.

Every complaint that a question can provoke is a message of a catalogue: that the catalogues say all
of them in every language is for test_i18n.py and test_lesson_parts.py.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

import inkgrad.course
import inkgrad_demo
from inkgrad.course.messages import Message
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.pages.parts import telling_function
from inkgrad_demo.services.comparisons import Comparisons
from inkgrad_demo.services.data_choices import Datasets
from inkgrad_demo.services.trainings import Trainings
from inkgrad_demo.services.workbench import Workbench
from inkgrad_demo.texts import CATALOGUES

DEMO = Path(inkgrad_demo.__file__).parent
COURSE = Path(inkgrad.course.__file__).parent
# What a question of a page leads to; the command line is English.
FILES = [
    *(path for path in sorted(DEMO.rglob("*.py")) if path.name != "command.py"),
    *(
        COURSE / f"{name}.py"
        for name in (
            "checkpoint",
            "data",
            "download",
            "live",
            "onnx",
            "own_digits",
            "runs",
            "script",
            "settings",
            "snapshots",
            "table",
        )
    ),
]
COMPLAINTS = {"ValueError", "DataError", "RunError", "CheckpointError", "Unavailable", "Failed"}


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _plain_complaints(path: Path) -> list[int]:
    """The lines that make a complaint of something else than a message."""
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
        return isinstance(value, ast.Call) and _name(value.func) == "message"

    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and _name(node.func) in COMPLAINTS
        and not (node.args and is_message(node.args[0]))
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_complaint_is_a_message_of_a_catalogue(path: Path) -> None:
    assert _plain_complaints(path) == []


def test_a_complaint_in_plain_english_would_be_noticed(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    lines = ('told = f"x"', 'raise ValueError("no")', 'RunError(f"{x}")', "ValueError(told)")
    bad.write_text("\n".join(lines))
    assert _plain_complaints(bad) == [2, 3, 4]


@pytest.fixture
def trainings(tmp_path: Path) -> Trainings:
    return Trainings(RunStore(tmp_path), Datasets())


QUESTIONS: list[tuple[str, Any]] = [
    ("start", None),
    ("start", {"model": "nonesuch"}),
    ("start", {"model": "cnn", "epochs": 0}),
    ("start", {"model": "cnn", "lr": 0}),
    ("start", {"model": "cnn", "momentum": 1}),
    ("start", {"model": "cnn", "activation": "relu"}),
    ("start", {"model": "diabetes", "activation": "softsign"}),
    ("start", {"model": "diabetes", "augment": True}),
    ("start", {"model": "diabetes", "optimizer": "rprop", "weight_decay": 1}),
    ("start", {"model": "cnn", "data": "images"}),
    ("start", {"model": "cnn", "data": "drawings"}),
    ("start", {"model": "cnn", "drawings": [{"label": 1, "pixels": "AAAA"}]}),
    ("progress", {"run": "nonesuch"}),
    ("progress", {"run": "20260101-000000-cnn-abcdef"}),
    ("steer", {"run": 3}),
    ("try_out", {"run": 3, "pixels": ""}),
    ("files.export", {"run": "x", "format": "exe"}),
    ("files.take_in", {"name": "w.safetensors", "content": "AAAA"}),
    ("files.take_in", {"name": "w.safetensors", "content": ""}),
    ("datasets.upload", {"name": "a.csv", "content": "YQo="}),
    ("datasets.upload", {"name": "a.zip", "content": "UEs="}),
    ("datasets.upload", {"name": "a.csv", "content": "?"}),
]


@pytest.mark.parametrize(("name", "question"), QUESTIONS)
def test_a_page_is_told_in_every_language(trainings: Trainings, name: str, question: Any) -> None:
    ask: Any = trainings
    for part in name.split("."):
        ask = getattr(ask, part)
    texts = telling_function(ask)(question)["error"]
    assert texts.keys() == CATALOGUES.keys()
    assert len(set(texts.values())) == len(texts)
    with pytest.raises(ValueError, match=re.escape(texts["en"])):  # what others are told
        ask(question)


def test_pages_of_runs_and_kernels_are_told_so_too(trainings: Trainings) -> None:
    for ask, question in (
        (Comparisons(trainings).load_runs, {"runs": []}),
        (Comparisons(trainings).delete_runs, {"runs": [3]}),
        (Workbench().start_check, {"ops": []}),
        (Workbench().source, {"file": "/etc/passwd"}),
    ):
        texts = telling_function(ask)(question)["error"]
        assert texts["en"] != texts["zh-CN"]


def test_messages_in_an_answer_are_told_in_every_language_as_well() -> None:
    told = Message({"en": "late", "zh-CN": "晚了"})

    def ask(_: Any) -> dict[str, Any]:
        return {"message": told, "phase": "stopped"}

    assert telling_function(ask)(None) == {"message": told.texts, "phase": "stopped"}
    assert json.dumps(ask(None)) == '{"message": "late", "phase": "stopped"}'
