"""Shapes, dtypes and strides of every op without computing it: meta tensors, torch.compile."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.library import register_fake

from inkgrad import reference

Gradients = tuple[Tensor | None, ...]


def _empty_where(mask: list[bool], *tensors: Tensor | None) -> Gradients:
    return tuple(
        torch.empty_like(tensor, memory_format=torch.contiguous_format)
        if wanted and tensor is not None
        else None
        for wanted, tensor in zip(mask, tensors, strict=True)
    )


def _bias_like(weight: Tensor) -> Tensor:
    return weight.new_empty((weight.size(0),))


@register_fake("inkgrad::linear_sigmoid")
def _(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return reference.linear_sigmoid(input, weight, bias)


@register_fake("inkgrad::linear_relu")
def _(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return reference.linear_relu(input, weight, bias)


@register_fake("inkgrad::linear_sigmoid_backward")
@register_fake("inkgrad::linear_relu_backward")
def _(
    grad_output: Tensor, input: Tensor, weight: Tensor, output: Tensor, output_mask: list[bool]
) -> Gradients:
    return _empty_where(output_mask, input, weight, _bias_like(weight))


@register_fake("inkgrad::binary_cross_entropy")
def _(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1) -> Tensor:
    return torch.ops.aten.binary_cross_entropy(input, target, weight, reduction)


@register_fake("inkgrad::binary_cross_entropy_backward")
def _(
    grad_output: Tensor,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: int,
    output_mask: list[bool],
) -> Gradients:
    grad_input = torch.empty_like(input) if output_mask[0] else None
    return grad_input, torch.empty_like(input) if output_mask[1] else None


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
