"""inkgrad.autograd.grad gives what torch.autograd.grad gives: gradients, errors, hooks."""

import threading

import pytest
import torch
from torch import Tensor

from comparing import assert_equal, needs_extension
from inkgrad import functional as F
from inkgrad.autograd import grad


def leaf(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.rand(shape, generator=generator, dtype=dtype).requires_grad_()


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


def layer(x, w, b):
    return F.linear_sigmoid(x, w, b)


def target(*shape):
    return leaf(*shape).detach().round()


X, W, B = leaf(7, 5), leaf(3, 5), leaf(3)
IMAGES, FILTERS = leaf(4, 2, 9, 9), leaf(3, 2, 3, 3)
# Each: the output, and the leaves that it depends on.
GRAPHS = {
    "one op": lambda: (layer(X, W, B), (X, W, B)),
    "a loss": lambda: (F.binary_cross_entropy(X, target(7, 5)), (X,)),
    "a layer and a loss": lambda: (
        F.binary_cross_entropy(layer(X, W, B), target(7, 3)),
        (X, W, B),
    ),
    "a convolution and a layer": lambda: (
        F.linear_relu(
            F.conv2d_relu_max_pool2d(IMAGES, FILTERS, B).flatten(1), leaf(2, 27), None
        ).mean(),
        (IMAGES, FILTERS, B),
    ),
    "weights used twice": lambda: (layer(layer(X, leaf(5, 5), None), W, B).sum(), (X, W, B)),
    "the same leaf at several nodes": lambda: ((X * X * X).sum(), (X,)),
    "the same weight in two layers": lambda: (
        lambda w: (F.linear_relu(F.linear_relu(X, w), w).sum(), (X, w))
    )(leaf(5, 5)),
    "a sum of two branches": lambda: ((torch.sin(X * 2) + torch.cos(X * 3)).sum(), (X,)),
    "broadcast": lambda: ((torch.sigmoid(leaf(7, 3) * 1.0) + B).sum(), (B,)),
    "broadcast along the path": lambda: ((B.exp() * target(7, 3)).sum(), (B,)),
    "another dtype on the way": lambda: (torch.exp(X.double()).sum(), (X,)),
    "a view": lambda: (X.t()[1:].reshape(-1).square().sum(), (X,)),
    "an output of several": lambda: (X.unbind(1)[2].exp().sum(), (X,)),
    "indices that have no gradient": lambda: (X.max(dim=1).values.sum(), (X,)),
    "a function in Python": lambda: (Twice.apply(torch.sin(X)).sum(), (X,)),
    "no op at all": lambda: (leaf(1), ()),
}
every_graph = pytest.mark.parametrize("name", GRAPHS)


def cotangent(output):
    return torch.linspace(-1, 2, output.numel(), dtype=output.dtype).view_as(output)


@pytest.mark.core
@every_graph
@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients(name, create_graph):
    results = []
    for function in (grad, torch.autograd.grad):
        output, leaves = GRAPHS[name]()
        leaves = leaves or (output,)
        results.append(function(output, leaves, cotangent(output), create_graph=create_graph))
    ours, theirs = results
    assert isinstance(ours, tuple)
    for actual, expected in zip(ours, theirs, strict=True):
        assert_equal(actual.detach(), expected.detach())
        assert actual.requires_grad == expected.requires_grad


@pytest.mark.core
@every_graph
def test_gradient_of_a_scalar(name):
    results = []
    for function in (grad, torch.autograd.grad):
        output, leaves = GRAPHS[name]()
        results.append(function(output.sum(), list(leaves) or [output]))
    for actual, expected in zip(*results, strict=True):
        assert_equal(actual, expected)


def test_second_derivatives():
    for function in (grad, torch.autograd.grad):
        (first,) = function(F.binary_cross_entropy(X, target(7, 5)), X, create_graph=True)
        (second,) = function(first.square().sum(), X)
        if function is grad:
            ours = second
    assert_equal(ours, second)


def test_some_of_the_leaves():
    for wanted in ((W,), (B, X), (X, B, W)):
        ours = grad(layer(X, W, B).sum(), wanted)
        theirs = torch.autograd.grad(layer(X, W, B).sum(), wanted)
        for actual, expected in zip(ours, theirs, strict=True):
            assert_equal(actual, expected)


def test_inputs_inside_the_graph_and_an_input_twice():
    hidden = layer(X, W, B)
    loss = F.binary_cross_entropy(hidden, target(7, 3))
    ours = grad(loss, (hidden, W), retain_graph=True)
    for actual, expected in zip(ours, torch.autograd.grad(loss, (hidden, W)), strict=True):
        assert_equal(actual, expected)
    first, second = grad(layer(X, W, B).sum(), (W, W))
    assert_equal(first, second)


def test_several_outputs():
    outputs = layer(X, W, B), X.exp()
    ours = grad(outputs, (X, W), [cotangent(o) for o in outputs], retain_graph=True)
    theirs = torch.autograd.grad(outputs, (X, W), [cotangent(o) for o in outputs])
    for actual, expected in zip(ours, theirs, strict=True):
        assert_equal(actual, expected)


def test_a_graph_is_freed_unless_it_is_retained():
    loss = layer(X, W, B).sum()
    first = grad(loss, W, retain_graph=True)
    assert_equal(grad(loss, W)[0], first[0])
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        grad(loss, W)


def test_an_unused_input():
    other = leaf(2)
    with pytest.raises(RuntimeError, match="appears to not have been used"):
        grad(X.sum(), (X, other))
    gradient, nothing = grad(X.sum(), (X, other), allow_unused=True)
    assert nothing is None
    assert_equal(gradient, torch.ones_like(X))


WRONG = {
    "no scalar": lambda: (layer(X, W, B), W),
    "no gradient": lambda: (X.detach().sum(), X),
    "an input without gradient": lambda: (X.sum(), X.detach()),
    "no inputs": lambda: (X.sum(), ()),
    "shape": lambda: (layer(X, W, B), W, torch.ones(7, 2)),
    "no gradients": lambda: (layer(X, W, B).sum(), W, ()),
    "no tensor": lambda: (1.0, X),
    "no tensor among the inputs": lambda: (X.sum(), (X, 2)),
    "complex scalar": lambda: (X.sum() + 1j, X),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_errors_are_those_of_torch(wrong):
    errors = []
    for function in (grad, torch.autograd.grad):
        with pytest.raises((RuntimeError, TypeError, AttributeError)) as caught:
            function(*WRONG[wrong]())
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]


def test_an_error_in_python_on_the_way_back_stays_what_it_is():
    class Fails(Twice):
        @staticmethod
        def backward(ctx, gradient):
            raise KeyError("on the way back")

    with pytest.raises(KeyError, match="on the way back"):
        grad(Fails.apply(X).sum(), X)


def test_hooks_are_called():
    seen = []
    x = leaf(4)
    x.register_hook(lambda gradient: seen.append("leaf") or 3 * gradient)
    hidden = torch.sin(x)
    hidden.register_hook(lambda gradient: seen.append("hidden") or 2 * gradient)
    loss = hidden.sum()
    loss.grad_fn.register_prehook(lambda grads: seen.append("before"))
    loss.grad_fn.register_hook(lambda *grads: seen.append("after"))
    (gradient,) = grad(loss, x)
    assert seen == ["before", "after", "hidden", "leaf"]
    assert_equal(gradient, 6 * torch.cos(x.detach()))


@pytest.mark.parametrize("place", ["leaf", "hidden", "before", "after"])
def test_each_hook_alone(place):
    seen = []
    x = leaf(4)
    hidden = torch.sin(x)
    loss = hidden.sum()
    register = {
        "leaf": x.register_hook,
        "hidden": hidden.register_hook,
        "before": loss.grad_fn.register_prehook,
        "after": loss.grad_fn.register_hook,
    }[place]
    register(lambda *gradients: seen.append(place))
    grad(loss, x)
    assert seen == [place]


def test_retained_gradients_are_kept():
    hidden = torch.sin(X)
    hidden.retain_grad()
    grad(hidden.sum(), X)
    assert_equal(hidden.grad, torch.ones_like(X))


def test_anomaly_mode_names_the_op():
    x = torch.zeros(3, requires_grad=True)
    with (
        pytest.warns(UserWarning, match="Anomaly Detection"),
        torch.autograd.detect_anomaly(check_nan=True),
        pytest.raises(RuntimeError, match="returned nan values"),
    ):
        grad((torch.sqrt(x) * 0).sum(), x)


def test_inside_a_transform():
    right = target(7, 5)

    def slope(function):
        def value(x):
            loss = F.binary_cross_entropy(x, right)
            return function(loss, x, create_graph=True)[0].square().sum()

        return torch.func.grad(value)(X.detach())

    assert_equal(slope(grad), slope(torch.autograd.grad))


def test_a_mode_sees_the_call():
    from torch.overrides import TorchFunctionMode

    class Watch(TorchFunctionMode):
        calls = 0

        def __torch_function__(self, function, types, args=(), kwargs=None):
            Watch.calls += function is torch.autograd.grad
            return function(*args, **(kwargs or {}))

    loss = X.sum()
    with Watch():
        grad(loss, X)
    assert Watch.calls == 1


def test_saved_tensor_hooks_are_called():
    packed = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: packed.append(t.shape) or t, lambda t: t
    ):
        loss = F.binary_cross_entropy(X, target(7, 5))
    grad(loss, X)
    assert packed


def test_in_place_changes_are_noticed():
    hidden = torch.exp(X)
    loss = hidden.square().sum()
    with torch.no_grad():
        hidden.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        grad(loss, X)


@needs_extension
def test_in_several_threads():
    expected = grad(layer(X, W, B).sum(), (X, W, B))
    wrong = []

    def work():
        for _ in range(200):
            for actual, right in zip(grad(layer(X, W, B).sum(), (X, W, B)), expected, strict=True):
                if not torch.equal(actual, right):
                    wrong.append(actual)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@needs_extension
def test_the_short_way_is_taken(monkeypatch):
    """Else everything above would compare torch with itself."""

    def fail(*args, **kwargs):
        raise AssertionError("torch.autograd.grad was called")

    monkeypatch.setattr(torch.autograd, "grad", fail)
    grad(layer(X, W, B).sum(), (X, W, B))
    grad(F.binary_cross_entropy(X, target(7, 5)), X)
