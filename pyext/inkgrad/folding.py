"""Batch norm in eval mode as part of the convolution before it.

With fixed statistics both are linear: ``norm(conv(x)) = conv'(x)``, where a channel's filter is
multiplied by ``scale / sqrt(variance + eps)``. The filters are computed anew in every call, from
the parameters as they are then, so training and exchanging them has the effect that it has in the
unfused model. That is one pass over the filters instead of one over the output.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from inkgrad import functional

__all__ = ["conv2d_batch_norm", "conv2d_batch_norm_relu_max_pool2d"]


def _fold(
    weight: Tensor,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    eps: float,
    **settings: Any,
) -> dict[str, Any]:
    """Return the arguments of the folded convolution: filters and bias of the dtype of ``weight``,
    and its ``settings``.

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
    return {"weight": folded.to(weight.dtype), "bias": folded_bias.to(weight.dtype), **settings}


def conv2d_batch_norm(input: Tensor, **arguments: Any) -> Tensor:
    """Compute ``batch_norm(conv2d(...))`` with fixed statistics.

    Args:
        input: ``(N, C_in, H, W)``.
        arguments: ``weight``, ``bias``, ``stride``, ``padding``, ``dilation`` and ``groups`` of the
            convolution; ``mean``, ``variance``, ``scale`` and ``shift`` of batch norm, each
            ``(C_out)`` (the last two and ``bias`` may be None), and ``eps``.
    """
    return functional.conv2d(input, **_fold(**arguments))


def conv2d_batch_norm_relu_max_pool2d(input: Tensor, **arguments: Any) -> Tensor:
    """Compute ``relu(max_pool2d(batch_norm(conv2d(...))))``: :func:`conv2d_batch_norm` with the
    further argument ``kernel_size``, of the pool."""
    return functional.conv2d_relu_max_pool2d(input, **_fold(**arguments))
