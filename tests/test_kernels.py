"""inkgrad.kernels.record(), INKGRAD_VERBOSE=1, the kernels of linear layers and cross entropies.

Those of convolutions are in functional/test_algorithms.py.
"""

import re
import threading
from types import SimpleNamespace

import pytest
import torch

from comparing import HAS_BFLOAT16, needs_extension
from inkgrad import functional, kernels

IMAGES, WEIGHT = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)


@needs_extension
def test_a_call_says_what_ran():
    with kernels.record() as calls:
        functional.conv2d(IMAGES, WEIGHT)
    (call,) = calls
    assert (call.op, call.direction, call.kernel) == ("conv2d", "forward", "direct")
    assert call.shapes == ((2, 3, 8, 8), (4, 3, 3, 3))
    assert call.dtype == "float32"
    assert 0 < call.microseconds < 1e6


@needs_extension
def test_calls_outside_are_not_recorded():
    functional.conv2d(IMAGES, WEIGHT)
    with kernels.record() as calls:
        pass
    functional.conv2d(IMAGES, WEIGHT)
    assert calls == []


@needs_extension
def test_contexts_nest():
    with kernels.record() as outer:
        functional.conv2d(IMAGES, WEIGHT)
        with kernels.record() as inner:
            functional.conv2d(IMAGES, WEIGHT)
        functional.conv2d(IMAGES, WEIGHT)
    assert len(outer) == 3
    assert inner == outer[1:2]


@needs_extension
def test_calls_of_all_threads_are_recorded():
    with kernels.record() as calls:
        threads = [
            threading.Thread(target=functional.conv2d, args=(IMAGES, WEIGHT)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(calls) == 4


@needs_extension
def test_an_error_is_no_call_and_ends_the_recording():
    with pytest.raises(RuntimeError, match="channels"), kernels.record() as calls:
        functional.conv2d(IMAGES, WEIGHT[:, :2])
    assert calls == []
    functional.conv2d(IMAGES, WEIGHT)
    assert calls == []


def test_without_the_extension_nothing_is_recorded(monkeypatch):
    monkeypatch.setattr(kernels, "LOADED", SimpleNamespace(module=None))
    with kernels.record() as calls:
        functional.conv2d(IMAGES, WEIGHT)
    assert calls == []


@needs_extension
def test_verbose(python):
    script = """
import torch
from inkgrad import functional
functional.conv2d(torch.ones(2, 3, 8, 8), torch.ones(4, 3, 3, 3))
functional.linear_relu(torch.ones(3, 8), torch.ones(5, 8))
"""
    for value, lines in {"1": 2, "0": 0, "": 0}.items():
        run = python.run(script, env={"INKGRAD_VERBOSE": value})
        assert run.returncode == 0, run.stderr
        logged = [line for line in run.stderr.splitlines() if line.startswith("inkgrad,")]
        assert len(logged) == lines, run.stderr
        if logged:
            pattern = r"inkgrad,conv2d,forward,2x3x8x8:4x3x3x3,float32,direct,\d+\.\d"
            assert re.fullmatch(pattern, logged[0])
            assert logged[1].startswith("inkgrad,linear_relu,forward,3x8:5x8,float32,narrow,")


def names(calls):
    return {d: call.kernel for call in calls for d in call.direction.split("+")}


ALL = ("forward", "grad_input", "grad_weight", "grad_bias")
LINEAR = {  # rows, inputs, outputs
    (100, 8, 6): dict.fromkeys(ALL, "narrow"),
    (4, 300, 200): {
        "forward": "few_rows",
        "grad_input": "torch",
        "grad_weight": "torch",
        "grad_bias": "column_sums",
    },
    (8, 64, 300): {
        "forward": "torch",
        "grad_input": "torch",
        "grad_weight": "torch",
        "grad_bias": "column_sums",
    },
    (64, 64, 65): {
        "forward": "gemm",
        "grad_input": "gemm",
        "grad_weight": "gemm",
        "grad_bias": "column_sums",
    },
    # Rows of x a multiple of 4 KiB apart; the gradient of the weight packs it.
    (64, 1024, 65): {
        "forward": "torch",
        "grad_input": "gemm",
        "grad_weight": "gemm",
        "grad_bias": "column_sums",
    },
}


@needs_extension
@pytest.mark.parametrize("name", ["linear_sigmoid", "linear_relu"])
@pytest.mark.parametrize("sizes", LINEAR)
def test_linear(sizes, name):
    rows, inputs, outputs = sizes
    operands = [
        torch.randn(shape, requires_grad=True)
        for shape in ((rows, inputs), (outputs, inputs), (outputs,))
    ]
    with kernels.record() as calls:
        output = getattr(functional, name)(*operands)
        torch.autograd.grad(output, operands, torch.ones_like(output))
    assert {call.op for call in calls} == {name}
    assert {call.shapes for call in calls} == {((rows, inputs), (outputs, inputs))}
    assert names(calls) == LINEAR[sizes]


@needs_extension
def test_linear_in_bfloat16_is_torchs_or_goes_through_float32():
    rows, weight = torch.ones(3, 8).bfloat16(), torch.ones(5, 8).bfloat16()
    with kernels.record() as calls:
        outputs = functional.linear_relu(rows, weight)
        functional.linear_relu(rows[:1], weight)  # not worth converting the weight
    assert outputs.dtype == torch.bfloat16
    several = "bfloat16" if HAS_BFLOAT16 else "float32"
    assert [call.dtype for call in calls] == [several, "bfloat16"]
    assert [call.kernel == "torch" for call in calls] == [HAS_BFLOAT16, True]


@needs_extension
def test_binary_cross_entropy():
    x, target = torch.rand(20), torch.rand(20)
    with kernels.record() as calls:
        functional.binary_cross_entropy(x, target)
        functional.binary_cross_entropy(x.requires_grad_(), target)
        losses = functional.binary_cross_entropy(x, target.requires_grad_(), reduction="none")
        torch.autograd.grad(losses.sum(), (x, target))
    assert [call.direction for call in calls] == [
        "forward", "forward+grad_input", "forward", "grad_input+grad_target",
    ]  # fmt: skip
    assert {call.kernel for call in calls} == {"vectorized"}
    assert {call.op for call in calls} == {"binary_cross_entropy"}
