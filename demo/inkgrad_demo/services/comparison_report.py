"""The report on several runs: one HTML file with its styles and plots inside, without scripts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from inkgrad.course.texts import fill, percent
from inkgrad.course.training.run_record import RunRecord
from inkgrad_demo.texts import CATALOGUES

_PAGE = Template(Path(__file__).with_name("comparison_report.html").read_text(encoding="utf-8"))
# One per run, in their order; distinguishable on a light and on a dark background.
COLORS = ("#2f6fde", "#c63f38", "#187c44", "#7149c9", "#96660a", "#b53784")
_WIDTH, _HEIGHT = 520, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 8, 26

Line = list[tuple[float, float]]


def report(records: Sequence[RunRecord], language: str) -> str:
    """Return the report in that language: curves, settings, results, confusion matrices."""
    words = CATALOGUES[language]
    losses = [_finite((point.epoch, point.loss) for point in run.curve) for run in records]
    accuracies = [_finite((epoch.epoch, epoch.accuracy) for epoch in run.epochs) for run in records]
    created = sorted(run.created[:16] for run in records)
    names = [f"{i}. {run.name or run.settings.model}" for i, run in enumerate(records, start=1)]
    return _PAGE.substitute(
        language=language,
        title=escape(words["compare.report.title"]),
        made=escape(f"{created[0]} – {created[-1]} UTC"),
        legend="".join(
            f'<span><i style="background:{color}"></i>{escape(name)}</span>'
            for name, color in zip(names, COLORS, strict=False)
        ),
        loss=_figure(words["compare.loss"], losses),
        accuracy=_figure(
            words["compare.accuracy"],
            accuracies,
            most=1.0,
            levels=[run.baseline if run.epochs else None for run in records],
        ),
        along=escape(words["compare.along.epoch"]),
        table=_table(records, names, words),
        confusions=_confusions(records, names, words),
    )


# ---------------------------------------------------------------- curves


def _finite(points: Iterable[tuple[float, float]]) -> Line:
    return [(x, y) for x, y in points if math.isfinite(y)]


def _figure(
    title: str,
    lines: Sequence[Line],
    most: float | None = None,
    levels: Sequence[float | None] = (),
) -> str:
    """Return a plot of a line for each run, and a dashed one at its level, as far as the line."""
    points = [point for line in lines for point in line]
    right = max((x for x, _ in points), default=1.0)
    shown = [y for _, y in points] + [level for level in levels if level is not None]
    values = sorted(shown) or [0.0, 1.0]
    # As on the page: a few outliers do not set the scale.
    high = most if most is not None else 1.1 * values[int(0.985 * (len(values) - 1))] or 1.0
    low = 0.0 if most is None else math.floor(10 * min(0.9, values[0])) / 10

    def place(x: float, y: float) -> str:
        across = _LEFT + (_WIDTH - _LEFT - _RIGHT) * x / right
        share = min(1.0, max(0.0, (y - low) / (high - low)))
        return f"{across:.1f},{_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share):.1f}"

    parts = [*_grid(low, high, place), *_epochs(right, low, place)]
    for line, color in zip(lines, COLORS, strict=False):
        path = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline points="{path}" stroke="{color}"/>')
    for line, level, color in zip(lines, levels, COLORS, strict=False):
        if level is not None and line:
            path = f"{place(0, level)} {place(line[-1][0], level)}"
            parts.append(f'<polyline points="{path}" stroke="{color}" stroke-dasharray="5 4"/>')
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg></figure>"
    )


def _grid(low: float, high: float, place: Any) -> Iterable[str]:
    for step in range(5):
        value = low + (high - low) * step / 4
        _, y = place(0, value).split(",")
        yield f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y}" class="left">{value:.3g}</text>'


def _epochs(right: float, low: float, place: Any) -> Iterable[str]:
    for step in range(6):
        x, _ = place(right * step / 5, low).split(",")
        yield f'<text x="{x}" y="{_HEIGHT - 6}" class="below">{right * step / 5:.3g}</text>'


# ---------------------------------------------------------------- settings and results


def _table(records: Sequence[RunRecord], names: Sequence[str], words: dict[str, str]) -> str:
    """Return a row for each setting and result; settings that differ are marked."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = [f"<thead><tr><td></td>{head}</tr></thead>"]
    for title, values in _settings(records, words):
        rows.append(_line(title, values, marked=len(set(values)) > 1))
    for title, values in _results(records, words):
        rows.append(_line(title, values, marked=False))
    return f"<table>{''.join(rows)}</table>"


