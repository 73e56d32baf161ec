"""Memory: what a call allocates it gives back, and it allocates no more than it must."""

import gc

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from comparing import HAS_BFLOAT16, needs_extension
from inkgrad import functional
from inkgrad.check.ops import OPS, Case, bind

BIG = {
    "linear_sigmoid": Case("", ((200, 100), (300, 100), (300,))),
    "linear_relu": Case("", ((200, 100), (300, 100), (300,))),
    "binary_cross_entropy": Case("", ((200, 300), (200, 300), (300,))),
    "conv2d": Case("", ((4, 3, 40, 40), (8, 3, 3, 3), (8,))),
    "conv2d_relu_max_pool2d": Case("", ((4, 3, 40, 40), (8, 3, 3, 3), (8,))),
}


def step(name, order=2):
    op, case = OPS[name], BIG[name]
    inputs = [
        t.requires_grad_(w)
        for t, w in zip(op.inputs(case, torch.float32), op.requires_grad(case), strict=True)
    ]
    variables = [tensor for tensor in inputs if tensor.requires_grad]
    output = bind(op.fused, case)(*inputs)
    grads = torch.autograd.grad(output.pow(2).sum(), variables, create_graph=order > 1)
    if order > 1:
        torch.autograd.grad(sum(grad.pow(2).sum() for grad in grads), variables)


def allocations(function):
    """Bytes of every allocation (positive) and release (negative) while `function` runs."""
    gc.freeze()  # collect only what `function` makes: all else would take a third of a second
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        function()
        gc.collect()
    gc.unfreeze()
    events = recorded.profiler.kineto_results.events()
    return [event.nbytes() for event in events if event.name() == "[memory]"]


@pytest.mark.parametrize("name", BIG)
def test_nothing_is_kept(name):
    """Allocations and releases of forward, backward and double backward balance to zero."""
    step(name)  # what is built once, on the first call, is no leak
    sizes = allocations(lambda: step(name))
    assert max(sizes) > 0
    assert sum(sizes) == 0


@pytest.mark.parametrize("name", BIG)
def test_nothing_is_kept_after_an_error(name):
    op, case = OPS[name], BIG[name]
    inputs = op.inputs(case, torch.float32)
    inputs[1] = inputs[1][..., :-1, :-1].contiguous()
    inputs[1] = torch.cat([inputs[1]] * 2, dim=1)

    def attempt():
        with pytest.raises((RuntimeError, ValueError)):
            op.fused(*inputs)

    attempt()
    assert sum(allocations(attempt)) == 0


@needs_extension
def test_fused_pooling_never_holds_the_unpooled_image():
    """Fusing saves memory: no single allocation of the forward is as large as the convolution."""
    op = OPS["conv2d_relu_max_pool2d"]
    case = Case("", ((8, 3, 66, 66), (16, 3, 3, 3), (16,)))
    inputs = op.inputs(case, torch.float32)
    unpooled = 8 * 16 * 64 * 64 * 4
    sizes = allocations(lambda: op.fused(*inputs))
    assert max(sizes) < unpooled


@needs_extension
def test_winograd_filters_are_packed_in_slices():
    """256 x 256 filters transformed at once take 4 MB."""
    x, weight = torch.randn(16, 256, 6, 6), torch.randn(256, 256, 3, 3)
    sizes = allocations(lambda: functional.conv2d(x, weight, padding=1))
    assert max(sizes) <= 2 << 20


@needs_extension
@pytest.mark.parametrize("shape", [(1000,), (300, 1), (1,)])
def test_a_weight_that_is_broadcast_is_not_copied(shape):
    probabilities, target, weight = torch.rand(300, 1000), torch.rand(300, 1000), torch.rand(shape)
    sizes = allocations(lambda: functional.binary_cross_entropy(probabilities, target, weight))
    assert max(sizes) < probabilities.nbytes / 2


@needs_extension
@pytest.mark.skipif(not HAS_BFLOAT16, reason="the convolution itself is in float32")
def test_a_pool_of_bfloat16_goes_through_float_by_pieces():
    """Nothing is larger than what torch convolves; in float it would be twice as large."""
    x, weight = torch.randn(16, 32, 28, 28).bfloat16(), torch.randn(64, 32, 3, 3).bfloat16()
    convolved = functional.conv2d(x, weight, padding=1)
    sizes = allocations(lambda: functional.conv2d_relu_max_pool2d(x, weight, padding=1))
    assert max(sizes) <= convolved.nbytes
