"""What ``inkgrad bench`` prints."""

import pytest

from inkgrad_bench import console


def test_summary_lists_what_was_missed(document):
    text = console.summary(document)
    assert "Targets: 6 of 8 reached, 6 of them with the stretch goal" in text
    missed = "conv2d_relu_max_pool2d pooled, forward+backward, threads: 1: 5.00 against native, "
    assert f"{missed}target 9" in text
    assert "threads: 1: 1.50 against compiled, target 2" in text
    assert "linear_relu other, output: 2.00e-07, native 1.00e-07" in text
    assert "the machine was busy" in text


def test_the_legend_names_the_way_of_computing_gradients(document):
    assert "through loss.backward()" in console.summary(document)
    document["backward"] = "another way"
    assert "through another way" in console.summary(document)


def test_rows_of_the_table(document):
    rows = document["results"]
    table = console.Table()
    first, second = table.lines(rows[0]), table.lines(rows[1])
    assert "conv2d_relu_max_pool2d" in first
    assert "conv2d_relu_max_pool2d" not in second
    assert "2 / 4 ++" in first
    assert "9 / 10 MISSED" in second
    assert "10.0 GFLOP/s" in first
    assert "WORSE" in first
    assert "3.0 -" in first


def test_every_row_ends_with_its_kernel(document):
    table = console.Table()
    ends = [table.lines(row).split("  ")[-1] for row in document["results"][:4]]
    of_both = "forward winograd, grad_input direct"
    assert ends == ["winograd", of_both, of_both, "-"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.5, "1.50 s"), (0.0123, "12.3 ms"), (345e-6, "345 us"), (0.9999e-3, "1.00 ms"),
     (20e-9, "20.0 ns"), (123.4, "123 s")],
)  # fmt: skip
def test_durations(seconds, text):
    assert console.duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(0.954, "0.95"), (9.996, "10.0"), (123.4, "123")])
def test_factors(value, text):
    assert console.factor(value) == text
