"""Build, test, run compute-sanitizer and benchmark on a machine with a GPU, in ten minutes.

    make gpu                      or, with your own environment instead of .venv:
    python benchmarks/gpu.py

The second needs torch and the packages listed in MODULES, but not inkgrad. Each stage is a process
with a time limit. After each, the results so far are written to benchmarks/results/gpu.json, with
the machine and the end of each stage's output. Exit code 0 if every stage succeeded, 1 if one
failed, 2 without a GPU or if a package is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path
from typing import Any

# This runs before anything is built: apart from the standard library it may only import modules
# that do the same. They lie beside this file.
from inkgrad_bench.results_file import dumps

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "gpu.json"
KEPT_CHARACTERS = 4000
# Imported by the build, the tests and the benchmark.
MODULES = (
    "setuptools", "ninja", "numpy", "scipy", "sklearn", "PIL", "tqdm", "platformdirs",
    "safetensors", "pytest", "expecttest", "hypothesis",
)  # fmt: skip

GPU_QUERY = """
import json, torch
found = torch.cuda.is_available()
print(json.dumps({
    "torch": torch.__version__, "torch_cuda": torch.version.cuda, "available": found,
    "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    "capability": torch.cuda.get_device_capability() if found else None,
}))
"""


@dataclass(frozen=True)
class Stage:
    """A command with its time limit in seconds.

    ``concurrent``: it runs at the same time as the stage before it, since neither is timed.
    """

    name: str
    command: tuple[str, ...]
    seconds: float
    concurrent: bool = False


@dataclass(frozen=True)
class Outcome:
    """``code`` is the exit code; None, with the reason in ``why``, if the stage was stopped."""

    name: str
    command: list[str]
    code: int | None
    seconds: float
    why: str | None
    tail: str


def find_gpu() -> dict[str, Any]:
    """Report the GPUs that torch sees and, without one, ``why``."""
    run = subprocess.run([sys.executable, "-c", GPU_QUERY], capture_output=True, text=True)
    if run.returncode != 0:
        last = run.stderr.strip().splitlines()[-1:] or ["no output"]
        return {"available": False, "why": f"torch cannot be imported: {last[0]}"}
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    if not found["available"]:
        built = found["torch_cuda"] is not None
        found["why"] = "torch sees no GPU" if built else "this torch was built without CUDA"
    return found


def missing() -> list[str]:
    """The modules that are not installed, so that they are reported before the build."""
    return [name for name in MODULES if find_spec(name) is None]


def driver() -> str | None:
    """The GPU, its driver and its limits, from nvidia-smi."""
    if shutil.which("nvidia-smi") is None:
        return None
    query = "--query-gpu=name,driver_version,memory.total,power.limit,clocks.max.sm"
    run = subprocess.run(["nvidia-smi", query, "--format=csv"], capture_output=True, text=True)
    return run.stdout.strip() or None


def architecture(capability: Sequence[int]) -> str:
    """The architecture to compile for; from 9.0 on with the instructions specific to it."""
    major, minor = capability
    return f"{major}.{minor}" + ("a" if major >= 9 else "")


def sanitizer() -> str | None:
    home = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"))
    for path in (shutil.which("compute-sanitizer"), str(home / "bin" / "compute-sanitizer")):
        if path is not None and os.access(path, os.X_OK):
            return path
    return None


def stages(benchmark: Path) -> list[Stage]:
    python = sys.executable
    workers = ("-n", str(min(14, os.cpu_count() or 1))) if find_spec("xdist") else ()
    pytest = (python, "-m", "pytest", "-p", "no:cacheprovider", *workers, "--maxfail=40")
    suites = ["tests/cuda/test_on_gpu.py", "tests/functional", "tests/test_nn.py"]
    suites += ["tests/test_patching.py", "tests/test_chain.py", "tests/course/training"]
    bench = (python, "-m", "inkgrad_bench.gpu_bench")
    found = [
        Stage("build", (python, "setup.py", "--quiet", "build_ext", "--inplace"), 150),
        Stage("tests", (*pytest, "-k", "cuda", *suites), 175),
        # torch caches the compiled code for the benchmark stage.
        Stage("compilation", (*bench, "--compile-only", "--seconds", "80"), 110, concurrent=True),
    ]
    tool = sanitizer()
    if tool is not None:
        smoke = (python, "-m", "inkgrad_bench.gpu_smoke")
        for name in ("memcheck", "racecheck", "initcheck", "synccheck"):
            command = (tool, "--tool", name, "--error-exitcode", "9", *smoke)
            found.append(Stage(f"compute-sanitizer {name}", command, 110, concurrent=True))
    found.append(Stage("benchmark", (*bench, "--json", str(benchmark), "--seconds", "80"), 100))
    return found


def grouped(stages: Sequence[Stage]) -> list[list[Stage]]:
    """The groups of stages that run at the same time."""
    groups: list[list[Stage]] = []
    for stage in stages:
        if stage.concurrent and groups:
            groups[-1].append(stage)
        else:
            groups.append([stage])
    return groups


def run_stage(stage: Stage, environment: dict[str, str]) -> Outcome:
    """Run a stage within its time limit, then print the end of its output."""
    print(f"==> {stage.name} (at most {stage.seconds:.0f} s)", flush=True)
    start = time.monotonic()
    why, code = None, None
    # A session of its own, so that the stage's children are stopped with it.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
        subprocess.Popen(
            stage.command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):  # fmt: skip
        try:
            code = process.wait(stage.seconds)
        except subprocess.TimeoutExpired:
            why = f"stopped after {stage.seconds:.0f} s"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
        output.seek(0)
        tail = output.read()[-KEPT_CHARACTERS:]
    seconds = time.monotonic() - start
    verdict = f"{stage.name}: {why or f'exit code {code}'}, {seconds:.0f} s"
    print(f"{tail}\n{verdict}\n", flush=True)
    command = [portable(part) for part in stage.command]
    return Outcome(stage.name, command, code, round(seconds, 1), why, portable(tail))


def portable(text: str) -> str:
    """Replace the folders of this machine."""
    for folder, name in ((sys.executable, "python"), (str(ROOT), "."), (sys.prefix, "PREFIX")):
        text = text.replace(folder, name)
    return text


def write(document: dict[str, Any], path: Path) -> None:
    part = path.with_suffix(".part")
    part.write_text(dumps(document), encoding="utf-8")
    os.replace(part, path)


def python_path() -> str:
    """PYTHONPATH with the packages of this checkout first."""
    packages = [str(ROOT / folder) for folder in ("pyext", "demo", "benchmarks")]
    return os.pathsep.join([*packages, *filter(None, [os.environ.get("PYTHONPATH")])])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--json", type=Path, default=RESULTS, metavar="FILE", help=f"default: {RESULTS}"
    )
    args = parser.parse_args(argv)
    found = find_gpu()
    if not found["available"]:
        print(f"Nothing was run: {found['why']}.", file=sys.stderr)
        return 2
    if absent := missing():
        print(f"Nothing was run: missing packages: {', '.join(absent)}.", file=sys.stderr)
        return 2
    document: dict[str, Any] = {"machine": found | {"driver": driver()}, "stages": []}
    if sanitizer() is None:
        document["left_out"] = ["compute-sanitizer: not found"]
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Path(folder) / "benchmark.json"
        environment = os.environ | {
            "PYTHONPATH": python_path(),
            "INKGRAD_CUDA": "1",
            "TORCH_CUDA_ARCH_LIST": architecture(found["capability"]),
        }
        for group in grouped(stages(benchmark)):
            with ThreadPoolExecutor(len(group)) as pool:
                outcomes = list(pool.map(run_stage, group, repeat(environment)))
            document["stages"] += map(asdict, outcomes)
            if benchmark.exists():
                document["benchmark"] = json.loads(benchmark.read_text())
            write(document, args.json)
            if group[0].name == "build" and outcomes[0].code != 0:
                break  # the other stages would test another build
    failed = [outcome["name"] for outcome in document["stages"] if outcome["code"] != 0]
    print(
        f"\n{args.json}: " + (f"failed: {', '.join(failed)}" if failed else "every stage succeeded")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
