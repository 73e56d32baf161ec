"""`inkgrad check`: are the kernels of this machine right?

Runs gradcheck, gradgradcheck, opcheck and parity with native torch over every op and dtype, and
prints one table.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from inkgrad.check.cases import DTYPES, OPS
from inkgrad.check.checks import CHECKS, Result
from inkgrad.check.checks import run as run_check

__all__ = ["CHECKS", "DTYPES", "OPS", "Result", "add_arguments", "run", "run_check"]


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
    import torch

    from inkgrad.check import report

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
    for op in args.op:
        for dtype in args.dtype:
            row = []
            for check in CHECKS:
                report.progress(f"{op} {dtype}: {check}")
                with warnings.catch_warnings():
                    # torch compiles its own forward-mode formulas with torch.jit, and warns of it.
                    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
                    row.append(run_check(OPS[op], DTYPES[dtype], device, check))
            report.progress("")
            print(table.row(row), flush=True)
            results += row
    print(report.summary(results, device))
    if args.json is not None:
        report.write_json(args.json, results, device)
    return 1 if any(result.status == "failed" for result in results) else 0
