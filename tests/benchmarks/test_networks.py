"""Whole networks: what is timed, and which rows miss the target."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import pytest
import torch

from inkgrad_bench import command, networks
from inkgrad_bench.networks import (
    GRAPH,
    INFERENCE,
    NATIVE,
    PATCHED,
    TRAINING,
    Case,
    Row,
    build,
    cases,
    contenders,
    step,
)

CASE = Case("siamese", 2, TRAINING, 1)


def row(ratio: float = 1.0, peak: int = 100 * 2**20) -> Row:
    quartiles = {"lower": ratio, "median": ratio, "upper": ratio}
    return Row(
        CASE,
        seconds={NATIVE: 1e-3, PATCHED: 1e-3 / ratio, GRAPH: 1e-3},
        peaks={NATIVE: 100 * 2**20, PATCHED: peak, GRAPH: None},
        ratios={PATCHED: quartiles, GRAPH: {"lower": 1, "median": 1, "upper": 1}},
    )


def test_rows_that_miss_the_target() -> None:
    assert row().misses() == []
    assert row(ratio=0.98).misses() == []
    assert row(ratio=0.96).misses() == [PATCHED]
    assert row(peak=110 * 2**20).misses() == [PATCHED]
    assert row(peak=101 * 2**20).misses() == []


def test_cases() -> None:
    found = list(cases(["lenet", "vae"], [1, 8], [2]))
    assert len(found) == 8
    assert found[0] == Case("lenet", 1, INFERENCE, 2)


@pytest.mark.parametrize("task", [INFERENCE, TRAINING])
def test_contenders_compute_the_same(task: str) -> None:
    torch.compiler.reset()
    model, input = build(CASE.network, CASE.batch)
    parameters = []
    for each, call in contenders(model, compiled=False).values():
        step(each, call, input, task)()
        assert each.training == (task == TRAINING)
        parameters.append(torch.cat([p.flatten() for p in each.parameters()]))
    for found in parameters[1:]:
        torch.testing.assert_close(found, parameters[0])
    start = torch.cat([p.flatten() for p in model.parameters()])
    assert torch.equal(parameters[0], start) == (task == INFERENCE)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(case: Case, effort: object, compiled: bool) -> Row:
        if case.batch == 8:
            raise RuntimeError("no memory")
        return dataclasses.replace(row(ratio=0.5), case=case)

    monkeypatch.setattr(networks, "measure", measure)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    file = tmp_path / "networks.json"
    args = parser.parse_args(["--networks", "vae", "--threads", "1", "--json", str(file)])
    assert command.run(args) == 1  # a case failed
    printed = capsys.readouterr().out
    assert "0.50*" in printed
    assert "failed: RuntimeError: no memory" in printed
    assert "0 of 4 hold the target" in printed
    document = json.loads(file.read_text())
    assert document["complete"]
    assert [r["case"]["batch"] for r in document["rows"]] == [1, 1, 8, 8]
