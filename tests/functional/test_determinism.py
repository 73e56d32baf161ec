"""The same call gives the same bits."""

import pytest
import torch

from comparing import (
    assert_close,
    assert_equal,
    assert_like_native,
    every_dtype,
    every_float,
    needs_extension,
)
from inkgrad.check.derivatives import derivatives
from inkgrad.check.ops import OPS, Case, bind

# Large enough that more than one thread gets a share.
CASES = {
    "linear_sigmoid": Case("", ((257, 300), (129, 300), (129,))),
    "linear_relu": Case("", ((257, 300), (129, 300), (129,))),
    "binary_cross_entropy": Case("", ((300, 400), (300, 400), (400,))),
    "conv2d": Case("", ((16, 10, 24, 24), (20, 10, 5, 5), (20,))),
    "conv2d_relu_max_pool2d": Case("", ((16, 10, 24, 24), (20, 10, 5, 5), (20,))),
}
every_op = pytest.mark.parametrize("name", CASES)


def results(name, dtype, device, order=1):
    op, case = OPS[name], CASES[name]
    inputs = op.inputs(case, dtype, device)
    return derivatives(
        bind(op.fused, case), inputs, order=order, differentiable=op.requires_grad(case)
    )


def assert_same_bits(first, second):
    for name, value in first.items():
        assert_equal(second[name], value)


@every_dtype
@every_op
def test_reruns_are_bitwise_equal(name, dtype, device):
    torch.use_deterministic_algorithms(True)
    first = results(name, dtype, device)
    for _ in range(3):
        assert_same_bits(first, results(name, dtype, device))


@every_dtype
@every_op
def test_deterministic_mode_is_honoured(name, dtype, device):
    """No complaint, and right results though every empty tensor then starts out as NaN."""
    op = OPS[name]
    case = op.cases[0]
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert_like_native(
        bind(op.fused, case),
        bind(op.native, case),
        op.inputs(case, dtype, device),
        differentiable=op.requires_grad(case),
    )


def native_bits_stay(name, dtype):
    op, case = OPS[name], CASES[name]
    inputs = op.inputs(case, dtype, "cpu")
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(bind(op.native, case)(*inputs))
    return all(torch.equal(found[0], other) for other in found[1:])


@needs_extension
@every_dtype
@every_op
def test_number_of_threads_does_not_change_the_bits(name, dtype):
    """In deterministic mode, on the CPU: the same model gives the same digits on every machine.

    Torch computes bfloat16 products, and on processors with AMX those depend on the threads.
    """
    torch.use_deterministic_algorithms(True)
    if name.startswith("linear") and dtype == torch.bfloat16 and not native_bits_stay(name, dtype):
        pytest.skip("torch's own product depends on the number of threads")
    torch.set_num_threads(1)
    one = results(name, dtype, "cpu")
    for threads in (2, 3):
        torch.set_num_threads(threads)
        assert_same_bits(one, results(name, dtype, "cpu"))


@needs_extension
@every_float
@pytest.mark.parametrize("name", ["conv2d", "conv2d_relu_max_pool2d"])
def test_threads_share_a_single_image(name, dtype):
    """Its output channels then, whose sums are the same wherever a share begins."""
    op, case = OPS[name], Case("", ((1, 16, 24, 24), (33, 16, 3, 3), (33,)))
    inputs = op.inputs(case, dtype)
    torch.set_num_threads(1)
    one = op.fused(*inputs)
    assert_close(one, op.native(*inputs))
    for threads in (2, 3):
        torch.set_num_threads(threads)
        assert_equal(op.fused(*inputs), one)


@needs_extension
@every_float
@pytest.mark.parametrize("samples", [1, 4, 12])
def test_threads_share_the_outputs_of_few_samples(samples, dtype):
    """A sample's outputs are the same among others and alone, too."""
    op, case = OPS["linear_relu"], Case("", ((samples, 700), (401, 700), (401,)))
    input, weight, bias = op.inputs(case, dtype)
    torch.set_num_threads(1)
    one = op.fused(input, weight, bias)
    assert_equal(torch.cat([op.fused(row, weight, bias) for row in input.split(1)]), one)
    for threads in (2, 3):
        torch.set_num_threads(threads)
        assert_equal(op.fused(input, weight, bias), one)


@every_op
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads_is_right(name, threads):
    """Also more threads than this machine has cores."""
    op, case = OPS[name], CASES[name]
    torch.set_num_threads(threads)
    assert_like_native(
        bind(op.fused, case),
        bind(op.native, case),
        op.inputs(case, torch.float64),
        order=1,
        differentiable=op.requires_grad(case),
    )
