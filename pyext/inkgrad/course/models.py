"""The models of the course, from one neuron to a convolutional network.

Each takes ``backend="fused"`` (the kernels of :mod:`inkgrad.nn`, the default) or ``"native"``
(torch's own ops). Both have the same parameter names, so a state dict fits either.
``model.criterion(output, target)`` is the loss that the course trains the model with.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from inkgrad.course import native
from inkgrad.nn import Standardize

Backend = Literal["fused", "native"]

# Mean and standard deviation of the pixels of MNIST's training images, scaled to [0, 1].
PIXEL_MEAN, PIXEL_STD = 0.1307, 0.3081


def layers_of(backend: str) -> ModuleType:
    """The layers of ``"fused"`` or ``"native"``; ValueError for any other name."""
    if backend == "fused":
        import inkgrad.nn

        return inkgrad.nn
    if backend == "native":
        return native
    raise ValueError(f"backend: expected 'fused' or 'native', got {backend!r}")


# Activations that no fused layer has, as torch ops; None for those that are part of one.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor] | None] = {
    "sigmoid": None,
    "relu": None,
    "tanh": torch.tanh,
    "gelu": F.gelu,
}


class LinearActivation(nn.Linear):
    """A linear layer with an activation that no fused layer has."""

    def __init__(self, in_features: int, out_features: int, activation: str) -> None:
        super().__init__(in_features, out_features)
        self.activation = activation

    def forward(self, input: Tensor) -> Tensor:
        activate = ACTIVATIONS[self.activation]
        assert activate is not None
        return activate(super().forward(input))


def _hidden_layer(backend: str, activation: str) -> Callable[[int, int], nn.Linear]:
    if activation not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ValueError(f"activation: expected one of {known}, got {activation!r}")
    layers = layers_of(backend)
    fused = {"sigmoid": layers.LinearSigmoid, "relu": layers.LinearReLU}
    return fused.get(activation, partial(LinearActivation, activation=activation))


class CourseModel(nn.Module):
    """A model and the loss that it is trained with."""

    criterion: nn.Module

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend

    def chain(self) -> list[nn.Module] | None:
        """The layers if the model just applies one after the other; else None."""
        return None

    def before_chain(self, inputs: Tensor) -> Tensor:
        """The inputs of the first layer of :meth:`chain`: those of the model, or standardized."""
        return inputs


class StandardizeColumns(nn.Module):
    """Compute ``(x - mean) / std`` with a mean and a standard deviation of each column: (N, F).

    The statistics are buffers, so they are kept with the weights.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("std", torch.ones(columns))

    @torch.no_grad()
    def fit(self, inputs: Tensor) -> None:
        """Take the statistics of ``inputs``, (N, F). Columns that are constant are only shifted."""
        values = inputs.double()
        std = values.std(0, correction=0)
        self.mean.copy_(values.mean(0))
        self.std.copy_(torch.where(std > 1e-30, std, 1.0))

    def forward(self, input: Tensor) -> Tensor:
        return (input - self.mean) / self.std


class TableModel(CourseModel):
    """Learns from the columns of a table.

    Input (N, in_features). Output (N, 1), the probability of a 1, for two classes; (N, classes),
    logits, for more. ``standardize``: the columns are standardized before the first layer.
    ``reduction`` of the loss over a batch, "mean" or "sum"; None is the course's.
    """

    DEFAULT_REDUCTION = "mean"

    def __init__(
        self,
        in_features: int,
        classes: int,
        standardize: bool,
        reduction: str | None,
        backend: Backend,
    ) -> None:
        super().__init__(backend)
        reduction = reduction or self.DEFAULT_REDUCTION
        self.columns = StandardizeColumns(in_features) if standardize else None
        self.criterion = (
            layers_of(backend).BCELoss(reduction=reduction)
            if classes == 2
            else nn.CrossEntropyLoss(reduction=reduction)
        )

    def fit_columns(self, inputs: Tensor) -> None:
        """Take the statistics to standardize with from ``inputs``, the training part."""
        if self.columns is not None:
            self.columns.fit(inputs)

    def before_chain(self, inputs: Tensor) -> Tensor:
        return inputs if self.columns is None else self.columns(inputs)

    @staticmethod
    def _output(backend: str, in_features: int, classes: int) -> nn.Linear:
        if classes == 2:
            return layers_of(backend).LinearSigmoid(in_features, 1)
        return nn.Linear(in_features, classes)


