"""Time the kernels against native torch on a GPU: eager, compiled, and in CUDA graphs.

``python -m inkgrad_bench.gpu_bench --json FILE`` is a stage of ``benchmarks/gpu.py``. The file is
written after every row, so that the results so far survive a run that is cut off.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from inkgrad.course.files import write_atomically
from inkgrad_bench import (
    environment,
    markdown,
    memory,
    numerical_error,
    results_file,
    roofline,
    runner,
    workloads,
)
from inkgrad_bench.suite import GPU_CASES, Case
from inkgrad_bench.timing import Effort, paired_ratio, time_interleaved
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS, Step

EFFORT = Effort(sample_seconds=0.002, min_rounds=5, max_rounds=15, seconds=0.2)
GRAPH = "{}, graph"

Row = dict[str, Any]


def captured(step: Step) -> Step:
    """Capture ``step`` in a CUDA graph; return its replay, one launch."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):  # libraries set themselves up in the first calls, outside the graph
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def with_graphs(steps: dict[str, Step]) -> tuple[dict[str, Step], str | None]:
    """Add native's step and ours in CUDA graphs, or return why they cannot be captured."""
    try:
        graphs = {GRAPH.format(name): captured(steps[name]) for name in (NATIVE, OURS)}
    except RuntimeError as error:  # a step that synchronizes cannot be captured
        return steps, str(error).splitlines()[0]
    return {**steps, **graphs}, None


def measure_row(case: Case, direction: str, device: str, compiled: bool, graphs: bool) -> Row:
    """Measure one case in one direction: times, ratios, errors, memory."""
    if compiled:
        torch.compiler.reset()
    load = workloads.build(case, direction, device, compiled)
    steps: dict[str, Step] = load.steps
    why_no_graph: str | None = "not requested"
    if graphs and load.problem is None:
        why_no_graph = "an epoch takes its batches from the CPU"
    elif graphs:
        steps, why_no_graph = with_graphs(load.steps)
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    samples = time_interleaved(steps, EFFORT, synchronize)
    row = runner.summarize(samples, case, direction, fraction=1.0)
    if why_no_graph is None:
        native, ours = (samples[GRAPH.format(name)] for name in (NATIVE, OURS))
        row["ratio"]["graphs"] = asdict(paired_ratio(native, ours))
    errors = numerical_error.errors(load.problem) if load.problem is not None else None
    accurate = None
    if load.problem is not None and errors:
        singles = numerical_error.single_elements(load.problem)
        accurate = numerical_error.accurate(errors, case.dtype, singles)
    return row | {
        "not_compiled": load.not_compiled,
        "not_in_a_graph": why_no_graph,
        "errors": errors,
        "accurate": accurate,
        "peak_bytes": {n: memory.peak_bytes(load.steps[n], device) for n in (NATIVE, OURS)},
    }


def run(
    chosen: Sequence[Case],
    write: Callable[[Row], None],
    *,
    seconds: float,
    device: str = "cuda",
    compiled: bool = True,
    graphs: bool = True,
) -> Row:
    """Measure until ``seconds`` have passed; ``write`` gets the document after every row."""
    deadline = time.monotonic() + seconds
    document: Row = {
        "schema": results_file.SCHEMA,
        "environment": environment.describe(device),
        "backward": results_file.BACKWARD,
        "rooflines": [asdict(roofline.measure(device, quick=True))],
        "results": [],
        "failures": [],
        "not_run": [],
    }
    for case in chosen:
        for direction in case.directions:
            name = {"op": case.op, "case": case.name, "direction": direction}
            if time.monotonic() > deadline:
                document["not_run"].append(name)
                continue
            try:
                document["results"].append(measure_row(case, direction, device, compiled, graphs))
                print(line(document["results"][-1]), flush=True)
            except Exception as error:  # a case that fails must not end the run
                document["failures"].append(name | {"error": f"{type(error).__name__}: {error}"})
                print(f"{case.op} {case.name} {direction}: {error}", flush=True)
            write(document)
    return document


def compile_all(chosen: Sequence[Case], device: str, seconds: float) -> int:
    """Compile native for every case, into torch's cache; return the exit code."""
    deadline = time.monotonic() + seconds
    for case in chosen:
        for direction in case.directions:
            if time.monotonic() > deadline:
                return 0
            torch.compiler.reset()
            step = workloads.build(case, direction, device, compiled=True).steps.get(COMPILED)
            if step is not None:
                step()
    return 0


def line(row: Row) -> str:
    """One line of text on a row."""
    times = ", ".join(f"{n} {1e6 * s['median']:.1f} us" for n, s in row["seconds"].items())
    ratios = ", ".join(f"{name} {ratio['median']:.2f}" for name, ratio in row["ratio"].items())
    wrong = "" if row["accurate"] in (True, None) else "  LESS ACCURATE THAN NATIVE"
    head = f"{row['op']} {row['case']} {row['direction']}"
    return f"{head}: {times}; over ours: {ratios}; {row['verdict']}{wrong}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m inkgrad_bench.gpu_bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the results")
    parser.add_argument(
        "--seconds", type=float, default=150, help="start no case after this time (default: 150)"
    )
    parser.add_argument("--no-compile", action="store_true", help="do not time torch.compile")
    parser.add_argument(
        "--compile-only", action="store_true", help="time nothing; fill torch's compilation cache"
    )
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="measure nothing; print the table of a gpu.json"
    )
    args = parser.parse_args(argv)
    if args.table is not None:
        print(markdown.gpu_table(json.loads(args.table.read_text())["benchmark"]), end="")
        return 0
    if not torch.cuda.is_available():
        parser.error("no GPU is visible to torch")
    torch.backends.cudnn.benchmark = True  # native at its best
    if args.compile_only:
        return compile_all(GPU_CASES, "cuda", args.seconds)
    if args.json is None:
        parser.error("--json: expected a file")

    def write(document: Row) -> None:
        write_atomically(args.json, results_file.dumps(document).encode())

    document = run(GPU_CASES, write, seconds=args.seconds, compiled=not args.no_compile)
    write(document)
    return 1 if document["failures"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
