"""Fused ops with the signatures, defaults and errors of :mod:`torch.nn.functional`.

Every op takes float64, float32, bfloat16 and float16 tensors; bfloat16 and float16 are accumulated
in float32. Tensors on the CPU and on CUDA are computed by the kernels of this package, all others,
and calls that the kernels do not support, by torch's own ops: so are sparse, nested and quantized
tensors, DTensors and other subclasses, which see the calls that they see natively. All ops are
differentiable to any order and work under every torch.func transform, in forward-mode AD, under
autocast and in torch.compile(fullgraph=True).

torch.fx records a call as one node. torch.export, torch.onnx.export and torch.jit record torch's
own ops, so that what they write to a file runs without inkgrad. torch.jit.script does not compile
the convolutions, only their modules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch._subclasses.functional_tensor import FunctionalTensor
from torch.compiler import is_dynamo_compiling
from torch.nn import _reduction
from torch.nn.functional import max_pool2d
from torch.overrides import handle_torch_function, has_torch_function_variadic

from inkgrad import inductor, reference
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
    inductor.keep_ops()
    _linear_sigmoid = torch.ops.inkgrad.linear_sigmoid.default
    _linear_relu = torch.ops.inkgrad.linear_relu.default
    _binary_cross_entropy = torch.ops.inkgrad.binary_cross_entropy.default
    _conv2d = torch.ops.inkgrad.conv2d.default
    _conv2d_relu_max_pool2d = torch.ops.inkgrad.conv2d_relu_max_pool2d.default

# The fast path to the same ops, without torch's dispatcher: see csrc/direct.h.
_direct: Any = LOADED.module
_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def _takes_direct_calls(first: Tensor, second: Tensor, third: Tensor | None) -> bool:
    """Whether neither torch.compile nor ``__torch_function__`` has to see the call. Even then, a
    direct call raises TypeError for tensors of a subclass or another layout and under torch.jit."""
    return not (
        is_dynamo_compiling()
        or has_torch_function_variadic(first, second, third)
        or _direct is None
    )


def linear_sigmoid(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""Compute ``sigmoid(input @ weight.T + bias)`` in one pass over the output.

    Args:
        input: ``(*, in_features)``.
        weight: ``(out_features, in_features)``.
        bias: ``(out_features)`` or None.

    Returns:
        ``(*, out_features)``. Saved for backward: input, weight and the output.

    Raises:
        RuntimeError: shapes or dtypes do not match, with the error of ``F.linear``.
    """
    if _takes_direct_calls(input, weight, bias):
        try:
            return _direct.linear_sigmoid(input, weight, bias)
        except TypeError:
            pass  # an argument is no tensor: torch's op below raises torch's error
    if not _takes_op(input, weight, bias):
        return _by_torch(linear_sigmoid, reference.linear_sigmoid, (input, weight, bias))
    return _linear_sigmoid(input, weight, bias)


