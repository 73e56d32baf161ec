"""Strides of the convolutions' results without computing them: meta tensors, torch.compile.

The other ops return contiguous tensors, as their formulas in native ops do, which run on meta
tensors as well. Results of a convolution have the strides of torch's convolution. Operands are
checked as in csrc/common/operand_checks.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.library import register_fake

from inkgrad import reference

Gradients = tuple[Tensor | None, ...]


def _check_like(expected: Tensor, **operands: Tensor) -> None:
    """Raise RuntimeError for an operand of another size, dtype or device than ``expected``."""
    for name, given in operands.items():
        for what in ("shape", "dtype", "device"):
            want, got = getattr(expected, what), getattr(given, what)
            if want != got:
                raise RuntimeError(f"expected {name} of {what} {want}, got {got}")


def _check_options(
    weight: Tensor, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> None:
    """Raise RuntimeError where the kernels do: torch's convolution of meta tensors does not."""
    for pair in (stride, padding, dilation):
        if len(pair) not in (1, 2):
            raise RuntimeError(f"conv2d: expected one integer or two, got {pair}")
    if min(*stride, *dilation) <= 0 or min(padding) < 0:
        raise RuntimeError(
            "conv2d: expected a positive stride and dilation and a padding that is not negative, "
            f"got {stride}, {dilation} and {padding}"
        )
    spans = [dilation[i] * (size - 1) for i, size in zip((0, -1), weight.shape[2:], strict=False)]
    if max(*padding, *spans) >= 2**30:
        raise RuntimeError(
            f"conv2d: padding {padding} and dilation {dilation} of a kernel of size "
            f"{weight.shape[2:]} are too large"
        )


@register_fake("inkgrad::conv2d")
def _(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Tensor:
    _check_options(weight, stride, padding, dilation)
    return reference.conv2d(input, weight, bias, stride, padding, dilation, groups)


def _convolution_backward(
    grad_output: Tensor,
    input: Tensor,
    weight: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
    output_mask: list[bool],
) -> Gradients:
    _check_options(weight, stride, padding, dilation)
    convolved = torch.conv2d(input, weight, None, stride, padding, dilation, groups)
    _check_like(convolved, grad_output=grad_output)
    if input.dim() == 3:
        grad_input, *others = _convolution_backward(
            grad_output.unsqueeze(0),
            input.unsqueeze(0),
            weight,
            stride,
            padding,
            dilation,
            groups,
            output_mask,
        )
        return None if grad_input is None else grad_input.squeeze(0), *others
    return torch.ops.aten.convolution_backward(
        grad_output,
        input,
        weight,
        [weight.size(0)],
        stride,
        padding,
        dilation,
        False,
        [0, 0],
        groups,
        output_mask,
    )


register_fake("inkgrad::conv2d_backward", _convolution_backward)


@register_fake("inkgrad::conv2d_relu_max_pool2d")
def _(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    kernel_size: tuple[int, int] = (2, 2),
) -> tuple[Tensor, Tensor]:
    _check_options(weight, stride, padding, dilation)
    output = reference.conv2d_relu_max_pool2d(
        input, weight, bias, stride, padding, dilation, groups, kernel_size
    )
    if kernel_size[0] * kernel_size[-1] > 256:
        raise RuntimeError(f"expected a kernel_size of at most 256 elements, got {kernel_size}")
    return output, torch.empty_like(output, dtype=torch.uint8)


@register_fake("inkgrad::conv2d_relu_max_pool2d_backward")
def _(
    grad_output: Tensor,
    input: Tensor,
    weight: Tensor,
    output: Tensor,
    indices: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
    kernel_size: list[int],
    output_mask: list[bool],
) -> Gradients:
    _check_options(weight, stride, padding, dilation)
    convolved = torch.conv2d(input, weight, None, stride, padding, dilation, groups)
    pooled = F.max_pool2d(convolved, kernel_size)
    _check_like(pooled, grad_output=grad_output, output=output)
    _check_like(torch.empty_like(pooled, dtype=torch.uint8), indices=indices)
    grad_convolved = torch.empty_like(convolved, memory_format=torch.contiguous_format)
    return _convolution_backward(
        grad_convolved, input, weight, stride, padding, dilation, groups, output_mask
    )
