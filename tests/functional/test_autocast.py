"""Autocast: products in the low precision, the loss in float32."""

import pytest
import torch

from comparing import HALVES, assert_close, assert_equal, dtype_id, every_dtype
from inkgrad.check.ops import OPS, bind
from inkgrad.check.tolerance import is_half

PRODUCTS = [name for name in OPS if name != "binary_cross_entropy"]
every_low = pytest.mark.parametrize("low", HALVES, ids=lambda low: f"autocast-{dtype_id(low)}")


def forward_backward(function, inputs, device, low):
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    with torch.autocast(device.type, dtype=low):
        output = function(*leaves)
    grads = torch.autograd.grad(output.double().sum(), leaves)
    return output.detach(), *grads


def assert_close_at(actual, expected, low):
    """Dtypes are native's exactly; values to a few roundings of the lowest precision in play."""
    assert [t.dtype for t in actual] == [t.dtype for t in expected]
    for got, want in zip(actual, expected, strict=True):
        # A gradient of float32 has passed through the low precision as well.
        coarse = low if any(is_half(t.dtype) for t in expected) else want.dtype
        error = 8 * torch.finfo(coarse).eps if is_half(coarse) else None
        assert_close(got, want, error=error)


@every_low
@every_dtype
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_run_in_low_precision(name, dtype, low, device):
    """Each dtype of the inputs, float64 too, gives the dtypes that native gives."""
    op = OPS[name]
    # Integer-valued, so that rounding to the low precision makes no ties in pooling.
    inputs = [t.mul(4).round().div(4) for t in op.inputs(op.cases[0], dtype, device)]
    actual = forward_backward(op.fused, inputs, device, low)
    expected = forward_backward(op.native, inputs, device, low)
    if dtype == torch.float32:
        assert expected[0].dtype == low
    assert_close_at(actual, expected, low)


@every_low
@pytest.mark.parametrize("name", PRODUCTS)
def test_mixed_inputs(name, low, device):
    """Inside autocast an activation of low precision meets float32 parameters."""
    op = OPS[name]
    inputs = [t.mul(4).round().div(4) for t in op.inputs(op.cases[0], torch.float32, device)]
    inputs[0] = inputs[0].to(low)
    actual = forward_backward(op.fused, inputs, device, low)
    expected = forward_backward(op.native, inputs, device, low)
    assert_close_at(actual, expected, low)


@every_low
@every_dtype
def test_loss_runs_in_float32(dtype, low, device):
    """Native bans it under CUDA autocast and runs it in float32 on the CPU: ours always does."""
    op = OPS["binary_cross_entropy"]
    inputs = op.inputs(op.cases[0], dtype, device)
    output, *grads = forward_backward(op.fused, inputs, device, low)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    assert output.dtype == wide
    assert [grad.dtype for grad in grads] == [dtype] * len(inputs)
    leaves = [tensor.to(wide).requires_grad_() for tensor in inputs]
    expected = op.native(*leaves)
    assert_close(output, expected.detach())
    expected_grads = torch.autograd.grad(expected, leaves)
    for grad, want in zip(grads, expected_grads, strict=True):
        # One rounding to the dtype of the input.
        assert_close(grad, want.to(dtype), error=torch.finfo(dtype).eps if is_half(dtype) else None)


@every_low
def test_loss_takes_low_precision_predictions_and_float32_targets(low, device):
    op = OPS["binary_cross_entropy"]
    prediction, target = op.inputs(op.cases[0], torch.float32, device)
    weight = torch.rand_like(prediction)
    with torch.autocast(device.type, dtype=low):
        actual = op.fused(prediction.to(low), target, weight)
    assert_close(actual, op.native(prediction, target, weight))


@every_low
def test_loss_of_a_fused_layer(low, device):
    """The purpose of lifting the ban: sigmoid and loss are trained in one autocast region."""
    layer, loss = OPS["linear_sigmoid"], OPS["binary_cross_entropy"]
    input, weight, bias = layer.inputs(layer.cases[0], torch.float32, device)
    weight.requires_grad_()
    with torch.autocast(device.type, dtype=low):
        prediction = layer.fused(input, weight, bias)
        value = loss.fused(prediction, torch.full_like(prediction, 0.5))
    assert value.dtype == torch.float32
    value.backward()
    assert weight.grad.dtype == torch.float32
    assert weight.grad.count_nonzero() == weight.numel()


@pytest.mark.parametrize("name", PRODUCTS)
def test_disabled_inside(name, device):
    op = OPS[name]
    inputs = op.inputs(op.cases[0], torch.float32, device)
    outer = torch.autocast(device.type, dtype=torch.bfloat16)
    with outer, torch.autocast(device.type, enabled=False):
        output = op.fused(*inputs)
    assert_close(output, op.native(*inputs))


@pytest.mark.parametrize("name", PRODUCTS)
def test_other_device_type_is_left_alone(name):
    """The flag itself, since torch.autocast does not set it without a GPU."""
    op = OPS[name]
    inputs = op.inputs(op.cases[0], torch.float32)
    expected = op.fused(*inputs)
    torch.set_autocast_enabled("cuda", True)
    try:
        output = op.fused(*inputs)
    finally:
        torch.set_autocast_enabled("cuda", False)
    assert_equal(output, expected)


@every_low
@pytest.mark.parametrize("name", PRODUCTS)
def test_compiled(name, low, device):
    op = OPS[name]
    inputs = [t.mul(4).round().div(4) for t in op.inputs(op.cases[0], torch.float32, device)]
    compiled = torch.compile(bind(op.fused, op.cases[0]), fullgraph=True, backend="aot_eager")
    actual = forward_backward(compiled, inputs, device, low)
    expected = forward_backward(op.native, inputs, device, low)
    assert_close_at(actual, expected, low)
