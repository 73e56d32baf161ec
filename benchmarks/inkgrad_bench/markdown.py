"""The tables of main cases in the README and the docs, with the origin of their figures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from inkgrad_bench import console, kernel_names
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS

Row = dict[str, Any]

_LEGEND = (
    "**Bold**: the stretch goal is reached; *(missed)*: the target is not. "
    "fwd+bwd: the op and its gradients, through {backward}."
)


def table(document: Row) -> str:
    """One line per main case and direction, with the ratio on each number of threads."""
    where, build = document["environment"], document["environment"]["build"]
    threads = list(dict.fromkeys(row["threads"] for row in document["results"]))
    rows: dict[tuple[str, str, str], dict[int, Row]] = {}
    for row in document["results"]:
        if row["main"]:
            key = (row["op"], row["case"], row["direction"])
            rows.setdefault(key, {})[row["threads"]] = row
    named = any(row["kernel"] for row in document["results"])  # not so in older files
    head = ["op", "case", "", "native", "ours"]
    head += [f"native / ours, {_threads(count)}" for count in threads]
    head += ["compiled / ours", "of the roofline", *(["kernel"] if named else [])]
    numeric = len(threads) + 2
    lines = [_line(head), _line(["---"] * 5 + ["---:"] * numeric + ["---"] * named)]
    for (op, case, direction), by_threads in rows.items():
        first = by_threads[min(by_threads)]
        compiled = first["ratio"].get(COMPILED)
        share = first["roofline"]
        kernel = f"`{kernel_names.text(first['kernel'])}`" if first["kernel"] else ""
        lines.append(
            _line(
                [
                    f"`{op}`" if share else op,
                    case,
                    console.short(direction),
                    console.seconds(first, NATIVE),
                    console.seconds(first, OURS),
                    *(_ratio(by_threads.get(count)) for count in threads),
                    "" if compiled is None else console.factor(compiled["median"]),
                    "" if share is None else f"{100 * share[OURS]:.0f} %",
                    *([kernel] if named else []),
                ]
            )
        )
    origin = (
        f"{where['gpu'] or where['processor']}, {where['processors']} processors, "
        f"{build['cpu_library_loaded']} kernels, torch {build['torch']}, {where['date'][:10]}, "
        f"commit {where['commit'] or 'unknown'}. Medians; times, compiled and roofline on "
        f"{_threads(min(threads, default=1))}. {_LEGEND.format_map(document)}"
    )
    notes = (f"Note: {warning}." for warning in document["warnings"])
    return "\n\n".join(["\n".join(lines), origin, *_others(document), *notes]) + "\n"


def gpu_table(document: Row) -> str:
    """One line per row of :mod:`.gpu_bench`, cases with a target of their own first."""
    where = document["environment"]
    head = ["op", "case", "", "native", "ours", "native / ours", "in CUDA graphs"]
    head += ["compiled / ours"]
    lines = [_line(head), _line(["---"] * 5 + ["---:"] * 3)]
    for row in sorted(document["results"], key=lambda row: not row["main"]):
        ratios = [row["ratio"].get(name) for name in ("graphs", COMPILED)]
        cells = [f"`{row['op']}`" if row["errors"] else row["op"], row["case"]]
        cells += [console.short(row["direction"])]
        cells += [console.seconds(row, NATIVE), console.seconds(row, OURS), _ratio(row)]
        cells += ["" if ratio is None else console.factor(ratio["median"]) for ratio in ratios]
        lines.append(_line(cells))
    worse = [row["case"] for row in document["results"] if row["accurate"] is False]
    origin = (
        f"{where['gpu']}, torch {where['build']['torch']}, {where['date'][:10]}, commit "
        f"{where['commit'] or 'unknown'}. Medians. {_LEGEND.format_map(document)} "
        f"Less accurate than native against float64: {', '.join(worse) or 'none'}."
    )
    older = {row["op"]: row["measured_at"] for row in document["results"] if "measured_at" in row}
    for op, commit in older.items():
        origin += f" The rows of {op} are from commit {commit}."
    return "\n".join(lines) + f"\n\n{origin}\n"


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ratio(row: Row | None) -> str:
    if row is None:
        return ""
    text = console.factor(row["ratio"][NATIVE]["median"])
    return {"stretch": f"**{text}**", "missed": f"{text} *(missed)*"}.get(row["verdict"], text)


def _others(document: Row) -> list[str]:
    """One sentence on the cases without a line of their own."""
    rest = [row for row in document["results"] if not row["main"]]
    if not rest:
        return []
    ratios = [row["ratio"][NATIVE]["median"] for row in rest]
    low, row = min(zip(ratios, rest, strict=True), key=lambda pair: pair[0])
    return [
        f"{len(rest)} further measurements (other shapes, dtypes, layouts): median ratio "
        f"{console.factor(statistics.median(ratios))}, lowest {console.factor(low)} "
        f"({row['op']} {row['case']}, {console.short(row['direction'])}, "
        f"{_threads(row['threads'])})."
    ]
