"""The gradient that binary_cross_entropy leaves on the CPU while it computes the loss.

Other tests hold the derivatives to native's; these, that it is used once, where it is the right
one, and that nobody can tell otherwise.
"""

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from comparing import assert_close, assert_equal, every_dtype, every_half, needs_extension
from inkgrad import functional

pytestmark = needs_extension


def operands(dtype, size=20_000, weighted=False):
    """More than two chunks."""
    generator = torch.Generator().manual_seed(0)
    x, target, weight = (torch.rand(size, generator=generator).to(dtype) for _ in range(3))
    return x.requires_grad_(), target, weight if weighted else None


def by_the_op(x, target, weight, reduction, grad_output):
    op = torch.ops.inkgrad.binary_cross_entropy_backward
    code = {"mean": 1, "sum": 2}[reduction]
    return op(grad_output, x.detach(), target, weight, code, [True, False])[0]


@every_dtype
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_what_backward_computes(reduction, weighted, dtype):
    x, target, weight = operands(dtype, weighted=weighted)
    loss = functional.binary_cross_entropy(x, target, weight, reduction=reduction)
    with torch.no_grad():
        assert_equal(
            loss.detach(), functional.binary_cross_entropy(x, target, weight, reduction=reduction)
        )
    (grad,) = torch.autograd.grad(loss, x)
    assert_equal(grad, by_the_op(x, target, weight, reduction, torch.ones((), dtype=dtype)))


@every_dtype
@pytest.mark.parametrize("factor", [0.25, -3.7])
def test_a_loss_that_is_scaled(factor, dtype):
    x, target, _ = operands(dtype)
    (grad,) = torch.autograd.grad(functional.binary_cross_entropy(x, target) * factor, x)
    scale = torch.tensor(factor, dtype=dtype)
    assert_close(grad, by_the_op(x, target, None, "mean", scale))


@every_half
def test_a_scaled_loss_of_a_half_type_is_rounded_once(dtype):
    """The mean's gradient vanishes in float16 unless it is scaled first, as a GradScaler does."""
    x, target, _ = operands(dtype, size=1 << 20)
    (grad,) = torch.autograd.grad(functional.binary_cross_entropy(x, target) * 4096, x)
    scale = torch.tensor(4096, dtype=dtype)
    assert_equal(grad, by_the_op(x, target, None, "mean", scale))


def test_backward_twice():
    """The caller owns the result of the first call, and may change it."""
    x, target, _ = operands(torch.float32)
    loss = functional.binary_cross_entropy(x, target)
    (first,) = torch.autograd.grad(loss, x, retain_graph=True)
    expected = first.clone()
    first.zero_()
    for _ in range(2):
        (again,) = torch.autograd.grad(loss, x, retain_graph=True)
        assert_equal(again, expected)


def test_it_is_differentiated_with_a_graph_of_its_own():
    x, target, _ = operands(torch.float64, size=50)

    def second(function):
        (grad,) = torch.autograd.grad(function(x, target), x, create_graph=True)
        return grad.detach(), *torch.autograd.grad(grad.square().sum(), x)

    assert_close(second(functional.binary_cross_entropy), second(F.binary_cross_entropy))


