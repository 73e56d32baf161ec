"""Measure the machine's peaks, arithmetic and memory bandwidth, and bound work by them.

S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful visual performance model for
multicore architectures", 2009.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch

from inkgrad.extension import LOADED
from inkgrad_bench.workloads import Work

# float32 elements per stream: far larger than any cache.
STREAM_ELEMENTS, QUICK_STREAM_ELEMENTS = 2**26, 2**24
MATRIX_SIZE = {"cpu": 1024, "cuda": 8192}
DTYPES = ("float32", "float64", "bfloat16", "float16")


@dataclass(frozen=True)
class Roofline:
    """Peaks on ``threads`` threads.

    ``gflops`` is the arithmetic peak by dtype, in GFLOP/s, and ``source`` says how it was measured.
    ``copy`` is the bandwidth of a stream copy (reads plus writes), ``read`` that of reading two
    streams, both in GB/s.
    """

    threads: int
    gflops: dict[str, float]
    source: str
    copy: float
    read: float

    @property
    def gbytes(self) -> float:
        """The memory peak in GB/s."""
        return max(self.copy, self.read)

    def bound(self, work: Work, dtype: str) -> tuple[float, str]:
        """The minimum seconds that ``work`` takes, and its bound: "arithmetic" or "memory"."""
        arithmetic = 1e-9 * work.flops / self.gflops[dtype]
        transfer = 1e-9 * work.bytes / self.gbytes
        return max((arithmetic, "arithmetic"), (transfer, "memory"))


def measure(device: str, quick: bool, dtypes: Collection[str] = DTYPES) -> Roofline:
    """Take the best of a few tries, on torch's current number of threads.

    The arithmetic peak is measured for ``dtypes`` and float32 only: a bfloat16 or float16 product
    is slow on a CPU without instructions for it.
    """
    tries = 3 if quick else 10
    measured = [dtype for dtype in DTYPES if dtype in dtypes or dtype == "float32"]
    full = [dtype for dtype in measured if dtype in ("float32", "float64")]
    if device == "cpu" and LOADED.module is not None:
        source = "a loop of FMA instructions"
        rate = LOADED.module.measure_fma_rate
        gflops = {dtype: 1e-9 * max(rate(dtype) for _ in range(tries)) for dtype in full}
    else:
        source = "torch's matrix product, as a proxy"
        gflops = {dtype: _matmul_gflops(device, dtype, tries) for dtype in full}
    for half in measured[len(full) :]:  # without native arithmetic it is computed in float32
        gflops[half] = max(gflops["float32"], _matmul_gflops(device, half, tries=3))
    elements = QUICK_STREAM_ELEMENTS if quick else STREAM_ELEMENTS
    input = torch.ones(elements, device=device)
    output = torch.zeros_like(input)
    gigabytes = 1e-9 * 2 * input.element_size() * elements
    copy = gigabytes / _best_seconds(lambda: output.copy_(input), device, tries)
    read = gigabytes / _best_seconds(lambda: torch.dot(output, input), device, tries)
    return Roofline(torch.get_num_threads(), gflops, source, copy, read)


def _matmul_gflops(device: str, dtype: str, tries: int) -> float:
    size = MATRIX_SIZE[device]
    a = torch.ones(size, size, dtype=getattr(torch, dtype), device=device)
    b, c = torch.ones_like(a), torch.empty_like(a)
    return 1e-9 * 2 * size**3 / _best_seconds(lambda: torch.mm(a, b, out=c), device, tries)


def _best_seconds(step: Callable[[], Any], device: str, tries: int) -> float:
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
