"""Derivatives against finite differences, in every mode that gradcheck knows."""

import pytest
import torch

from inkgrad.check.ops import OPS, bind

SMALL = [(name, case) for name, op in OPS.items() for case in op.cases if case.small]
every_case = pytest.mark.parametrize(
    ("name", "case"), SMALL, ids=[f"{name}-{case.name.replace(' ', '-')}" for name, case in SMALL]
)


def problem(name, case, device):
    op = OPS[name]
    inputs = [
        tensor.requires_grad_(wanted)
        for tensor, wanted in zip(
            op.inputs(case, torch.float64, device), op.requires_grad(case), strict=True
        )
    ]
    return bind(op.fused, case), inputs


@every_case
def test_gradcheck(name, case, device):
    call, inputs = problem(name, case, device)
    torch.autograd.gradcheck(
        call, inputs, check_batched_grad=True, check_forward_ad=True, check_undefined_grad=True
    )


@every_case
def test_gradcheck_fast_mode(name, case, device):
    """A random projection of the whole Jacobian at once, also of batched forward derivatives."""
    call, inputs = problem(name, case, device)
    torch.autograd.gradcheck(
        call,
        inputs,
        fast_mode=True,
        check_batched_grad=True,
        check_forward_ad=True,
        # Native max_pool2d itself cannot push a batch of tangents forward.
        check_batched_forward_grad=name != "conv2d_relu_max_pool2d",
    )


@every_case
def test_gradgradcheck(name, case, device):
    call, inputs = problem(name, case, device)
    torch.autograd.gradgradcheck(
        call, inputs, check_batched_grad=True, gen_non_contig_grad_outputs=True
    )


@every_case
def test_gradgradcheck_fast_mode(name, case, device):
    """Also forward-over-reverse: the derivative of the backward in forward mode."""
    call, inputs = problem(name, case, device)
    torch.autograd.gradgradcheck(call, inputs, fast_mode=True, check_fwd_over_rev=True)


@pytest.mark.parametrize("name", OPS)
def test_third_derivatives(name, device):
    """The backward of the backward is itself differentiable, as native's is."""
    op = OPS[name]
    case = op.cases[0]
    results = []
    for function in (op.fused, op.native):
        inputs = [tensor.requires_grad_() for tensor in op.inputs(case, torch.float64, device)]
        value = (bind(function, case)(*inputs) ** 2).sum()
        for _ in range(3):
            grads = torch.autograd.grad(value, inputs, create_graph=True)
            value = sum((grad**2).sum() for grad in grads)
        results.append(value.detach())
    torch.testing.assert_close(*results, rtol=1e-9, atol=0)
    assert results[1] != 0
