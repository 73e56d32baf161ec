"""Layers of a :class:`inkgrad.chain.Chain`: their computation, and the reasons to refuse them.

A chain computes what the classes of its layers and its criterion say, and writes to the parameters'
memory. Everything that autograd, module calls or an optimizer would do besides is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_calls

from inkgrad import nn as ink
from inkgrad.extension import LOADED
from inkgrad.plain import WATCHED_CALLS, is_watched, obstacle

# The method of a compiled chain that adds a layer, and its arguments.
Call = tuple[str, tuple[Any, ...]]

# Linear layers and the activation that each applies.
_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.Linear: "none",
    ink.LinearSigmoid: "sigmoid",
    ink.LinearReLU: "relu",
}
_CONVOLUTIONS = (nn.Conv2d, ink.Conv2d)
# Exactly these classes: a subclass may compute something else.
_SUPPORTED = {
    ink.Standardize,
    ink.ConvReluMaxPool2d,
    nn.Flatten,
    nn.ReLU,
    *_CONVOLUTIONS,
    *_ACTIVATIONS,
}
# The functions behind them, which can be replaced for a whole class.
_FUNCTIONS = {
    (cls, name): vars(cls)[name]
    for cls, name in (
        (nn.Module, "__call__"),
        *((cls, "forward") for cls in (nn.Linear, nn.Conv2d, nn.Flatten, nn.ReLU, ink.Standardize)),
        *((cls, "forward") for cls in (ink.LinearSigmoid, ink.LinearReLU)),
        *((cls, "forward") for cls in (nn.BCELoss, ink.BCELoss, nn.CrossEntropyLoss)),
        *((cls, "_conv_forward") for cls in (*_CONVOLUTIONS, ink.ConvReluMaxPool2d)),
    )
}
_IRRELEVANT = (
    "training",
    "inplace",
    "in_features",
    "out_features",
    "in_channels",
    "out_channels",
)
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_GLOBAL_HOOKS = [
    module_calls._global_forward_pre_hooks,
    module_calls._global_forward_hooks,
    module_calls._global_backward_pre_hooks,
    module_calls._global_backward_hooks,
]


def calls_of(layers: Sequence[nn.Module], device: torch.device) -> list[Call]:
    """Return the calls that add ``layers`` to a compiled chain.

    Raises:
        ValueError: a chain cannot train a layer, named with the reason.
    """
    if is_watched():  # first: a tracer records what is asked of the parameters
        raise ValueError(
            "chain: the calls of all modules are watched: by a global hook, a tracer, a mode, or a "
            "function in the place of one of torch's"
        )
    calls = [_call_of(index, layer, device) for index, layer in enumerate(layers)]
    _check_separate(layers, calls)
    return calls


def loss_of(criterion: nn.Module | None) -> tuple[bool | None, bool, int]:
    """Return whether ``criterion`` is binary cross entropy (None without one), whether it is a
    mean, and the target that it ignores.

    Raises:
        ValueError: it is another loss, weighted, or not plain.
    """
    if criterion is None:
        return None, False, -1
    kind = type(criterion)
    if kind not in (nn.BCELoss, ink.BCELoss, nn.CrossEntropyLoss) or (
        criterion.reduction not in ("mean", "sum")
        or criterion.weight is not None
        or getattr(criterion, "label_smoothing", 0) != 0
        or getattr(criterion, "ignore_index", -1) >= 0
    ):
        raise ValueError(
            f"chain: expected BCELoss or CrossEntropyLoss, mean or sum, got {criterion}"
        )
    reason = obstacle(criterion) or _replaced_function(kind)
    if reason:
        raise ValueError(f"chain: the criterion, {criterion}: {reason}")
    is_binary = kind is not nn.CrossEntropyLoss
    return is_binary, criterion.reduction == "mean", getattr(criterion, "ignore_index", -1)


def named(index: int, layer: nn.Module) -> str:
    """Return the number and the description of a layer; its class if it cannot describe itself."""
    try:
        return f"layer {index}, {layer}"
    except AttributeError:  # a parameter is missing
        return f"layer {index}, {type(layer).__name__}"


def parameters_of(call: Call) -> list[Tensor]:
    return [argument for argument in call[1] if isinstance(argument, Tensor)]


def difference(before: Call, now: Call, shapes: Sequence[torch.Size]) -> str | None:
    """Why a layer is no longer the one that a chain was made with; None if it is.

    ``shapes`` are those of its parameters at that time.
    """
    old, new = parameters_of(before), parameters_of(now)
    if len(old) != len(new) or any(a is not b for a, b in zip(old, new, strict=True)):
        return "its parameters are others than when the chain was made"
    for parameter, shape in zip(new, shapes, strict=True):
        if parameter.shape != shape:
            return f"a parameter of {list(shape)} has become one of {list(parameter.shape)}"
    settings = [
        [argument for argument in call[1] if not isinstance(argument, Tensor)]
        for call in (before, now)
    ]
    if before[0] != now[0] or settings[0] != settings[1]:
        return f"it was {before[0]}{tuple(settings[0])} when the chain was made"
    return None


def watch(modules: Sequence[nn.Module], parameters: Sequence[Tensor]) -> Callable[[], bool]:
    """Return a function that says whether everything is as it is now, in about 0.2 us."""
    items: list[tuple[Any, str]] = [
        *WATCHED_CALLS,
        *((cls, name) for cls, name in _FUNCTIONS if any(isinstance(m, cls) for m in modules)),
    ]
    empty = list(_GLOBAL_HOOKS)
    for module in modules:
        attributes = vars(module)
        settings = [n for n in attributes if not n.startswith("_") and n not in _IRRELEVANT]
        items += [(attributes, name) for name in (*settings, *_HOOKS)]
        for name in ("_parameters", "_buffers"):
            if attributes[name]:
                items.append((attributes, name))
                items += [(attributes[name], key) for key in attributes[name]]
        empty += [attributes[name] for name in _HOOKS]
    is_unchanged: Callable[[], bool] = LOADED.module.watch(
        list(modules), items, empty, list(parameters)
    )
    return is_unchanged


def _call_of(index: int, layer: nn.Module, device: torch.device) -> Call:
    if type(layer) not in _SUPPORTED:
        names = ", ".join(sorted(supported.__name__ for supported in _SUPPORTED))
        raise ValueError(f"chain: layer {index}: expected layers of {names}, got {layer}")
    reason = obstacle(layer) or _replaced_function(type(layer))
    for name in ("weight", "bias"):
        parameter = getattr(layer, name, None)
        if parameter is not None and not reason:
            reason = _parameter_obstacle(name, parameter, device)
    if not reason:
        call, reason = _settings_of(layer)
        if call:
            return call
    raise ValueError(f"chain: {named(index, layer)}: {reason}")


def _settings_of(layer: nn.Module) -> tuple[Call | None, str]:
    """Return the call that adds a layer with plain parameters, or the reason why there is none."""
    if isinstance(layer, nn.Flatten):
        if (layer.start_dim, layer.end_dim) != (1, -1):
            return None, "expected Flatten(1, -1)"
        return ("flatten", ()), ""
    if isinstance(layer, ink.Standardize):
        numbers = layer.mean, layer.std
        if not all(isinstance(number, (int, float)) for number in numbers):
            return None, "expected numbers as mean and standard deviation"
        return ("standardize", numbers), ""
    if isinstance(layer, nn.ReLU):
        return ("relu", ()), ""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    is_linear = isinstance(layer, nn.Linear)
    if weight.dim() != (2 if is_linear else 4) or (
        bias is not None and bias.shape != weight.shape[:1]
    ):
        return None, "expected a weight for each input and output and a bias for each output"
    if is_linear:
        return ("linear", (weight, bias, _ACTIVATIONS[type(layer)])), ""
    assert isinstance(layer, nn.Conv2d)
    pairs = layer.stride, layer.padding, layer.dilation
    if layer.padding_mode != "zeros" or not all(isinstance(pair, tuple) for pair in pairs):
        return None, "expected padding by a number of zeros"
    if not isinstance(layer, ink.ConvReluMaxPool2d):
        return ("conv2d", (weight, bias, *pairs, layer.groups)), ""
    pool = (layer.pool, layer.pool) if isinstance(layer.pool, int) else layer.pool
    if not 0 < pool[0] * pool[1] <= 255:
        return None, "expected pooling windows of 1 to 255 elements"
    return ("conv2d_relu_max_pool2d", (weight, bias, *pairs, layer.groups, pool)), ""


def _parameter_obstacle(name: str, parameter: Tensor, device: torch.device) -> str | None:
    if (
        parameter.dtype != torch.float32
        or parameter.device != device
        or parameter.layout != torch.strided
        or not parameter.is_contiguous()
        or parameter.is_neg()
    ):
        dense = parameter.layout == torch.strided
        layout = f"strides {parameter.stride()}" if dense else parameter.layout
        return (
            f"its {name}: expected contiguous float32 on {device}, got {parameter.dtype} on "
            f"{parameter.device} with {layout}"
        )
    if parameter.numel() == 0:
        return f"its {name} is empty, with shape {list(parameter.shape)}"
    if parameter.untyped_storage().nbytes() < 4 * (parameter.storage_offset() + parameter.numel()):
        return f"the memory of its {name} was released"
    if parameter.is_inference():
        return f"its {name} was created in inference mode"
    if LOADED.module.sends_gradient_elsewhere(parameter):
        return f"its {name} has hooks or is computed from another tensor"
    return None


def _replaced_function(kind: type[nn.Module]) -> str | None:
    for name in ("__call__", "_call_impl"):
        if getattr(kind, name) is not vars(nn.Module)[name]:
            return f"{kind.__name__}.{name} was replaced"
    for (cls, name), function in _FUNCTIONS.items():
        if issubclass(kind, cls) and vars(cls)[name] is not function:
            return f"{cls.__name__}.{name} was replaced"
    return None


def _check_separate(layers: Sequence[nn.Module], calls: Sequence[Call]) -> None:
    """Raise ValueError if two parameters have memory in common."""
    spans = sorted(
        (parameter.data_ptr(), parameter.data_ptr() + 4 * parameter.numel(), index)
        for index, call in enumerate(calls)
        for parameter in parameters_of(call)
    )
    for (_, end, first), (begin, _, second) in pairwise(spans):
        if begin < end:
            first, second = sorted((first, second))
            raise ValueError(
                f"chain: layers {first} and {second}, {layers[first]} and {layers[second]}, share "
                "a parameter or its memory"
            )
