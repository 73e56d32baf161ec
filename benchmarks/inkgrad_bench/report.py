"""What a reader gets to see: the table, row by row, and the summary under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inkgrad_bench import accuracy
from inkgrad_bench.cases import BOTH, FORWARD
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS

Row = dict[str, Any]

_SHORT = {FORWARD: "fwd", BOTH: "fwd+bwd"}
MARKS = {"ambition": "++", "reached": "+", "missed": "MISSED"}
# Less resident memory than this is the process's own coming and going.
LEAST_PEAK = 2**18

LEGEND = """\
native, compiled, ours: median time of one call of torch, of torch.compile'd torch, of inkgrad
fwd+bwd: native through torch.autograd.grad, ours through inkgrad.autograd.grad
ratio: native's time over ours, median of pairs taken together, and its quartiles; ~ they scatter
target: the ratio to reach / to hope for; ++ the second reached, + the first
compiled: the compiled time over ours, and its target if there is one
ceiling: what the machine's ceilings would allow, as a share of the time taken, native's and ours;
  over 100 % where the tensors stay in a cache, which is faster than the memory's ceiling, and where
  a convolution does with fewer multiplications than those that are counted, one for every tap
error: against float64, relative, root mean square, of the tensor in which ours compares worst
memory: the most that one call needs at once, native's and ours, beyond its inputs and beyond what
  is kept from call to call"""

_COLUMNS = (
    ("", 36), ("", 7), (NATIVE, -9), (COMPILED, -9), (OURS, -9), ("ratio", -6), ("quartiles", 14),
    ("target", 20), ("compiled", 16), ("rate", -12),
    ("ceiling %", -10), ("error", 23), ("memory MB", 11),
)  # fmt: skip


def heading(document: Row) -> str:
    """The machine and what is compared."""
    where = document["environment"]
    build = where["build"]
    lines = [
        f"inkgrad {where['version']} ({build['cpu_library_loaded']} kernels), "
        f"torch {build['torch']}, {where['gpu'] or where['processor']}, "
        f"{where['processors']} processors",
        f"{where['date']}, commit {where['commit'] or 'unknown'}"
        + (", quick: few samples" if document["quick"] else ""),
    ]
    return "\n".join(lines)


def ceiling(found: Row) -> str:
    """One line on what the machine can do."""
    rates = ", ".join(f"{dtype} {value:.0f}" for dtype, value in found["gflops"].items())
    return (
        f"Ceilings, threads: {found['threads']}: {rates} GFLOP/s ({found['source']}); "
        f"{found['copy']:.1f} GB/s copying, {found['read']:.1f} GB/s reading"
    )


class Table:
    """Gives each row's line, headed by what changed since the one before."""

    def __init__(self) -> None:
        self._threads = 0
        self._op = ""

    def lines(self, row: Row) -> str:
        lines = []
        if row["threads"] != self._threads:
            self._threads, self._op = row["threads"], ""
            lines += ["", _line([f"threads: {self._threads}", *(n for n, _ in _COLUMNS[1:])])]
        if row["op"] != self._op:
            self._op = row["op"]
            lines.append(self._op)
        lines.append(_line(_cells(row)))
        return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    ratio = row["ratio"][NATIVE]
    return [
        f"  {row['case']}",
        short(row["direction"]),
        *(seconds(row, name) for name in (NATIVE, COMPILED, OURS)),
        factor(ratio["median"]),
        f"{factor(ratio['lower'])}-{factor(ratio['upper'])}" + (" ~" if row["noisy"] else ""),
        _target(row["target"], row["verdict"]),
        _compiled(row),
        rate(row),
        _pair(row["ceiling"], lambda share: f"{100 * share:.0f}"),
        _error(row),
        _pair(row["peak_bytes"], _megabytes),
    ]


def _line(cells: Sequence[str]) -> str:
    parts = []
    for text, (_, width) in zip(cells, _COLUMNS, strict=True):
        parts.append(f"{text:>{-width}}" if width < 0 else f"{text:{width}}")
    return "  ".join(parts).rstrip()


def short(direction: str) -> str:
    return _SHORT.get(direction, direction)


def seconds(row: Row, contender: str) -> str:
    found = row["seconds"].get(contender)
    return "-" if found is None else duration(found["median"])


