"""What ``inkgrad bench`` prints: a table, row by row, and a summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from inkgrad_bench import kernel_names, numerical_error
from inkgrad_bench.peers import PEERS
from inkgrad_bench.suite import BOTH, FORWARD
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS

Row = dict[str, Any]

_SHORT = {FORWARD: "fwd", BOTH: "fwd+bwd"}
MARKS = {"stretch": "++", "reached": "+", "missed": "MISSED"}
# Resident memory varies by this much on its own.
MIN_PEAK = 2**18

LEGEND = """\
native, compiled, ours  median time of one call of torch, of torch.compile, of inkgrad
fwd+bwd    the op and its gradients, through {backward}
ratio      native's time over ours: the median of paired samples, and its quartiles; ~ if noisy
target     target / stretch goal; + the target is reached, ++ the stretch goal too
compiled   torch.compile's time over ours, and its target if there is one
rate       ours, in GFLOP/s or GB/s, whichever the roofline says is the limit
roofline   the time that the machine's peaks allow, as a percentage of the time taken, native's and
           ours. It exceeds 100 % for tensors that stay in a cache, which is faster than memory, and
           for Winograd convolutions, since a multiplication is counted for every tap
error      relative root mean square error against float64, native's and ours, of the tensor in
           which ours compares worst
memory     peak memory of one call beyond its inputs, native's and ours
kernel     the kernel that ran"""

_COLUMNS = (
    ("", 36), ("", 7), (NATIVE, -9), (COMPILED, -9), (OURS, -9), ("ratio", -6), ("quartiles", 14),
    ("target", 20), ("compiled", 16), ("rate", -12),
    ("roofline %", -10), ("error", 23), ("memory MB", 11), ("kernel", 0),
)  # fmt: skip


def heading(document: Row) -> str:
    """The machine and the versions that are compared."""
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


def roofline(found: Row) -> str:
    """One line on the machine's peaks."""
    rates = ", ".join(f"{dtype} {value:.0f}" for dtype, value in found["gflops"].items())
    return (
        f"Peaks, threads: {found['threads']}: {rates} GFLOP/s ({found['source']}); "
        f"{found['copy']:.1f} GB/s copying, {found['read']:.1f} GB/s reading"
    )


class Table:
    """Formats the rows, with a heading wherever the op or the number of threads changes."""

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
        lines += _peers(row)
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
        _pair(row["roofline"], lambda share: f"{100 * share:.0f}"),
        _error(row),
        _pair(row["peak_bytes"], _megabytes),
        kernel_names.text(row["kernel"]),
    ]


def _peers(row: Row) -> list[str]:
    """A line for each other library, and the target at the fastest."""
    lines = []
    for name in (name for name in row["ratio"] if name in PEERS):
        ratio = row["ratio"][name]["median"]
        best = name == row["best_peer"]
        target = _target(row["peer_target"], row["peer_verdict"]) if best else ""
        cells = [f"    {name}", "", seconds(row, name), "", "", factor(ratio), "", target]
        lines.append(_line([*cells, *[""] * (len(_COLUMNS) - len(cells))]))
    return lines


def _line(cells: Sequence[str]) -> str:
    parts = []
    for text, (_, width) in zip(cells, _COLUMNS, strict=True):
        parts.append(f"{text:>{-width}}" if width < 0 else f"{text:{width}}" if width else text)
    return "  ".join(parts).rstrip()


def short(direction: str) -> str:
    return _SHORT.get(direction, direction)


def seconds(row: Row, contender: str) -> str:
    found = row["seconds"].get(contender)
    return "-" if found is None else duration(found["median"])


