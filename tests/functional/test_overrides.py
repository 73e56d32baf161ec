"""Tensors that override torch: whatever the native ops take, ours take, with the same result."""

import pytest
import torch
import torch.nn.functional as F
import torch.utils._pytree as pytree
from torch import nn
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils._python_dispatch import TorchDispatchMode

from comparing import needs_extension
from inkgrad import functional, reference
from inkgrad import nn as ink

pytestmark = [
    needs_extension,
    pytest.mark.filterwarnings("ignore:.*(Sparse|nested|quantized|prototype).*"),
]
LINEAR = ("linear_sigmoid", "linear_relu")
every_op = pytest.mark.parametrize(
    "name", [*LINEAR, "binary_cross_entropy", "conv2d", "conv2d_relu_max_pool2d"]
)
linear_ops = pytest.mark.parametrize("name", LINEAR)


def operands(name):
    """Input, weight (or target) and bias (or weight of the loss)."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "linear_sigmoid": ((4, 6), (2, 6), (2,)),
        "linear_relu": ((4, 6), (2, 6), (2,)),
        "binary_cross_entropy": ((4, 3), (4, 3), (3,)),
        "conv2d": ((2, 2, 6, 6), (3, 2, 3, 3), (3,)),
        "conv2d_relu_max_pool2d": ((2, 2, 6, 6), (3, 2, 3, 3), (3,)),
    }[name]
    return [torch.rand(shape, generator=generator) for shape in shapes]


def same(run, name):
    """``run`` of our op and of the native one: equal results, of equal types, or equal errors."""
    outcomes = []
    for module in (functional, reference):
        try:
            outcomes.append(pytree.tree_leaves(run(getattr(module, name))))
        except (RuntimeError, TypeError, NotImplementedError, ValueError) as error:
            outcomes.append(type(error))
    ours, native = outcomes
    if isinstance(native, type):
        assert ours == native
        return
    assert not isinstance(ours, type), ours
    for mine, theirs in zip(ours, native, strict=True):
        assert type(mine) is type(theirs)
        if isinstance(mine, torch.Tensor):
            assert mine.layout == theirs.layout
            torch.testing.assert_close(plain(mine), plain(theirs), rtol=1e-5, atol=1e-6)


def plain(tensor):
    if tensor.is_nested:
        return torch.cat([each.flatten() for each in tensor.unbind()])
    if isinstance(tensor, TwoTensor):
        return tensor.a
    if isinstance(tensor, Wrapped):
        return tensor.elements
    tensor = tensor.to_dense() if tensor.layout != torch.strided else tensor
    return tensor.as_subclass(torch.Tensor)


def forward_backward(op, tensors, wrap=lambda t: t, which=(0, 1)):
    """Output and gradients; the operands ``which`` are wrapped."""
    leaves = [
        (wrap(t) if i in which else t.clone()).requires_grad_(i < 2) for i, t in enumerate(tensors)
    ]
    output = op(*leaves)
    output.sum().backward()
    return [output.detach(), *(leaf.grad for leaf in leaves[:2])]


# --- layouts -------------------------------------------------------------------------------------

LAYOUTS = {
    "COO": lambda t: t.to_sparse(),
    "CSR": lambda t: t.to_sparse_csr(),
    "CSC": lambda t: t.to_sparse_csc(),
    "BSR": lambda t: t.to_sparse_bsr((2, 2)),
    "MKLDNN": lambda t: t.to_mkldnn(),
}


@pytest.mark.parametrize("differentiates", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("which", [0, 1], ids=["input", "weight"])
@pytest.mark.parametrize("layout", LAYOUTS)
@every_op
def test_layouts(name, layout, which, differentiates):
    tensors = operands(name)

    def run(op):
        given = [LAYOUTS[layout](t) if i == which else t for i, t in enumerate(tensors)]
        if not differentiates:
            return op(*given)
        other = given[1 - which].requires_grad_()
        op(*given).sum().backward()
        gradient, other.grad = other.grad, None
        return gradient

    same(run, name)


@linear_ops
def test_a_sparse_input_that_requires_grad(name):
    tensors = operands(name)
    same(lambda op: forward_backward(op, tensors, lambda t: t.to_sparse(), which=(0,)), name)


@linear_ops
def test_behind_a_sparse_embedding(name):
    _, weight, bias = operands(name)

    def run(op):
        table = torch.ones(5, 6).mul_(0.1).requires_grad_()
        rows = F.embedding(torch.tensor([1, 2, 2]), table, sparse=True)
        op(rows, weight, bias).sum().backward()
        return table.grad

    same(run, name)


@pytest.mark.parametrize("layout", [torch.jagged, torch.strided], ids=str)
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@linear_ops
def test_nested(name, layout, mode):
    _, weight, bias = operands(name)
    rows = [torch.full((n, 6), 0.1 * n) for n in (2, 5, 1)]

    def run(op):
        nested = torch.nested.nested_tensor(rows, layout=layout)
        with mode():
            return op(nested, weight, bias)

    same(run, name)


@linear_ops
def test_gradients_of_jagged(name):
    _, weight, bias = operands(name)

    def run(op):
        values = torch.linspace(-1, 1, 48).view(8, 6).requires_grad_()
        nested = torch.nested.nested_tensor_from_jagged(values, torch.tensor([0, 2, 7, 8]))
        leaf = weight.clone().requires_grad_()
        op(nested, leaf, bias).values().pow(2).sum().backward()
        return values.grad, leaf.grad

    same(run, name)


def test_loss_of_jagged():
    def run(op):
        values = torch.full((8, 3), 0.3).requires_grad_()
        offsets = torch.tensor([0, 2, 7, 8])
        nested = torch.nested.nested_tensor_from_jagged(values, offsets)
        target = torch.nested.nested_tensor_from_jagged(torch.ones(8, 3), nested.offsets())
        op(nested, target).backward()
        return values.grad

    same(run, "binary_cross_entropy")


@linear_ops
def test_modules_take_jagged(name):
    rows = [torch.ones(n, 6) for n in (2, 5)]
    layer = {"linear_sigmoid": ink.LinearSigmoid, "linear_relu": ink.LinearReLU}[name](6, 2)
    output = layer(torch.nested.nested_tensor(rows, layout=torch.jagged))
    for part, row in zip(output.unbind(), rows, strict=True):
        torch.testing.assert_close(part, layer(row))


# --- subclasses ----------------------------------------------------------------------------------


class Quantized(torch.Tensor):
    """A weight that knows F.linear and F.conv2d alone, as torchao's do: twice its elements."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            if func in (F.linear, F.conv2d):
                input, weight, *rest = args
                return func(input, 2 * weight.as_subclass(torch.Tensor), *rest, **(kwargs or {}))
            if func is torch.Tensor.__repr__ or "__get__" in str(func):
                return func(*args, **(kwargs or {}))
        raise NotImplementedError(func)