def duration(value: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= 0.9995 * size:
            return f"{factor(value / size)} {unit}"
    return f"{factor(value / 1e-9)} ns"


def factor(value: float) -> str:
    """Three digits, but no more than two decimals."""
    rounded = float(f"{value:.3g}")
    decimals = 2 if rounded < 10 else 1 if rounded < 100 else 0
    return f"{rounded:.{decimals}f}"


def _target(target: Row | None, verdict: str | None) -> str:
    if target is None or verdict is None:
        return "-"
    return f"{target['least']:.3g} / {target['ambition']:.3g} {MARKS[verdict]}"


def _compiled(row: Row) -> str:
    ratio = row["ratio"].get(COMPILED)
    if ratio is None:
        return "-"
    text = factor(ratio["median"])
    if row["compiled_target"] is None:
        return text
    return f"{text} {_target(row['compiled_target'], row['compiled_verdict'])}"


def rate(row: Row) -> str:
    """Ours, in the unit of the ceiling that binds."""
    if row["bound"] is None:
        return "-"
    amount, unit = ("flops", "GFLOP/s") if row["bound"] == "arithmetic" else ("bytes", "GB/s")
    return f"{1e-9 * row[amount] / row['seconds'][OURS]['median']:.1f} {unit}"


def _error(row: Row) -> str:
    if row["errors"] is None:
        return "-"
    _, error = accuracy.worst(row["errors"])
    mark = "" if row["accurate"] else " WORSE"
    return f"{error[NATIVE]:.1e} {error[OURS]:.1e}{mark}"


def _megabytes(size: int | None) -> str:
    if size is None:
        return "-"
    return f"{1e-6 * size:.1f}" if size >= LEAST_PEAK else "0"


def _pair(found: Row | None, text: Any) -> str:
    return "-" if found is None else f"{text(found[NATIVE])} {text(found[OURS])}"


# ---------------------------------------------------------------- scaling


def scaling_line(point: Row) -> str:
    name = f"{point['op']} batch {point['batch']}"
    start = f"{name:42}  {short(point['direction']):7}  threads: {point['threads']}"
    if point["skipped"]:
        return f"{start}  {point['skipped']}"
    return (
        f"{start}  {seconds(point, NATIVE):>9}  {seconds(point, OURS):>9}  "
        f"{factor(point['ratio']['median']):>6}  "
        f"{duration(point['seconds'][OURS]['median'] / point['batch'])} a sample"
    )


# ---------------------------------------------------------------- the end


def summary(document: Row) -> str:
    """How many targets were reached, which were not, and what to hold against the figures."""
    rows = document["results"]
    lines = [LEGEND, ""] if rows else []
    if not document["complete"]:
        lines.append("Interrupted: this is what was measured so far.")
    judged = [row for row in rows if row["verdict"]]
    if judged:
        count = {mark: sum(row["verdict"] == mark for row in judged) for mark in MARKS}
        lines.append(
            f"Targets: {count['ambition'] + count['reached']} of {len(judged)} reached, "
            f"{count['ambition']} of them with the ratio hoped for"
        )
    lines += _listed("Missed", _misses(rows))
    lines += _listed("Less accurate than native", _inaccuracies(rows))
    for failure in document["failures"]:
        what = f"{failure['op']} {failure['case']}, {failure['direction']}"
        lines.append(f"FAILED: {what}: {failure['error']}")
    lines += [f"Note: {warning}" for warning in document["warnings"]]
    return "\n".join(lines)


def _listed(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []


def _misses(rows: Sequence[Row]) -> list[str]:
    lines = []
    for row in rows:
        name = f"{row['op']} {row['case']}, {row['direction']}, threads: {row['threads']}"
        for against, kind in ((NATIVE, ""), (COMPILED, "compiled_")):
            if row[f"{kind}verdict"] == "missed":
                ratio, least = row["ratio"][against]["median"], row[f"{kind}target"]["least"]
                asked = f"{least:.3g} asked for"
                lines.append(f"{name}: {factor(ratio)} against {against}, {asked}")
    return lines


def _inaccuracies(rows: Sequence[Row]) -> list[str]:
    """A line for each tensor, whose error is much the same in every row that has it."""
    lines: dict[str, str] = {}
    for row in rows:
        if row["accurate"] is False:
            tensor, error = accuracy.worst(row["errors"])
            name = f"{row['op']} {row['case']}, {tensor}"
            lines[name] = f"{name}: {error[OURS]:.2e}, native {error[NATIVE]:.2e}"
    return list(lines.values())
