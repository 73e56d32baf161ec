"""The process that checks or times kernels for the app: ``python -m inkgrad_demo.jobs.worker``.

A process of its own, so that it neither disturbs those who draw nor is disturbed by them, and so
that it can be ended at any moment. The request comes as a line of JSON on stdin; each event goes
out as a line of JSON on stdout, the last of them ``{"done": document}``. When stdin is closed,
because the app has ended, so does the process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

Tell = Callable[[dict[str, Any]], None]


def check(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """As ``inkgrad check`` does it, telling of each check before and after."""
    import torch

    from inkgrad.check import output, run_all

    if hasattr(os, "nice"):
        os.nice(5)  # those who draw come first; a check is as right when it comes later

    def started(op: str, dtype: str, check: str) -> None:
        tell({"started": {"op": op, "dtype": dtype, "check": check}})

    device = torch.device("cpu")
    results = []
    for result in run_all(request["ops"], request["dtypes"], device, started):
        results.append(result)
        tell({"result": output.json_fields(result)})
    return output.document(results, device)


def bench(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """As ``inkgrad bench`` does it, telling of ceilings and rows as they come."""
    from inkgrad_bench import custom, session

    case = custom.case_of(request["op"], request["sizes"], request["dtype"])
    plan = session.Plan([case], [request["threads"]], quick=request["quick"], compiled=False)
    watcher = session.Watcher(
        opened=lambda document: tell({"environment": document["environment"]}),
        started=lambda _: None,
        limited=lambda found: tell({"ceiling": found}),
        measured=lambda row: tell({"result": row}),
        scaled=lambda _: None,
    )
    return session.run(plan, watcher)


_KINDS = {"check": check, "bench": bench}


def main() -> None:
    """Carry out one request."""
    events = _own_stdout()

    def tell(event: dict[str, Any]) -> None:
        print(json.dumps(event, allow_nan=False), file=events, flush=True)

    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_app, daemon=True).start()
    tell({"done": _KINDS[request["kind"]](request, tell)})


def _own_stdout() -> TextIO:
    """Stdout for events alone: what libraries print goes to stderr from now on."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _end_with_the_app() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