class Wrapped(torch.Tensor):
    """Holds another tensor, and knows aten's ops alone."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, elements):
        return torch.Tensor._make_wrapper_subclass(
            cls, elements.shape, dtype=elements.dtype, strides=elements.stride()
        )

    def __init__(self, elements):
        self.elements = elements

    def __repr__(self):
        return f"Wrapped({self.elements})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if func.namespace != "aten":
            return NotImplemented
        args, kwargs = pytree.tree_map_only(cls, lambda t: t.elements, (args, kwargs or {}))
        return pytree.tree_map_only(torch.Tensor, cls, func(*args, **kwargs))


class Logged(torch.Tensor):
    """Counts what is called with it."""

    calls: list[object]

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(func)
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("name", [*LINEAR, "conv2d", "conv2d_relu_max_pool2d"])
def test_a_quantized_weight(name):
    input, weight, bias = operands(name)
    run = lambda op: op(input, weight.as_subclass(Quantized), bias)  # noqa: E731
    same(run, name)
    twice = getattr(reference, name)(input, 2 * weight, bias)
    torch.testing.assert_close(run(getattr(functional, name)), twice)


@every_op
def test_torch_function_sees_the_native_calls(name):
    seen = []
    for module in (functional, reference):
        Logged.calls = []
        input, *others = operands(name)
        getattr(module, name)(input.as_subclass(Logged), *others)
        seen.append(Logged.calls)
    ours, native = seen
    assert [call for call in ours if call in native] == native
    assert all(getattr(call, "__name__", "") in ("__get__", "dim", "size") for call in ours
               if call not in native)  # fmt: skip


@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize(
    "wrap", [lambda t: Wrapped(t.clone()), lambda t: TwoTensor(t.clone(), t.clone())],
    ids=["wrapper", "two tensors"],
)  # fmt: skip
@every_op
def test_torch_dispatch_subclasses(name, wrap, which):
    tensors = operands(name)
    same(lambda op: forward_backward(op, tensors, wrap, which), name)


@every_op
def test_registered_ops_decompose(name):
    """A subclass that is handed one of our ops can call func.decompose, as for aten's."""

    class Decomposing(Wrapped):
        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            if func.namespace == "aten":
                return super().__torch_dispatch__(func, types, args, kwargs)
            return func.decompose(*args, **(kwargs or {}))

    tensors = operands(name)
    overload = getattr(torch.ops.inkgrad, name).default
    output = overload(Decomposing(tensors[0]), *tensors[1:])
    output = output[0] if isinstance(output, tuple) else output
    expected = getattr(functional, name)(*tensors)
    torch.testing.assert_close(output.elements, expected)


