"""The registered ops themselves, torch.ops.inkgrad: what a graph of torch.compile or export calls.

inkgrad.functional only translates arguments for them. A backward op is an op like any other: its
derivatives are asked for by whoever differentiates twice.
"""

import itertools
import math

import pytest
import torch
from torch.func import grad, jvp, vmap

from comparing import assert_close, assert_equal, needs_extension
from inkgrad.check.checks import registered_calls
from inkgrad.check.derivatives import noise
from inkgrad.check.ops import OPS, Case

pytestmark = needs_extension
every_op = pytest.mark.parametrize("name", OPS)


def calls(name, case=None, device="cpu"):
    """((forward, arguments), (backward, arguments)) of a case, in float64."""
    op = OPS[name]
    case = op.cases[0] if case is None else case
    return list(registered_calls(op, case, op.inputs(case, torch.float64, device)))


def of_tensors(overload, arguments):
    """The op as a function of its differentiable tensors alone, and those tensors."""
    at = [i for i, a in enumerate(arguments) if isinstance(a, torch.Tensor) and a.requires_grad]

    def function(*tensors):
        filled = list(arguments)
        for i, tensor in zip(at, tensors, strict=True):
            filled[i] = tensor
        results = overload(*filled)
        results = results if isinstance(results, tuple) else (results,)
        return tuple(r for r in results if r is not None and r.is_floating_point())

    return function, [arguments[i].detach() for i in at]


@pytest.mark.parametrize("which", [0, 1], ids=["forward", "backward"])
@every_op
def test_derivatives(name, which, device):
    """gradcheck, forward mode and gradgradcheck by every tensor, grad_output and output too."""
    overload, arguments = calls(name, device=device)[which]
    if overload is torch.ops.inkgrad.linear_relu_backward.default:
        # Only the sign of the output counts: move it off the step, where differences are infinite.
        output = arguments[3].detach()
        output = torch.where(output > 0, output, -1).requires_grad_()
        arguments = (*arguments[:3], output, *arguments[4:])
    function, tensors = of_tensors(overload, arguments)
    tensors = [tensor.requires_grad_() for tensor in tensors]
    torch.autograd.gradcheck(function, tensors, fast_mode=True, check_forward_ad=True)
    torch.autograd.gradgradcheck(function, tensors, fast_mode=True)


@pytest.mark.parametrize("which", [0, 1], ids=["forward", "backward"])
@every_op
def test_transforms(name, which, device):
    """Never zeros: derivatives inside torch.func equal those outside of it."""
    function, tensors = of_tensors(*calls(name, device=device)[which])

    def scalar(*tensors):
        return sum((result**2).sum() for result in function(*tensors))

    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    expected = torch.autograd.grad(scalar(*leaves), leaves)
    argnums = tuple(range(len(tensors)))
    assert_close(grad(scalar, argnums)(*tensors), expected)
    directions = [noise(tensor, seed=70 + i) for i, tensor in enumerate(tensors)]
    slope = sum((g * d).sum() for g, d in zip(expected, directions, strict=True))
    assert slope != 0
    assert_close(jvp(scalar, tuple(tensors), tuple(directions))[1], slope, error=1e-12)
    batch = [torch.stack([tensor, tensor.flip(0)]) for tensor in tensors]
    for k, each in enumerate(zip(*vmap(function)(*batch), strict=True)):
        assert_close(each, function(*[tensor[k] for tensor in batch]))


@every_op
def test_output_mask(name, device):
    """Gradients that the mask leaves out are None; the others are unchanged."""
    _, (backward, arguments) = calls(name, device=device)
    arguments = [a.detach() if isinstance(a, torch.Tensor) else a for a in arguments]
    full = backward(*arguments)
    number = len(arguments[-1])
    for mask in itertools.product([True, False], repeat=number):
        gradients = backward(*arguments[:-1], list(mask))
        assert len(gradients) == number
        for gradient, wanted, want in zip(gradients, mask, full, strict=True):
            if wanted:
                assert torch.equal(gradient, want)
            else:
                assert gradient is None or gradient.numel() == 0


def test_indices_of_the_pool_take_one_byte(device):
    """They are what fusing keeps in place of the unpooled image."""
    (forward, arguments), _ = calls("conv2d_relu_max_pool2d", device=device)
    output, indices = forward(*arguments)
    assert indices.dtype == torch.uint8
    assert indices.shape == output.shape
    assert not indices.requires_grad


def test_indices_of_the_pool_count_along_the_window(device):
    """Row by row inside the window; 255 if the maximum does not pass the ReLU."""
    case = Case("", ((1, 1, 15, 17), (1, 1, 1, 1)), {"kernel_size": (15, 17)})
    (forward, arguments), _ = calls("conv2d_relu_max_pool2d", case, device)
    arguments = list(arguments)
    arguments[1] = torch.ones_like(arguments[1])
    for value, saved in ((1, lambda place: place), (math.nan, lambda place: place),
                         (0, lambda _: 255)):  # fmt: skip
        for place in (0, 1, 16, 17, 18, 128, 254):
            image = torch.full((255,), -1, dtype=torch.float64, device=device)
            image[place] = value
            output, indices = forward(image.view(1, 1, 15, 17), *arguments[1:])
            assert_equal(output.cpu().view(()), torch.tensor(value, dtype=torch.float64))
            assert indices.item() == saved(place)