class LogisticRegression(TableModel):
    """One neuron, p = sigmoid(x w + b); for more than two classes softmax regression."""

    DEFAULT_REDUCTION = "sum"

    def __init__(
        self,
        in_features: int = 1,
        classes: int = 2,
        standardize: bool = False,
        reduction: str | None = None,
        *,
        backend: Backend = "fused",
    ) -> None:
        super().__init__(in_features, classes, standardize, reduction, backend)
        self.linear = self._output(backend, in_features, classes)

    def chain(self) -> list[nn.Module]:
        return [self.linear]

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.before_chain(x))


class DiabetesMLP(TableModel):
    """Three layers, 8-6-4-1, with a sigmoid at the end; ``activation`` is that of the others."""

    def __init__(
        self,
        in_features: int = 8,
        activation: str = "sigmoid",
        classes: int = 2,
        standardize: bool = False,
        reduction: str | None = None,
        *,
        backend: Backend = "fused",
    ) -> None:
        super().__init__(in_features, classes, standardize, reduction, backend)
        hidden = _hidden_layer(backend, activation)
        self.linear1 = hidden(in_features, 6)
        self.linear2 = hidden(6, 4)
        self.linear3 = self._output(backend, 4, classes)

    def chain(self) -> list[nn.Module]:
        return [self.linear1, self.linear2, self.linear3]

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear1(self.before_chain(x))
        x = self.linear2(x)
        return self.linear3(x)


