"""``inkgrad train``: what it prints, what it writes, how it ends."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

import pytest
import torch

from inkgrad.course import weights_file
from inkgrad.course.commands import train as train_command
from inkgrad.course.data import datasets
from inkgrad.course.data.tables import TableOptions
from inkgrad.course.settings import course_settings
from inkgrad.course.texts import percent
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_store import RunStore
from warm_python import WarmPython


@pytest.fixture(autouse=True)
def _folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def train(*arguments: str) -> int:
    parser = argparse.ArgumentParser("inkgrad train")
    train_command.add_arguments(parser)
    return train_command.run(parser.parse_args(arguments))


@pytest.mark.parametrize("backend", ["fused", "native"])
def test_json_is_one_object_an_epoch(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("diabetes", "--epochs", "3", "--json", "--backend", backend) == 0
    printed = capsys.readouterr()
    epochs = [json.loads(line) for line in printed.out.splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3]
    for epoch in epochs:
        assert {"epoch", "loss", "accuracy", "seconds"} <= epoch.keys()
        assert 0 <= epoch["accuracy"] <= 1
    assert "test_accuracy" not in epochs[0]
    model, metadata = weights_file.load("diabetes.safetensors", backend)
    assert metadata["results"]["test"]["accuracy"] == epochs[-1]["test_accuracy"]
    assert metadata["settings"]["backend"] == backend == model.backend
    assert "Fallback data: scikit-learn's breast cancer table" in printed.err
    assert f"test accuracy {percent(epochs[-1]['test_accuracy'], 2)} of 113" in printed.err


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert train("logistic", "--course", "--epochs", "40", "--out", "mine.safetensors") == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].startswith("Training logistic (fused, cpu) on hours of study: 3 training,")
    assert lines[1].startswith("epoch 2/40  loss ")
    assert any(line.startswith("epoch 40/40  loss ") for line in lines)
    assert any(line.startswith("Not learning: ") for line in lines)  # too few epochs
    assert lines[-1] == "Saved mine.safetensors"
    assert printed.err == ""  # no bar where nobody sees it
    assert Path("mine.safetensors").exists()


def test_the_settings_reach_the_run(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("\n".join(f"{i},{-i},{i % 2}" for i in range(7, 47)))
    arguments = "--epochs 2 --batch-size 7 --lr 0.25 --optimizer adagrad --seed 9 --threads 3"
    assert train("diabetes", "--data", str(table), "--backend", "native", *arguments.split()) == 0
    _, metadata = weights_file.load("diabetes.safetensors")
    expected = {
        "epochs": 2,
        "batch_size": 7,
        "lr": 0.25,
        "optimizer": "adagrad",
        "seed": 9,
        "threads": 3,
        "backend": "native",
        "device": "cpu",
    }
    assert metadata["settings"].items() >= expected.items()
    assert metadata["model_kwargs"] == {"in_features": 2, "standardize": True}
    assert metadata["data"].pop("table")["classes"] == ["0", "1"]
    parts = {"name": "table.csv", "train": 30, "validation": 2, "test": 8}
    assert metadata["data"] == parts


def test_momentum_decay_activation_and_augmentation_reach_the_run(tmp_path: Path) -> None:
    flags = "--epochs 1 --momentum 0.5 --weight-decay 0.01 --activation tanh --batch-size 400"
    assert train("softmax", *flags.split(), "--augment") == 0
    _, metadata = weights_file.load("softmax.safetensors")
    expected = {"momentum": 0.5, "weight_decay": 0.01, "activation": "tanh", "augment": True}
    assert metadata["settings"].items() >= expected.items()
    assert train("cnn", "--epochs", "1", "--batch-size", "400", "--no-augment") == 0
    assert not weights_file.load("cnn.safetensors")[1]["settings"]["augment"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("cnn --momentum 1", "momentum: expected at least 0 and below 1, got 1.0"),
        ("cnn --weight-decay -1", "weight decay: expected a number, at least 0, got -1.0"),
        (
            "cnn --activation relu",
            "activation: expected none: cnn has a fixed activation",
        ),
        ("diabetes --augment", "model: expected one that recognizes digits, to augment them"),
        ("resnet", "invalid choice: 'resnet'"),
        ("cnn --epochs 0", "epochs: expected at least 1, got 0"),
        ("cnn --epochs many", "argument --epochs: invalid int value: 'many'"),
        ("cnn --batch-size -1", "batch size: expected at least 1, got -1"),
        ("cnn --lr 0", "lr: expected a positive number, got 0"),
        ("cnn --lr nan", "lr: expected a positive number, got nan"),
        ("cnn --optimizer best", "argument --optimizer: invalid choice: 'best'"),
        ("cnn --seed -1", "seed: expected at least 0"),
        ("cnn --threads 0", "threads: expected 1 to 1024, got 0"),
        ("cnn --device tpu", "argument --device: invalid choice: 'tpu'"),
        ("cnn --out nowhere/cnn.safetensors", "out: expected an existing folder, got nowhere"),
        ("cnn --out .", "out: expected a file, got the folder ."),
    ],
)
def test_wrong_usage(arguments: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        train(*arguments.split())
    assert message in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        train("cnn", "--device", "cuda")
    assert "device: cuda is not available" in capsys.readouterr().err


def test_bad_data_is_located(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.csv").write_text("1,2,0\n1,x,1\n1,3,1")
    assert train("diabetes", "--data", "bad.csv") == 1
    assert "bad.csv, row 2, column 2: expected a number, got 'x'" in capsys.readouterr().err
    assert not Path("diabetes.safetensors").exists()


def test_a_diverging_run_says_so_and_leaves_the_old_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = Path("softmax.safetensors")
    out.write_text("the old one")
    assert train("softmax", "--lr", "1e6", "--epochs", "1") == 1
    assert "Training diverged in epoch 1: the loss is nan" in capsys.readouterr().out
    assert out.read_text() == "the old one"


PROGRAM = (
    "import argparse, sys; from inkgrad.course.commands import train as t;"
    "p = argparse.ArgumentParser(); t.add_arguments(p); sys.exit(t.run(p.parse_args()))"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_what_was_learned(python: WarmPython, number: signal.Signals) -> None:
    if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("SIGHUP is ignored, as under nohup")
    training = python.start(PROGRAM, "logistic", "--epochs", "100000000", "--json")
    assert json.loads(training.stdout.readline())["epoch"] == 1
    training.send_signal(number)
    ended = training.finish()
    assert ended.returncode == 128 + number
    assert "Saved logistic.safetensors" in ended.stderr
    _, metadata = weights_file.load("logistic.safetensors")
    finished = metadata["results"]["last_epoch"]["epoch"]
    assert finished >= 1
    assert f"Stopped in epoch {finished + 1} of 100000000." in ended.stderr


def _epochs(*arguments: str, capsys: pytest.CaptureFixture[str]) -> list[tuple[float, float]]:
    assert train(*arguments, "--json") == 0
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    return [(line["loss"], line["accuracy"]) for line in lines]


def test_a_resumed_run_knows_how_its_table_is_read(tmp_path: Path) -> None:
    table = tmp_path / "three.csv"
    rows = [f"{'abc'[i % 3]};{i % 7},5;{'xy'[i % 2]};{i * i % 11}" for i in range(90)]
    content = "\n".join(["kind;size;side;weight", *rows])
    table.write_text(content)
    given = ("--data", str(table), "--label", "kind", "--epochs", "6", "--batch-size", "16")
    stopped = Run(
        course_settings("diabetes", epochs=6, batch_size=16),
        lambda report: datasets.load("diabetes", table, lambda _: None, TableOptions(label="kind")),
        RunStore.default(),
        on_epoch=lambda trainer: stopped.stop(),
    )
    stopped.work()
    table.unlink()  # the run has a copy
    assert train("diabetes", "--resume", stopped.id, "--out", "resumed.safetensors") == 0
    table.write_text(content)
    assert train("diabetes", *given, "--threads", "1", "--out", "whole.safetensors") == 0
    (resumed, found), (whole, expected) = map(
        weights_file.load, ("resumed.safetensors", "whole.safetensors")
    )
    assert found["data"]["table"] == expected["data"]["table"]
    assert found["data"]["table"]["classes"] == ["a", "b", "c"]
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name])


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    python: WarmPython, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["diabetes", "--epochs", "40", "--optimizer", "adam", "--batch-size", "100"]
    slow = (
        "import time; from inkgrad.course.training import run, run_saver, trainer;"
        "run_saver.SECONDS_BETWEEN_SAVES = 0.0;"  # each step is saved
    )
    training = python.start(slow + PROGRAM, *arguments, "--json", "--out", "killed.safetensors")
    for _ in range(3):
        training.stdout.readline()
    training.send_signal(signal.SIGKILL)
    training.finish()
    assert not Path("killed.safetensors").exists()
    (run,) = RunStore.default().summaries()[0]
    assert run.state == "training"  # as it was saved
    resumed = _epochs("diabetes", "--resume", run.id, "--out", "resumed.st", capsys=capsys)
    whole = _epochs(*arguments, "--threads", "1", "--out", "whole.st", capsys=capsys)
    assert 0 < len(resumed) < len(whole)
    assert resumed == whole[-len(resumed) :]
    weights = [weights_file.load(path)[0].state_dict() for path in ("resumed.st", "whole.st")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    record = RunStore.default().load(run.id)
    assert (record.state, record.epochs_done, record.done) == ("finished", 40, record.steps)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("cnn --resume 20260101-000000-cnn-abcdef", "there is no run 20260101-000000-cnn-abcdef"),
        ("cnn --resume ../etc", "run: expected the id of a run"),
        ("cnn --resume x --lr 1 --batch-size 3", "leave out --batch-size, --lr"),
    ],
)
def test_what_cannot_be_resumed(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        train(*arguments.split())
    assert message in capsys.readouterr().err


def test_a_finished_run_is_written_again_and_another_model_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train("logistic", "--epochs", "2") == 0
    (run,) = RunStore.default().summaries()[0]
    assert train("logistic", "--resume", run.id, "--out", "again.safetensors") == 0
    assert f"Run {run.id} is finished" in capsys.readouterr().out
    first, again = (weights_file.load(f"{name}.safetensors") for name in ("logistic", "again"))
    assert first[1] == again[1]
    for name, weight in first[0].state_dict().items():
        assert torch.equal(weight, again[0].state_dict()[name])
    with pytest.raises(SystemExit, match="2"):
        train("cnn", "--resume", run.id)
    assert "expected a run of cnn, got logistic" in capsys.readouterr().err


def test_a_folder_without_room_is_noticed_before_training(python: WarmPython) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
    ended = python.run(limit + PROGRAM, "logistic", "--epochs", "2")
    assert ended.returncode == 2
    assert "out: expected a folder where" in ended.stderr
    assert ended.stdout == ""


def test_a_closed_pipe_ends_the_run_and_saves_it(python: WarmPython) -> None:
    training = python.start(PROGRAM, "logistic", "--epochs", "100000000", "--json")
    training.stdout.readline()
    training.stdout.close()
    assert "BrokenPipeError" in training.stderr.read()
    assert Path("logistic.safetensors").exists()
    (run,) = RunStore.default().summaries()[0]
    assert run.state == "stopped"


def test_it_says_when_it_does_not_learn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "large.csv"
    table.write_text(
        "\n".join(f"{1000 * i},{1000 * (i % 7)},{int(i % 3 == 0)}" for i in range(120))
    )
    assert (
        train("logistic", "--data", str(table), "--no-standardize", "--epochs", "20", "--lr", "0.1")
        == 0
    )
    printed = capsys.readouterr().out
    assert "Not learning" in printed
    assert "scale every column" in printed