def _line(title: str, values: Sequence[str], marked: bool) -> str:
    cells = "".join(f"<td>{escape(value)}</td>" for value in values)
    kind = ' class="differs"' if marked else ""
    return f'<tr{kind}><th scope="row">{escape(title)}</th>{cells}</tr>'


def _settings(
    records: Sequence[RunRecord], words: dict[str, str]
) -> Iterable[tuple[str, list[str]]]:
    yield words["compare.column.data"], [record.data for record in records]
    settings = [asdict(record.settings) for record in records]
    for name in settings[0]:
        values = [_shown(each[name], words) for each in settings]
        yield words[f"compare.setting.{name}"], values


def _results(
    records: Sequence[RunRecord], words: dict[str, str]
) -> Iterable[tuple[str, list[str]]]:
    yield words["compare.column.created"], [record.created[:16] for record in records]
    yield words["compare.column.seconds"], [f"{record.seconds:.1f} s" for record in records]
    yield words["compare.result.epochs"], [str(record.epochs_done) for record in records]
    yield words["compare.result.validation"], [_validation(record, words) for record in records]
    baselines = [record.baseline for record in records]
    yield (
        words["compare.result.baseline"],
        ["–" if each is None else percent(each, 2) for each in baselines],
    )
    yield (
        words["compare.result.test"],
        [
            _measured(record.test.accuracy, record.test.examples, words) if record.test else "–"
            for record in records
        ],
    )
    yield words["run.label.note"], [record.note or "–" for record in records]


def _shown(value: Any, words: dict[str, str]) -> str:
    if isinstance(value, bool):
        return words["compare.yes" if value else "compare.no"]
    return "–" if value is None else str(value)


def _validation(record: RunRecord, words: dict[str, str]) -> str:
    if not record.epochs:
        return "–"
    share, examples = record.epochs[-1].accuracy, record.validation_examples
    if examples is None:  # of an earlier version
        return percent(share, 2)
    if examples == 0:
        return fill(words["run.accuracy.training"], {"percent": percent(share, 2)})
    return _measured(share, examples, words)


def _measured(share: float, examples: int, words: dict[str, str]) -> str:
    values = {"percent": percent(share, 2), "examples": f"{examples:,}"}
    return fill(words["run.accuracy"], values)


# ---------------------------------------------------------------- confusion


def _confusions(records: Sequence[RunRecord], names: Sequence[str], words: dict[str, str]) -> str:
    figures = [
        _confusion(name, record.confusion, record.classes)
        for name, record in zip(names, records, strict=True)
        if record.confusion is not None
    ]
    if not figures:
        return ""
    title, note = escape(words["compare.confusion"]), escape(words["compare.confusion.note"])
    return f'<h2>{title}</h2><p>{note}</p><div class="figures">{"".join(figures)}</div>'


def _confusion(name: str, counts: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    titles = [escape(each) for each in classes or map(str, range(len(counts)))]
    wrong = [n for i, row in enumerate(counts) for j, n in enumerate(row) if i != j]
    most = max(1, *wrong)
    rows = ["<tr><td></td>" + "".join(f"<th>{title}</th>" for title in titles) + "</tr>"]
    for i, row in enumerate(counts):
        cells = "".join(
            f'<td class="right">{n}</td>'
            if i == j
            else f'<td style="--share:{n / most:.2f}">{n or ""}</td>'
            for j, n in enumerate(row)
        )
        rows.append(f"<tr><th>{titles[i]}</th>{cells}</tr>")
    caption = f"<figcaption>{escape(name)}</figcaption>"
    return f'<figure>{caption}<table class="confusion">{"".join(rows)}</table></figure>'
