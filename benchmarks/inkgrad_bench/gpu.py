"""One command on a machine with a GPU: build, tests, compute-sanitizer, benchmark; ten minutes.

    make gpu                      or, where torch is installed already and .venv is not wanted:
    python benchmarks/gpu.py

Each stage is a process with a time limit. After each the results so far are written to
benchmarks/results/gpu.json, with what the machine is and the last lines of what a stage said. Exit
code 0 if all went well, 1 if a stage failed, 2 if there is no GPU or a package is missing.
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

# Only the standard library: this runs before anything is built.

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "inkgrad_bench" / "results" / "gpu.json"
KEPT_CHARACTERS = 4000
# What building, the tests and the benchmark import.
MODULES = (
    "setuptools", "ninja", "numpy", "scipy", "sklearn", "PIL", "tqdm", "platformdirs",
    "safetensors", "pytest", "expecttest", "hypothesis",
)  # fmt: skip

LOOK = """
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
    """A command and the seconds that it may take. ``beside``: it runs beside the one before it, as
    what times nothing may."""

    name: str
    command: tuple[str, ...]
    seconds: float
    beside: bool = False


@dataclass(frozen=True)
class Outcome:
    """``code``: the exit code, None if it was stopped or could not be started; ``why`` then."""

    name: str
    command: list[str]
    code: int | None
    seconds: float
    why: str | None
    tail: str


def look() -> dict[str, Any]:
    """What torch sees."""
    run = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True)
    if run.returncode != 0:
        last = run.stderr.strip().splitlines()[-1:] or ["it says nothing"]
        return {"available": False, "why": f"torch cannot be asked: {last[0]}"}
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    if not found["available"]:
        built = found["torch_cuda"] is not None
        found["why"] = "torch sees none" if built else "this torch was built without CUDA"
    return found


def missing() -> list[str]:
    """The modules that are not installed: better known now than after the build."""
    return [name for name in MODULES if find_spec(name) is None]


def driver() -> str | None:
    """The line of nvidia-smi about the GPU, its driver and its power limit."""
    if shutil.which("nvidia-smi") is None:
        return None
    query = "--query-gpu=name,driver_version,memory.total,power.limit,clocks.max.sm"
    run = subprocess.run(["nvidia-smi", query, "--format=csv"], capture_output=True, text=True)
    return run.stdout.strip() or None


def architecture(capability: Sequence[int]) -> str:
    """What to compile for: this GPU alone. From 9.0 on with the instructions of that chip only."""
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
    suites = ("tests/cuda/test_on_gpu.py", "tests/functional", "tests/test_nn.py")
    suites += ("tests/test_patching.py", "tests/test_chain.py", "tests/course/test_training.py")
    bench = (python, "-m", "inkgrad_bench.gpu_bench")
    found = [
        Stage("build", (python, "setup.py", "--quiet", "build_ext", "--inplace"), 150),
        Stage("tests", (*pytest, "-k", "cuda", *suites), 175),
        # What torch.compile makes is kept, and is then there when it is timed.
        Stage("compilation", (*bench, "--compile-only", "--seconds", "80"), 110, beside=True),
    ]
    tool = sanitizer()
    if tool is not None:
        smoke = (python, "-m", "inkgrad_bench.gpu_smoke")
        for name in ("memcheck", "racecheck", "initcheck", "synccheck"):
            command = (tool, "--tool", name, "--error-exitcode", "9", *smoke)
            found.append(Stage(f"compute-sanitizer {name}", command, 110, beside=True))
    found.append(Stage("benchmark", (*bench, "--json", str(benchmark), "--seconds", "80"), 100))
    return found


def together(stages: Sequence[Stage]) -> list[list[Stage]]:
    """Those that run at one time."""
    groups: list[list[Stage]] = []
    for stage in stages:
        if stage.beside and groups:
            groups[-1].append(stage)
        else:
            groups.append([stage])
    return groups


def run_stage(stage: Stage, environment: dict[str, str]) -> Outcome:
    """What it said goes to the screen when it has ended; one that takes too long is stopped."""
    print(f"==> {stage.name} (at most {stage.seconds:.0f} s)", flush=True)
    start = time.monotonic()
    why, code = None, None
    # A process group: a stage's own children are stopped with it.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
        subprocess.Popen(
            stage.command, cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT,
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
        said.seek(0)
        tail = said.read()[-KEPT_CHARACTERS:]
    seconds = time.monotonic() - start
    verdict = f"{stage.name}: {why or f'exit code {code}'}, {seconds:.0f} s"
    print(f"{tail}\n{verdict}\n", flush=True)
    command = [portable(part) for part in stage.command]
    return Outcome(stage.name, command, code, round(seconds, 1), why, portable(tail))


def portable(text: str) -> str:
    """Without the folders of this machine, which say nothing to others."""
    for folder, name in ((sys.executable, "python"), (str(ROOT), "."), (sys.prefix, "PREFIX")):
        text = text.replace(folder, name)
    return text


def write(document: dict[str, Any], path: Path) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    os.replace(part, path)


def packages(folder: Path) -> str:
    """A PYTHONPATH on which the checkout's packages have the names that they are installed as."""
    for name, source in (("inkgrad_bench", "benchmarks"), ("inkgrad_demo", "demo")):
        (folder / name).symlink_to(ROOT / source)
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(ROOT / "pyext"), str(folder), *([before] if before else [])])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help=f"{RESULTS}")
    args = parser.parse_args(argv)
    found = look()
    if not found["available"]:
        print(f"There is no GPU here: {found['why']}. Nothing was run.", file=sys.stderr)
        return 2
    if absent := missing():
        print(f"Nothing was run: not installed are {', '.join(absent)}.", file=sys.stderr)
        return 2
    document: dict[str, Any] = {"machine": found | {"driver": driver()}, "stages": []}
    if sanitizer() is None:
        document["left_out"] = ["compute-sanitizer: not found"]
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Path(folder) / "benchmark.json"
        (site := Path(folder) / "site").mkdir()
        environment = os.environ | {
            "PYTHONPATH": packages(site),
            "INKGRAD_CUDA": "1",
            "TORCH_CUDA_ARCH_LIST": architecture(found["capability"]),
        }
        for group in together(stages(benchmark)):
            with ThreadPoolExecutor(len(group)) as pool:
                outcomes = list(pool.map(run_stage, group, repeat(environment)))
            document["stages"] += map(asdict, outcomes)
            if benchmark.exists():
                document["benchmark"] = json.loads(benchmark.read_text())
            write(document, args.json)
            if group[0].name == "build" and outcomes[0].code != 0:
                break  # all else would measure something other than this tree
    failed = [outcome["name"] for outcome in document["stages"] if outcome["code"] != 0]
    print(f"\n{args.json}: " + (f"failed: {', '.join(failed)}" if failed else "all went well"))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
