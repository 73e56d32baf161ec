"""What the app does with the kernels: the results of the command line, and clear refusals."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.check import OPS
from inkgrad.course.messages import message_of
from inkgrad_demo.services import op_documentation as sources
from inkgrad_demo.services import workbench
from inkgrad_demo.services.op_documentation import FACTS
from inkgrad_demo.services.workbench import Workbench, choices

BENCH = {"op": "linear_relu", "sizes": {}, "dtype": "float32", "threads": 1, "quick": True}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"op": "matmul"}, "op: expected one of binary_cross_entropy, .* got 'matmul'"),
        ({"dtype": "int8"}, "dtype: expected one of float32, .* got 'int8'"),
        ({"threads": 10**6}, "threads: expected a whole number from 1 to .* got 1000000"),
        ({"threads": "1"}, "threads: expected a whole number from 1 to .* got '1'"),
        ({"sizes": 3}, "sizes: expected an object"),
        ({"sizes": {"depth": 3}}, "sizes: expected one of rows, inputs, outputs, got 'd"),
        ({"sizes": {"rows": 0}}, "rows: expected a whole number from 1 to 65536, got 0"),
        ({"sizes": {"rows": 1.5}}, "rows: expected a whole number from 1 to 65536, got 1.5"),
        (
            {"op": "conv2d", "sizes": {"height": 4}},
            "height: expected at least 5 with .* got 4",
        ),
    ],
)
def test_a_bad_benchmark_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as raised:
        Workbench().start_bench(BENCH | change)
    in_chinese = message_of(raised.value).texts["zh-CN"]
    assert not re.search("expected|one of|at least|whole number|got", in_chinese)


@pytest.mark.parametrize(
    ("sizes", "unit"),
    [
        ({"rows": 65536, "inputs": 8192, "outputs": 8192}, "GFLOP"),
        ({"rows": 65536, "inputs": 8192, "outputs": 1}, "GB"),
    ],
)
def test_nobody_fills_the_memory_or_the_day(sizes: dict[str, int], unit: str) -> None:
    with pytest.raises(ValueError, match=rf"need [\d.]+ {unit}; at most") as raised:
        Workbench().start_bench(BENCH | {"sizes": sizes})
    needed, most = map(float, re.findall(r"[\d.]*\d", str(raised.value)))
    assert needed > most


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (None, "expected an object, got None"),
        ({"ops": ["nonesuch"]}, r"ops: expected some of linear_sigmoid, .* got \['nonesuch'\]"),
        ({"ops": []}, "ops: expected some of"),
        ({"dtypes": "float32"}, "dtypes: expected some of float64, .* got 'float32'"),
    ],
)
def test_a_bad_check_is_named(question: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Workbench().start_check(question)


def test_every_case_on_offer_can_be_asked_for() -> None:
    presets = choices()["presets"]
    assert len(presets) > 30
    assert {preset["op"] for preset in presets} == set(OPS)
    for preset in presets:
        asked = (preset["op"], preset["sizes"], preset["dtype"])
        assert workbench.custom.case_of(*asked).name == preset["case"]


def test_the_committed_results_are_those_of_the_file() -> None:
    document = json.loads(workbench._COMMITTED.read_text(encoding="utf-8"))
    shown = Workbench().committed({})
    assert shown["environment"] == document["environment"]
    ratios = {
        (row["op"], row["case"], row["direction"], row["dtype"], row["threads"]): row["ratio"]
        for row in document["results"]
    }
    assert len(shown["results"]) > 100
    for row in shown["results"]:
        key = (row["op"], row["case"], row["direction"], row["dtype"], row["threads"])
        assert row["ratio"]["native"] == ratios[key]["native"]


def test_an_installation_without_results_says_so(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(workbench, "_COMMITTED", tmp_path / "latest.json")
    workbench._committed.cache_clear()
    assert Workbench().committed({})["environment"] is None
    workbench._committed.cache_clear()


def test_every_op_has_its_facts_and_sources() -> None:
    assert set(FACTS) == set(OPS)
    bench = Workbench()
    for op, facts in FACTS.items():
        assert f"def {op}(" in sources.reference_code(op)
        for file in facts.files:
            assert "#include" in bench.source({"file": file})["code"]


def test_an_installation_without_sources_says_so(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(sources, "_CSRC", tmp_path)
    assert Workbench().source({"file": "autograd/linear.cpp"}) == {"code": None}


@pytest.mark.parametrize("file", ["../setup.py", "/etc/passwd", "autograd/../ops.h", None, []])
def test_nothing_but_the_sources_is_shown(file: Any) -> None:
    with pytest.raises(ValueError, match="file: expected a source file of the kernels"):
        Workbench().source({"file": file})
