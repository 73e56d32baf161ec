"""What the app does with the kernels: check them, time them, show where they come from.

No Gradio in here. What comes in is checked: a bad request is a ``ValueError`` that says what was
expected and what came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import inkgrad_bench
from inkgrad.check import CHECKS, DTYPES, OPS
from inkgrad.course.messages import message_of
from inkgrad_bench import custom, environment
from inkgrad_bench.cases import CASES
from inkgrad_bench.custom import SIZES
from inkgrad_bench.workloads import NATIVE, OURS
from inkgrad_demo.jobs.queue import Failed, Jobs
from inkgrad_demo.services.op_documentation import source
from inkgrad_demo.services.request_validation import brief, choice, fields, whole
from inkgrad_demo.texts import message

_COMMITTED = Path(inkgrad_bench.__file__).parent / "results" / "latest.json"


class Workbench:
    """The questions of the Kernels page and of the API."""

    def __init__(self) -> None:
        self._jobs = Jobs()

    def start_check(self, question: Any) -> dict[str, Any]:
        """``question``: a dict of ``ops`` and ``dtypes``; the answer as of :meth:`start_bench`."""
        asked = fields(question)
        return self._started(_check_request(asked.get("ops"), asked.get("dtypes")))

    def start_bench(self, question: Any) -> dict[str, Any]:
        """``question``: a dict of ``op``, ``sizes``, ``dtype``, ``threads`` and ``quick``.

        The answer has the ``job`` to poll.
        """
        asked = fields(question)
        names = ("op", "sizes", "dtype", "threads", "quick")
        return self._started(_bench_request(*map(asked.get, names)))

    def _started(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"job": self._jobs.start(request).id}

    def poll(self, question: Any) -> dict[str, Any]:
        """What is new of a ``job`` ``after`` so many events; see :meth:`Jobs.poll`."""
        asked = fields(question)
        after = whole("after", asked.get("after", 0), 0, 10**6)
        return self._jobs.poll(asked.get("job"), after)

    def stop(self, question: Any) -> dict[str, Any]:
        """End a ``job`` now."""
        self._jobs.stop(fields(question).get("job"))
        return {}

    def committed(self, question: Any) -> dict[str, Any]:
        """The results that come with inkgrad: ``environment``, ``ceilings`` and ``results``.

        Of an installation without them: ``environment`` is None.
        """
        return _committed()

    def source(self, question: Any) -> dict[str, Any]:
        """The ``code`` of a ``file`` of the kernels; None outside of a checkout."""
        return {"code": source(fields(question).get("file"))}

    def check(self, ops: Any, dtypes: Any) -> dict[str, Any]:
        """The document that ``inkgrad check --json`` writes."""
        return self._result(_check_request(ops, dtypes))

    def bench(self, op: Any, sizes: Any, dtype: Any, threads: Any, quick: Any) -> dict[str, Any]:
        """The document that ``inkgrad bench --json`` writes."""
        return self._result(_bench_request(op, sizes, dtype, threads, quick))

    def _result(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._jobs.result(self._jobs.start(request))
        except Failed as error:
            raise ValueError(
                message("problem.job", kind=request["kind"], error=message_of(error))
            ) from None


def choices() -> dict[str, Any]:
    """What the page offers to choose from."""
    return {
        "ops": list(OPS),
        "dtypes": list(DTYPES),
        "checks": list(CHECKS),
        "threads": environment.processors(),
        "sizes": {op: [vars(size) for size in sizes] for op, sizes in SIZES.items()},
        "presets": _presets(),
    }


def _presets() -> list[dict[str, Any]]:
    found = ((case, custom.sizes_of(case)) for case in CASES)
    return [
        {"op": case.op, "case": case.name, "dtype": case.dtype, "sizes": sizes}
        for case, sizes in found
        if sizes is not None
    ]


@cache
def _committed() -> dict[str, Any]:
    try:
        document = json.loads(_COMMITTED.read_text(encoding="utf-8"))
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


def _check_request(ops: Any, dtypes: Any) -> dict[str, Any]:
    return {
        "kind": "check",
        "ops": _chosen("ops", ops, OPS),
        "dtypes": _chosen("dtypes", dtypes, DTYPES),
    }


def _bench_request(op: Any, sizes: Any, dtype: Any, threads: Any, quick: Any) -> dict[str, Any]:
    choice("op", op, SIZES)
    choice("dtype", dtype, custom.DTYPES)
    checked = _sizes(op, sizes)
    try:
        custom.case_of(op, checked, dtype)  # complains of what cannot be, or takes too much
    except custom.TooSmall as error:
        expected = message("problem.at_least_here", least=error.least)
        raise ValueError(
            message("problem.field", name=error.name, expected=expected, got=error.got)
        ) from None
    except custom.TooMuch as error:
        values = {"needed": f"{error.needed:.1f}", "most": f"{error.most:.1f}"}
        raise ValueError(message("problem.too_much", unit=error.unit, **values)) from None
    return {
        "kind": "bench",
        "op": op,
        "sizes": checked,
        "dtype": dtype,
        "threads": whole("threads", threads, 1, environment.processors()),
        "quick": bool(quick),
    }


def _sizes(op: str, sizes: Any) -> dict[str, int]:
    """Those that were chosen, as whole numbers within their limits."""
    if not isinstance(sizes, Mapping):
        raise ValueError(message("problem.sizes", got=brief(sizes)))
    known = {size.name: size for size in SIZES[op]}
    for name in sizes:
        choice("sizes", name, known)
    return {
        name: whole(name, value, known[name].least, known[name].most)
        for name, value in sizes.items()
    }


def _chosen(name: str, values: Any, known: Iterable[str]) -> list[str]:
    """The ones chosen, in their own order; all of them for None."""
    known = list(known)
    if values is None:
        return known
    if not isinstance(values, list) or not values or any(value not in known for value in values):
        expected = message("problem.some_of", choices=", ".join(known))
        raise ValueError(message("problem.field", name=name, expected=expected, got=brief(values)))
    return [value for value in known if value in values]
