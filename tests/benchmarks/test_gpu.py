"""benchmarks/gpu.py without a GPU: its stages, its file, its messages."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def load():
    """The script as a module: it is not part of a package."""
    spec = importlib.util.spec_from_file_location("gpu", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


gpu = load()
Stage = gpu.Stage
GPU = {"available": True, "capability": [9, 0], "gpus": ["a GPU"], "torch": "2", "torch_cuda": "13"}


def python(code, seconds=60):
    return Stage(code, (sys.executable, "-c", code), seconds)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The whole command with other stages, on a machine that claims to have a GPU."""

    def call(*stages):
        monkeypatch.setattr(gpu, "find_gpu", lambda: GPU)
        monkeypatch.setattr(gpu, "stages", lambda benchmark: list(stages))
        path = tmp_path / "gpu.json"
        return gpu.main(["--json", str(path)]), json.loads(path.read_text())

    return call


def test_missing_packages_are_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(gpu, "find_gpu", lambda: GPU)
    monkeypatch.setattr(gpu, "MODULES", ("pytest", "no_such_module"))
    path = tmp_path / "gpu.json"
    assert gpu.main(["--json", str(path)]) == 2
    assert "missing packages: no_such_module." in capsys.readouterr().err
    assert not path.exists()


def test_a_missing_gpu_is_reported(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(gpu, "find_gpu", lambda: {"available": False, "why": "torch sees no GPU"})
    path = tmp_path / "gpu.json"
    assert gpu.main(["--json", str(path)]) == 2
    assert "Nothing was run: torch sees no GPU." in capsys.readouterr().err
    assert not path.exists()


def test_the_output_of_stages_is_kept(run):
    code, document = run(python("print('hello')"), python("import inkgrad, inkgrad_bench"))
    assert code == 0
    assert [stage["code"] for stage in document["stages"]] == [0, 0]
    assert "hello" in document["stages"][0]["tail"]
    assert document["stages"][0]["command"][0] == "python"  # not its path on this machine
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
    groups = gpu.grouped(chosen)
    assert [stage for group in groups for stage in group] == chosen
    assert sum(max(stage.seconds for stage in group) for group in groups) <= 600
    assert [stage.name for stage in groups[-1]] == ["benchmark"]  # nothing runs at the same time
    assert all(os.path.exists(gpu.ROOT / path) for path in chosen[1].command if "tests/" in path)


def test_concurrent_stages_run_at_the_same_time(run):
    """The first waits for the second."""
    path = "sys.argv[1]"
    waits = f"import os, sys, time\nwhile not os.path.exists({path}): time.sleep(0.01)"
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "there")
        first = Stage("waits", (sys.executable, "-c", waits, file), 60)
        second = Stage("makes", (sys.executable, "-c", f"import sys; open({path}, 'w')", file), 60,
                       concurrent=True)  # fmt: skip
        code, document = run(first, second)
    assert code == 0
    assert [stage["name"] for stage in document["stages"]] == ["waits", "makes"]


def test_architecture_of_the_gpu():
    assert gpu.architecture((9, 0)) == "9.0a"
    assert gpu.architecture((8, 6)) == "8.6"


def test_the_script_needs_neither_inkgrad_nor_its_dependencies():
    """-S hides all installed packages, -E hides PYTHONPATH."""
    command = [sys.executable, "-S", "-E", SCRIPT, "--help"]
    run = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert run.returncode == 0, run.stderr
    assert "compute-sanitizer" in run.stdout
