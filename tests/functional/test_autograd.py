"""The ops as citizens of autograd: who gets a gradient, what is saved, what is refused."""

import inspect
import itertools
import re
import warnings

import pytest
import torch

from comparing import assert_close, assert_equal, every_float, needs_extension
from inkgrad import functional
from inkgrad.check.ops import OPS, Case, bind

every_op = pytest.mark.parametrize("name", OPS)


def leaves_of(name, dtype=torch.float64, device="cpu", case=None):
    op = OPS[name]
    case = op.cases[0] if case is None else case
    return [
        t.requires_grad_(w)
        for t, w in zip(op.inputs(case, dtype, device), op.requires_grad(case), strict=True)
    ]


@every_float
@every_op
def test_any_subset_of_inputs_requires_grad(name, dtype, device):
    """Frozen layers and first layers: what needs no gradient gets none, the rest is unchanged."""
    op = OPS[name]
    number = len(leaves_of(name))
    for wanted in itertools.product([True, False], repeat=number):
        results = []
        for function in (op.fused, op.native):
            inputs = leaves_of(name, dtype, device)
            for tensor, want in zip(inputs, wanted, strict=True):
                tensor.requires_grad_(want)
            output = function(*inputs)
            assert output.requires_grad == any(wanted)
            if any(wanted):
                output.pow(2).sum().backward()
            results.append([t.grad for t in inputs])
            assert [t.grad is not None for t in inputs] == list(wanted)
        assert_close(*results)


@every_op
def test_second_derivative_by_a_subset(name, device):
    """create_graph with some inputs frozen: the double backward has its own masks."""
    op = OPS[name]
    number = len(leaves_of(name))
    for wanted in itertools.product([True, False], repeat=number):
        if not any(wanted):
            continue
        results = []
        for function in (op.fused, op.native):
            inputs = leaves_of(name, torch.float64, device)
            for tensor, want in zip(inputs, wanted, strict=True):
                tensor.requires_grad_(want)
            variables = [t for t in inputs if t.requires_grad]
            output = function(*inputs).pow(2).sum()
            grads = torch.autograd.grad(output, variables, create_graph=True)
            value = sum(g.pow(2).sum() for g in grads)
            results.append(torch.autograd.grad(value, variables))
        assert_close(*results)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@every_op
def test_without_gradients(name, mode, device):
    op = OPS[name]
    inputs = leaves_of(name, torch.float32, device)
    with mode():
        output = op.fused(*inputs)
        assert_close(output, op.native(*inputs))
    assert not output.requires_grad
    assert output.is_inference() == (mode is torch.inference_mode)


@every_op
def test_inference_tensors_as_inputs(name, device):
    """A tensor made in inference mode may be used outside, where nothing is recorded."""
    op = OPS[name]
    with torch.inference_mode():
        inputs = op.inputs(op.cases[0], torch.float32, device)
    assert_close(op.fused(*inputs), op.native(*inputs))


@every_op
def test_gradients_accumulate(name, device):
    op = OPS[name]
    inputs = leaves_of(name, torch.float64, device)
    for _ in range(2):
        op.fused(*inputs).sum().backward()
    twice = [tensor.grad for tensor in inputs]
    once = torch.autograd.grad(op.fused(*inputs).sum(), inputs)
    assert_close(twice, [2 * grad for grad in once])


@every_op
def test_a_graph_is_freed_and_kept_as_native_does(name, device):
    op = OPS[name]
    inputs = leaves_of(name, torch.float64, device)
    output = op.fused(*inputs).sum()
    first = torch.autograd.grad(output, inputs, retain_graph=True)
    second = torch.autograd.grad(output, inputs)
    for a, b in zip(first, second, strict=True):
        assert_equal(a, b)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(output, inputs)


