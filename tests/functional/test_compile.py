"""torch.compile and torch.export: the whole graph, static and dynamic, gives native's answers."""

import shutil

import pytest
import torch

from comparing import assert_close, every_dtype
from inkgrad.check.ops import OPS, Case, bind
from inkgrad.check.tolerance import is_half

SIZES = {  # three batch sizes each, of one op call that uses every argument
    "linear_sigmoid": lambda n: Case("", ((n, 7), (5, 7), (5,))),
    "linear_relu": lambda n: Case("", ((n, 7), (5, 7), (5,))),
    "binary_cross_entropy": lambda n: Case("", ((n, 3), (n, 3), (3,))),
    "conv2d": lambda n: Case("", ((n, 2, 9, n + 7), (3, 2, 3, 2), (3,)), {"padding": 1}),
    "conv2d_relu_max_pool2d": lambda n: Case("", ((n, 2, 9, n + 7), (3, 2, 3, 2), (3,))),
}
every_op = pytest.mark.parametrize("name", SIZES)


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def forward_backward(function, op, case, dtype, device):
    inputs = [
        tensor.requires_grad_(wanted)
        for tensor, wanted in zip(
            op.inputs(case, dtype, device), op.requires_grad(case), strict=True
        )
    ]
    # Work around the op, so that the graph has something to fuse and to save.
    output = function(*[tensor * 1 for tensor in inputs])
    variables = [tensor for tensor in inputs if tensor.requires_grad]
    return output.detach(), *torch.autograd.grad(output.pow(2).sum(), variables)


@every_dtype
@every_op
def test_whole_graph(name, dtype, device):
    op = OPS[name]
    case = SIZES[name](4)
    compiled = torch.compile(bind(op.fused, case), fullgraph=True, backend="aot_eager")
    actual = forward_backward(compiled, op, case, dtype, device)
    expected = forward_backward(bind(op.native, case), op, case, dtype, device)
    # The graph is native's rounding or ours: a few roundings for half types, else the usual.
    assert_close(actual, expected, error=8 * torch.finfo(dtype).eps if is_half(dtype) else None)


@every_op
def test_dynamic_shapes_compile_once(name, device):
    """Sizes that change call for no new graph where native needs none, and for no guess."""
    if name == "binary_cross_entropy" and torch.__version__ < (2, 12):
        pytest.skip("torch's own binary_cross_entropy cannot be traced with symbolic sizes")
    op = OPS[name]
    counts = []
    for function in (op.fused, op.native):
        torch._dynamo.reset()
        counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
        compiled = torch.compile(
            bind(function, SIZES[name](0)), fullgraph=True, dynamic=True, backend=counter
        )
        for n in (4, 6, 9):
            case = SIZES[name](n)
            actual = forward_backward(compiled, op, case, torch.float64, device)
            expected = forward_backward(bind(op.native, case), op, case, torch.float64, device)
            assert_close(actual, expected)
        counts.append(counter.frame_count)
    assert counts[0] <= counts[1]


@every_op
def test_sizes_that_change_without_being_told(name, device):
    """dynamic=None: the second size makes the compiler switch from static to symbolic sizes."""
    op = OPS[name]
    compiled = torch.compile(bind(op.fused, SIZES[name](0)), fullgraph=True, backend="aot_eager")
    for n in (4, 6, 9, 1):
        case = SIZES[name](n)
        actual = forward_backward(compiled, op, case, torch.float32, device)
        expected = forward_backward(bind(op.native, case), op, case, torch.float32, device)
        assert_close(actual, expected)


@every_op
@pytest.mark.parametrize(
    "mode", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference"]
)
def test_without_gradients(name, mode, device):
    op = OPS[name]
    case = SIZES[name](4)
    inputs = op.inputs(case, torch.float32, device)
    compiled = torch.compile(bind(op.fused, case), fullgraph=True, backend="aot_eager")
    with mode():
        assert_close(compiled(*inputs), bind(op.native, case)(*inputs))


@every_op
def test_transform_inside_a_graph(name, device):
    """torch.func inside torch.compile: per-sample gradients of a compiled step."""
    op = OPS[name]
    case = SIZES[name](3)
    inputs = op.inputs(case, torch.float64, device)

    def gradient(function):
        return torch.func.grad(lambda *t: bind(function, case)(*t).pow(2).sum(), argnums=(0, 1))

    compiled = torch.compile(gradient(op.fused), fullgraph=True, backend="aot_eager")
    assert_close(compiled(*inputs), gradient(op.native)(*inputs))


class Layer(torch.nn.Module):
    def __init__(self, function, parameter):
        super().__init__()
        self.function = function
        self.weight = torch.nn.Parameter(parameter)

    def forward(self, input, *rest):
        return self.function(input, self.weight, *rest)


@pytest.mark.parametrize("name", [name for name in SIZES if name != "binary_cross_entropy"])
def test_export(name, device):
    """A layer that uses the op can be exported with a dynamic batch."""
    op = OPS[name]
    case = SIZES[name](4)
    input, weight, bias = op.inputs(case, torch.float32, device)
    layer = Layer(op.fused, weight)
    batch = torch.export.Dim("batch")
    program = torch.export.export(layer, (input, bias), dynamic_shapes=({0: batch}, ({},)))
    other = torch.cat([input, -input])
    assert_close(program.module()(other, bias), op.native(other, weight, bias))


@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)], ids=["input", "weight", "both"])
@pytest.mark.parametrize("name", ["conv2d", "conv2d_relu_max_pool2d"])
def test_channels_last_as_native(name, which):
    """Inductor plans memory by the strides that torch's convolution has."""
    tensors = [torch.rand(2, 3, 12, 12), torch.rand(4, 3, 3, 3)]
    for i in which:
        tensors[i] = tensors[i].contiguous(memory_format=torch.channels_last)
    op = OPS[name]
    found = torch.compile(op.fused, backend="aot_eager", fullgraph=True)(*tensors)
    expected = op.native(*tensors)
    assert found.stride() == expected.stride()
    assert_close(found, expected)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="inductor needs a C++ compiler")
def test_inductor(device):
    """The default backend, over a small network of all ops: one case, for it compiles C++."""
    functions = {name: op.fused for name, op in OPS.items()}
    natives = {name: op.native for name, op in OPS.items()}

    def network(ops, image, target, kernel, kernel2, weight, weight2):
        hidden = ops["conv2d_relu_max_pool2d"](image, kernel, padding=1)
        hidden = ops["conv2d"](hidden, kernel2)
        hidden = ops["linear_relu"](hidden.flatten(1), weight)
        return ops["binary_cross_entropy"](ops["linear_sigmoid"](hidden, weight2), target)

    shapes = ((4, 1, 10, 10), (4, 1), (3, 1, 3, 3), (2, 3, 2, 2), (6, 32), (1, 6))
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.rand(s, generator=generator).sub(0.3).to(device) for s in shapes]
    inputs[1] = inputs[1].clamp(0, 1)
    results = []
    compiled = torch.compile(lambda *t: network(functions, *t), fullgraph=True, dynamic=True)
    for function in (compiled, lambda *t: network(natives, *t)):
        leaves = [t.clone().requires_grad_() for t in inputs]
        loss = function(*leaves)
        results.append((loss.detach(), *torch.autograd.grad(loss, leaves)))
    assert_close(*results)
