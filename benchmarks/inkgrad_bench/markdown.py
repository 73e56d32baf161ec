"""The short table that the README shows, and where its figures come from."""

from __future__ import annotations

import statistics
from typing import Any

from inkgrad_bench import report
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS

Row = dict[str, Any]


def table(document: Row) -> str:
    """The main cases, a line each, with the ratios on each number of threads."""
    where, build = document["environment"], document["environment"]["build"]
    threads = list(dict.fromkeys(row["threads"] for row in document["results"]))
    rows: dict[tuple[str, str, str], dict[int, Row]] = {}
    for row in document["results"]:
        if row["main"]:
            key = (row["op"], row["case"], row["direction"])
            rows.setdefault(key, {})[row["threads"]] = row
    head = ["op", "case", "", "native", "ours"]
    head += [f"native / ours, {_threads(count)}" for count in threads]
    head += ["compiled / ours", "of the ceiling"]
    lines = [_line(head), _line(["---"] * 5 + ["---:"] * (len(threads) + 2))]
    for (op, case, direction), by_threads in rows.items():
        first = by_threads[min(by_threads)]
        compiled = first["ratio"].get(COMPILED)
        share = first["ceiling"]
        lines.append(
            _line(
                [
                    f"`{op}`" if first["ceiling"] else op,
                    case,
                    report.short(direction),
                    report.seconds(first, NATIVE),
                    report.seconds(first, OURS),
                    *(_ratio(by_threads.get(count)) for count in threads),
                    "" if compiled is None else report.factor(compiled["median"]),
                    "" if share is None else f"{100 * share[OURS]:.0f} %",
                ]
            )
        )
    origin = (
        f"{where['gpu'] or where['processor']}, {where['processors']} processors, "
        f"{build['cpu_library_loaded']} kernels, torch {build['torch']}, {where['date'][:10]}, "
        f"commit {where['commit'] or 'unknown'}. Medians; times, compiled and ceiling on "
        f"{_threads(min(threads, default=1))}. **Bold**: the ratio hoped for is reached; "
        "*(missed)*: the one asked for is not. "
        "fwd+bwd: native through `torch.autograd.grad`, ours through `inkgrad.autograd.grad`."
    )
    paragraphs = ["\n".join(lines), origin, *_others(document), *map(_note, document["warnings"])]
    return "\n\n".join(paragraphs) + "\n"


def gpu_table(document: Row) -> str:
    """What :mod:`.gpu_bench` measured: every case, those with targets of their own first."""
    where = document["environment"]
    head = [
        "op",
        "case",
        "",
        "native",
        "ours",
        "native / ours",
        "in CUDA graphs",
        "compiled / ours",
    ]
    lines = [_line(head), _line(["---"] * 5 + ["---:"] * 3)]
    for row in sorted(document["results"], key=lambda row: not row["main"]):
        ratios = [row["ratio"].get(name) for name in ("graphs", COMPILED)]
        cells = [f"`{row['op']}`" if row["errors"] else row["op"], row["case"]]
        cells += [report.short(row["direction"])]
        cells += [report.seconds(row, NATIVE), report.seconds(row, OURS), _ratio(row)]
        cells += ["" if ratio is None else report.factor(ratio["median"]) for ratio in ratios]
        lines.append(_line(cells))
    less = [row for row in document["results"] if row["accurate"] is False]
    origin = (
        f"{where['gpu']}, torch {where['build']['torch']}, {where['date'][:10]}, commit "
        f"{where['commit'] or 'unknown'}. Medians. **Bold**: the ratio hoped for is reached; "
        "*(missed)*: the one asked for is not. Less accurate than native against float64: "
        f"{'none' if not less else ', '.join(row['case'] for row in less)}."
    )
    older = {row["op"]: row["measured_at"] for row in document["results"] if "measured_at" in row}
    for op, commit in older.items():
        origin += f" Those of {op} are from commit {commit}."
    return "\n".join(lines) + f"\n\n{origin}\n"


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ratio(row: Row | None) -> str:
    if row is None:
        return ""
    text = report.factor(row["ratio"][NATIVE]["median"])
    return {"ambition": f"**{text}**", "missed": f"{text} *(missed)*"}.get(row["verdict"], text)


def _others(document: Row) -> list[str]:
    """One sentence on the shapes and dtypes that have no line of their own."""
    rest = [row for row in document["results"] if not row["main"]]
    if not rest:
        return []
    ratios = {id(row): row["ratio"][NATIVE]["median"] for row in rest}
    least = min(rest, key=lambda row: ratios[id(row)])
    return [
        f"{len(rest)} further measurements (other shapes, dtypes, layouts): median ratio "
        f"{report.factor(statistics.median(ratios.values()))}, least "
        f"{report.factor(ratios[id(least)])} ({least['op']} {least['case']}, "
        f"{report.short(least['direction'])}, "
        f"{_threads(least['threads'])})."
    ]


def _note(warning: str) -> str:
    return f"Note: {warning}."
