"""``inkgrad bench --networks``: whole networks, native, patched and compiled.

The target is never to be slower than native, and to need no more memory in a training step. Small
networks come from :mod:`.small_networks`, the others from torchvision with random weights.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

import inkgrad
from inkgrad_bench import console, environment, memory
from inkgrad_bench.small_networks import SMALL
from inkgrad_bench.timing import FULL, QUICK, Effort, paired_ratio, quartiles, time_interleaved

INFERENCE, TRAINING = "inference", "training step"
NATIVE, PATCHED, GRAPH = "native", "patched", "graph"
COMPILED, OURS_COMPILED = "torch.compile", "inkgrad.compile"
# Each contender, and whom it is compared with.
RIVALS = {PATCHED: NATIVE, GRAPH: NATIVE, OURS_COMPILED: COMPILED}

# The time of the rival over ours, and our peak memory over the rival's, which varies by a few MiB.
MIN_RATIO = 0.97
MEMORY_TOLERANCE = 2**22

BATCHES = (1, 8)
LARGE = (
    "alexnet", "densenet121", "efficientnet_b0", "googlenet", "mobilenet_v2", "resnet18",
    "resnet50", "squeezenet1_1", "vgg11_bn",
)  # fmt: skip
NAMES = (*SMALL, *LARGE)

LEGEND = f"""\
native           median time of a call, and the peak memory of a training step beyond its inputs
patched, graph   native's time over that of inkgrad.patch(model), and of inkgrad.compile(model,
                 then="eager"), with their peak memory
inkgrad.compile  the time of torch.compile(model) over that of inkgrad.compile(model)
*                slower than {MIN_RATIO:.2f}, or more memory; ~ noisy"""


@dataclass(frozen=True)
class Case:
    """A network, the images of a call, what a call does, and the threads."""

    network: str
    batch: int
    task: str
    threads: int


@dataclass
class Row:
    """The measurements: medians in seconds, peak bytes, and the quartiles of the ratios."""

    case: Case
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int | None] = field(default_factory=dict)
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    noisy: list[str] = field(default_factory=list)
    error: str = ""

    def misses(self) -> list[str]:
        """The contenders that are slower, or need more memory, than they may."""
        slower = [name for name, ratio in self.ratios.items() if ratio["median"] < MIN_RATIO]
        larger = [
            name
            for name, rival in RIVALS.items()
            if (self.peaks.get(name) or 0) > (self.peaks.get(rival) or 0) + MEMORY_TOLERANCE
        ]
        return list(dict.fromkeys([*slower, *larger]))


def cases(names: Sequence[str], batches: Sequence[int], threads: Sequence[int]) -> Iterator[Case]:
    for count, name, batch, task in itertools.product(
        threads, names, batches, (INFERENCE, TRAINING)
    ):
        yield Case(name, batch, task, count)


def build(name: str, batch: int) -> tuple[nn.Module, Tensor]:
    """The network and its input; the same weights and pixels in every call."""
    torch.manual_seed(0)
    if name in SMALL:
        make, size = SMALL[name]
        return make(), torch.rand(batch, *size)
    from torchvision import models

    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    return models.get_model(name, weights=None, **options), torch.rand(batch, 3, 224, 224)


def step(model: nn.Module, call: Callable[[Tensor], Tensor], input: Tensor, task: str) -> Any:
    """A function that does one call, or one step of training with SGD."""
    if task == INFERENCE:
        model.eval()

        def infer() -> Tensor:
            with torch.no_grad():
                return call(input)

        return infer
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)

    def train() -> None:
        call(input).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()  # at the end: each contender's gradients are freed before the next

    return train


def contenders(model: nn.Module, compiled: bool) -> dict[str, tuple[nn.Module, Any]]:
    """Copies of the model, each with the callable that runs it."""
    copies = {name: copy.deepcopy(model) for name in (NATIVE, PATCHED, GRAPH)}
    calls: dict[str, Any] = {
        NATIVE: copies[NATIVE],
        PATCHED: inkgrad.patch(copies[PATCHED]),
        GRAPH: inkgrad.compile(copies[GRAPH], then="eager"),
    }
    if compiled:
        copies |= {name: copy.deepcopy(model) for name in (COMPILED, OURS_COMPILED)}
        calls[COMPILED] = torch.compile(copies[COMPILED])
        calls[OURS_COMPILED] = inkgrad.compile(copies[OURS_COMPILED])
    return {name: (copies[name], call) for name, call in calls.items()}


def measure(case: Case, effort: Effort, compiled: bool) -> Row:
    """Time all contenders in turn; then the peak memory of each."""
    torch.set_num_threads(case.threads)
    torch.compiler.reset()
    model, input = build(case.network, case.batch)
    steps = {
        name: step(each, call, input, case.task)
        for name, (each, call) in contenders(model, compiled).items()
    }
    samples = time_interleaved(steps, effort)
    row = Row(case)
    for name, times in samples.items():
        row.seconds[name] = quartiles(times).median
        row.peaks[name] = memory.peak_bytes(steps[name], "cpu")
        if name in RIVALS:
            found = paired_ratio(samples[RIVALS[name]], times)
            row.ratios[name] = asdict(found)
            row.noisy += [name] if found.noisy else []
    return row


def run(
    names: Sequence[str],
    threads: Sequence[int],
    *,
    batches: Sequence[int] = BATCHES,
    quick: bool = False,
    compiled: bool = False,
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure and print row by row; returns everything, ready for JSON. Ctrl-C ends it early."""
    load = environment.BackgroundLoad()
    document: dict[str, Any] = {
        "environment": environment.describe("cpu"), "quick": quick, "complete": False, "rows": [],
    }  # fmt: skip
    show(console.heading(document))
    show(heading(compiled))
    before = torch.get_num_threads()
    rows: list[Row] = []
    try:
        for case in cases(names, batches, threads):
            try:
                row = measure(case, QUICK if quick else FULL, compiled)
            except Exception as error:  # a network that fails must not end the run
                row = Row(case, error=f"{type(error).__name__}: {error}")
            rows.append(row)
            show(line(row, compiled))
        document["complete"] = True
    except KeyboardInterrupt:
        pass
    finally:
        torch.set_num_threads(before)
    document["rows"] = [asdict(row) for row in rows]
    show(summary(rows, load.warning()))
    return document


