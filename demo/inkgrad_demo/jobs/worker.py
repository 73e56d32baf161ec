"""The worker process that checks or times kernels: ``python -m inkgrad_demo.jobs.worker``.

A separate process keeps the app responsive, keeps the app's load out of the timings, and can be
killed at any time. It reads one request, a line of JSON, from stdin and writes each event as a line
of JSON to stdout; the last event is ``{"done": document}``. It exits when stdin is closed, which
happens when the app ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

Emit = Callable[[dict[str, Any]], None]


def check(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Run ``inkgrad check``, with an event before and after each check."""
    import torch

    from inkgrad.check import output, run_all

    if hasattr(os, "nice"):
        os.nice(5)  # drawing has priority, and a check has no deadline

    def started(op: str, dtype: str, check: str) -> None:
        emit({"started": {"op": op, "dtype": dtype, "check": check}})

    device = torch.device("cpu")
    results = []
    for result in run_all(request["ops"], request["dtypes"], device, started):
        results.append(result)
        emit({"result": output.json_fields(result)})
    return output.document(results, device)


def bench(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Run ``inkgrad bench``, with an event for each roofline and each result."""
    from inkgrad_bench import runner, user_cases

    case = user_cases.case_of(request["op"], request["sizes"], request["dtype"])
    plan = runner.Plan([case], [request["threads"]], quick=request["quick"], compiled=False)
    callbacks = runner.Callbacks(
        begun=lambda document: emit({"environment": document["environment"]}),
        step=lambda _: None,
        roofline=lambda found: emit({"roofline": found}),
        result=lambda row: emit({"result": row}),
        scaling=lambda _: None,
    )
    return runner.run(plan, callbacks)


_KINDS = {"check": check, "bench": bench}


def main() -> None:
    """Serve one request."""
    events = claim_stdout()

    def emit(event: dict[str, Any]) -> None:
        print(json.dumps(event, allow_nan=False), file=events, flush=True)

    request = json.loads(sys.stdin.readline())
    threading.Thread(target=exit_with_the_app, args=(sys.stdin,), daemon=True).start()
    emit({"done": _KINDS[request["kind"]](request, emit)})


def claim_stdout() -> TextIO:
    """Return stdout for the events alone; what libraries print goes to stderr from now on."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def exit_with_the_app(stdin: TextIO) -> None:
    stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
