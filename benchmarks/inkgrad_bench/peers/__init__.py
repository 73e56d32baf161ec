"""Other libraries that run the models of the suite, each on the weights of ours.

A peer is a module of this package with one or both of

``inference(model, images, threads)``
    a step that computes ``model(images)`` for a native torch ``model``, of one class of
    :mod:`inkgrad.course.models` or of any other class, and returns the output as a numpy array;
``training_step(model, inputs, targets, lr, threads)``
    a step of stochastic gradient descent on one batch, as ``torch.optim.SGD`` takes it, from the
    weights of ``model``, or None for a model that the peer does not have. It returns the loss.

The packages are those of the extra ``peers``. :func:`check` imports them before anything is timed.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PEERS = ("onnxruntime", "openvino", "jax")
# XLA reads the number of threads once, when it starts.
_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def check(names: Sequence[str], threads: Sequence[int]) -> None:
    """Import the peers, for this number of threads; ValueError for what cannot be measured."""
    if "jax" in names:
        if len(threads) > 1:
            raise ValueError("peers: jax takes its number of threads once: choose one --threads")
        if threads == [1]:
            os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_ONE_THREAD}"
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    for name in names:
        try:
            import_module(name)
        except ImportError as error:
            raise ValueError(f'peers: {error}: pip install "inkgrad[peers]"') from error


def versions(names: Sequence[str]) -> dict[str, str]:
    """The version of each peer."""
    return {name: str(import_module(name).__version__) for name in names}


def steps(names: Sequence[str], kind: str, *arguments: Any) -> dict[str, Callable[[], Any]]:
    """The step ``kind`` of each peer that has it for these arguments."""
    found = {}
    for name in names:
        build = getattr(import_module(f"{__name__}.{name}_peer"), kind, None)
        step = build(*arguments) if build is not None else None
        if step is not None:
            found[name] = step
    return found
