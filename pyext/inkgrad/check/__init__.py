"""`inkgrad check`: are the kernels of this machine right?

Runs gradcheck, gradgradcheck, opcheck and parity with native torch over every op and dtype, and
prints one table.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch

from inkgrad.check import report
from inkgrad.check.cases import DTYPES, OPS
from inkgrad.check.checks import CHECKS, Result
from inkgrad.check.checks import run as run_check

__all__ = ["CHECKS", "DTYPES", "OPS", "Result", "add_arguments", "run", "run_all", "run_check"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--op", nargs="+", choices=list(OPS), default=list(OPS), metavar="OP",
        help=f"ops to check (default: all): {', '.join(OPS)}",
    )  # fmt: skip
    parser.add_argument(
        "--dtype", nargs="+", choices=list(DTYPES), default=list(DTYPES), metavar="DTYPE",
        help=f"dtypes to check (default: all): {', '.join(DTYPES)}",
    )  # fmt: skip
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="where to run (default: cpu)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write every result to FILE as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """0 if every check passed, 1 if one failed, 2 if the request cannot be carried out."""
    if args.device == "cuda" and not torch.cuda.is_available():
        print("inkgrad check: error: torch sees no CUDA device here", file=sys.stderr)
        return 2
    if args.json is not None and not args.json.resolve().parent.is_dir():
        print(f"inkgrad check: error: no folder {args.json.resolve().parent}", file=sys.stderr)
        return 2
    device = torch.device(args.device)
    print(report.heading(device))
    table = report.Table(args.op, list(CHECKS))
    results: list[Result] = []
    for result in run_all(args.op, args.dtype, device, report.progress):
        results.append(result)
        if len(results) % len(CHECKS) == 0:
            report.progress()
            print(table.row(results[-len(CHECKS) :]), flush=True)
    print(report.summary(results, device))
    if args.json is not None:
        report.write_json(args.json, results, device)
    return 1 if any(result.status == "failed" for result in results) else 0


def run_all(
    ops: Iterable[str],
    dtypes: Iterable[str],
    device: torch.device,
    started: Callable[[str, str, str], None],
) -> Iterator[Result]:
    """Every check of each op in each dtype; ``started`` is told of each before it runs."""
    for op, dtype, check in itertools.product(ops, dtypes, CHECKS):
        started(op, dtype, check)
        with warnings.catch_warnings():
            # torch compiles its own forward-mode formulas with torch.jit, and warns of it.
            warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
            yield run_check(OPS[op], DTYPES[dtype], device, check)
