"""Strides of the convolutions' results without computing them: meta tensors, torch.compile.

The other ops return contiguous tensors, as their formulas in native ops do, which run on meta
tensors as well. Results of a convolution have the strides of torch's convolution.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.library import register_fake

from inkgrad import reference

Gradients = tuple[Tensor | None, ...]


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
    output = reference.conv2d_relu_max_pool2d(
        input, weight, bias, stride, padding, dilation, groups, kernel_size
    )
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
    convolved = torch.conv2d(input, weight, None, stride, padding, dilation, groups)
    grad_convolved = torch.empty_like(convolved, memory_format=torch.contiguous_format)
    return _convolution_backward(
        grad_convolved, input, weight, stride, padding, dilation, groups, output_mask
    )
