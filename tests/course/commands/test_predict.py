"""inkgrad predict answers every file it can read, and says which it cannot."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawings import drawing
from inkgrad.course.commands import predict as predict_command


def predict(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    predict_command.add_arguments(parser)
    return predict_command.run(parser.parse_args([str(one) for one in arguments]))


@pytest.fixture
def four(tmp_path: Path) -> Path:
    path = tmp_path / "four.png"
    Image.fromarray(255 - drawing()).save(path)
    return path


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    path = tmp_path / "blank.jpg"
    Image.fromarray(np.full((90, 120, 3), 250, np.uint8)).save(path)
    return path


def test_label_and_probabilities_of_each_file(
    four: Path, blank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(four, blank) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{four}: 4 (")
    assert re.findall(r"(\d) +(?:> )?[\d.]+ %", lines[1]) == list("0123456789")
    assert lines[2] == f"{blank}: no digit: nothing is drawn"


def test_json_is_one_object_a_line(
    four: Path, blank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.png"
    assert predict("--json", "--model", "softmax", "--backend", "native", four, missing, blank) == 1
    read, unread, empty = map(json.loads, capsys.readouterr().out.splitlines())
    assert read["file"] == str(four)
    assert read["label"] == int(np.argmax(read["probabilities"]))
    assert 0.99 < sum(read["probabilities"]) <= 1
    assert (read["kind"], read["text"]) == ("digit", "4")
    assert len(read["digits"]) == 1
    assert unread == {"file": str(missing), "error": "No such file or directory"}
    assert empty["label"] is None


def _text(path: Path) -> None:
    path.write_text("this is no picture")


def _truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 90), dtype=np.uint8)
    Image.fromarray(noise).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:3000])


def _bomb(path: Path) -> None:
    Image.new("1", (30_000, 30_000)).save(path, "PNG")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_text, "not an image file of a known format"),
        (_truncated, "truncated"),
        (_bomb, "exceeds limit"),
        (_folder, "Is a directory"),
    ],
)
def test_a_bad_file_among_good_ones_is_named_and_the_others_are_read(
    spoil: object, reason: str, four: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.png"
    spoil(bad)  # type: ignore[operator]
    assert predict(four, bad, four) == 1
    reported = capsys.readouterr()
    assert reported.out.count(f"{four}: 4 (") == 2
    (line,) = reported.err.splitlines()
    assert line.startswith(f"inkgrad predict: {bad}: ")
    assert reason in line


def test_a_photograph_held_sideways_is_turned_upright(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sideways.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: shown after a quarter turn clockwise
    Image.fromarray(np.rot90(255 - drawing())).save(path, exif=exif)
    assert predict(path) == 0
    assert capsys.readouterr().out.startswith(f"{path}: 4 (")


@pytest.mark.parametrize("model", ["strongest", "none.safetensors"])
def test_an_unknown_model_is_an_error(
    model: str, four: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict("--model", model, four) == 1
    reported = capsys.readouterr()
    assert reported.out == ""
    assert reported.err.startswith("inkgrad predict: ")
    assert model in reported.err
