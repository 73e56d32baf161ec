"""The output of `inkgrad check`: table, progress line, summary and JSON file."""

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
    """Return a line with the versions, the device and the kernel library in use."""
    config = inkgrad.build_config()
    if device.type == "cuda":
        kernels = f"{torch.cuda.get_device_name(device)}, CUDA kernels: {config['cuda_kernels']}"
    else:
        kernels = f"CPU kernels: {config['cpu_library_loaded']} ({config['cpu_library_reason']})"
    return f"inkgrad {inkgrad.__version__}, torch {torch.__version__}, {kernels}"


class Table:
    """A table with a row for each op and dtype and a column for each check, made row by row."""

    def __init__(self, ops: list[str], checks: list[str]) -> None:
        self._op_width = max(len(op) for op in ops)
        self._head = f"{'op':{self._op_width}}  {'dtype':8}" + "".join(f"  {c:>14}" for c in checks)
        self._started = False

    def row(self, results: list[Result]) -> str:
        """Return the row of one op and dtype, the first one below the header."""
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
    """Show the running check on one line of a terminal; without arguments, erase it."""
    if sys.stderr.isatty():
        text = f"{op} {dtype}: {check}" if op else ""
        # Erase the line first: the new text may be shorter.
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)


def summary(results: list[Result], device: torch.device) -> str:
    """Return the counts, what the numbers mean, and each failure with the command to repeat it."""
    count = {
        status: sum(r.status == status for r in results)
        for status in ("passed", "failed", "skipped")
    }
    lines = ["", ", ".join(f"{number} {status}" for status, number in count.items())]
    lines.append(
        "Numbers are the largest relative errors: of parity against native torch (of half types "
        "against float64), of gradients against finite differences."
    )
    for why in dict.fromkeys(r.message for r in results if r.status == "skipped"):
        lines.append(f"Skipped (-): {why}.")
    for r in results:
        if r.status == "failed":
            lines.append(f"FAIL {r.op} {r.dtype} {r.check}: {r.message}")
            command = f"inkgrad check --op {r.op} --dtype {r.dtype} --device {device.type}"
            lines.append(f"     to repeat: {command}")
    return "\n".join(lines)


def document(results: list[Result], device: torch.device) -> dict[str, Any]:
    """Return the build, the device and all results as a JSON-compatible dict."""
    return {
        "build": inkgrad.build_config(),
        "device": device.type,
        "results": [json_fields(result) for result in results],
    }


def write_json(path: Path, results: list[Result], device: torch.device) -> None:
    """Write :func:`document` to `path` atomically."""
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


def json_fields(result: Result) -> dict[str, Any]:
    """Return a result as a JSON-compatible dict: infinity, which JSON lacks, becomes "inf"."""
    return {
        key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in dataclasses.asdict(result).items()
    }
