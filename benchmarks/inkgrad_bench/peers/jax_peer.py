"""JAX: the models of the course as its users write them, with channels last, compiled by XLA."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from torch import Tensor, nn

from inkgrad.course.models import (
    PIXEL_MEAN,
    PIXEL_STD,
    DiabetesMLP,
    DigitCNN,
    SoftmaxMLP,
    StrongCNN,
)

# The benchmark forks to measure memory. The child runs no JAX.
warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)

Weights = dict[str, dict[str, Any]]
Forward = Callable[[Weights, Any], Any]


def inference(model: nn.Module, images: Tensor, threads: int) -> Callable[[], np.ndarray] | None:
    """See :mod:`inkgrad_bench.peers`."""
    if type(model) not in _FORWARD:
        return None
    weights, array = _weights(model), _array(images)
    forward = jax.jit(_FORWARD[type(model)])
    return lambda: forward(weights, array).block_until_ready()


def training_step(
    model: nn.Module, inputs: Tensor, targets: Tensor, lr: float, threads: int
) -> Callable[[], Any] | None:
    """See :mod:`inkgrad_bench.peers`."""
    if type(model) not in _FORWARD:
        return None
    forward = _FORWARD[type(model)]
    loss = _binary_cross_entropy if type(model) is DiabetesMLP else _cross_entropy
    x, y = _array(inputs), jnp.asarray(targets.numpy())

    def update(weights: Weights, x: Any, y: Any) -> tuple[Weights, Any]:
        value, gradients = jax.value_and_grad(lambda w: loss(forward(w, x), y))(weights)
        return jax.tree.map(lambda w, g: w - lr * g, weights, gradients), value

    compiled = jax.jit(update, donate_argnums=0)
    state = [_weights(model)]

    def step() -> Any:
        state[0], value = compiled(state[0], x, y)
        return jax.block_until_ready((state[0], value))[1]

    return step


# ---------------------------------------------------------------- models


def _linear(x: Any, layer: dict[str, Any]) -> Any:
    return x @ layer["weight"] + layer["bias"]


def _conv(x: Any, layer: dict[str, Any], padding: int = 0) -> Any:
    around = [(padding, padding)] * 2
    layout = ("NHWC", "HWIO", "NHWC")
    y = lax.conv_general_dilated(x, layer["weight"], (1, 1), around, dimension_numbers=layout)
    return y + layer["bias"]


def _pool(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _flat(x: Any) -> Any:
    """In the order of torch's flatten, channels first."""
    return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)


def _standardized(images: Any) -> Any:
    return (images - PIXEL_MEAN) / PIXEL_STD


def _diabetes(weights: Weights, x: Any) -> Any:
    for layer in weights.values():
        x = jax.nn.sigmoid(_linear(x, layer))
    return x


def _softmax(weights: Weights, images: Any) -> Any:
    *hidden, last = weights.values()
    x = _standardized(images).reshape(images.shape[0], -1)
    for layer in hidden:
        x = jax.nn.relu(_linear(x, layer))
    return _linear(x, last)


def _cnn(weights: Weights, images: Any) -> Any:
    x = jax.nn.relu(_pool(_conv(_standardized(images), weights["conv1"])))
    x = jax.nn.relu(_pool(_conv(x, weights["conv2"])))
    return _linear(_flat(x), weights["fc"])


def _strong(weights: Weights, images: Any) -> Any:
    x = jax.nn.relu(_pool(_conv(_standardized(images), weights["conv1"], 2)))
    x = jax.nn.relu(_conv(x, weights["conv2"], 1))
    x = jax.nn.relu(_pool(_conv(x, weights["conv3"], 1)))
    x = jax.nn.relu(_conv(x, weights["conv4"]))
    return _linear(jax.nn.relu(_linear(_flat(x), weights["fc1"])), weights["fc2"])


_FORWARD: dict[type[nn.Module], Forward] = {
    DiabetesMLP: _diabetes,
    SoftmaxMLP: _softmax,
    DigitCNN: _cnn,
    StrongCNN: _strong,
}


def _binary_cross_entropy(p: Any, y: Any) -> Any:
    return -jnp.mean(y * jnp.log(p) + (1 - y) * jnp.log1p(-p))


def _cross_entropy(logits: Any, y: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1))


def _array(tensor: Tensor) -> Any:
    """Images with channels last; other tensors as they are."""
    array = tensor.numpy()
    return jnp.asarray(array.transpose(0, 2, 3, 1) if array.ndim == 4 else array)


def _weights(model: nn.Module) -> Weights:
    """Filters as (height, width, inputs, outputs), matrices as (inputs, outputs)."""
    weights: Weights = {}
    for name, parameter in model.named_parameters():
        layer, _, kind = name.rpartition(".")
        array = parameter.detach().numpy()
        if array.ndim == 4:
            array = array.transpose(2, 3, 1, 0)
        elif array.ndim == 2:
            array = array.T
        weights.setdefault(layer, {})[kind] = jnp.asarray(array)
    return weights
