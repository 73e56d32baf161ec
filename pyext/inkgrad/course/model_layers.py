"""The layers of a course model with their shapes and parameters, for a diagram of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from inkgrad.course import models
from inkgrad.course.models import DigitModel

_DIGIT = (1, 28, 28)  # the input of a DigitModel

_DIGIT = (1, 28, 28)  # the input of a DigitModel

# Functions of torch that are part of the picture of a layer.
_SHOWN = ("relu", "sigmoid", "tanh", "gelu", "max_pool2d")


@dataclass
class Layer:
    """One layer.

    Attributes:
        name: The attribute of the model, as in its state dict.
        kind: "linear" or "conv".
        kernel: Height and width of a convolution's kernel; empty for linear layers.
        after: What follows the layer, in order: "relu", "sigmoid", "tanh", "gelu", "max_pool2d".
        shape: The shape of its output, after those, without the batch.
        parameters: The number of its weights and biases.
    """

    name: str
    kind: str
    kernel: tuple[int, ...]
    parameters: int
    after: list[str] = field(default_factory=list)
    shape: tuple[int, ...] = ()


@torch.no_grad()
def layers(name: str, **model_kwargs: Any) -> tuple[tuple[int, ...], list[Layer]]:
    """The shape of one input and the layers of the model of that name, in the order of their calls.

    The model runs once on the meta device with torch's own ops. ValueError as
    :func:`.models.build`.
    """
    model = models.build_empty(name, "native", **model_kwargs)
    if isinstance(model, DigitModel):
        shape: tuple[int, ...] = _DIGIT
    else:
        shape = (next(m.in_features for m in model.modules() if isinstance(m, nn.Linear)),)
    recorder = _Recorder({m: n for n, m in model.named_modules() if _is_layer(m)})
    with recorder:
        model(torch.empty(1, *shape, device="meta"))
    return shape, recorder.layers


def _is_layer(module: nn.Module) -> bool:
    return isinstance(module, (nn.Linear, nn.Conv2d))


class _Recorder(TorchFunctionMode):
    """Records layers when they are called, and the functions that are called after each."""

    def __init__(self, names: Mapping[nn.Module, str]) -> None:
        super().__init__()
        self.layers: list[Layer] = []
        for module, name in names.items():
            module.register_forward_pre_hook(lambda called, _, name=name: self._add(called, name))

    def _add(self, module: nn.Module, name: str) -> None:
        kernel = tuple(module.kernel_size) if isinstance(module, nn.Conv2d) else ()
        count = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        self.layers.append(Layer(name, "conv" if kernel else "linear", kernel, count))

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        kind = (resolve_name(function) or "").rpartition(".")[2]
        if self.layers and kind in (*_SHOWN, "linear", "conv2d"):
            assert isinstance(result, Tensor)
            self.layers[-1].shape = tuple(result.shape[1:])
            if kind in _SHOWN:
                self.layers[-1].after.append(kind)
        return result