def duration(value: float) -> str:
    """Three significant digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= 0.9995 * size:
            return f"{factor(value / size)} {unit}"
    return f"{factor(value / 1e-9)} ns"


def factor(value: float) -> str:
    """Three significant digits, at most two decimals."""
    rounded = float(f"{value:.3g}")
    decimals = 2 if rounded < 10 else 1 if rounded < 100 else 0
    return f"{rounded:.{decimals}f}"


def _target(target: Row | None, verdict: str | None) -> str:
    if target is None or verdict is None:
        return "-"
    return f"{target['ratio']:.3g} / {target['stretch']:.3g} {MARKS[verdict]}"


def _compiled(row: Row) -> str:
    ratio = row["ratio"].get(COMPILED)
    if ratio is None:
        return "-"
    text = factor(ratio["median"])
    if row["compiled_target"] is None:
        return text
    return f"{text} {_target(row['compiled_target'], row['compiled_verdict'])}"


def rate(row: Row) -> str:
    """Our rate, in the unit of the peak that limits it."""
    if row["bound"] is None:
        return "-"
    amount, unit = ("flops", "GFLOP/s") if row["bound"] == "arithmetic" else ("bytes", "GB/s")
    return f"{1e-9 * row[amount] / row['seconds'][OURS]['median']:.1f} {unit}"


def _error(row: Row) -> str:
    if row["errors"] is None:
        return "-"
    _, error = numerical_error.worst(row["errors"])
    mark = "" if row["accurate"] else " WORSE"
    return f"{error[NATIVE]:.1e} {error[OURS]:.1e}{mark}"


def _megabytes(size: int | None) -> str:
    if size is None:
        return "-"
    return f"{1e-6 * size:.1f}" if size >= MIN_PEAK else "0"


def _pair(found: Row | None, text: Callable[[Any], str]) -> str:
    return "-" if found is None else f"{text(found[NATIVE])} {text(found[OURS])}"


# ---------------------------------------------------------------- scaling


def scaling_line(point: Row) -> str:
    name = f"{point['op']} batch {point['batch']}"
    start = f"{name:42}  {short(point['direction']):7}  threads: {point['threads']}"
    if point["skipped"]:
        return f"{start}  {point['skipped']}"
    return (
        f"{start}  {seconds(point, NATIVE):>9}  {seconds(point, OURS):>9}  "
        f"{factor(point['ratio'][NATIVE]['median']):>6}  "
        f"{duration(point['seconds'][OURS]['median'] / point['batch'])} per sample"
    )


# ---------------------------------------------------------------- summary


def summary(document: Row) -> str:
    """The legend, the targets reached and missed, failures and warnings."""
    rows = document["results"]
    lines = [LEGEND.format_map(document), ""] if rows else []
    if not document["complete"]:
        lines.append("Interrupted: these are the results so far.")
    with_target = [row for row in rows if row["verdict"]]
    if with_target:
        count = {mark: sum(row["verdict"] == mark for row in with_target) for mark in MARKS}
        lines.append(
            f"Targets: {count['stretch'] + count['reached']} of {len(with_target)} reached, "
            f"{count['stretch']} of them with the stretch goal"
        )
    lines += _listed("Missed", misses(rows))
    lines += _listed("Less accurate than native", _inaccuracies(rows))
    for failure in document["failures"]:
        what = f"{failure['op']} {failure['case']}, {failure['direction']}"
        lines.append(f"FAILED: {what}: {failure['error']}")
    lines += [f"Note: {warning}" for warning in document["warnings"]]
    return "\n".join(lines)


def _listed(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []


def misses(rows: Sequence[Row]) -> list[str]:
    """One line per target that is not reached: against native, torch.compile or the best peer."""
    lines = []
    for row in rows:
        name = f"{row['op']} {row['case']}, {row['direction']}, threads: {row['threads']}"
        peer = row.get("best_peer")
        for contender, prefix in ((NATIVE, ""), (COMPILED, "compiled_"), (peer, "peer_")):
            if row.get(f"{prefix}verdict") == "missed":
                ratio = factor(row["ratio"][contender]["median"])
                target = row[f"{prefix}target"]["ratio"]
                lines.append(f"{name}: {ratio} against {contender}, target {target:.3g}")
    return lines


def _inaccuracies(rows: Sequence[Row]) -> list[str]:
    """One line per tensor: its error is about the same on any number of threads."""
    lines: dict[str, str] = {}
    for row in rows:
        if row["accurate"] is False:
            tensor, error = numerical_error.worst(row["errors"])
            name = f"{row['op']} {row['case']}, {tensor}"
            lines[name] = f"{name}: {error[OURS]:.2e}, native {error[NATIVE]:.2e}"
    return list(lines.values())