class DigitModel(CourseModel):
    """Recognizes digits.

    Input (N, 1, 28, 28) in [0, 1], white ink on black; output (N, 10), logits.
    """

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        # The first layer learns best from pixels of mean 0 and standard deviation 1.
        self.standardize = Standardize(PIXEL_MEAN, PIXEL_STD)
        self.criterion = nn.CrossEntropyLoss()

    def forward_with_maps(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The logits, and the output of each convolution after its ReLU, by layer name.

        The maps are (N, channels, height, width); a network without convolutions has none.
        """
        return self(images), {}


class SoftmaxMLP(DigitModel):
    """Fully connected, 784-512-256-128-64-10, with ReLU or another activation in between."""

    def __init__(self, activation: str = "relu", *, backend: Backend = "fused") -> None:
        super().__init__(backend)
        hidden = _hidden_layer(backend, activation)
        self.linear1 = hidden(784, 512)
        self.linear2 = hidden(512, 256)
        self.linear3 = hidden(256, 128)
        self.linear4 = hidden(128, 64)
        self.linear5 = nn.Linear(64, 10)

    def chain(self) -> list[nn.Module]:
        linears = [self.linear1, self.linear2, self.linear3, self.linear4, self.linear5]
        return [self.standardize, *linears]

    def forward(self, images: Tensor) -> Tensor:
        x = self.standardize(images).flatten(1)
        x = self.linear1(x)
        x = self.linear2(x)
        x = self.linear3(x)
        x = self.linear4(x)
        return self.linear5(x)


class DigitCNN(DigitModel):
    """The course's network: convolution, pooling and ReLU, twice, then one linear layer."""

    def __init__(self, *, backend: Backend = "fused") -> None:
        super().__init__(backend)
        layers = layers_of(backend)
        self.conv1 = layers.ConvReluMaxPool2d(1, 10, kernel_size=5)
        self.conv2 = layers.ConvReluMaxPool2d(10, 20, kernel_size=5)
        self.fc = nn.Linear(320, 10)

    def chain(self) -> list[nn.Module]:
        return [self.standardize, self.conv1, self.conv2, self.fc]

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_with_maps(images)[0]

    def forward_with_maps(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        conv1 = self.conv1(self.standardize(images))  # (N, 10, 12, 12)
        conv2 = self.conv2(conv1)  # (N, 20, 4, 4)
        return self.fc(conv2.flatten(1)), {"conv1": conv1, "conv2": conv2}


class StrongCNN(DigitModel):
    """Four convolutions and two linear layers: 0.4 million weights, 10 million MACs per image.

    Neither batch normalization nor dropout: training and inference compute the same thing.
    """

    def __init__(self, *, backend: Backend = "fused") -> None:
        super().__init__(backend)
        layers = layers_of(backend)
        self.conv1 = layers.ConvReluMaxPool2d(1, 32, kernel_size=5, padding=2)
        self.conv2 = layers.Conv2d(32, 48, kernel_size=3, padding=1)
        self.conv3 = layers.ConvReluMaxPool2d(48, 64, kernel_size=3, padding=1)
        self.conv4 = layers.Conv2d(64, 96, kernel_size=3)
        self.fc1 = layers.LinearReLU(96 * 5 * 5, 128)
        self.fc2 = nn.Linear(128, 10)
        self.relu = nn.ReLU()

    def chain(self) -> list[nn.Module]:
        convolutions = [self.conv1, self.conv2, self.relu, self.conv3, self.conv4, self.relu]
        return [self.standardize, *convolutions, self.fc1, self.fc2]

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_with_maps(images)[0]

    def forward_with_maps(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        conv1 = self.conv1(self.standardize(images))  # (N, 32, 14, 14)
        conv2 = self.relu(self.conv2(conv1))  # (N, 48, 14, 14)
        conv3 = self.conv3(conv2)  # (N, 64, 7, 7)
        conv4 = self.relu(self.conv4(conv3))  # (N, 96, 5, 5)
        logits = self.fc2(self.fc1(conv4.flatten(1)))
        return logits, {"conv1": conv1, "conv2": conv2, "conv3": conv3, "conv4": conv4}


MODELS: dict[str, type[CourseModel]] = {
    "logistic": LogisticRegression,
    "diabetes": DiabetesMLP,
    "softmax": SoftmaxMLP,
    "cnn": DigitCNN,
    "strong": StrongCNN,
}

# The activations of the hidden layers of each model with a choice; its default comes first.
ACTIVATIONS_OF: dict[str, tuple[str, ...]] = {
    "diabetes": ("sigmoid", "relu", "tanh", "gelu"),
    "softmax": ("relu", "sigmoid", "tanh", "gelu"),
}


def build(
    name: str,
    backend: Backend = "fused",
    *,
    generator: Generator | None = None,
    **model_kwargs: Any,
) -> CourseModel:
    """Build the model of that name in ``MODELS``, on the CPU.

    A ``generator`` (on the CPU) draws the weights instead of torch's global generator, so that both
    backends start from the same weights. ValueError for an unknown name or backend.
    """
    if name not in MODELS:
        raise ValueError(f"model: expected one of {', '.join(MODELS)}, got {name!r}")
    if generator is None:
        return MODELS[name](backend=backend, **model_kwargs)
    model = build_empty(name, backend, **model_kwargs).to_empty(device="cpu")
    initialize(model, generator)
    return model


def build_empty(name: str, backend: Backend = "fused", **model_kwargs: Any) -> CourseModel:
    """Build the model on the meta device: shapes without memory, and no random numbers."""
    with torch.device("meta"):
        return build(name, backend, **model_kwargs)


@torch.no_grad()
def initialize(model: nn.Module, generator: Generator) -> None:
    """Initialize as torch does by default, uniform in ±1/sqrt(fan_in), from ``generator``."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            bound = 1 / math.sqrt(module.weight[0].numel())
            module.weight.uniform_(-bound, bound, generator=generator)
            if module.bias is not None:
                module.bias.uniform_(-bound, bound, generator=generator)
        elif isinstance(module, StandardizeColumns):
            module.mean.zero_()
            module.std.fill_(1)
