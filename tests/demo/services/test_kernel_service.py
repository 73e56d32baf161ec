"""Kernel checks, benchmarks and sources: as on the command line, and clear errors."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.check import OPS
from inkgrad.course.messages import message_of
from inkgrad_bench import user_cases
from inkgrad_demo.services import op_documentation
from inkgrad_demo.services.kernel_service import KernelService, choices
from inkgrad_demo.services.op_documentation import FACTS
from inkgrad_demo.serving.exposed import call

BENCH = {"op": "linear_relu", "sizes": {}, "dtype": "float32", "threads": 1, "quick": True}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"op": "matmul"}, "op: expected one of binary_cross_entropy, .* got 'matmul'"),
        ({"dtype": "int8"}, "dtype: expected one of float32, .* got 'int8'"),
        ({"threads": 10**6}, "threads: expected a whole number from 1 to .* got 1000000"),
        ({"threads": "1"}, "threads: expected a whole number from 1 to .* got '1'"),
        ({"sizes": 3}, "sizes: expected an object"),
        ({"sizes": {"depth": 3}}, "sizes: expected one of rows, inputs, outputs, got 'd"),
        ({"sizes": {"rows": 0}}, "rows: expected a whole number from 1 to 65536, got 0"),
        ({"sizes": {"rows": 1.5}}, "rows: expected a whole number from 1 to 65536, got 1.5"),
        ({"op": "conv2d", "sizes": {"height": 4}}, "height: expected at least 5 with .* got 4"),
    ],
)
def test_a_bad_benchmark_is_refused(change: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error) as raised:
        call(KernelService().start_bench, BENCH | change)
    in_chinese = message_of(raised.value).texts["zh-CN"]
    assert not re.search("expected|one of|at least|whole number|got", in_chinese)


@pytest.mark.parametrize(
    ("sizes", "unit"),
    [
        ({"rows": 65536, "inputs": 8192, "outputs": 8192}, "GFLOP"),
        ({"rows": 65536, "inputs": 8192, "outputs": 1}, "GB"),
    ],
)
def test_too_much_memory_or_time_is_refused(sizes: dict[str, int], unit: str) -> None:
    with pytest.raises(ValueError, match=rf"need [\d.]+ {unit}; at most") as raised:
        call(KernelService().start_bench, BENCH | {"sizes": sizes})
    needed, most = map(float, re.findall(r"[\d.]*\d", str(raised.value)))
    assert needed > most


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (None, "expected an object, got None"),
        ({"ops": ["nonesuch"]}, r"ops\[0\]: expected one of linear_sigmoid, .* got 'nonesuch'"),
        ({"ops": []}, "ops: expected some of"),
        ({"dtypes": "float32"}, "dtypes: expected some of float64, .* got 'float32'"),
    ],
)
def test_a_bad_check_is_refused(request_: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        call(KernelService().start_check, request_)


def test_every_preset_is_its_benchmark_case() -> None:
    presets = choices()["presets"]
    assert len(presets) > 30
    assert {preset["op"] for preset in presets} == set(OPS)
    for preset in presets:
        case = user_cases.case_of(preset["op"], preset["sizes"], preset["dtype"])
        assert case.name == preset["case"]


def test_every_op_has_documentation_and_sources() -> None:
    assert set(FACTS) == set(OPS)
    service = KernelService()
    for op, facts in FACTS.items():
        assert f"def {op}(" in op_documentation.reference_code(op)
        for file in facts.files:
            assert "#include" in call(service.source, {"file": file})["code"]


def test_an_installation_without_sources_has_no_code(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(op_documentation, "_CSRC", tmp_path)
    assert call(KernelService().source, {"file": FACTS["linear_relu"].files[0]}) == {"code": None}


@pytest.mark.parametrize("file", ["../setup.py", "/etc/passwd", "autograd/../ops.h", None, []])
def test_only_source_files_of_kernels_are_shown(file: Any) -> None:
    with pytest.raises(ValueError, match="file: expected a source file of the kernels"):
        call(KernelService().source, {"file": file})
