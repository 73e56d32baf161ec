"""A benchmark document with every kind of row."""

from __future__ import annotations

from typing import Any

import pytest

from inkgrad_bench import results_file
from inkgrad_bench.runner import summarize
from inkgrad_bench.suite import BOTH, EPOCH, FORWARD, Case, Target


@pytest.fixture
def document() -> dict[str, Any]:
    """As runner.run returns it, on two numbers of threads; times are made up."""
    pooled = Case(
        "conv2d_relu_max_pool2d", "pooled", targets={FORWARD: Target(2, 4), BOTH: Target(9, 10)},
        compiled_target=Target(2, 4),
    )  # fmt: skip
    other = Case("linear_relu", "other")
    epoch = Case("train", "cnn", targets={EPOCH: Target(2, 3)})
    results = []
    for threads in (1, 2):
        for case, direction in ((pooled, FORWARD), (pooled, BOTH), (other, BOTH), (epoch, EPOCH)):
            samples = {"native": [5e-3, 5e-3], "compiled": [1.5e-3, 1.5e-3], "ours": [1e-3, 1e-3]}
            row = summarize(samples, case, direction, 1.0)
            is_op = case is not epoch
            error = {"output": {"native": 1e-7, "ours": 2e-7}}
            kernel = {"forward": "winograd"}
            if direction == BOTH:
                kernel["grad_input"] = "direct"
            results.append(
                row
                | {
                    "threads": threads,
                    "kernel": kernel if is_op else None,
                    "not_compiled": None,
                    "flops": 10**7 if is_op else None,
                    "bytes": 10**6 if is_op else None,
                    "bound": "arithmetic" if is_op else None,
                    "roofline": {"native": 0.02, "compiled": 0.07, "ours": 0.1} if is_op else None,
                    "errors": error if is_op else None,
                    "accurate": False if is_op else None,
                    "peak_bytes": {"native": 3 * 10**6, "ours": None},
                }
            )
    seconds = {
        name: {"lower": value, "median": value, "upper": value}
        for name, value in (("native", 2e-5), ("ours", 1e-5))
    }
    point = {
        "op": "conv2d", "direction": FORWARD, "threads": 1, "seconds": seconds,
        "ratio": {"native": {"lower": 1.9, "median": 2.0, "upper": 2.1}}, "skipped": None,
    }  # fmt: skip
    build = {"cpu_library_loaded": "avx512", "cpu_library_reason": "", "torch": "2.15"}
    gflops = dict.fromkeys(("float32", "float64", "bfloat16", "float16"), 100.0)
    peaks = {"gflops": gflops, "source": "test", "copy": 20.0, "read": 18.0, "gbytes": 20.0}
    return {
        "schema": results_file.SCHEMA,
        "environment": {
            "date": "2030-01-02T03:04:05+00:00", "commit": "abc", "version": "0", "device": "cpu",
            "processor": "Some processor", "processors": 2, "gpu": None, "build": build,
        },
        "backward": results_file.BACKWARD,
        "quick": False,
        "complete": True,
        "rooflines": [peaks | {"threads": 1}, peaks | {"threads": 2}],
        "results": results,
        "failures": [],
        "scaling": [point | {"batch": batch} for batch in (1, 4, 16)],
        "warnings": ["the machine was busy"],
    }  # fmt: skip
