"""Run the benchmark: measure the planned cases and collect the results in one document.

:mod:`.results_file` describes the document. Tables and plots are made from it alone.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from inkgrad_bench import environment, memory, numerical_error, peers, roofline, suite, workloads
from inkgrad_bench.kernel_names import kernels_of
from inkgrad_bench.peers import PEERS
from inkgrad_bench.results_file import BACKWARD, SCHEMA
from inkgrad_bench.roofline import Roofline
from inkgrad_bench.suite import Case, Target
from inkgrad_bench.timing import (
    FULL,
    QUICK,
    Quartiles,
    paired_ratio,
    quartiles,
    time_interleaved,
)
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS

# Targets are for AVX-512. This fraction of them applies to other kernels; without one, none does.
TARGET_FRACTION = {"avx512": 1.0, "avx2": 0.7}
# Inputs, outputs and gradients of both contenders, and workspaces, in multiples of the tensors.
MEMORY_FACTOR = 4

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """The measurements to make."""

    cases: Sequence[Case]
    threads: Sequence[int]
    device: str = "cpu"
    quick: bool = False
    compiled: bool = True
    scaling_ops: Sequence[str] = ()
    peers: Sequence[str] = ()

    def rows(self) -> Iterator[tuple[int, Case, str]]:
        for count in self.threads:
            for case in self.cases:
                for direction in case.directions:
                    yield count, case, direction

    def scaling_points(self) -> Iterator[tuple[int, str, str, int]]:
        for count in self.threads:
            for op in self.scaling_ops:
                for direction in (suite.FORWARD, suite.BOTH):
                    for batch in suite.BATCHES:
                        yield count, op, direction, batch


@dataclass
class Callbacks:
    """Called as the run proceeds."""

    begun: Callable[[Row], None]  # with the document, which has its environment by then
    step: Callable[[str], None]  # with the name of what is measured next
    roofline: Callable[[Row], None]
    result: Callable[[Row], None]
    scaling: Callable[[Row], None]


def run(plan: Plan, callbacks: Callbacks) -> dict[str, Any]:
    """Measure the plan. Ctrl-C ends it early, with ``"complete"`` False in the document."""
    # Set before torch's compiler loads: its worker processes would run during measurements.
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    background = environment.BackgroundLoad()
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "environment": environment.describe(plan.device),
        "backward": BACKWARD,
        "peers": peers.versions(plan.peers),
        "quick": plan.quick,
        "complete": False,
        "rooflines": [],
        "results": [],
        "failures": [],
        "scaling": [],
    }
    library = document["environment"]["build"]["cpu_library_loaded"]
    fraction = TARGET_FRACTION.get(library) if plan.device == "cpu" else None
    callbacks.begun(document)
    before = torch.get_num_threads()
    try:
        _run_rows(plan, fraction, document, callbacks)
        _run_scaling(plan, document, callbacks)
        document["complete"] = True
    except KeyboardInterrupt:
        pass
    finally:
        torch.set_num_threads(before)
    document["warnings"] = [line for line in (background.warning(), *_warnings(document)) if line]
    return document


def _run_rows(
    plan: Plan, fraction: float | None, document: dict[str, Any], callbacks: Callbacks
) -> None:
    roof: Roofline | None = None
    for threads, case, direction in plan.rows():
        torch.set_num_threads(threads)
        if roof is None or roof.threads != threads:
            callbacks.step(f"roofline, threads: {threads}")
            dtypes = {case.dtype for case in plan.cases}
            roof = roofline.measure(plan.device, plan.quick, dtypes)
            document["rooflines"].append(asdict(roof) | {"gbytes": roof.gbytes})
            callbacks.roofline(document["rooflines"][-1])
        callbacks.step(f"{case.op} {case.name}, {direction}, threads: {threads}")
        try:
            row = measure_row(plan, case, direction, roof, fraction)
        except Exception as error:  # a case that fails must not end the run
            row = {"op": case.op, "case": case.name, "direction": direction, "threads": threads}
            row["error"] = f"{type(error).__name__}: {error}"
            document["failures"].append(row)
        else:
            document["results"].append(row)
            callbacks.result(row)


def measure_row(
    plan: Plan, case: Case, direction: str, roof: Roofline, fraction: float | None
) -> Row:
    """Measure everything about one case in one direction."""
    # Compiling takes longer than timing, so only the main cases are compiled.
    compiled = plan.compiled and bool(case.targets)
    if compiled:
        torch.compiler.reset()  # torch stops compiling a function that has been given many shapes
    load = workloads.build(case, direction, plan.device, compiled, plan.peers)
    samples = time_interleaved(load.steps, QUICK if plan.quick else FULL, _synchronize(plan.device))
    row = summarize(samples, case, direction, fraction)
    row |= {
        "threads": torch.get_num_threads(),
        "kernel": None,
        "not_compiled": load.not_compiled,
        "flops": None,
        "bytes": None,
        "roofline": None,
        "bound": None,
        "errors": None,
        "accurate": None,
        "peak_bytes": {
            name: memory.peak_bytes(load.steps[name], plan.device) for name in (NATIVE, OURS)
        },
    }
    if load.work is not None:
        seconds, row["bound"] = roof.bound(load.work, case.dtype)
        row |= asdict(load.work)
        row["roofline"] = {name: seconds / row["seconds"][name]["median"] for name in load.steps}
    if load.problem is not None:
        row["kernel"] = kernels_of(load.steps[OURS])
        if found := numerical_error.errors(load.problem):
            row["errors"] = found
            singles = numerical_error.single_elements(load.problem)
            row["accurate"] = numerical_error.accurate(found, case.dtype, singles)
    return row


def summarize(
    samples: dict[str, list[float]], case: Case, direction: str, fraction: float | None
) -> Row:
    """Return medians, quartiles and ratios of the samples, and whether the target is reached."""
    seconds = {name: quartiles(values) for name, values in samples.items()}
    ratio = {name: paired_ratio(samples[name], samples[OURS]) for name in samples if name != OURS}
    target = scaled(case.target(direction), fraction)
    compiled_target = scaled(case.compiled_target, fraction)
    found = [name for name in ratio if name in PEERS]
    best = min(found, key=lambda name: ratio[name].median, default=None)
    return {
        "op": case.op,
        "case": case.name,
        "main": bool(case.targets),
        "direction": direction,
        "dtype": case.dtype,
        "samples": len(samples[NATIVE]),
        "seconds": {name: asdict(value) for name, value in seconds.items()},
        "ratio": {name: asdict(value) for name, value in ratio.items()},
        "noisy": any(seconds[name].noisy for name in (NATIVE, OURS)),
        "target": asdict(target) if target else None,
        "verdict": verdict(ratio[NATIVE], target),
        "compiled_target": asdict(compiled_target) if compiled_target else None,
        "compiled_verdict": verdict(ratio.get(COMPILED), compiled_target),
        "best_peer": best,
        "peer_target": asdict(case.peer_target) if case.peer_target else None,
        "peer_verdict": verdict(ratio[best], case.peer_target) if best else None,
    }


def scaled(target: Target | None, fraction: float | None) -> Target | None:
    """The target for the kernels in use. NEVER_SLOWER is not scaled; None without a fraction."""
    if target is None or fraction is None:
        return None
    floor = min(target.ratio, suite.NEVER_SLOWER.ratio)
    return Target(max(floor, fraction * target.ratio), max(floor, fraction * target.stretch))


def verdict(ratio: Quartiles | None, target: Target | None) -> str | None:
    """``"stretch"``, ``"reached"`` or ``"missed"``; None without a ratio or a target."""
    if ratio is None or target is None:
        return None
    if ratio.median >= target.stretch:
        return "stretch"
    return "reached" if ratio.median >= target.ratio else "missed"


# ---------------------------------------------------------------- scaling with the batch size


def _run_scaling(plan: Plan, document: dict[str, Any], callbacks: Callbacks) -> None:
    for threads, op, direction, batch in plan.scaling_points():
        torch.set_num_threads(threads)
        callbacks.step(f"{op}, batch {batch}, {direction}, threads: {threads}")
        point = _scaling_point(plan, op, direction, batch)
        document["scaling"].append(point)
        callbacks.scaling(point)


def _scaling_point(plan: Plan, op: str, direction: str, batch: int) -> Row:
    case = suite.scaling_case(op, batch)
    assert case is not None, op
    point: Row = {
        "op": op,
        "direction": direction,
        "threads": torch.get_num_threads(),
        "batch": batch,
        "seconds": None,
        "ratio": None,
        "skipped": None,
    }
    needed, available = needed_bytes(case), memory.available_bytes()
    if available is not None and plan.device == "cpu" and needed > available:
        gigabytes = f"{needed / 1e9:.0f} GB needed, {available / 1e9:.0f} GB free"
        return point | {"skipped": f"not enough memory: {gigabytes}"}
    load = workloads.build(case, direction, plan.device, compiled=False)
    samples = time_interleaved(load.steps, QUICK if plan.quick else FULL, _synchronize(plan.device))
    return point | {
        "seconds": {name: asdict(quartiles(values)) for name, values in samples.items()},
        "ratio": {NATIVE: asdict(paired_ratio(samples[NATIVE], samples[OURS]))},
    }


def needed_bytes(case: Case) -> int:
    """A generous estimate for both directions, native's intermediate results included."""
    conv = {key: value for key, value in case.settings.items() if key != "kernel_size"}
    unpooled = Case("conv2d", "", case.shapes, conv) if "pool" in case.op else case
    elements = sum(map(math.prod, case.shapes)) + math.prod(workloads.output_shape(unpooled))
    return MEMORY_FACTOR * getattr(torch, case.dtype).itemsize * elements