@every_op
@pytest.mark.parametrize("changed", [0, 1])
def test_input_changed_after_the_forward(name, changed, device):
    """Gradients of values that are gone are refused, not computed wrongly."""
    op = OPS[name]
    inputs = [tensor * 1 for tensor in leaves_of(name, torch.float64, device)]
    outcomes = []
    for function in (op.fused, op.native):
        output = function(*inputs).sum()
        with torch.no_grad():
            inputs[changed].mul_(0.5)
        with pytest.raises(RuntimeError, match="modified by an inplace operation") as raised:
            torch.autograd.grad(output, inputs)
        outcomes.append(type(raised.value))
    assert outcomes[0] is outcomes[1]


@every_op
def test_output_may_be_changed_in_place(name, device):
    """x = op(...); x += 1 is legal unless the backward needs the output: never wrong in silence.

    That of the pool does not, as torch's does not with the ReLU before it.
    """
    op = OPS[name]

    def attempt(function, in_place=True):
        inputs = leaves_of(name, torch.float64, device)
        output = function(*inputs)
        output = output.add_(1) if in_place else output + 1
        try:
            return torch.autograd.grad(output.sum(), inputs)
        except RuntimeError as error:
            return str(error)

    ours, native = attempt(op.fused), attempt(op.native)
    if name == "conv2d_relu_max_pool2d":
        native = attempt(op.native, in_place=False)
    if isinstance(native, str):
        assert "modified by an inplace operation" in ours
    else:
        assert_close(ours, native)


def test_a_pool_changed_in_place_has_second_derivatives(device):
    op, results = OPS["conv2d_relu_max_pool2d"], []
    for function in (op.fused, op.native):
        leaves = leaves_of("conv2d_relu_max_pool2d", torch.float64, device)
        output = function(*leaves)
        output = output.mul_(-3).sigmoid_() if function is op.fused else (output * -3).sigmoid()
        grads = torch.autograd.grad(output.square().sum(), leaves, create_graph=True)
        total = sum(grad.square().sum() for grad in grads)
        results.append((*grads, *torch.autograd.grad(total, leaves)))
    for ours, native in zip(*results, strict=True):
        assert_close(ours, native)


@every_op
def test_gradient_hooks_and_non_leaf_inputs(name, device):
    op = OPS[name]
    seen = []
    inputs = leaves_of(name, torch.float64, device)
    inner = [tensor * 1 for tensor in inputs]
    for tensor in inner:
        tensor.register_hook(seen.append)
    op.fused(*inner).sum().backward()
    assert len(seen) == len(inputs)


@every_op
def test_named_arguments(name, device):
    """The names of torch.nn.functional's arguments, in any order."""
    op = OPS[name]
    names = {
        "linear_sigmoid": ("input", "weight", "bias"),
        "linear_relu": ("input", "weight", "bias"),
        "binary_cross_entropy": ("input", "target", "weight"),
        "conv2d": ("input", "weight", "bias"),
        "conv2d_relu_max_pool2d": ("input", "weight", "bias"),
    }[name]
    inputs = op.inputs(op.cases[0], torch.float64, device)
    by_name = dict(reversed(list(zip(names, inputs, strict=False))))
    assert_equal(op.fused(**by_name), op.fused(*inputs))


def test_positional_arguments_in_torchs_order(device):
    """stride, padding, dilation, groups; weight, size_average, reduce, reduction."""
    conv, bce = OPS["conv2d"], OPS["binary_cross_entropy"]
    case = Case("", ((2, 4, 9, 9), (6, 2, 3, 3), (6,)))
    inputs = conv.inputs(case, torch.float64, device)
    assert_close(conv.fused(*inputs, 2, 1, 3, 2), conv.native(*inputs, 2, 1, 3, 2))
    pooled = OPS["conv2d_relu_max_pool2d"]
    assert_close(pooled.fused(*inputs, 1, 1, 2, 2, 3), pooled.native(*inputs, 1, 1, 2, 2, 3))
    inputs = bce.inputs(Case("", ((4, 3),) * 3), torch.float64, device)
    settings = (None, None, "sum")
    assert_close(bce.fused(*inputs, *settings), bce.native(*inputs, *settings))


