"""The benchmark of the server: what does not depend on the machine's speed passes."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("gradio")

from inkgrad_bench import server
from inkgrad_bench.server import Figure


def test_a_figure_passes_up_to_its_limit() -> None:
    assert Figure("a", 5, 5).passes
    assert str(Figure("a", 5.001, 5)).endswith("FAIL")
    assert not Figure("a", float("nan"), 5).passes


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
def test_every_part_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_MAX_SECONDS_TO_KILL", 0.2)
    monkeypatch.setattr(server, "_SECONDS_OF_REST", 0)
    monkeypatch.setattr(server, "_IMAGES", {"train": 1000, "t10k": 100})
    little = {"people": 2, "trainings": 1, "seconds": 3, "kills": 1, "epochs": 8}
    server.main([f"--{name}={value}" for name, value in little.items()])
    lines = capsys.readouterr().out.splitlines()[1:]
    limits = [line.split()[-2:] for line in lines]
    assert len(lines) == 11
    counted = [verdict for limit, verdict in limits if limit == "0"]
    assert counted == ["pass"] * 5, lines
