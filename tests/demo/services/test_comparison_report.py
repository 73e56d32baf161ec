"""The report on several runs: self-contained HTML."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.services.comparison_report import report
from saved_runs import record

RUNS = [record(1), record(2, lr=0.1)]


@pytest.mark.parametrize(("language", "word"), [("en", "Learning rate"), ("zh-CN", "学习率")])
def test_the_report_is_self_contained(language: str, word: str) -> None:
    text = report(RUNS, language)
    assert f'<html lang="{language}">' in text
    assert re.search(rf'class="differs"><th scope="row">{word}</th><td>0.05</td><td>0.1</td>', text)
    assert len(re.findall(r"<polyline", text)) == 4  # loss and accuracy of both
    assert text.count('class="confusion"') == 2
    assert not re.search(r"https?:|<script|<link|@import|url\(", text)


def test_the_name_of_the_data_is_escaped() -> None:
    assert "<script" not in report([replace(RUNS[0], data="<script>alert(1)</script>")], "en")


def test_a_run_that_learned_nothing() -> None:
    failed = replace(RUNS[0], state="failed", curve=(), epochs=(), test=None, confusion=None)
    assert "<h2>" not in report([failed], "en")


def test_it_says_what_each_number_was_measured_on_and_what_the_classes_are_called() -> None:
    named = replace(
        RUNS[0],
        name="Steps <5>",
        note="mine",
        baseline=0.6,
        validation_examples=50,
        confusion=((1, 2), (3, 4)),
        classes=("benign", "a<b"),
    )
    text = report([named, replace(RUNS[1], validation_examples=0)], "en")
    assert "1. Steps &lt;5&gt;" in text
    for cell in ("94.00 % of 50", "93.00 % on the training part", "89.00 % of 100", "mine"):
        assert f"<td>{cell}</td>" in text
    assert "<th>benign</th><th>a&lt;b</th>" in text
    assert text.count("stroke-dasharray") == 1
