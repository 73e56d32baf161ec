"""Which kernels a call runs, by name."""

import pytest
import torch

from inkgrad import functional
from inkgrad.extension import LOADED
from inkgrad_bench import kernel_names


@pytest.mark.skipif(LOADED.module is None, reason="needs the compiled kernels")
def test_both_directions_have_a_name():
    images = torch.randn(4, 1, 12, 12, requires_grad=True)
    weight = torch.randn(4, 1, 3, 3, requires_grad=True)
    found = kernel_names.kernels_of(lambda: functional.conv2d(images, weight).sum().backward())
    assert "forward" in found
    directions = "+".join(found)
    assert "grad_input" in directions
    assert "grad_weight" in directions


def test_a_call_without_kernels_has_none():
    assert kernel_names.kernels_of(lambda: torch.ones(3) + 1) is None


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, "-"),
        ({"forward": "winograd"}, "winograd"),
        ({"forward": "gemm", "grad_input": "gemm"}, "gemm"),
        ({"forward": "gemm", "grad_input": "torch"}, "forward gemm, grad_input torch"),
        (
            {"forward": "winograd", "grad_weight": "direct", "grad_input": "winograd"},
            "forward+grad_input winograd, grad_weight direct",
        ),
    ],
)
def test_text(found, text):
    assert kernel_names.text(found) == text