def heading(compiled: bool) -> str:
    """The titles of the columns."""
    columns = [NATIVE, PATCHED, GRAPH, *([OURS_COMPILED] if compiled else [])]
    return f"\n{'network':20} {'batch':>5} {'':13} {'threads':>7}" + "".join(
        f" {name:>18}" for name in columns
    )


def line(row: Row, compiled: bool) -> str:
    """One case as a line of the table."""
    case = row.case
    start = f"{case.network:20} {case.batch:5} {case.task:13} {case.threads:7}"
    if row.error:
        return f"{start} failed: {row.error}"
    cells = [console.duration(row.seconds[NATIVE]) + _megabytes(row, NATIVE)]
    misses = row.misses()
    for name in (PATCHED, GRAPH, *([OURS_COMPILED] if compiled else [])):
        mark = ("~" if name in row.noisy else "") + ("*" if name in misses else "")
        cells.append(f"{row.ratios[name]['median']:.2f}{mark}{_megabytes(row, name)}")
    return start + "".join(f" {cell:>18}" for cell in cells)


def _megabytes(row: Row, name: str) -> str:
    peak = row.peaks.get(name)
    return "" if peak is None else f" {peak / 2**20:5.0f} MiB"


def summary(rows: Sequence[Row], warning: str | None) -> str:
    """How many cases hold the target, which do not, and what the columns mean."""
    failed = [row for row in rows if row.error]
    missed = [row for row in rows if row.misses()]
    lines = [f"{len(rows) - len(missed) - len(failed)} of {len(rows)} hold the target."]
    lines += [
        f"  {row.case.network}, batch {row.case.batch}, {row.case.task}, threads: "
        f"{row.case.threads}: {', '.join(row.misses())}"
        for row in missed
    ]
    lines += [f"Warning: {warning}"] if warning else []
    return "\n".join(["", *lines, "", LEGEND])
