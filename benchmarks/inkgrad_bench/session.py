"""One run of the benchmark: goes through the cases and puts what it finds into one document.

The document is what ``--json`` writes (plain dicts and lists); table, plots and markdown are made
from it alone.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from inkgrad_bench import accuracy, cases, ceilings, environment, memory, workloads
from inkgrad_bench.cases import Case, Target
from inkgrad_bench.ceilings import Ceilings
from inkgrad_bench.measure import FULL, QUICK, Spread, paired_ratio, race, spread
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS

SCHEMA = 1

# The share of the targets, which are for AVX-512, that holds for other kernels; none for the rest.
TARGET_SHARE = {"avx512": 1.0, "avx2": 0.7}
# A step of the scaling test keeps inputs, outputs and gradients of both contenders, and workspaces.
MEMORY_FACTOR = 4

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What to run."""

    cases: Sequence[Case]
    threads: Sequence[int]
    device: str = "cpu"
    quick: bool = False
    compiled: bool = True
    scaling_ops: Sequence[str] = ()

    def rows(self) -> Iterator[tuple[int, Case, str]]:
        for count in self.threads:
            for case in self.cases:
                for direction in case.directions:
                    yield count, case, direction

    def scaling_points(self) -> Iterator[tuple[int, str, str, int]]:
        for count in self.threads:
            for op in self.scaling_ops:
                for direction in (cases.FORWARD, cases.BOTH):
                    for batch in cases.BATCHES:
                        yield count, op, direction, batch


@dataclass
class Watcher:
    """Told of the progress."""

    opened: Callable[[Row], None]  # with the document, which holds the environment by then
    started: Callable[[str], None]  # with what is measured now
    limited: Callable[[Row], None]  # with the ceilings of so many threads
    measured: Callable[[Row], None]
    scaled: Callable[[Row], None]


def run(plan: Plan, watcher: Watcher) -> dict[str, Any]:
    """Measure what is planned. Ctrl-C ends it early: ``"complete"`` is then False."""
    # Before torch's compiler is loaded: its worker processes would run beside what is timed.
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    others = environment.OtherWork()
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "environment": environment.describe(plan.device),
        "quick": plan.quick,
        "complete": False,
        "ceilings": [],
        "results": [],
        "failures": [],
        "scaling": [],
    }
    share = _target_share(plan.device, document["environment"]["build"]["cpu_library_loaded"])
    watcher.opened(document)
    before = torch.get_num_threads()
    try:
        _run_rows(plan, share, document, watcher)
        _run_scaling(plan, document, watcher)
        document["complete"] = True
    except KeyboardInterrupt:
        pass
    finally:
        torch.set_num_threads(before)
    document["warnings"] = [line for line in (others.warning(), *_remarks(document)) if line]
    return document


def _run_rows(plan: Plan, share: float | None, document: dict[str, Any], watcher: Watcher) -> None:
    ceiling: Ceilings | None = None
    for threads, case, direction in plan.rows():
        torch.set_num_threads(threads)
        if ceiling is None or ceiling.threads != threads:
            watcher.started(f"ceilings, threads: {threads}")
            dtypes = {case.dtype for case in plan.cases}
            ceiling = ceilings.measure(plan.device, plan.quick, dtypes)
            document["ceilings"].append(asdict(ceiling) | {"gbytes": ceiling.gbytes})
            watcher.limited(document["ceilings"][-1])
        watcher.started(f"{case.op} {case.name}, {direction}, threads: {threads}")
        try:
            row = measure_row(plan, case, direction, ceiling, share)
        except Exception as error:  # of whatever kind: the other cases can still be measured
            row = {"op": case.op, "case": case.name, "direction": direction, "threads": threads}
            row["error"] = f"{type(error).__name__}: {error}"
            document["failures"].append(row)
        else:
            document["results"].append(row)
            watcher.measured(row)


def measure_row(
    plan: Plan, case: Case, direction: str, ceiling: Ceilings, share: float | None
) -> Row:
    """Everything about one case in one direction."""
    # Compiling takes longer than timing: the cases with targets of their own are enough.
    compiled = plan.compiled and bool(case.targets)
    if compiled:
        torch.compiler.reset()  # else compiled code of many shapes piles up and is given up on
    load = workloads.build(case, direction, plan.device, compiled)
    samples = race(load.steps, QUICK if plan.quick else FULL, _synchronize(plan.device))
    row = summarise(samples, case, direction, share)
    row |= {
        "threads": torch.get_num_threads(),
        "device": plan.device,
        "not_compiled": load.not_compiled,
        "flops": None,
        "bytes": None,
        "ceiling": None,
        "bound": None,
        "errors": None,
        "accurate": None,
        "peak_bytes": {
            name: memory.peak_bytes(load.steps[name], plan.device) for name in (NATIVE, OURS)
        },
    }
    if load.work is not None:
        least, row["bound"] = ceiling.bound(load.work, case.dtype)
        row |= asdict(load.work)
        row["ceiling"] = {name: least / row["seconds"][name]["median"] for name in load.steps}
    if load.problem is not None and (found := accuracy.errors(load.problem)):
        row["errors"] = found
        singles = accuracy.single_elements(load.problem)
        row["accurate"] = accuracy.accurate(found, case.dtype, singles)
    return row


