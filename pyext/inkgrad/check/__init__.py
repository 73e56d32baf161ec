"""`inkgrad check`: verify the kernels on this machine.

Runs gradcheck, gradgradcheck, opcheck and a comparison with native torch for every op and dtype,
and prints one table.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch

from inkgrad.check import output
from inkgrad.check.checks import CHECKS, Result
from inkgrad.check.checks import run as run_check
from inkgrad.check.ops import DTYPES, OPS

__all__ = ["CHECKS", "DTYPES", "OPS", "Result", "add_arguments", "run", "run_all", "run_check"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inkgrad check`."""
    parser.add_argument(
        "--op", nargs="+", choices=list(OPS), default=list(OPS), metavar="OP",
        help=f"ops to check (default: all): {', '.join(OPS)}",
    )  # fmt: skip
    parser.add_argument(
        "--dtype", nargs="+", choices=list(DTYPES), default=list(DTYPES), metavar="DTYPE",
        help=f"dtypes to check (default: all): {', '.join(DTYPES)}",
    )  # fmt: skip
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="device to check (default: cpu)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write all results to FILE as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Run the checks; return 0 if all passed, 1 if one failed, 2 if the arguments are invalid."""
    if args.device == "cuda" and not torch.cuda.is_available():
        print("inkgrad check: error: --device cuda: torch finds no CUDA device", file=sys.stderr)
        return 2
    if args.json is not None and not (folder := args.json.resolve().parent).is_dir():
        print(f"inkgrad check: error: --json: no such folder: {folder}", file=sys.stderr)
        return 2
    device = torch.device(args.device)
    print(output.heading(device))
    table = output.Table(args.op, list(CHECKS))
    results: list[Result] = []
    for result in run_all(args.op, args.dtype, device, output.progress):
        results.append(result)
        if len(results) % len(CHECKS) == 0:
            output.progress()
            print(table.row(results[-len(CHECKS) :]), flush=True)
    print(output.summary(results, device))
    if args.json is not None:
        output.write_json(args.json, results, device)
    return 1 if any(result.status == "failed" for result in results) else 0


def run_all(
    ops: Iterable[str],
    dtypes: Iterable[str],
    device: torch.device,
    started: Callable[[str, str, str], None],
) -> Iterator[Result]:
    """Yield the result of every check, op by op; call ``started(op, dtype, check)`` before each."""
    for op, dtype, check in itertools.product(ops, dtypes, CHECKS):
        started(op, dtype, check)
        with warnings.catch_warnings():
            # torch warns about its own use of torch.jit for forward-mode formulas.
            warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
            yield run_check(OPS[op], DTYPES[dtype], device, check)
