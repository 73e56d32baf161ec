"""Fused ops with the signatures, defaults and errors of :mod:`torch.nn.functional`.

Every op takes float64, float32, bfloat16 and float16 (the half types are accumulated in float32),
on any device: on the CPU and on CUDA it runs this package's kernels; elsewhere, and for what they
do not take, the same formula in torch's own ops. All are differentiable to any order, work under
every torch.func transform, in forward-mode AD, under autocast and in torch.compile(fullgraph=True).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_dynamo_compiling
from torch.nn import _reduction
from torch.overrides import handle_torch_function, has_torch_function_variadic

from inkgrad import reference
from inkgrad.extension import LOADED

__all__ = [
    "binary_cross_entropy",
    "conv2d",
    "conv2d_relu_max_pool2d",
    "linear_relu",
    "linear_sigmoid",
]

Pair = int | tuple[int, int]

if LOADED.module is not None:
    _linear_sigmoid = torch.ops.inkgrad.linear_sigmoid.default
    _linear_relu = torch.ops.inkgrad.linear_relu.default
    _binary_cross_entropy = torch.ops.inkgrad.binary_cross_entropy.default
    _conv2d = torch.ops.inkgrad.conv2d.default
    _conv2d_relu_max_pool2d = torch.ops.inkgrad.conv2d_relu_max_pool2d.default

# The same ops by a shorter way, for calls that nothing intercepts: see csrc/direct.h.
_direct: Any = LOADED.module
_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def _takes_direct_calls(first: Tensor, second: Tensor, third: Tensor | None) -> bool:
    """torch.compile does not trace the call; no argument or mode overrides torch's functions."""
    return not (
        is_dynamo_compiling()
        or has_torch_function_variadic(first, second, third)
        or _direct is None
    )


