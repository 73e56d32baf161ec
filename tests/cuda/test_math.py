"""The functions of the CUDA kernels on the host, where they round as they do on the device."""

from __future__ import annotations

import ctypes
import math

import pytest
import torch
import torch.nn.functional as F

# Every so many floats of (0, 1), of which there are 2^30; a prime, so that all mantissas appear.
STRIDE = 331


@pytest.mark.parametrize("function", ["worst_logarithm", "worst_loss", "worst_odds"])
def test_logarithms_to_two_ulps(host_checks, function):
    """Over the whole range; denormals, where logarithms lie below the clamp at -100, included."""
    worst = getattr(host_checks, function)
    worst.restype = ctypes.c_double
    assert worst(ctypes.c_int64(STRIDE)) <= 2


@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_loss_and_derivatives_at_the_ends(host_checks, target):
    """At 0 and 1 the logarithms are infinite; what the clamps make of them is torch's."""
    for p in (0.0, 1e-45, 1e-38, 0.25, 0.5, 1 - 2**-24, 1.0):
        x = torch.tensor(p, requires_grad=True)
        t = torch.tensor(target, requires_grad=True)
        loss = F.binary_cross_entropy(x, t)
        (grad_input,) = torch.autograd.grad(loss, x)
        grad_target = torch.log1p(-x) - torch.log(x)
        for name, arguments, expected in (
            ("loss", (p, target), loss),
            ("grad_input", (p, target), grad_input),
            ("grad_target", (p,), grad_target),
        ):
            function = getattr(host_checks, name)
            function.restype = ctypes.c_float
            got = function(*map(ctypes.c_float, arguments))
            # At 1/2 the target's derivative vanishes: half an ulp of its two terms is left.
            close = math.isclose(got, expected.item(), rel_tol=4e-7, abs_tol=3e-8)
            assert close, (name, p, got, expected)