def linear_relu(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""Compute ``relu(input @ weight.T + bias)`` in one pass over the output.

    Shapes, saved tensors and errors are those of :func:`linear_sigmoid`.
    """
    if _takes_direct_calls(input, weight, bias):
        try:
            return _direct.linear_relu(input, weight, bias)
        except TypeError:
            pass
    if not _takes_op(input, weight, bias):
        return _by_torch(linear_relu, reference.linear_relu, (input, weight, bias))
    return _linear_relu(input, weight, bias)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Compute the binary cross entropy, like :func:`torch.nn.functional.binary_cross_entropy`.

    .. math:: -w\,(t \max(\log x, -100) + (1 - t) \max(\log(1 - x), -100))

    Unlike torch's op it is allowed under autocast, where it is computed in float32.

    Args:
        input: probabilities in [0, 1], of any shape.
        target: values in [0, 1], of input's shape; differentiable, too.
        weight: broadcastable to target's shape; not differentiable.
        size_average, reduce: deprecated, as in torch; they override ``reduction``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        A scalar, or a tensor of input's shape for ``"none"``. Saved for backward: input, target and
        weight. With a scalar loss on the CPU, input's gradient is computed in the same pass and
        saved, too, unless target requires a gradient.

    Raises:
        ValueError: target and input have different sizes.
        RuntimeError: an element of input or target lies outside [0, 1] or is NaN.
    """
    if weight is size_average is reduce is None and _takes_direct_calls(input, target, None):
        try:
            return _direct.binary_cross_entropy(input, target, None, _REDUCTIONS[reduction])
        except (TypeError, KeyError):
            pass  # not tensors, different sizes, or an unknown reduction: torch raises below
    if not _takes_op(input, target, weight) or target.size() != input.size():
        return _by_torch(
            binary_cross_entropy,
            reference.binary_cross_entropy,
            (input, target, weight),
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
    r"""Compute a 2-D convolution (cross-correlation), like :func:`torch.nn.functional.conv2d`.

    Args:
        input: ``(N, C_in, H, W)`` or ``(C_in, H, W)``.
        weight: ``(C_out, C_in / groups, KH, KW)``.
        bias: ``(C_out)`` or None.
        stride: an int or ``(height, width)``.
        padding: zeros added on each side, an int or ``(height, width)``; or ``"valid"`` for none;
            or ``"same"``, which keeps the size (stride 1 only).
        dilation: distance between kernel elements, an int or ``(height, width)``.
        groups: number of blocks of channels that are convolved separately.

    Returns:
        ``(N, C_out, OH, OW)`` or ``(C_out, OH, OW)``.

    Raises:
        RuntimeError: shapes, dtypes or settings do not match, with the error of ``F.conv2d``.
    """
    pad = _padding(input, weight, stride, padding, dilation)
    if pad is not None and type(groups) is int and _are_ints(stride, pad, dilation):
        rest = (_pair(stride), _pair(pad), _pair(dilation), groups)
        if _takes_direct_calls(input, weight, bias):
            try:
                if input.dim() == 3:
                    return _direct.conv2d(input.unsqueeze(0), weight, bias, *rest).squeeze(0)
                return _direct.conv2d(input, weight, bias, *rest)
            except TypeError:
                pass  # an int of more than 64 bits: torch's op below raises torch's error
        elif _takes_op(input, weight, bias):
            if input.dim() == 3:
                return _conv2d(input.unsqueeze(0), weight, bias, *rest).squeeze(0)
            return _conv2d(input, weight, bias, *rest)
    return _by_torch(
        conv2d, reference.conv2d, (input, weight, bias), stride, padding, dilation, groups
    )


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
    r"""Compute ``relu(max_pool2d(conv2d(...), kernel_size))`` without storing the convolution.

    This equals ``max_pool2d(relu(conv2d(...)), kernel_size)``, since ReLU is monotonic. Backward
    needs the argmax index of each pooling window, saved as one byte per output; windows of more
    than 255 elements are therefore pooled by torch's op.

    Args:
        input, weight, bias, stride, padding, dilation, groups: as for :func:`conv2d`.
        kernel_size: size and stride of the pooling window, an int or ``(PH, PW)``.

    Returns:
        ``(N, C_out, OH // PH, OW // PW)``, or without N for an unbatched input.

    Raises:
        RuntimeError: shapes, dtypes or settings do not match, with the error of ``F.conv2d`` or
            ``F.max_pool2d``.
    """
    if not _are_ints(kernel_size) or not _index_fits_a_byte(kernel_size):
        convolved = conv2d(input, weight, bias, stride, padding, dilation, groups)
        return torch.relu(max_pool2d(convolved, kernel_size))
    pad = _padding(input, weight, stride, padding, dilation)
    if pad is not None and type(groups) is int and _are_ints(stride, pad, dilation):
        rest = (_pair(stride), _pair(pad), _pair(dilation), groups, _pair(kernel_size))
        if _takes_direct_calls(input, weight, bias):
            try:
                if input.dim() == 3:
                    batch = input.unsqueeze(0)
                    return _direct.conv2d_relu_max_pool2d(batch, weight, bias, *rest).squeeze(0)
                return _direct.conv2d_relu_max_pool2d(input, weight, bias, *rest)
            except TypeError:
                pass
        elif _takes_op(input, weight, bias):
            if input.dim() == 3:
                batch = input.unsqueeze(0)
                return _conv2d_relu_max_pool2d(batch, weight, bias, *rest)[0].squeeze(0)
            return _conv2d_relu_max_pool2d(input, weight, bias, *rest)[0]
    return _by_torch(
        conv2d_relu_max_pool2d,
        reference.conv2d_relu_max_pool2d,
        (input, weight, bias),
        stride,
        padding,
        dilation,
        groups,
        kernel_size,
    )


# Tensors whose elements an op may read, and those that stand for such tensors in a compiler. Every
# other class may override what an op does.
_TENSORS = (Tensor, nn.Parameter, FakeTensor, FunctionalTensor)


def _takes_op(first: Any, second: Any, third: Any) -> bool:
    """Whether a registered op computes the call for these tensors, of which the third is optional.

    Files of torch.export, ONNX and torch.jit hold torch's ops and run without inkgrad.
    """
    if LOADED.module is None or torch.jit.is_tracing() or torch.compiler.is_exporting():
        return False
    for tensor in (first, second) if third is None else (first, second, third):
        if type(tensor) not in _TENSORS or tensor.layout != torch.strided or tensor.is_nested:
            return False
    return True


def _by_torch(
    function: Callable[..., Tensor],
    formula: Callable[..., Tensor],
    tensors: tuple[object, ...],
    *options: object,
) -> Tensor:
    """Call ``formula``: torch's ops raise torch's errors and call what the tensors override.

    torch.fx records the call of ``function``.
    """
    if any(isinstance(tensor, fx.Proxy) for tensor in tensors):
        result: Tensor = handle_torch_function(function, tensors, *tensors, *options)
        return result
    return formula(*tensors, *options)


def _are_ints(*values: object) -> bool:
    """Whether each is an int or a sequence of one or two. (A bool is none for torch.)"""
    # Tuples first, since modules pass them; a loop, since a generator's overhead is noticeable
    # beside a small convolution.
    for value in values:
        if isinstance(value, (tuple, list)):
            if len(value) not in (1, 2) or type(value[0]) is not int or type(value[-1]) is not int:
                return False
        elif type(value) is not int:
            return False
    return True


def _pair(value: Pair) -> tuple[int, int]:
    # int(): with dynamic shapes torch.compile turns even these into symbols, which the ops reject.
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def _index_fits_a_byte(window: Pair) -> bool:
    """Whether an index into a window of this size can be stored in one byte."""
    height, width = _pair(window)
    return height > 0 and width > 0 and height * width <= 255


def _padding(
    input: Tensor, weight: Tensor, stride: Pair, padding: Pair | str, dilation: Pair
) -> Pair | None:
    """Return the padding as numbers, or None where torch has to pad unevenly or raise an error, and
    where torch.fx traces the input."""
    if not isinstance(input, Tensor):
        return None
    if not isinstance(padding, str):
        return padding
    if padding == "valid":
        return 0
    if (
        padding != "same"
        or not _are_ints(stride, dilation)
        or _pair(stride) != (1, 1)
        or not isinstance(weight, Tensor)
        or weight.dim() != 4
    ):
        return None
    total = [d * (int(k) - 1) for d, k in zip(_pair(dilation), weight.shape[2:], strict=True)]
    if any(pixels % 2 for pixels in total):
        return None
    return total[0] // 2, total[1] // 2


def _refuse_script() -> None:
    raise NotImplementedError(
        "inkgrad: torch.jit.script compiles no function that takes an int or a pair. Call "
        "torch.nn.functional.conv2d, or script a module of inkgrad.nn"
    )


# torch.jit.script compiles these in place of the functions.
for _function, _prepare in (
    (linear_sigmoid, lambda: reference.linear_sigmoid),
    (linear_relu, lambda: reference.linear_relu),
    (binary_cross_entropy, lambda: reference.binary_cross_entropy),
    (conv2d, _refuse_script),
    (conv2d_relu_max_pool2d, _refuse_script),
):
    vars(_function)["__prepare_scriptable__"] = _prepare