def linear_sigmoid(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""``sigmoid(input @ weight.T + bias)``: ``F.linear`` and the sigmoid in one pass.

    Args:
        input: ``(*, in_features)``.
        weight: ``(out_features, in_features)``.
        bias: ``(out_features)`` or None.

    Returns:
        ``(*, out_features)``. Kept for backward: input, weight and this output.

    Raises:
        RuntimeError: what ``F.linear`` raises for shapes or dtypes that do not go together.
    """
    if _takes_direct_calls(input, weight, bias):
        try:
            return _direct.linear_sigmoid(input, weight, bias)
        except TypeError:
            pass  # an argument that is no tensor; torch complains of it below
    if LOADED.module is None or not _are_tensors(input, weight):
        return reference.linear_sigmoid(input, weight, bias)
    return _linear_sigmoid(input, weight, bias)


def linear_relu(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""``relu(input @ weight.T + bias)``; shapes and errors as :func:`linear_sigmoid`."""
    if _takes_direct_calls(input, weight, bias):
        try:
            return _direct.linear_relu(input, weight, bias)
        except TypeError:
            pass
    if LOADED.module is None or not _are_tensors(input, weight):
        return reference.linear_relu(input, weight, bias)
    return _linear_relu(input, weight, bias)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Binary cross entropy of probabilities, as :func:`torch.nn.functional.binary_cross_entropy`.

    .. math:: -w\,(t \max(\log x, -100) + (1 - t) \max(\log(1 - x), -100))

    Unlike torch's it may be used under autocast, where it is computed in float32.

    Args:
        input: probabilities in [0, 1], any shape.
        target: in [0, 1], the shape of input; differentiable too.
        weight: broadcastable to target's shape.
        size_average, reduce: deprecated, as in torch: they override ``reduction``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        A scalar, or input's shape for ``"none"``. Kept for backward: input, target and weight. A
        scalar on the CPU leaves the gradient of input besides, made in the same pass, unless target
        requires one too.

    Raises:
        ValueError: target's size is not input's.
        RuntimeError: an element of input or target lies outside [0, 1] or is NaN.
    """
    if weight is size_average is reduce is None and _takes_direct_calls(input, target, None):
        try:
            return _direct.binary_cross_entropy(input, target, None, _REDUCTIONS[reduction])
        except (TypeError, KeyError):
            pass  # no tensors, not of one size, or no reduction
    if LOADED.module is None or not _are_tensors(input, target) or target.size() != input.size():
        return reference.binary_cross_entropy(
            input, target, weight, size_average, reduce, reduction
        )
    if has_torch_function_variadic(input, target, weight):
        return handle_torch_function(
            binary_cross_entropy,
            (input, target, weight),
            input,
            target,
            weight,
            size_average,
            reduce,
            reduction,
        )
    if size_average is not None or reduce is not None:
        reduction_code = _reduction.legacy_get_enum(size_average, reduce)
    else:
        reduction_code = _reduction.get_enum(reduction)
    if weight is not None:
        weight = weight.expand(torch.broadcast_shapes(target.size(), weight.size()))
    return _binary_cross_entropy(input, target, weight, reduction_code)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    r"""2-d convolution (cross-correlation), as :func:`torch.nn.functional.conv2d`.

    Args:
        input: ``(N, C_in, H, W)`` or ``(C_in, H, W)``.
        weight: ``(C_out, C_in / groups, KH, KW)``.
        bias: ``(C_out)`` or None.
        padding: pixels on each side, or ``"valid"``, or ``"same"`` (stride 1 only).

    Returns:
        ``(N, C_out, OH, OW)`` or ``(C_out, OH, OW)``.

    Raises:
        RuntimeError: what ``F.conv2d`` raises.
    """
    pad = _padding(input, weight, stride, padding, dilation)
    if LOADED.module is None or pad is None or not _are_pairs(stride, pad, dilation):
        return reference.conv2d(input, weight, bias, stride, padding, dilation, groups)
    batch = input.unsqueeze(0) if input.dim() == 3 else input
    rest = (_pair(stride), _pair(pad), _pair(dilation), int(groups))
    if _takes_direct_calls(input, weight, bias) and (bias is None or isinstance(bias, Tensor)):
        output = _direct.conv2d(batch, weight, bias, *rest)
    else:
        output = _conv2d(batch, weight, bias, *rest)
    return output.squeeze(0) if input.dim() == 3 else output


def conv2d_relu_max_pool2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
    kernel_size: Pair = 2,
) -> Tensor:
    r"""``relu(max_pool2d(conv2d(...), kernel_size))`` without keeping the convolution's output.

    Arguments as :func:`conv2d`; ``kernel_size`` is the pool's window and its stride, ``(PH, PW)``
    or one number. For backward one byte an output remembers the place of the maximum (windows of
    more than 256 elements are computed by torch). Since relu is monotonic,
    ``max_pool2d(relu(conv2d(...)))`` is the same.

    Returns:
        ``(N, C_out, OH // PH, OW // PW)``, or without N for an unbatched input.

    Raises:
        RuntimeError: what ``F.conv2d`` and ``F.max_pool2d`` raise.
    """
    pad = _padding(input, weight, stride, padding, dilation)
    if (
        LOADED.module is None
        or pad is None
        or not _are_pairs(stride, pad, dilation, kernel_size)
        or not _fits_a_byte(kernel_size)
    ):
        return reference.conv2d_relu_max_pool2d(
            input, weight, bias, stride, padding, dilation, groups, kernel_size
        )
    batch = input.unsqueeze(0) if input.dim() == 3 else input
    rest = (_pair(stride), _pair(pad), _pair(dilation), int(groups), _pair(kernel_size))
    if _takes_direct_calls(input, weight, bias) and (bias is None or isinstance(bias, Tensor)):
        output = _direct.conv2d_relu_max_pool2d(batch, weight, bias, *rest)
    else:
        output, _ = _conv2d_relu_max_pool2d(batch, weight, bias, *rest)
    return output.squeeze(0) if input.dim() == 3 else output


# Arguments that are not what an op expects go to torch's formula, which raises torch's error.


def _are_tensors(*values: object) -> bool:
    return all(isinstance(value, Tensor) for value in values)


def _are_pairs(*values: object) -> bool:
    # A loop, and what modules pass first: beside a small convolution a generator counts.
    for value in values:
        if isinstance(value, (tuple, list)):
            if len(value) not in (1, 2) or not (
                isinstance(value[0], int) and isinstance(value[-1], int)
            ):
                return False
        elif not isinstance(value, int):
            return False
    return True


def _pair(value: Pair) -> tuple[int, int]:
    # int: with dynamic shapes torch.compile makes symbols even of these, which the ops do not take.
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def _fits_a_byte(window: Pair) -> bool:
    height, width = _pair(window)
    return height > 0 and width > 0 and height * width <= 256


def _padding(
    input: Tensor, weight: Tensor, stride: Pair, padding: Pair | str, dilation: Pair
) -> Pair | None:
    """Padding as numbers; None where torch has to pad (``"same"``, even kernel) or to complain."""
    if not _are_tensors(input, weight):
        return None
    if not isinstance(padding, str):
        return padding
    if padding == "valid":
        return 0
    if (
        padding != "same"
        or not _are_pairs(stride, dilation)
        or _pair(stride) != (1, 1)
        or weight.dim() != 4
    ):
        return None
    total = [d * (int(k) - 1) for d, k in zip(_pair(dilation), weight.shape[2:], strict=True)]
    if any(pixels % 2 for pixels in total):
        return None
    return total[0] // 2, total[1] // 2