@pytest.mark.parametrize("changed", ["input", "target"])
def test_operands_that_were_changed_are_an_error(changed):
    x, target, _ = operands(torch.float32)
    probability = x.sigmoid()
    loss = functional.binary_cross_entropy(probability, target)
    with torch.no_grad():
        {"input": probability, "target": target}[changed].mul_(0.5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_batch_of_gradients():
    x, target, _ = operands(torch.float64)
    factors = torch.tensor([1.0, 2.0, -0.5], dtype=torch.float64)

    def batch(function):
        return torch.autograd.grad(function(x, target), x, factors, is_grads_batched=True)

    assert_close(batch(functional.binary_cross_entropy), batch(F.binary_cross_entropy))


def test_who_watches_sees_every_call():
    """Under a mode the loss and its gradient are two calls of ops, as the mode expects."""
    names = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.append(func.name())
            return func(*args, **(kwargs or {}))

    x, target, _ = operands(torch.float32)
    with Watch():
        torch.autograd.grad(functional.binary_cross_entropy(x, target), x)
    assert [name for name in names if name.startswith("inkgrad")] == [
        "inkgrad::binary_cross_entropy",
        "inkgrad::binary_cross_entropy_backward",
    ]


def test_the_loss_of_a_target_that_requires_grad_too():
    x, target, _ = operands(torch.float64, size=50)
    target.requires_grad_()
    results = [
        torch.autograd.grad(function(x, target), (x, target))
        for function in (functional.binary_cross_entropy, F.binary_cross_entropy)
    ]
    assert_close(*results)


# ---- saved-tensor hooks


def test_saved_tensor_hooks_see_it():
    """Offloading has to move it, too."""
    x, target, _ = operands(torch.float32)
    packed = []

    def pack(tensor):
        packed.append(tensor)
        return len(packed) - 1

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda number: packed[number]):
        loss = functional.binary_cross_entropy(x, target)
    (expected,) = torch.autograd.grad(F.binary_cross_entropy(x, target), x)
    assert len(packed) == 3
    assert_close(packed[2], expected)
    packed[2] = torch.full_like(packed[2], 7)
    (grad,) = torch.autograd.grad(loss, x)
    assert_equal(grad, packed[2])


def test_save_on_cpu():
    x, target, _ = operands(torch.float32)
    with torch.autograd.graph.save_on_cpu():
        loss = functional.binary_cross_entropy(x, target)
    results = [torch.autograd.grad(loss, x, retain_graph=True)[0] for _ in range(2)]
    (expected,) = torch.autograd.grad(F.binary_cross_entropy(x, target), x)
    for result in results:
        assert_close(result, expected)


def test_a_hook_that_raises():
    def refuse(value):
        raise LookupError("no room")

    x, target, _ = operands(torch.float32)
    with (
        torch.autograd.graph.saved_tensors_hooks(refuse, lambda tensor: tensor),
        pytest.raises(LookupError, match="no room"),
    ):
        functional.binary_cross_entropy(x, target)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, refuse):
        loss = functional.binary_cross_entropy(x, target)
    with pytest.raises(LookupError, match="no room"):
        loss.backward()


def test_hooks_disabled():
    x, target, _ = operands(torch.float32)
    with torch.autograd.graph.disable_saved_tensors_hooks("none here"):
        loss = functional.binary_cross_entropy(x, target)
    (expected,) = torch.autograd.grad(F.binary_cross_entropy(x, target), x)
    assert_close(torch.autograd.grad(loss, x)[0], expected)


def test_checkpoint():
    """Recomputing saves as many tensors as the first pass did."""
    x, target, _ = operands(torch.float32)

    def gradient(function):
        loss = torch.utils.checkpoint.checkpoint(
            lambda x: function(x.sigmoid(), target), x, use_reentrant=False
        )
        return torch.autograd.grad(loss, x)[0]

    assert_close(gradient(functional.binary_cross_entropy), gradient(F.binary_cross_entropy))


def test_it_is_freed_with_the_graph():
    """Backward returns the very memory that forward wrote: no copy, and nobody else holds it."""
    x, target, _ = operands(torch.float32)
    packed = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: packed.append(tensor.data_ptr()) or tensor, lambda tensor: tensor
    ):
        loss = functional.binary_cross_entropy(x, target)
    loss.backward()
    assert x.grad.data_ptr() == packed[2]


@pytest.mark.parametrize(("weight", "factor"), [(1e30, 1e-30), (1e-30, 1e30), (1.0, torch.inf)])
def test_a_scaled_loss_overflows_where_native_does(weight, factor):
    x = torch.tensor([0.0, 1.0, 0.5]).requires_grad_()
    target = torch.tensor([1.0, 0.0, 0.25])
    weights = torch.full((3,), weight)
    for reduction in ("mean", "sum"):
        ours, native = (
            torch.autograd.grad(function(x, target, weights, reduction=reduction) * factor, x)[0]
            for function in (functional.binary_cross_entropy, F.binary_cross_entropy)
        )
        torch.testing.assert_close(ours, native)
