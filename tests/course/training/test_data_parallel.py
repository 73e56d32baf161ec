"""Training in two processes gives the result of one, reported and saved once."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from inkgrad.course.commands import train as train_command
from inkgrad.course.data.datasets import hours_of_study, table
from inkgrad.course.settings import course_settings
from inkgrad.course.training import data_parallel
from inkgrad.course.training.trainer import Trainer

pytestmark = pytest.mark.slow

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*TORCHRUN, "-m", "inkgrad", "train", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def own_table(tmp_path: Path) -> Path:
    """74 examples to train with: batches of 7 end with one of 4, in unequal parts."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(100, 3, generator=generator)
    rows = [",".join(f"{value:.4f}" for value in row) + f",{int(row.sum() > 1.5)}" for row in x]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(rows))
    return path


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("diabetes", {"batch_size": 7}),
        # its loss is a sum; and 3 examples in batches of 2 leave one process without any
        ("logistic", {"batch_size": 2}),
    ],
)
def test_two_processes_learn_what_one_learns(tmp_path, own_table, model: str, changes) -> None:
    settings = course_settings(model, epochs=4, **changes)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in changes.items()]
    source = [f"--data={own_table}"] if model == "diabetes" else []
    out, err = _start(
        tmp_path, model, "--epochs=4", "--out=two.st", *options, *source
    ).communicate()
    assert out.count("epoch 4/4") == out.count("Saved two.st") == 1, err
    assert ", 2 processes" in out
    alone = Trainer(settings, table(own_table) if source else hours_of_study())
    for _ in alone.epochs():
        pass
    together = load_file(tmp_path / "two.st")
    for name, weight in alone.model.state_dict().items():
        torch.testing.assert_close(together[name], weight, rtol=1e-4, atol=1e-6)


def test_a_missing_file_is_told_once(tmp_path: Path) -> None:
    started = _start(tmp_path, "diabetes", "--data=nothing.csv")
    _, err = started.communicate()
    assert started.returncode != 0
    assert err.count("inkgrad train: nothing.csv: no such file") == 1


def test_ctrl_c_ends_all_processes_and_keeps_what_was_learned(tmp_path: Path) -> None:
    started = _start(tmp_path, "logistic", "--epochs=1000000", "--out=some.st")
    assert started.stdout is not None
    while not started.stdout.readline().startswith("Training"):
        pass
    os.killpg(started.pid, signal.SIGINT)
    out, err = started.communicate()
    assert "Saved some.st" in out or "Nothing was learned" in out, err


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_batch_has_an_example_for_everybody(monkeypatch, capsys, batch_size: int) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    parser = argparse.ArgumentParser("inkgrad train")
    train_command.add_arguments(parser)
    with pytest.raises(SystemExit):
        train_command.run(parser.parse_args(["cnn", f"--batch-size={batch_size}"]))
    expected = f"batch size: expected an example for each of 4 processes, got {batch_size}"
    assert expected in capsys.readouterr().err


def test_alone_nothing_is_set_up(monkeypatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with data_parallel.joined("cpu"):
        assert not torch.distributed.is_initialized()
        assert (data_parallel.size(), data_parallel.is_first()) == (1, True)
        assert [data_parallel.anyone(holds) for holds in (True, False)] == [True, False]


def test_every_process_needs_a_gpu(monkeypatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(torch.cuda.device_count() + 1))
    with pytest.raises(ValueError, match="expected a GPU for each of"):
        data_parallel.check_gpus()
