"""Batch norm in eval mode as part of the convolution before it.

With fixed statistics both are linear: ``norm(conv(x)) = conv'(x)``, where a channel's filter is
multiplied by ``scale / sqrt(variance + eps)``. The filters are computed anew in every call, from
the parameters as they are then, so training and exchanging them has the effect that it has in the
unfused model. That is one pass over the filters instead of one over the output.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from inkgrad import functional
from inkgrad.functional import Pair

__all__ = ["conv2d_batch_norm", "conv2d_batch_norm_relu_max_pool2d"]


def _fold(
    weight: Tensor,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """Return the filters and the bias of the folded convolution, of the dtype of ``weight``.

    All but ``weight`` are (channels). The statistics are usually kept in float32 beside filters of
    a smaller dtype; the product is rounded once. Statistics of a smaller dtype are computed in
    float32, as in torch's batch norm.
    """
    computed = torch.promote_types(variance.dtype, torch.float32)
    factor = torch.rsqrt(variance.to(computed) + eps)
    if scale is not None:
        factor = factor * scale
    folded_bias = -mean * factor if bias is None else (bias - mean) * factor
    if shift is not None:
        folded_bias = folded_bias + shift
    folded = weight * factor[:, None, None, None]
    return folded.to(weight.dtype), folded_bias.to(weight.dtype)


def conv2d_batch_norm(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Pair,
    padding: Pair | str,
    dilation: Pair,
    groups: int,
    mean: Tensor,
    variance: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    eps: float,
) -> Tensor:
    """Compute ``batch_norm(conv2d(...))`` with the statistics ``mean`` and ``variance``.

    ``input`` is (N, C_in, H, W); ``mean``, ``variance``, ``scale`` and ``shift`` are (C_out).
    """
    weight, bias = _fold(weight, bias, mean, variance, scale, shift, eps)
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def conv2d_batch_norm_relu_max_pool2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Pair,
    padding: Pair | str,
    dilation: Pair,
    groups: int,
    mean: Tensor,
    variance: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    eps: float,
    kernel_size: Pair,
) -> Tensor:
    """Compute ``relu(max_pool2d(batch_norm(conv2d(...))))``, as :func:`conv2d_batch_norm`."""
    weight, bias = _fold(weight, bias, mean, variance, scale, shift, eps)
    return functional.conv2d_relu_max_pool2d(
        input, weight, bias, stride, padding, dilation, groups, kernel_size
    )
