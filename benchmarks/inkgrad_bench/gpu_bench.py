"""The kernels against torch's own on a GPU: eager, compiled, and each of them in a CUDA graph.

``python -m inkgrad_bench.gpu_bench --json FILE``; one of the stages of :mod:`.gpu`. The file is
written anew after every row, so that what was measured outlives whatever ends the run.
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
from inkgrad_bench import accuracy, ceilings, environment, markdown, memory, session, workloads
from inkgrad_bench.cases import GPU_CASES, Case
from inkgrad_bench.measure import Effort, paired_ratio, race
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS, Step

EFFORT = Effort(sample_seconds=0.002, rounds=5, most=15, seconds=0.2)
GRAPH = "{}, graph"

Row = dict[str, Any]


def captured(step: Step) -> Step:
    """The step as one launch: a CUDA graph of it, replayed."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):  # what libraries set up on first calls is not part of a graph
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def with_graphs(steps: dict[str, Step]) -> tuple[dict[str, Step], str | None]:
    """Native's step and ours in graphs as well, or why there are none."""
    try:
        graphs = {GRAPH.format(name): captured(steps[name]) for name in (NATIVE, OURS)}
    except RuntimeError as error:  # what synchronizes cannot be captured
        return steps, str(error).splitlines()[0]
    return {**steps, **graphs}, None


def measure_row(case: Case, direction: str, device: str, compiled: bool, graphs: bool) -> Row:
    """One case in one direction: times, ratios, errors, memory."""
    if compiled:
        torch.compiler.reset()
    load = workloads.build(case, direction, device, compiled)
    steps: dict[str, Step] = load.steps
    why_no_graph: str | None = "not asked for"
    if graphs and load.problem is None:
        why_no_graph = "an epoch takes its batches from the CPU"
    elif graphs:
        steps, why_no_graph = with_graphs(load.steps)
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    samples = race(steps, EFFORT, synchronize)
    row = session.summarise(samples, case, direction, share=1.0)
    if why_no_graph is None:
        native, ours = (samples[GRAPH.format(name)] for name in (NATIVE, OURS))
        row["ratio"]["graphs"] = asdict(paired_ratio(native, ours))
    errors = accuracy.errors(load.problem) if load.problem is not None else None
    accurate = None
    if load.problem is not None and errors:
        singles = accuracy.single_elements(load.problem)
        accurate = accuracy.accurate(errors, case.dtype, singles)
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
    """Measure until the time is up; ``write`` is given the document after every row."""
    deadline = time.monotonic() + seconds
    document: Row = {
        "environment": environment.describe(device),
        "ceilings": asdict(ceilings.measure(device, quick=True)),
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
            except Exception as error:  # of whatever kind: the others can still be measured
                document["failures"].append(name | {"error": f"{type(error).__name__}: {error}"})
                print(f"{case.op} {case.name} {direction}: {error}", flush=True)
            write(document)
    return document


def compile_all(chosen: Sequence[Case], device: str, seconds: float) -> int:
    """Compile native for every case, for torch to keep; the exit code."""
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
    """A row in words."""
    times = ", ".join(f"{n} {1e6 * s['median']:.1f} us" for n, s in row["seconds"].items())
    ratios = ", ".join(f"{name} {ratio['median']:.2f}" for name, ratio in row["ratio"].items())
    wrong = "" if row["accurate"] in (True, None) else "  LESS ACCURATE THAN NATIVE"
    head = f"{row['op']} {row['case']} {row['direction']}"
    return f"{head}: {times}; over ours: {ratios}; {row['verdict']}{wrong}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m inkgrad_bench.gpu_bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--seconds", type=float, default=150, help="begin no row after them")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument(
        "--compile-only", action="store_true", help="time nothing; compile what will be timed"
    )
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="measure nothing; print what gpu.json holds"
    )
    args = parser.parse_args(argv)
    if args.table is not None:
        print(markdown.gpu_table(json.loads(args.table.read_text())["benchmark"]), end="")
        return 0
    if not torch.cuda.is_available():
        parser.error("there is no GPU")
    torch.backends.cudnn.benchmark = True  # native at its best
    if args.compile_only:
        return compile_all(GPU_CASES, "cuda", args.seconds)
    if args.json is None:
        parser.error("--json: expected a file")

    def write(document: Row) -> None:
        write_atomically(args.json, json.dumps(document, indent=1).encode())

    document = run(GPU_CASES, write, seconds=args.seconds, compiled=not args.no_compile)
    write(document)
    return 1 if document["failures"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