@every_op
def test_functionalize(name):
    tensors = operands(name)
    same(lambda op: torch.func.functionalize(op)(*tensors), name)


class Recorded(TorchDispatchMode):
    """The ops that a mode sees."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen = [*getattr(self, "seen", []), func]
        return func(*args, **(kwargs or {}))


@every_op
def test_a_mode_sees_the_op(name):
    tensors = operands(name)
    with Recorded() as mode:
        outputs = forward_backward(getattr(functional, name), tensors)
    expected = forward_backward(getattr(reference, name), tensors)
    torch.testing.assert_close(outputs, expected)
    assert getattr(torch.ops.inkgrad, name).default in mode.seen


# --- distributed ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mesh():
    import torch.distributed as dist
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", rank=0, world_size=1, store=FakeStore())
    yield dist.device_mesh.init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.mark.parametrize("placements", ["rows", "columns", "both"])
@pytest.mark.parametrize("registered", [False, True], ids=["function", "op"])
@linear_ops
def test_dtensor(name, placements, registered, mesh):
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    of_input, of_weight = {
        "rows": (Shard(0), Replicate()),
        "columns": (Replicate(), Shard(0)),
        "both": (Shard(1), Shard(1)),
    }[placements]
    input, weight, _ = operands(name)

    def run(op):
        x = distribute_tensor(input, mesh, [of_input]).requires_grad_()
        w = distribute_tensor(weight, mesh, [of_weight]).requires_grad_()
        output = op(x, w)
        output.sum().backward()
        return output.full_tensor().detach(), x.grad.full_tensor(), w.grad.full_tensor()

    ours = run(getattr(torch.ops.inkgrad if registered else functional, name))
    for mine, theirs in zip(ours, run(getattr(reference, name)), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "conv2d", "conv2d_relu_max_pool2d"])
def test_dtensor_of_the_others(name, mesh):
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    input, weight, _ = operands(name)
    of_weight = Shard(0) if name == "binary_cross_entropy" else Replicate()

    def run(op):
        x = distribute_tensor(input, mesh, [Shard(0)]).requires_grad_()
        op(x, distribute_tensor(weight, mesh, [of_weight])).sum().backward()
        return x.grad.full_tensor()

    torch.testing.assert_close(run(getattr(functional, name)), run(getattr(reference, name)))


def test_tensor_parallel(mesh):
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )

    model = nn.Sequential(ink.LinearReLU(6, 4), ink.LinearSigmoid(4, 2))
    input = operands("linear_relu")[0]
    expected = model(input).detach()
    parallelize_module(model, mesh, {"0": ColwiseParallel(), "1": RowwiseParallel()})
    output = model(input)
    torch.testing.assert_close(output.detach(), expected)
    output.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
