"""The benchmark results that come with inkgrad, for the charts of the Kernels page."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import inkgrad_bench
from inkgrad_bench.custom import SIZES
from inkgrad_bench.workloads import NATIVE, OURS

_FILE = Path(inkgrad_bench.__file__).parent / "results" / "latest.json"


@cache
def committed_results() -> dict[str, Any]:
    """Return ``environment``, ``ceilings`` and ``results``.

    ``environment`` is None in an installation without the file.
    """
    try:
        document = json.loads(_FILE.read_text(encoding="utf-8"))
    except OSError:
        return {"environment": None, "ceilings": [], "results": []}
    kept = ("op", "case", "main", "direction", "dtype", "threads", "flops", "bytes", "noisy")
    rows = [
        {name: row[name] for name in kept}
        | {"seconds": {name: {"median": row["seconds"][name]["median"]} for name in (NATIVE, OURS)}}
        | {"ratio": {NATIVE: row["ratio"][NATIVE]}}
        for row in document["results"]
        if row["op"] in SIZES
    ]
    return {
        "environment": document["environment"],
        "ceilings": document["ceilings"],
        "results": rows,
    }
