"""How `inkgrad check` shows its results: the table, the reasons, the JSON file."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

import inkgrad
from inkgrad.check.checks import Result


def heading(device: torch.device) -> str:
    """What is checked: versions, device, the kernel library in use."""
    config = inkgrad.build_config()
    if device.type == "cuda":
        kernels = f"{torch.cuda.get_device_name(device)}, CUDA kernels: {config['cuda_kernels']}"
    else:
        kernels = f"CPU kernels: {config['cpu_library_loaded']} ({config['cpu_library_reason']})"
    return f"inkgrad {inkgrad.__version__}, torch {torch.__version__}, {kernels}"


class Table:
    """Rows of op and dtype, a column a check; printed row by row as the results come in."""

    def __init__(self, ops: list[str], checks: list[str]) -> None:
        self._op_width = max(len(op) for op in ops)
        self._head = f"{'op':{self._op_width}}  {'dtype':8}" + "".join(f"  {c:>14}" for c in checks)
        self._started = False

    def row(self, results: list[Result]) -> str:
        first = results[0]
        line = f"{first.op:{self._op_width}}  {first.dtype:8}"
        line += "".join(f"  {_cell(result):>14}" for result in results)
        if self._started:
            return line
        self._started = True
        return f"{self._head}\n{line}"


def _cell(result: Result) -> str:
    if result.status == "skipped":
        return "-"
    verdict = "ok" if result.status == "passed" else "FAIL"
    return verdict if result.error is None else f"{verdict} {result.error:.1e}"


def progress(op: str = "", dtype: str = "", check: str = "") -> None:
    """What is running now, on one line of a terminal; nothing where no one watches."""
    if sys.stderr.isatty():
        text = f"{op} {dtype}: {check}" if op else ""
        # Erase the line first: the next text may be shorter.
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)


def summary(results: list[Result], device: torch.device) -> str:
    """Counts, what the numbers mean, and why and how to repeat each failure."""
    count = {
        status: sum(r.status == status for r in results)
        for status in ("passed", "failed", "skipped")
    }
    lines = ["", ", ".join(f"{number} {status}" for status, number in count.items())]
    lines.append(
        "Numbers are worst relative errors: parity against native torch (half types: float64), "
        "gradients against finite differences."
    )
    for why in dict.fromkeys(r.message for r in results if r.status == "skipped"):
        lines.append(f"Left out (-): {why}.")
    for r in results:
        if r.status == "failed":
            lines.append(f"FAIL {r.op} {r.dtype} {r.check}: {r.message}")
            again = f"inkgrad check --op {r.op} --dtype {r.dtype} --device {device.type}"
            lines.append(f"     again: {again}")
    return "\n".join(lines)


def document(results: list[Result], device: torch.device) -> dict[str, Any]:
    """All results and what was checked, fit for JSON."""
    return {
        "build": inkgrad.build_config(),
        "device": device.type,
        "results": [plain(result) for result in results],
    }


def write_json(path: Path, results: list[Result], device: torch.device) -> None:
    """Write all results to `path`, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(
        dir=path.resolve().parent, prefix=path.name, suffix=".part"
    )
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document(results, device), file, indent=2, allow_nan=False)
            file.write("\n")
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def plain(result: Result) -> dict[str, Any]:
    """A result fit for JSON, which has no infinity."""
    return {
        key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in dataclasses.asdict(result).items()
    }