def cliffs(points: Sequence[Row], tolerance: float = 1.5) -> list[str]:
    """Messages on where our time grows much faster than the batch size."""
    found = []
    by_line: dict[tuple[Any, ...], list[Row]] = {}
    for point in points:
        if point["seconds"] is not None:
            key = (point["op"], point["direction"], point["threads"])
            by_line.setdefault(key, []).append(point)
    for (op, direction, threads), line in by_line.items():
        for small, large in itertools.pairwise(line):
            growth = large["seconds"][OURS]["median"] / small["seconds"][OURS]["median"]
            linear = large["batch"] / small["batch"]
            if growth > tolerance * linear:
                found.append(
                    f"{op}, {direction}, threads: {threads}: batch {large['batch']} takes "
                    f"{growth:.1f} times as long as {small['batch']}"
                )
    return found


# ---------------------------------------------------------------- helpers


def _synchronize(device: str) -> Callable[[], None]:
    return torch.cuda.synchronize if device == "cuda" else lambda: None


def _warnings(document: dict[str, Any]) -> list[str]:
    warnings = []
    build, rows = document["environment"]["build"], document["results"]
    if build["cpu_library_loaded"] == "reference":
        warnings.append(
            "the kernels are not loaded, so ours is plain torch as well: "
            + (build["cpu_library_reason"] or "unknown reason")
        )
    noisy = sum(row["noisy"] for row in rows)
    if noisy > len(rows) / 10:
        warnings.append(f"the samples of {noisy} of {len(rows)} rows vary widely (marked ~)")
    reasons = dict.fromkeys(row["not_compiled"] for row in rows if row["not_compiled"])
    warnings += [f"torch.compile: {reason}" for reason in reasons]
    return warnings + cliffs(document["scaling"])
