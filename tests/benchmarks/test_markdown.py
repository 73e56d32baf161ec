"""The tables for README and docs."""

import copy
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
    assert "- conv2d_relu_max_pool2d pooled, forward+backward, threads: 1: 5.00" in "\n".join(lines)


def test_other_instruction_sets_beside_it(document):
    other = copy.deepcopy(document)
    other["environment"]["build"]["cpu_library_loaded"] = "avx2"
    del other["results"][0]  # not measured there
    for row in other["results"]:
        row["ratio"]["native"]["median"] = 3.0
    lines = markdown.table(document, other).splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in table_rows(lines)]
    first, second = (
        rows[0].index(f"native / ours, {kernels}, 1 thread") for kernels in ("avx512", "avx2")
    )
    assert [row[first] for row in rows[1:]] == ["**5.00**", "5.00 *(missed)*", "**5.00**"]
    assert [row[second] for row in rows[1:]] == ["", "3.00 *(missed)*", "**3.00**"]
    assert sum(" kernels, torch 2.15, " in line for line in lines) == 2


def test_other_libraries_have_a_table(document):
    row = document["results"][3]
    row["ratio"]["jax"] = {"lower": 1.0, "median": 1.25, "upper": 1.5}
    row |= {"best_peer": "jax", "peer_target": {"ratio": 2, "stretch": 3}, "peer_verdict": "missed"}
    text = markdown.table(document)
    assert "| train | cnn | avx512 | 1 | 1.00 ms | 1.25 *(missed)* |" in text
    assert "- train cnn, epoch, threads: 1: 1.25 against jax, target 2" in text


def test_geometric_means(document):
    rows = [row for row in document["results"] if row["op"] != "train"]
    for row, ratio in zip(rows, (2, 8, 3, 2, 8, 3), strict=True):
        row["ratio"]["native"]["median"] = ratio
    text = markdown.table(document)
    assert "linear 3.00 on 1 thread, 3.00 on 2 threads; convolutions 4.00 on 1 thread" in text


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
    avx2 = results_file.load(RESULTS / "avx2.json")
    assert (RESULTS / "table.md").read_text() == markdown.table(latest, avx2)
    gpu = json.loads((RESULTS / "gpu.json").read_text())["benchmark"]
    assert (RESULTS / "gpu.md").read_text() == markdown.gpu_table(gpu)
