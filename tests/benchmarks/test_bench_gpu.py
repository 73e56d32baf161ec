"""The GPU run, as far as it goes without a GPU: its stages, its file, and what it says without."""

import json
import os
import sys
import tempfile
import time

import pytest

from inkgrad_bench import ceilings, gpu, gpu_bench, gpu_smoke
from inkgrad_bench.cases import BOTH, FORWARD, GPU_CASES, Case
from inkgrad_bench.ceilings import Ceilings
from inkgrad_bench.gpu import Stage

GPU = {"available": True, "capability": [9, 0], "gpus": ["a GPU"], "torch": "2", "torch_cuda": "13"}


def python(code, seconds=60):
    return Stage(code, (sys.executable, "-c", code), seconds)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The whole command with other stages, on a machine that claims to have a GPU."""

    def call(*stages):
        monkeypatch.setattr(gpu, "look", lambda: GPU)
        monkeypatch.setattr(gpu, "stages", lambda benchmark: list(stages))
        path = tmp_path / "gpu.json"
        return gpu.main(["--json", str(path)]), json.loads(path.read_text())

    return call


def test_it_says_what_is_not_installed(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(gpu, "look", lambda: GPU)
    monkeypatch.setattr(gpu, "MODULES", ("pytest", "no_such_module"))
    path = tmp_path / "gpu.json"
    assert gpu.main(["--json", str(path)]) == 2
    assert "not installed are no_such_module." in capsys.readouterr().err
    assert not path.exists()


def test_without_a_gpu_it_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(gpu, "look", lambda: {"available": False, "why": "torch sees none"})
    path = tmp_path / "gpu.json"
    assert gpu.main(["--json", str(path)]) == 2
    assert "no GPU" in capsys.readouterr().err
    assert not path.exists()


def test_stages_leave_what_they_said(run):
    code, document = run(python("print('hello')"), python("import inkgrad, inkgrad_bench"))
    assert code == 0
    assert [stage["code"] for stage in document["stages"]] == [0, 0]
    assert "hello" in document["stages"][0]["tail"]
    assert document["stages"][0]["command"][0] == "python"  # not where this machine has it
    assert document["machine"]["gpus"] == ["a GPU"]


def test_a_stage_that_fails_does_not_hide_the_others(run):
    code, document = run(python("raise SystemExit(3)"), python("pass"))
    assert code == 1
    assert [stage["code"] for stage in document["stages"]] == [3, 0]


def test_a_stage_that_hangs_is_stopped_with_its_children(run):
    child = "import subprocess; subprocess.run(['sleep', '300'])"
    start = time.monotonic()
    code, document = run(python(child, seconds=2))
    assert code == 1
    assert document["stages"][0]["code"] is None
    assert "stopped" in document["stages"][0]["why"]
    assert time.monotonic() - start < 60


def test_nothing_is_measured_if_the_build_fails(run):
    failed = Stage("build", (sys.executable, "-c", "raise SystemExit(1)"), 60)
    code, document = run(failed, python("pass"))
    assert code == 1
    assert len(document["stages"]) == 1


def test_stages_fit_ten_minutes(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "sanitizer", lambda: "compute-sanitizer")
    chosen = gpu.stages(tmp_path / "x.json")
    groups = gpu.together(chosen)
    assert [stage for group in groups for stage in group] == chosen
    assert sum(max(stage.seconds for stage in group) for group in groups) <= 600
    assert [stage.name for stage in groups[-1]] == ["benchmark"]  # nothing runs beside it
    assert all(os.path.exists(gpu.ROOT / path) for path in chosen[1].command if "tests/" in path)


def test_stages_run_beside_each_other(run):
    """The first waits for what the second does."""
    path = "sys.argv[1]"
    waits = f"import os, sys, time\nwhile not os.path.exists({path}): time.sleep(0.01)"
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "there")
        first = Stage("waits", (sys.executable, "-c", waits, file), 60)
        second = Stage("makes", (sys.executable, "-c", f"import sys; open({path}, 'w')", file), 60,
                       beside=True)  # fmt: skip
        code, document = run(first, second)
    assert code == 0
    assert [stage["name"] for stage in document["stages"]] == ["waits", "makes"]


def test_it_is_compiled_for_the_gpu_that_is_there():
    assert gpu.architecture((9, 0)) == "9.0a"
    assert gpu.architecture((8, 6)) == "8.6"


# ---- the stages' own programs, on the CPU


def test_smoke_runs_every_op():
    assert gpu_smoke.run("cpu") >= 5 * 4 * 2


@pytest.fixture
def tiny_ceilings(monkeypatch):
    limits = Ceilings(1, {"float32": 1.0}, "test", 1.0, 1.0)
    monkeypatch.setattr(ceilings, "measure", lambda device, quick: limits)


def test_benchmark_writes_a_row_a_case(tiny_ceilings):
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


def test_benchmark_says_what_it_had_no_time_for(tiny_ceilings):
    document = gpu_bench.run(
        GPU_CASES, lambda d: None, seconds=-1, device="cpu", compiled=False, graphs=False
    )
    assert document["results"] == []
    assert len(document["not_run"]) == sum(len(case.directions) for case in GPU_CASES)


def test_the_committed_results_make_a_table(capsys):
    """Of every case and direction a line, and none less accurate than native."""
    path = gpu.RESULTS
    assert gpu_bench.main(["--table", str(path)]) == 0
    said = capsys.readouterr().out
    results = json.loads(path.read_text())["benchmark"]["results"]
    assert said.count("\n| ") == 1 + len(results)
    assert "float64: none." in said
