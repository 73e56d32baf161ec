"""What this machine can do at most, measured: arithmetic and memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch

from inkgrad.extension import LOADED
from inkgrad_bench.workloads import Work

# Far beyond any cache: float32 elements of each stream.
STREAM_ELEMENTS, QUICK_STREAM_ELEMENTS = 2**26, 2**24
MATRIX = {"cpu": 1024, "cuda": 8192}
DTYPES = ("float32", "float64", "bfloat16", "float16")


@dataclass(frozen=True)
class Ceilings:
    """On so many threads. ``gflops``: of each dtype, in GFLOP/s; ``source``: how that was found.

    ``copy`` and ``read``: GB/s of a stream copy (both ways counted) and of reading two streams.
    """

    threads: int
    gflops: dict[str, float]
    source: str
    copy: float
    read: float

    @property
    def gbytes(self) -> float:
        return max(self.copy, self.read)

    def bound(self, work: Work, dtype: str) -> tuple[float, str]:
        """The least seconds for ``work``, and which ceiling says so: "arithmetic" or "memory"."""
        arithmetic = 1e-9 * work.flops / self.gflops[dtype]
        transfer = 1e-9 * work.bytes / self.gbytes
        return max((arithmetic, "arithmetic"), (transfer, "memory"))


def measure(device: str, quick: bool, dtypes: Collection[str] = DTYPES) -> Ceilings:
    """The best of some tries, at torch's present number of threads.

    Arithmetic in ``dtypes`` and float32. (A matrix product in a half type takes a CPU without
    instructions for it a long time.)
    """
    tries = 3 if quick else 10
    wanted = [dtype for dtype in DTYPES if dtype in dtypes or dtype == "float32"]
    whole = [dtype for dtype in wanted if dtype in ("float32", "float64")]
    if device == "cpu" and LOADED.module is not None:
        source = "a loop of FMA instructions"
        rate = LOADED.module.measure_fma_rate
        gflops = {dtype: 1e-9 * max(rate(dtype) for _ in range(tries)) for dtype in whole}
    else:
        source = "torch's matrix product, as a proxy"
        gflops = {dtype: _matmul_gflops(device, dtype, tries) for dtype in whole}
    for half in wanted[len(whole) :]:  # where it has no instructions, computed in float32
        gflops[half] = max(gflops["float32"], _matmul_gflops(device, half, tries=3))
    elements = QUICK_STREAM_ELEMENTS if quick else STREAM_ELEMENTS
    source_stream = torch.ones(elements, device=device)
    goal = torch.zeros_like(source_stream)
    moved = 1e-9 * 2 * source_stream.element_size() * elements
    copy = moved / _best(lambda: goal.copy_(source_stream), device, tries)
    read = moved / _best(lambda: torch.dot(goal, source_stream), device, tries)
    return Ceilings(torch.get_num_threads(), gflops, source, copy, read)


def _matmul_gflops(device: str, dtype: str, tries: int) -> float:
    size = MATRIX[device]
    a = torch.ones(size, size, dtype=getattr(torch, dtype), device=device)
    b, c = torch.ones_like(a), torch.empty_like(a)
    return 1e-9 * 2 * size**3 / _best(lambda: torch.mm(a, b, out=c), device, tries)


def _best(step: Callable[[], Any], device: str, tries: int) -> float:
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    step()
    best = float("inf")
    for _ in range(tries):
        synchronize()
        start = time.perf_counter()
        step()
        synchronize()
        best = min(best, time.perf_counter() - start)
    return best
