"""The tables for README and docs."""

import json
from pathlib import Path

from inkgrad_bench import markdown, results_file

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def table_rows(lines):
    return [line for line in lines if line.startswith("| ") and "---" not in line]


def test_a_line_for_each_main_case(document):
    lines = markdown.table(document).splitlines()
    rows = table_rows(lines)
    assert len(rows) == 1 + 3  # head; the other case is in a sentence below
    assert all(line.count("|") == rows[0].count("|") for line in rows)
    assert "**5.00**" in rows[1]
    assert rows[1].endswith("| `winograd` |")
    assert "5.00 *(missed)*" in rows[2]
    assert any("lowest 5.00 (linear_relu other, fwd+bwd, 1 thread)" in line for line in lines)
    assert any("through loss.backward()" in line for line in lines)
    assert lines[-1] == "Note: the machine was busy."


def test_files_without_kernel_names_have_no_column_for_them(document):
    for row in document["results"]:
        row["kernel"] = None
    rows = table_rows(markdown.table(document).splitlines())
    assert "kernel" not in rows[0]
    assert len({line.count("|") for line in rows}) == 1


def test_gpu_table_marks_rows_of_another_commit(document):
    document["results"][3]["measured_at"] = "older"
    text = markdown.gpu_table(document)
    assert len(table_rows(text.splitlines())) == 1 + 8
    assert "The rows of train are from commit older." in text
    assert "float64: pooled" in text


def test_the_committed_tables_are_those_of_the_committed_files():
    latest = results_file.load(results_file.LATEST)
    assert (RESULTS / "table.md").read_text() == markdown.table(latest)
    gpu = json.loads((RESULTS / "gpu.json").read_text())["benchmark"]
    assert (RESULTS / "gpu.md").read_text() == markdown.gpu_table(gpu)
