"""The calls that the ``torch.compile`` backend replaces: :data:`PATTERNS`, a table to add to.

A pattern is a row of steps, each of which works on the result of the one before it. A step knows
the functions and methods that mean the same (``F.relu(x)``, ``torch.relu(x)``, ``x.relu_()``) and
reads their arguments.

Calls left to the backend that compiles the rest:

- Convolution and ReLU without a pool: no kernel of ours does both, and a compiler fuses ReLU with
  what follows. Where nothing does, deep 3 x 3 convolutions are ours.
- Batch norm in training mode: its statistics need the whole output of the convolution.
- ``binary_cross_entropy_with_logits``: accurate for large logits, where
  ``binary_cross_entropy(sigmoid(x))`` is not. A sigmoid before ``binary_cross_entropy`` is fused
  with the linear layer before it, the loss by itself.
- Linear layers and GELU: no kernel of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx

from inkgrad import folding, functional
from inkgrad.sequential import tiles

__all__ = ["IDENTITY", "PATTERNS", "Pattern", "Step"]


@dataclass(frozen=True)
class Step:
    """Calls that mean one thing: their targets, and how to read their arguments.

    ``read(*args, **kwargs)`` returns the tensor that the step works on and the arguments which the
    fused op needs of it, or None where the call does something that the op does not.
    """

    targets: tuple[Any, ...]
    read: Callable[..., tuple[Any, dict[str, Any]] | None]


def _linear(input: Any, weight: Any, bias: Any = None) -> Any:
    return input, {"weight": weight, "bias": bias}


def _conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
) -> Any:
    return input, {
        "weight": weight, "bias": bias, "stride": stride, "padding": padding,
        "dilation": dilation, "groups": groups,
    }  # fmt: skip


def _batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: Any = False,
    momentum: Any = 0.1,
    eps: Any = 1e-5,
) -> Any:
    if training is not False:
        return None
    return input, {
        "mean": running_mean, "variance": running_var, "scale": weight, "shift": bias, "eps": eps,
    }  # fmt: skip


def _max_pool2d(input: Any, kernel_size: Any, *rest: Any, **named: Any) -> Any:
    return (input, {"kernel_size": kernel_size}) if tiles(kernel_size, *rest, **named) else None


def _activation(input: Any, inplace: Any = False) -> Any:
    return input, {}


def _dropout(input: Any, p: Any = 0.5, training: Any = True, inplace: Any = False) -> Any:
    return None if training else (input, {})


def _binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    return input, {
        "target": target, "weight": weight, "size_average": size_average, "reduce": reduce,
        "reduction": reduction,
    }  # fmt: skip


LINEAR = Step((F.linear,), _linear)
CONV2D = Step((F.conv2d,), _conv2d)
BATCH_NORM = Step((F.batch_norm,), _batch_norm)
MAX_POOL2D = Step((F.max_pool2d, torch.max_pool2d), _max_pool2d)
RELU = Step((F.relu, torch.relu, torch.relu_, "relu", "relu_"), _activation)
SIGMOID = Step(
    (F.sigmoid, torch.sigmoid, torch.sigmoid_, torch.special.expit, "sigmoid", "sigmoid_"),
    _activation,
)
BCE = Step((F.binary_cross_entropy,), _binary_cross_entropy)
# Calls that return their input, and may stand between two steps.
IDENTITY = Step(
    (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout),
    _dropout,
)


def _always(nodes: Sequence[fx.Node]) -> bool:
    return True


# A pass over this many elements takes as long as the small ops that compute the factors.
_FACTORS = 2**15


def _folding_pays(nodes: Sequence[fx.Node]) -> bool:
    """Whether the convolution, the first of ``nodes``, has fewer filter elements than outputs.

    With dynamic shapes the first call decides. Folded filters may leave the range of float16 where
    neither the filters nor the outputs do.
    """
    output, weight = _example(nodes[0]), _example(_argument(nodes[0], 1, "weight"))
    if output is None or weight is None or output.dim() != 4 or output.dtype is torch.float16:
        return False
    return _elements(weight) + _FACTORS < _elements(output)


# Channels that fill a vector of every instruction set.
_FILLED_CHANNELS = 16


def _winograd_pays(nodes: Sequence[fx.Node]) -> bool:
    """Whether our kernels may compute the convolution by Winograd, about twice as fast.

    Where they do not, for other sizes or layouts, the op calls torch's: it costs a microsecond. In
    training, whose backward is torch's, small networks would lose more than large ones gain.
    """
    (node,) = nodes
    _, settings = _conv2d(*node.args, **node.kwargs)
    weight = _example(settings["weight"])
    return (
        weight is not None
        and not (weight.requires_grad and torch.is_grad_enabled())
        and weight.dtype is torch.float32
        and weight.dim() == 4
        and tuple(weight.shape[2:]) == (3, 3)
        and min(weight.shape[:2]) >= _FILLED_CHANNELS
        and settings["groups"] == 1
        and all(settings[name] in (1, (1, 1)) for name in ("stride", "dilation"))
    )


def _argument(node: fx.Node, index: int, name: str) -> Any:
    return node.args[index] if len(node.args) > index else node.kwargs[name]


def _example(node: Any) -> Tensor | None:
    """The fake tensor that Dynamo recorded for ``node``."""
    value = node.meta.get("example_value") if isinstance(node, fx.Node) else None
    return value if isinstance(value, Tensor) else None


def _elements(tensor: Tensor) -> int:
    count: Any = tensor.numel()
    return count if isinstance(count, int) else count.node.hint or 0


@dataclass(frozen=True)
class Pattern:
    """Steps, each of the one before it, and the function that computes them all.

    The function is called with the first step's tensor and the arguments of every step by name.
    ``pays(nodes)`` says whether it is faster for these sizes; ``only_eager`` that a compiler
    does as well by itself.
    """

    steps: tuple[Step, ...]
    function: Callable[..., Any]
    pays: Callable[[Sequence[fx.Node]], bool] = _always
    only_eager: bool = False


# The table of patterns; add a row to extend it. The first that fits is taken.
PATTERNS = (
    Pattern((LINEAR, SIGMOID), functional.linear_sigmoid),
    Pattern((LINEAR, RELU), functional.linear_relu),
    Pattern((CONV2D, MAX_POOL2D, RELU), functional.conv2d_relu_max_pool2d),
    Pattern((CONV2D, RELU, MAX_POOL2D), functional.conv2d_relu_max_pool2d),
    Pattern(
        (CONV2D, BATCH_NORM, MAX_POOL2D, RELU),
        folding.conv2d_batch_norm_relu_max_pool2d,
        _folding_pays,
    ),
    Pattern(
        (CONV2D, BATCH_NORM, RELU, MAX_POOL2D),
        folding.conv2d_batch_norm_relu_max_pool2d,
        _folding_pays,
    ),
    Pattern((CONV2D, BATCH_NORM), folding.conv2d_batch_norm, _folding_pays, only_eager=True),
    Pattern((CONV2D,), functional.conv2d, _winograd_pays, only_eager=True),
    Pattern((BCE,), functional.binary_cross_entropy),
)
