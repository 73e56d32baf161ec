"""The benchmark results that come with inkgrad, for the charts of the Kernels page."""

from __future__ import annotations

from functools import cache
from typing import Any

from inkgrad_bench import results_file
from inkgrad_bench.user_cases import SIZES
from inkgrad_bench.workloads import NATIVE, OURS

_FILE = results_file.LATEST


@cache
def committed_results() -> dict[str, Any]:
    """Return ``environment``, ``rooflines`` and ``results``.

    ``environment`` is None in an installation without the file.
    """
    if not _FILE.exists():
        return {"environment": None, "rooflines": [], "results": []}
    document = results_file.load(_FILE)
    kept = ("op", "case", "main", "direction", "dtype", "threads", "kernel")
    rows = [
        {name: row[name] for name in (*kept, "flops", "bytes", "noisy")}
        | {"seconds": {name: {"median": row["seconds"][name]["median"]} for name in (NATIVE, OURS)}}
        | {"ratio": {NATIVE: row["ratio"][NATIVE]}}
        for row in document["results"]
        if row["op"] in SIZES
    ]
    return {
        "environment": document["environment"],
        "rooflines": document["rooflines"],
        "results": rows,
    }
