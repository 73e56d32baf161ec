"""The command line, the child process that runs the cases, and the parent that watches it."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from random import Random

import torch

from inkgrad.check.fuzz import models, ops

_KINDS = ops.KINDS | models.KINDS
_TIMEOUT = 120.0  # seconds for one case


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m inkgrad.check.fuzz",
        description="Compare random calls of the ops, Chain and patch with native torch. Prints "
        "each case whose result is not native's, or that ends the process, as one line of JSON.",
    )
    parser.add_argument("--seconds", type=float, default=60, help="how long to run (default: 60)")
    parser.add_argument(
        "--cases", type=int, default=sys.maxsize, help="how many cases at most (default: no limit)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random cases (default: 0)")
    parser.add_argument(
        "--kind", nargs="+", choices=list(_KINDS), default=list(_KINDS), metavar="KIND",
        help=f"kinds of cases (default: all): {', '.join(_KINDS)}",
    )  # fmt: skip
    parser.add_argument("--case", metavar="JSON", help="run this case alone, in this process")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case is not None:
        failure = run(json.loads(args.case), lambda: None)
        print(failure or "as native")
        return 1 if failure else 0
    if args.child:
        return _child(args.seed, args.seconds, args.cases, args.kind)
    return _parent(args.seed, args.seconds, args.cases, args.kind)


def run(case: ops.Case, after_ours: Callable[[], None]) -> str | None:
    """Run a case; describe how it differs from native, or return None.

    ``after_ours`` is called between our part and native's.
    """
    torch.set_num_threads(case["threads"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _KINDS[case["kind"]][1](case, after_ours)


def _child(seed: int, seconds: float, cases: int, kinds: list[str]) -> int:
    """Print each case before it runs, then "ours" when only native's part is left, then the
    result: null or a description."""
    random, end = Random(seed), time.monotonic() + seconds
    for _ in range(cases):
        if time.monotonic() >= end:
            break
        kind = random.choice(kinds)
        case = {
            "kind": kind, **_KINDS[kind][0](random),
            "seed": random.randrange(2**31), "threads": random.randint(1, 3),
        }  # fmt: skip
        print(json.dumps(case), flush=True)
        try:
            failure = run(case, lambda: print("ours", flush=True))
        except Exception:
            failure = traceback.format_exc()
        print(json.dumps(failure), flush=True)
    return 0


def _parent(seed: int, seconds: float, most: int, kinds: list[str]) -> int:
    """Run children until the time is over: another one after each that crashed."""
    end, cases, findings = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end and cases < most:
        command = _command(seed, end - time.monotonic(), most - cases, kinds)
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        case, is_ours = "", False
        for line in _lines(child):
            if line.startswith("{"):
                case, is_ours, cases = line, True, cases + 1
            elif line == "ours":
                is_ours = False
            else:
                if line != "null":
                    findings += 1
                    _report(json.loads(line), case)
                case = ""
        code = child.wait()
        if code == 0:
            break
        if not case:
            print(f"the child process ended with status {code}", file=sys.stderr)
            return 2
        if is_ours:  # else native torch crashed
            findings += 1
            _report(signal.strsignal(-code) or str(code) if code < 0 else f"exit {code}", case)
        seed += 1_000_003
    print(f"{cases} cases, {findings} findings")
    return 1 if findings else 0


def _command(seed: int, seconds: float, cases: int, kinds: list[str]) -> list[str]:
    command = [sys.executable, "-m", "inkgrad.check.fuzz", "--child", "--seed", str(seed)]
    return [*command, "--seconds", str(seconds), "--cases", str(cases), "--kind", *kinds]


def _lines(child: subprocess.Popen[str]) -> Iterator[str]:
    """Yield the lines that the child prints; kill it if none comes for too long."""
    assert child.stdout is not None
    while True:
        timer = threading.Timer(_TIMEOUT, child.kill)
        timer.start()
        line = child.stdout.readline()
        timer.cancel()
        if not line:
            return
        yield line.rstrip("\n")


def _report(failure: str, case: str) -> None:
    print(f"{failure}\n  --case '{case}'", flush=True)


if __name__ == "__main__":
    sys.exit(main())
