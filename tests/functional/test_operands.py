"""Operands of the registered ops that do not fit together: an error, never another size, a signal
or a write beyond the end. Autograd never passes them, but graphs and callers can."""

import pytest
import torch

from comparing import needs_extension
from inkgrad.check.checks import registered_calls
from inkgrad.check.fuzz.ops import replacements, wrong_result
from inkgrad.check.ops import OPS, Case

pytestmark = needs_extension
every_op = pytest.mark.parametrize("name", OPS)
CONV = Case("", ((2, 3, 8, 9), (4, 3, 3, 3), (4,)))  # as large as kernels of ours take
CASES = {name: CONV if name.startswith("conv2d") else op.cases[0] for name, op in OPS.items()}


def calls(name, dtype=torch.float32):
    """The registered forward and backward of a case, with good operands."""
    op = OPS[name]
    for overload, arguments in registered_calls(op, CASES[name], op.inputs(CASES[name], dtype)):
        defaults = [each.default_value for each in overload._schema.arguments[len(arguments) :]]
        operands = [*arguments, *defaults]
        yield overload, [o.detach() if isinstance(o, torch.Tensor) else o for o in operands]


def on(device, operands):
    return [o.to(device) if isinstance(o, torch.Tensor) else o for o in operands]


# On meta tensors, whose sizes are Python's ints, torch's errors are Python's.
ERRORS = {"cpu": RuntimeError, "meta": Exception}
every_device = pytest.mark.parametrize("where", ERRORS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@every_op
def test_one_operand_that_does_not_fit(name, dtype):
    for overload, operands in calls(name, dtype):
        for at, operand in enumerate(operands):
            for other in replacements(operand):
                changed = [*operands[:at], other, *operands[at + 1 :]]
                assert wrong_result(overload, changed) is None, (overload, at, other)


@every_device
@every_op
def test_operands_of_backward_that_would_broadcast(name, where):
    """torch's elementwise ops take them, but the gradients would be those of another call."""
    _, (overload, operands) = calls(name)
    operands = on(where, operands)
    for at, operand in enumerate(operands):
        if isinstance(operand, torch.Tensor) and operand.dim():
            with pytest.raises((RuntimeError, ValueError)):
                overload(*operands[:at], operand[:1], *operands[at + 1 :])


@every_device
@every_op
def test_grad_output_of_another_call(name, where):
    _, (overload, operands) = calls(name)
    operands = on(where, operands)
    shape = [size + 1 for size in operands[0].shape] or [2]
    for other in (operands[0].new_zeros(shape), operands[0].half()):
        with pytest.raises(RuntimeError, match="grad_output"):
            overload(other, *operands[1:])


@pytest.mark.parametrize(
    ("options", "value"),
    [
        *((at, value) for at in (-5, -4, -3) for value in ([], [1, 1, 1])),
        *((-5, value) for value in ([0], [0, 1], [-1], [1, -1])),  # stride
        *((-4, value) for value in ([-1], [2**62], [2**63 - 1], [0, 2**63 - 1])),  # padding
        *((-3, value) for value in ([0], [-1], [2**61], [2**62], [2**63 - 1])),  # dilation
        *((-2, value) for value in (0, -1, 2, 2**63 - 1)),  # groups
    ],
    ids=str,
)
@every_device
@pytest.mark.parametrize("which", [0, 1], ids=["forward", "backward"])
def test_options_of_conv2d(which, options, value, where):
    overload, operands = list(calls("conv2d"))[which]
    operands = on(where, operands)
    operands[options + 1 - which] = value
    with pytest.raises(ERRORS[where]):
        overload(*operands)


@pytest.mark.parametrize("window", [[], [2, 2, 2], [0], [-1], [16, 16], [17, 17], [1, 2**63 - 1]],
                         ids=str)  # fmt: skip
@every_device
@pytest.mark.parametrize("which", [0, 1], ids=["forward", "backward"])
def test_windows(which, window, where):
    overload, operands = list(calls("conv2d_relu_max_pool2d"))[which]
    operands = on(where, operands)
    operands[-1 - which] = window
    with pytest.raises(ERRORS[where]):
        overload(*operands)


@pytest.mark.parametrize("reduction", [-1, 3, 2**31, 2**63 - 1])
def test_unknown_reductions(reduction):
    for overload, operands in calls("binary_cross_entropy"):
        operands[4 if overload.name().endswith("_backward") else 3] = reduction
        with pytest.raises(ValueError, match="reduction"):
            overload(*operands)


def test_indices_that_no_window_has():
    """The window has 4 elements: no read outside of anything."""
    _, (overload, operands) = calls("conv2d_relu_max_pool2d")
    for index in (4, 254):
        operands[3] = torch.full_like(operands[3], index)
        for gradient, operand in zip(overload(*operands), (operands[1], operands[2]), strict=False):
            assert gradient.shape == operand.shape
