"""inkgrad predict with a model of a table: each row's class, as the model was trained."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from inkgrad.course.commands import predict as predict_command
from inkgrad.course.commands import train as train_command

HEADER = "id;size;color;kind\n"
KINDS = ("cat", "dog", "owl")
# Thousands, far from standardized; kind follows from size.
ROWS = [
    f"{i + 1};{1000 + 500 * (i % 3) + i % 7},5;{('red', 'blue')[i % 2]};{KINDS[i % 3]}\n"
    for i in range(60)
]


def run(command: object, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    code: int = command.run(parser.parse_args(arguments))  # type: ignore[attr-defined]
    return code


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("pets.csv").write_text(HEADER + "".join(ROWS))
    assert run(train_command, "logistic", "--data", "pets.csv", "--out", "pets.safetensors") == 0
    assert "3 text" not in capsys.readouterr().out
    return tmp_path


def test_what_was_learned_is_predicted(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("new.csv").write_text("color,size\nred,1001.5\n\nblue,2003\nred,\n")
    assert run(predict_command, "new.csv", "--model", "pets.safetensors", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["row"], line["label"]) for line in lines] == [(2, "cat"), (4, "owl")]
    assert sum(lines[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert run(predict_command, "pets.csv", "--model", "pets.safetensors") == 0
    assert capsys.readouterr().out.endswith("accuracy 100 % of 60 labeled rows\n")


def test_a_table_that_does_not_fit(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.csv").write_text("size,color\nbig,red\n")
    Path("other.csv").write_text("length\n3\n")
    assert run(predict_command, "bad.csv", "other.csv", "--model", "pets.safetensors") == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == (
        "inkgrad predict: bad.csv, row 2, column 1 (size): expected a number, got 'big'"
    )
    assert errors[1].endswith(
        "other.csv: expected the columns of the training table; missing: size, color"
    )
