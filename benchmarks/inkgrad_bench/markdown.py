"""The tables of main cases in the README and the docs, with the origin of their figures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from inkgrad_bench import console, kernel_names
from inkgrad_bench.peers import PEERS
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS

Row = dict[str, Any]

_LEGEND = (
    "**Bold**: the stretch goal is reached; *(missed)*: the target is not. "
    "fwd+bwd: the op and its gradients, through {backward}."
)


def table(*documents: Row) -> str:
    """One line per main case and direction, with the ratio on each number of threads.

    Times, torch.compile, roofline and kernels are those of the first document; of the others, which
    were measured with other kernels, the table has the ratios.
    """
    document = documents[0]
    rows = [_by_case(each) for each in documents]
    threads = [list(dict.fromkeys(row["threads"] for row in each["results"])) for each in documents]
    named = any(row["kernel"] for row in document["results"])  # not so in older files
    head = ["op", "case", "", "native", "ours"]
    for each, counts in zip(documents, threads, strict=True):
        kernels = f", {_kernels(each)}" if len(documents) > 1 else ""
        head += [f"native / ours{kernels}, {_threads(count)}" for count in counts]
    head += ["compiled / ours", "of the roofline", *(["kernel"] if named else [])]
    numeric = len(head) - 5 - named
    lines = [_line(head), _line(["---"] * 5 + ["---:"] * numeric + ["---"] * named)]
    for (op, case, direction), by_threads in rows[0].items():
        first = by_threads[min(by_threads)]
        compiled = first["ratio"].get(COMPILED)
        share = first["roofline"]
        ratios = [
            _ratio(found.get((op, case, direction), {}).get(count))
            for found, counts in zip(rows, threads, strict=True)
            for count in counts
        ]
        kernel = f"`{kernel_names.text(first['kernel'])}`" if first["kernel"] else ""
        lines.append(
            _line(
                [
                    f"`{op}`" if share else op,
                    case,
                    console.short(direction),
                    console.seconds(first, NATIVE),
                    console.seconds(first, OURS),
                    *ratios,
                    "" if compiled is None else console.factor(compiled["median"]),
                    "" if share is None else f"{100 * share[OURS]:.0f} %",
                    *([kernel] if named else []),
                ]
            )
        )
    legend = (
        f"Medians; times, compiled and roofline on {_threads(min(threads[0], default=1))}. "
        + _LEGEND.format_map(document)
    )
    parts = ["\n".join(lines), legend, _peers(documents)]
    return "\n\n".join(filter(None, [*parts, *map(_about, documents)])) + "\n"


def _by_case(document: Row) -> dict[tuple[str, str, str], dict[int, Row]]:
    """The main rows, by op, case and direction, then by the number of threads."""
    rows: dict[tuple[str, str, str], dict[int, Row]] = {}
    for row in document["results"]:
        if row["main"]:
            key = (row["op"], row["case"], row["direction"])
            rows.setdefault(key, {})[row["threads"]] = row
    return rows


def _peers(documents: Sequence[Row]) -> str:
    """The models in other libraries: their time over ours."""
    rows = [(each, row) for each in documents for row in each["results"] if row.get("best_peer")]
    names = [name for name in PEERS if any(name in row["ratio"] for _, row in rows)]
    if not names:
        return ""
    head = ["", "case", "kernels", "threads", "ours", *(f"{name} / ours" for name in names)]
    lines = [_line(head), _line(["---"] * 3 + ["---:"] * (len(head) - 3))]
    for each, row in rows:
        ratios = {name: console.factor(row["ratio"][name]["median"]) for name in row["ratio"]}
        best = row["best_peer"]
        ratios[best] = _marked(ratios[best], row["peer_verdict"])
        cells = [row["op"], row["case"], _kernels(each), str(row["threads"])]
        cells += [console.seconds(row, OURS), *(ratios.get(name, "") for name in names)]
        lines.append(_line(cells))
    return "\n".join(lines)


def _about(document: Row) -> str:
    """The machine of a document, its further cases, and what is below its target."""
    where, build = document["environment"], document["environment"]["build"]
    peers = "".join(f", {name} {version}" for name, version in document.get("peers", {}).items())
    origin = (
        f"{where['gpu'] or where['processor']}, {where['processors']} processors, "
        f"{_kernels(document)} kernels, torch {build['torch']}{peers}, {where['date'][:10]}, "
        f"commit {where['commit'] or 'unknown'}."
    )
    missed = console.misses(document["results"])
    below = ["Below their targets:\n\n" + "\n".join(f"- {line}" for line in missed)] * bool(missed)
    notes = (f"Note: {warning}." for warning in document["warnings"])
    return "\n\n".join([" ".join([origin, *_means(document)]), *_others(document), *below, *notes])


def _means(document: Row) -> list[str]:
    """One sentence on the geometric mean of each family of ops, on each number of threads."""
    families = {
        "linear": ("linear_sigmoid", "linear_relu"),
        "binary cross entropy": ("binary_cross_entropy",),
        "convolutions": ("conv2d", "conv2d_relu_max_pool2d"),
    }
    found: dict[str, dict[int, list[float]]] = {}
    for name, ops in families.items():
        for row in document["results"]:
            if row["op"] in ops:
                counts = found.setdefault(name, {})
                counts.setdefault(row["threads"], []).append(row["ratio"][NATIVE]["median"])
    if not found:
        return []
    means = (
        f"{name} "
        + ", ".join(
            f"{console.factor(statistics.geometric_mean(ratios))} on {_threads(count)}"
            for count, ratios in counts.items()
        )
        for name, counts in found.items()
    )
    return [f"Geometric means of native / ours over all cases: {'; '.join(means)}."]


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
    return _marked(console.factor(row["ratio"][NATIVE]["median"]), row["verdict"])


def _marked(text: str, verdict: str | None) -> str:
    marks = {"stretch": f"**{text}**", "missed": f"{text} *(missed)*"}
    return marks.get(verdict or "", text)


def _kernels(document: Row) -> str:
    return str(document["environment"]["build"]["cpu_library_loaded"])


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
