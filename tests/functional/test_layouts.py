"""Strides, offsets and memory formats: values must not depend on how a tensor lies in memory."""

import pytest
import torch

from comparing import assert_close, assert_equal, assert_like_native, every_dtype, every_float
from inkgrad import functional
from inkgrad.check.derivatives import noise
from inkgrad.check.ops import OPS, Case, bind

CASES = {
    "linear_sigmoid": Case("", ((5, 9), (17, 9), (17,))),
    "linear_relu": Case("", ((5, 9), (17, 9), (17,))),
    "binary_cross_entropy": Case("", ((5, 9), (5, 9), (5, 9)), {"reduction": "none"}),
    "conv2d": Case("", ((3, 5, 9, 11), (4, 5, 3, 2), (4,))),
    "conv2d_relu_max_pool2d": Case("", ((3, 5, 9, 11), (4, 5, 3, 2), (4,))),
}
every_op = pytest.mark.parametrize("name", CASES)


def every_other(tensor):
    """Elements two apart: no dimension has stride one."""
    wide = tensor.new_full((*tensor.shape, 2), torch.nan)
    wide[..., 0] = tensor
    return wide[..., 0]


def padded_rows(tensor):
    """A window of a larger tensor: rows are further apart than they are long, and offset."""
    larger = tensor.new_full([size + 3 for size in tensor.shape], torch.nan)
    window = larger[tuple(slice(1, size + 1) for size in tensor.shape)]
    return window.copy_(tensor)


def reversed_dimensions(tensor):
    """Fortran order; a transposed weight."""
    order = list(range(tensor.dim()))[::-1]
    return tensor.permute(order).contiguous().permute(order)


def transposed_last(tensor):
    return tensor if tensor.dim() < 2 else tensor.mT.contiguous().mT


def offset(tensor):
    """Contiguous, but off every SIMD alignment."""
    storage = tensor.new_full((tensor.numel() + 3,), torch.nan)
    view = storage[1 : 1 + tensor.numel()].view(tensor.shape)
    return view.copy_(tensor)


def expanded(tensor):
    """The first slice of the first dimension, repeated with stride zero."""
    return tensor[:1].expand(tensor.shape)


def expanded_everywhere(tensor):
    """One element with every stride zero."""
    return tensor.flatten()[1].expand(tensor.shape)


def channels_last(tensor):
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def sliced_channels_last(tensor):
    """Every other channel of a channels_last tensor."""
    if tensor.dim() != 4:
        return tensor
    doubled = tensor.repeat_interleave(2, dim=1).contiguous(memory_format=torch.channels_last)
    return doubled[:, ::2]


def odd_strides_of_ones(tensor):
    """A dimension of one element may have any stride; nothing may be concluded from it."""
    if tensor.dim() < 2:
        return tensor
    one = tensor[:1]
    return one.as_strided(one.shape, (7, *one.stride()[1:]), one.storage_offset()).expand_as(tensor)


LAYOUTS = (
    every_other, padded_rows, reversed_dimensions, transposed_last, offset, expanded,
    expanded_everywhere, channels_last, sliced_channels_last, odd_strides_of_ones,
)  # fmt: skip
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)


@every_dtype
@every_layout
@every_op
def test_inputs(name, layout, dtype, device):
    """Each argument alone in the layout, then all of them: outputs and both derivatives."""
    op, case = OPS[name], CASES[name]
    plain = op.inputs(case, dtype, device)
    alone = [
        [layout(tensor) if i == at else tensor for i, tensor in enumerate(plain)]
        for at in range(len(plain))
    ]
    for inputs in [*alone, [layout(tensor) for tensor in plain]]:
        assert_like_native(
            bind(op.fused, case),
            bind(op.native, case),
            inputs,
            differentiable=op.requires_grad(case),
            label=str([tensor.stride() for tensor in inputs]),
        )


def gradients(function, inputs, wanted, layout, create_graph=False):
    leaves = [t.detach().requires_grad_(w) for t, w in zip(inputs, wanted, strict=True)]
    output = function(*leaves)
    grad_output = layout(noise(output, seed=1))
    variables = [leaf for leaf in leaves if leaf.requires_grad]
    grads = torch.autograd.grad(output, variables, grad_output, create_graph=create_graph)
    if create_graph:
        value = sum((grad * layout(noise(grad, seed=2))).sum() for grad in grads)
        grads += torch.autograd.grad(value, variables, allow_unused=True, materialize_grads=True)
    return [grad.detach() for grad in grads]


@every_float
@every_layout
@every_op
def test_grad_output(name, layout, dtype, device):
    """The gradient that arrives has its own layout, chosen by whatever comes after the op."""
    op, case = OPS[name], CASES[name]
    inputs = op.inputs(case, dtype, device)
    results = [
        gradients(bind(f, case), inputs, op.requires_grad(case), layout, create_graph=True)
        for f in (op.fused, op.native)
    ]
    assert_close(*results)