def summarise(
    samples: dict[str, list[float]], case: Case, direction: str, share: float | None
) -> Row:
    """Statistics of the samples and how they stand to the targets."""
    spreads = {name: spread(values) for name, values in samples.items()}
    ratio = {name: paired_ratio(samples[name], samples[OURS]) for name in samples if name != OURS}
    target = scaled(case.target(direction), share)
    compiled_target = scaled(case.compiled_target, share)
    return {
        "op": case.op,
        "case": case.name,
        "main": bool(case.targets),
        "direction": direction,
        "dtype": case.dtype,
        "samples": len(samples[NATIVE]),
        "seconds": {name: asdict(value) for name, value in spreads.items()},
        "ratio": {name: asdict(value) for name, value in ratio.items()},
        "noisy": any(spreads[name].noisy for name in (NATIVE, OURS)),
        "target": asdict(target) if target else None,
        "verdict": verdict(ratio[NATIVE], target),
        "compiled_target": asdict(compiled_target) if compiled_target else None,
        "compiled_verdict": verdict(ratio.get(COMPILED), compiled_target),
    }


def scaled(target: Target | None, share: float | None) -> Target | None:
    """What of a target holds for the kernels in use; never to lose holds for all that have one."""
    if target is None or share is None:
        return None
    floor = min(target.least, cases.NEVER_LOSE.least)
    return Target(max(floor, share * target.least), max(floor, share * target.ambition))


def verdict(ratio: Spread | None, target: Target | None) -> str | None:
    """``"ambition"``, ``"reached"`` or ``"missed"``, by the median; None without a target."""
    if ratio is None or target is None:
        return None
    if ratio.median >= target.ambition:
        return "ambition"
    return "reached" if ratio.median >= target.least else "missed"


# ---------------------------------------------------------------- batch 1 to 65536


def _run_scaling(plan: Plan, document: dict[str, Any], watcher: Watcher) -> None:
    for threads, op, direction, batch in plan.scaling_points():
        torch.set_num_threads(threads)
        watcher.started(f"{op}, batch {batch}, {direction}, threads: {threads}")
        point = _scaling_point(plan, op, direction, batch)
        document["scaling"].append(point)
        watcher.scaled(point)


def _scaling_point(plan: Plan, op: str, direction: str, batch: int) -> Row:
    case = cases.scaling_case(op, batch)
    assert case is not None, op
    point: Row = {
        "op": op,
        "direction": direction,
        "threads": torch.get_num_threads(),
        "batch": batch,
        "case": case.name,
        "seconds": None,
        "ratio": None,
        "skipped": None,
    }
    needed, available = needed_bytes(case), memory.available_bytes()
    if available is not None and plan.device == "cpu" and needed > available:
        gigabytes = f"{needed / 1e9:.0f} GB needed, {available / 1e9:.0f} GB free"
        return point | {"skipped": f"not enough memory: {gigabytes}"}
    load = workloads.build(case, direction, plan.device, compiled=False)
    samples = race(load.steps, QUICK if plan.quick else FULL, _synchronize(plan.device))
    return point | {
        "seconds": {name: asdict(spread(values)) for name, values in samples.items()},
        "ratio": asdict(paired_ratio(samples[NATIVE], samples[OURS])),
    }


def needed_bytes(case: Case) -> int:
    """A generous guess for both directions, native's intermediate results included."""
    conv = {key: value for key, value in case.settings.items() if key != "kernel_size"}
    unpooled = Case("conv2d", "", case.shapes, conv) if "pool" in case.op else case
    elements = sum(map(math.prod, case.shapes)) + math.prod(workloads.output_shape(unpooled))
    return MEMORY_FACTOR * getattr(torch, case.dtype).itemsize * elements


def cliffs(points: Sequence[Row], tolerance: float = 1.5) -> list[str]:
    """Where four times the batch costs ours much more than four times the time, in words."""
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


# ---------------------------------------------------------------- the machine


def _target_share(device: str, library: str) -> float | None:
    return TARGET_SHARE.get(library) if device == "cpu" else None


def _synchronize(device: str) -> Callable[[], None]:
    return torch.cuda.synchronize if device == "cuda" else lambda: None


def _remarks(document: dict[str, Any]) -> list[str]:
    remarks = []
    build, rows = document["environment"]["build"], document["results"]
    if build["cpu_library_loaded"] == "reference":
        remarks.append(
            "the kernels are not loaded, so ours is torch's too: "
            + (build["cpu_library_reason"] or "unknown reason")
        )
    noisy = sum(row["noisy"] for row in rows)
    if noisy > len(rows) / 10:
        remarks.append(f"the samples of {noisy} of {len(rows)} rows scatter widely (marked ~)")
    reasons = dict.fromkeys(row["not_compiled"] for row in rows if row["not_compiled"])
    remarks += [f"torch.compile: {reason}" for reason in reasons]
    return remarks + cliffs(document["scaling"])
