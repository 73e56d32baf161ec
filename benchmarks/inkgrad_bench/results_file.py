"""The file that ``inkgrad bench --json`` writes: JSON, one measurement a line.

The document:

==============  ===================================================================================
schema          the version of this format
environment     date, commit, machine, and ``inkgrad.build_config()``
backward        how the gradients were computed; see below
peers           the versions of the other libraries that were timed
quick           whether it was a run with few samples
complete        False after Ctrl-C
rooflines       the machine's peaks on each number of threads: ``gflops`` by dtype and how they were
                measured (``source``), ``copy`` and ``read`` in GB/s, ``gbytes`` the larger of them
results         one row per case, direction and number of threads; see below
failures        cases that could not run: op, case, direction, threads, ``error``
scaling         the times of one op at batch sizes from 1 to 65536, or why they were ``skipped``
warnings        messages on what makes the figures less trustworthy
==============  ===================================================================================

A row of ``results``:

==============  ===================================================================================
op, case        the function of :mod:`inkgrad.functional` (or train, predict), and its shapes
main            whether the case has a target of its own
direction       forward, forward+backward, epoch or step
dtype, threads
samples         per contender
seconds         of one call, by contender (native, ours, compiled and the peers): median and
                quartiles
ratio           the contender's time over ours, from paired samples: median and quartiles
noisy           whether the quartiles are far apart
target          the ratio to reach (``ratio``) and the stretch goal (``stretch``), against native;
                ``compiled_target`` against torch.compile
verdict         missed, reached or stretch; ``compiled_verdict`` against torch.compile,
                ``peer_verdict`` against ``best_peer`` (with its ``peer_target``)
kernel          the kernel that ran, by direction: ``{"forward": "winograd"}``
not_compiled    why there is no compiled contender
flops, bytes    the minimum work: see :class:`inkgrad_bench.workloads.Work`
roofline        the time that the roofline allows, as a share of the time taken, by contender
bound           what limits it: arithmetic or memory
errors          relative root mean square error against float64, by tensor and contender
accurate        whether ours is at most native's (twice native's for bfloat16 and float16)
peak_bytes      of one call beyond its inputs, native and ours
==============  ===================================================================================

Since schema 2 the gradients on both sides are those of ``loss.backward()``, as in a user's training
loop. Files of earlier commits were measured with ``torch.autograd.grad`` (native) and
``inkgrad.autograd.grad`` (ours), which no longer exists; ``backward`` says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# The standard library only: benchmarks/gpu.py uses this where inkgrad is not installed.

SCHEMA = 2
BACKWARD = "loss.backward()"
# More are noise.
DIGITS = 5
# The latest full run. It ships with the package, for the app's Kernels page.
LATEST = Path(__file__).parent / "latest.json"


def dumps(document: dict[str, Any]) -> str:
    """The text of the file: objects a key a line, lists of objects an item a line."""
    return _expanded(_rounded(document)) + "\n"


def load(path: Path) -> dict[str, Any]:
    """Read a document; ValueError for any other file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"{path} was not written by this version of inkgrad bench --json")
    return document


def joined(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One document of several; ValueError unless machine, kernels and commit are the same."""

    def origin(document: dict[str, Any]) -> list[Any]:
        where = document["environment"]
        build = where["build"]
        return [where["processor"], build["cpu_library_loaded"], build["torch"], where["commit"]]

    whole = dict(documents[0])
    for document in documents[1:]:
        if origin(document) != origin(whole):
            expected, got = (", ".join(map(str, origin(each))) for each in (whole, document))
            raise ValueError(f"runs to be joined differ: {expected}; {got}")
    for name in ("rooflines", "results", "failures", "scaling"):
        whole[name] = [row for document in documents for row in document[name]]
    whole["peers"] = {
        name: version
        for document in documents
        for name, version in document.get("peers", {}).items()
    }
    whole["quick"] = any(document["quick"] for document in documents)
    whole["complete"] = all(document["complete"] for document in documents)
    whole["warnings"] = list(dict.fromkeys(line for each in documents for line in each["warnings"]))
    return whole


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return list(map(_rounded, value)) if isinstance(value, (list, tuple)) else value


def _expanded(value: Any) -> str:
    if isinstance(value, dict):
        items = (f"{json.dumps(key)}: {_expanded(item)}" for key, item in value.items())
        return _lines("{", items, "}")
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _lines("[", map(_compact, value), "]")
    return _compact(value)


def _lines(opening: str, items: Any, closing: str) -> str:
    return "\n".join([opening, ",\n".join(items), closing])


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