@every_float
@every_op
def test_expanded_scalar_grad_output(name, dtype, device):
    """output.sum().backward(): the gradient is one number with every stride zero."""
    op, case = OPS[name], CASES[name]
    results = []
    for function in (op.fused, op.native):
        leaves = [
            tensor.requires_grad_(wanted)
            for tensor, wanted in zip(
                op.inputs(case, dtype, device), op.requires_grad(case), strict=True
            )
        ]
        bind(function, case)(*leaves).sum().backward()
        results.append([leaf.grad for leaf in leaves if leaf.requires_grad])
    assert_close(*results)


@every_float
@pytest.mark.parametrize("name", ["conv2d", "conv2d_relu_max_pool2d"])
def test_grad_output_has_other_layout_than_input(name, dtype, device):
    """channels_last into an op that ran contiguous, and the other way round."""
    op, case = OPS[name], CASES[name]
    plain = op.inputs(case, dtype, device)
    wanted = op.requires_grad(case)
    for inputs, layout in (
        (plain, channels_last),
        ([channels_last(tensor) for tensor in plain], torch.clone),
    ):
        results = [gradients(bind(f, case), inputs, wanted, layout) for f in (op.fused, op.native)]
        assert_close(*results)


@pytest.mark.parametrize("last", [(0,), (1,), (0, 1)], ids=["input", "weight", "both"])
@pytest.mark.parametrize("name", ["conv2d", "conv2d_relu_max_pool2d"])
def test_results_have_the_layout_of_native(name, last, device):
    """Output and gradients: a compiler plans memory by it."""
    op = OPS[name]
    for shapes in (((2, 3, 12, 12), (4, 3, 3, 3)), ((8, 2, 28, 28), (10, 2, 5, 5))):
        tensors = [torch.rand(shape, device=device) for shape in shapes]
        for i in last:
            tensors[i] = channels_last(tensors[i])
        strides = []
        for function in (op.fused, op.native):
            leaves = [tensor.clone().requires_grad_() for tensor in tensors]
            output = function(*leaves)
            grads = torch.autograd.grad(output.sum(), leaves)
            strides.append([result.stride() for result in (output, *grads)])
        assert strides[0] == strides[1]


@every_op
def test_inputs_are_left_alone(name, device):
    """Nothing is written to an input or a gradient, nor is either returned in place of a result."""
    op, case = OPS[name], CASES[name]
    inputs = [tensor.requires_grad_() for tensor in op.inputs(case, torch.float32, device)]
    if name == "binary_cross_entropy":
        inputs[2].requires_grad_(False)
    before = [tensor.detach().clone() for tensor in inputs]
    output = bind(op.fused, case)(*inputs)
    grad_output = noise(output, seed=1)
    kept = grad_output.clone()
    variables = [tensor for tensor in inputs if tensor.requires_grad]
    grads = torch.autograd.grad(output, variables, grad_output)
    for tensor, want in zip([*inputs, grad_output], [*before, kept], strict=True):
        assert torch.equal(tensor, want)
    storages = {t.untyped_storage().data_ptr() for t in (*inputs, grad_output, output)}
    assert storages.isdisjoint(grad.untyped_storage().data_ptr() for grad in grads)


@every_op
def test_tensors_shared_between_arguments(name, device):
    """One tensor in two places gets the sum of both gradients."""
    op = OPS[name]
    shapes = {"conv2d": (2, 2, 3, 3), "conv2d_relu_max_pool2d": (2, 2, 4, 4)}
    case = Case("", (shapes.get(name, (5, 5)),) * 2)
    if name == "conv2d_relu_max_pool2d":
        case = Case("", case.shapes, {"padding": 2})
    (tensor, _) = op.inputs(case, torch.float64, device)
    assert_like_native(
        lambda t: bind(op.fused, case)(t, t), lambda t: bind(op.native, case)(t, t), [tensor]
    )


@every_dtype
@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize(
    "shape",
    [(), (1,), (4001,), (5, 1), (5, 4001), (3, 1, 1), (3, 5, 1), (1, 5, 1), (3, 1, 4001)],
    ids=str,
)
def test_a_weight_that_broadcasting_repeats(shape, reduction, dtype):
    """Longer than a chunk, and chunks begin amid its repetitions."""
    generator = torch.Generator().manual_seed(0)
    x, target = (torch.rand(3, 5, 4001, generator=generator).to(dtype) for _ in range(2))
    weight = torch.rand(shape, generator=generator).to(dtype)
    x.requires_grad_()

    def results(x, target, weight):
        loss = functional.binary_cross_entropy(x, target, weight, reduction=reduction)
        return loss.detach(), *torch.autograd.grad(loss.sum(), x)

    written_out = weight.expand(3, 5, 4001).contiguous()
    expected = results(x, target, written_out)
    for one, other in zip(results(x, target, weight), expected, strict=True):
        assert_equal(one, other)
    turned = x.mT.contiguous().mT.detach().requires_grad_()
    loss, grad = results(turned, target, weight)
    assert_close((loss, grad), expected)