@pytest.mark.parametrize("reduce", [None, True, False])
@pytest.mark.parametrize("size_average", [None, True, False])
def test_legacy_arguments_of_the_loss(size_average, reduce, device):
    """size_average and reduce override reduction, with torch's own warning."""
    op = OPS["binary_cross_entropy"]
    inputs = op.inputs(op.cases[0], torch.float64, device)
    outcomes = []
    for function in (op.fused, op.native):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = function(*inputs, size_average=size_average, reduce=reduce, reduction="none")
        outcomes.append((value, [(w.category, str(w.message)) for w in caught]))
    assert_close(outcomes[0][0], outcomes[1][0])
    assert outcomes[0][1] == outcomes[1][1]


@every_op
def test_subclasses_and_modes_see_the_op(name):
    """__torch_function__ is honoured: quantities, named tensors and tracers wrap tensors."""

    class Wrapped(torch.Tensor):
        pass

    inputs = [t.as_subclass(Wrapped) for t in OPS[name].inputs(OPS[name].cases[0], torch.float32)]
    assert type(OPS[name].native(*inputs)) is Wrapped
    assert type(OPS[name].fused(*inputs)) is Wrapped


@needs_extension
@pytest.mark.parametrize(
    "name", ["conv2d", "conv2d_relu_max_pool2d", "linear_relu", "linear_sigmoid"]
)
def test_what_is_saved_for_backward(name, device):
    """Inputs, of linear layers the output, and of pooling small indices: never an image."""
    op = OPS[name]
    case = {
        "conv2d_relu_max_pool2d": Case("", ((4, 3, 18, 18), (8, 3, 3, 3), (8,)), {"kernel_size": 4})
    }.get(name, op.cases[0])
    inputs = leaves_of(name, torch.float32, device, case)
    saved = []

    def pack(tensor):
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = bind(op.fused, case)(*inputs)
    may_be_saved = (*inputs, output) if name.startswith("linear") else inputs
    known = {tensor.data_ptr() for tensor in may_be_saved}
    extra = [tensor for tensor in saved if tensor.data_ptr() not in known]
    bytes_per_output = sum(t.untyped_storage().nbytes() for t in extra) / output.numel()
    assert bytes_per_output <= (1 if name == "conv2d_relu_max_pool2d" else 0)


@pytest.mark.parametrize("name", functional.__all__)
def test_public_ops_are_documented(name):
    """Every op is in these tests, and its docstring names its arguments, result and errors."""
    function = getattr(functional, name)
    assert name in OPS
    assert function.__name__ == name
    doc = inspect.getdoc(function)
    for other in re.findall(r":func:`(\w+)`", doc):
        doc += inspect.getdoc(getattr(functional, other))
    for argument in inspect.signature(function).parameters:
        assert re.search(rf"^ +([\w, ]+, )?{argument}\b.*:", doc, re.MULTILINE), argument
    assert re.search(r"Returns:\n.*``\(.*\)``|Returns:\n.*scalar", doc)
    assert "Raises:" in doc


@pytest.mark.parametrize("name", ["linear_sigmoid", "linear_relu"])
@pytest.mark.parametrize("trained", [0, 1, 2])
@pytest.mark.parametrize("changed", [0, 1])
def test_what_no_gradient_is_computed_from_may_change(name, trained, changed):
    """A linear layer keeps its input for the weight's gradient alone, and the reverse."""
    outcomes = []
    for function in (OPS[name].fused, OPS[name].native):
        torch.manual_seed(0)
        tensors = [torch.randn(5, 4), torch.randn(3, 4), torch.randn(3)]
        tensors[trained].requires_grad_()
        output = function(*tensors)
        with torch.no_grad():
            tensors[changed].mul_(2)
        try:
            output.sum().backward()
            outcomes.append(tensors[trained].grad)
        except RuntimeError as error:
            outcomes.append(str(error))
    ours, native = outcomes
    if isinstance(native, str):
        assert "modified by an inplace operation" in native
        assert "modified by an inplace operation" in ours
    else:
        assert_close(ours, native)
