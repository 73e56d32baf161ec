"""The GPU benchmark on the CPU: its rows, its time limit, and the committed results."""

import json
from pathlib import Path

import pytest

from inkgrad_bench import gpu_bench, roofline
from inkgrad_bench.roofline import Roofline
from inkgrad_bench.suite import BOTH, FORWARD, GPU_CASES, Case

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "gpu.json"


@pytest.fixture
def tiny_roofline(monkeypatch):
    roof = Roofline(1, {"float32": 1.0}, "test", 1.0, 1.0)
    monkeypatch.setattr(roofline, "measure", lambda device, quick: roof)


def test_benchmark_writes_a_row_a_case(tiny_roofline):
    tiny = (
        Case("binary_cross_entropy", "tiny", ((8,), (8,))),
        Case("linear_relu", "wrong", ((4, 3), (2, 5), (2,))),
    )
    written = []
    document = gpu_bench.run(
        tiny, lambda d: written.append(json.dumps(d)), seconds=60, device="cpu", compiled=False,
        graphs=False,
    )  # fmt: skip
    assert [row["direction"] for row in document["results"]] == [FORWARD, BOTH]
    assert [row["case"] for row in document["failures"]] == ["wrong", "wrong"]
    assert len(written) == 4
    assert "over ours: native" in gpu_bench.line(document["results"][0])


def test_cases_without_time_are_listed(tiny_roofline):
    document = gpu_bench.run(
        GPU_CASES, lambda d: None, seconds=-1, device="cpu", compiled=False, graphs=False
    )
    assert document["results"] == []
    assert len(document["not_run"]) == sum(len(case.directions) for case in GPU_CASES)


def test_the_committed_results_make_a_table(capsys):
    """A line per case and direction, none less accurate than native."""
    path = RESULTS
    assert gpu_bench.main(["--table", str(path)]) == 0
    printed = capsys.readouterr().out
    results = json.loads(path.read_text())["benchmark"]["results"]
    assert printed.count("\n| ") == 1 + len(results)
    assert "float64: none." in printed
