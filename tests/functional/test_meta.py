"""Meta and fake tensors: shape, dtype, device and strides as the real op gives them."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from comparing import every_dtype
from inkgrad.check.ops import OPS, Case, bind
from shapes import CONV, CROSS_ENTROPY, LINEAR, POOL

ROWS = [
    *((name, row) for name in ("linear_sigmoid", "linear_relu") for row in LINEAR),
    *(("binary_cross_entropy", row) for row in CROSS_ENTROPY),
    *((name, row) for name in ("conv2d", "conv2d_relu_max_pool2d") for row in CONV[::3]),
    *(("conv2d_relu_max_pool2d", row) for row in POOL),
]


def backwards(tensor):
    return tuple(range(tensor.dim()))[::-1]


LAYOUTS = {
    "contiguous": lambda tensor: tensor,
    "channels_last": lambda tensor: (
        tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
    ),
    "reversed": lambda tensor: (
        tensor.permute(backwards(tensor)).contiguous().permute(backwards(tensor))
    ),
    "strided": lambda tensor: torch.stack([tensor, tensor], -1)[..., 0],
}


def described(tensors, with_strides=True):
    """Shape, dtype and, where a dimension has more than one element, its stride."""
    return [
        (
            tuple(t.shape),
            t.dtype,
            [stride for stride, size in zip(t.stride(), t.shape, strict=True) if size > 1]
            if with_strides and t.numel()
            else None,
        )
        for t in tensors
    ]


def with_window(name, row):
    """The call of a row; the windows of pooling fit images of one pixel too."""
    settings = dict(row.settings)
    if name == "conv2d_relu_max_pool2d":
        settings.setdefault("kernel_size", 1)
    return Case(row.why, row.shapes, settings)


def run(function, inputs, wanted):
    leaves = [t.detach().requires_grad_(w) for t, w in zip(inputs, wanted, strict=True)]
    output = function(*leaves)
    variables = [leaf for leaf in leaves if leaf.requires_grad]
    grads = torch.autograd.grad(output, variables, torch.ones_like(output))
    return [output, *grads]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}-{row}" for name, row in ROWS])
def test_fake_tensors(name, row, layout, device):
    """torch.compile plans memory by the fake result: other strides would be silent corruption."""
    op, case = OPS[name], with_window(name, row)
    inputs = [layout(tensor) for tensor in op.inputs(case, torch.float32, device)]
    call, wanted = bind(op.fused, case), op.requires_grad(case)
    real = run(call, inputs, wanted)
    with FakeTensorMode() as mode:
        fake = run(call, [mode.from_tensor(tensor) for tensor in inputs], wanted)
    assert {tensor.device.type for tensor in fake} == {device.type}
    # Without samples, native's own fake weight gradient has other strides than its real one.
    with_strides = inputs[0].numel() > 0
    assert described(fake, with_strides) == described(real, with_strides)


@every_dtype
@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}-{row}" for name, row in ROWS])
def test_meta_tensors(name, row, dtype):
    op, case = OPS[name], with_window(name, row)
    inputs = op.inputs(case, dtype)
    call, wanted = bind(op.fused, case), op.requires_grad(case)
    real = run(call, inputs, wanted)
    meta = run(call, [tensor.to("meta") for tensor in inputs], wanted)
    assert {tensor.device.type for tensor in meta} == {"meta"}
    assert [t.shape for t in meta] == [t.shape for t in real]
    assert [t.dtype for t in meta] == [dtype] * len(real)


@pytest.mark.parametrize("name", OPS)
def test_meta_checks_arguments_too(name):
    """A wrong model must fail where it is traced, not where it runs."""
    op = OPS[name]
    inputs = [tensor.to("meta") for tensor in op.inputs(op.cases[0], torch.float32)]
    inputs[1] = torch.cat([inputs[1], inputs[1]], dim=1)
    with pytest.raises((RuntimeError, ValueError)):
        op.fused(*inputs)


@pytest.mark.parametrize("name", OPS)
def test_large_meta_tensors(name):
    """Sizes beyond 2^31 elements are counted in 64 bits."""
    op = OPS[name]
    n = 3 << 30
    shapes = {
        "linear_sigmoid": ((n, 4), (8, 4)),
        "linear_relu": ((n, 4), (8, 4)),
        "binary_cross_entropy": ((n, 2), (n, 2)),
        "conv2d": ((n, 1, 4, 4), (2, 1, 3, 3)),
        "conv2d_relu_max_pool2d": ((n, 1, 5, 5), (2, 1, 3, 3)),
    }[name]
    tensors = [torch.empty(shape, device="meta", requires_grad=True) for shape in shapes]
    output = op.fused(*tensors)
    expected = op.native(*tensors)
    assert output.shape == expected.shape
    output.sum().backward()
    assert [tensor.grad.shape for tensor in tensors] == list(shapes)
