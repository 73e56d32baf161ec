"""Which kernel computed a call.

:func:`record` collects one :class:`Call` for every kernel that runs; with ``INKGRAD_VERBOSE=1`` in
the environment each is a line on stderr instead::

    inkgrad,conv2d,forward,64x10x12x12:20x10x5x5,float32,winograd,271.5

that is op, direction, shapes, dtype, kernel and microseconds. While neither is in use a call costs
one branch more. The kernels of an op, in the order in which they are tried:

============================  ==================================================================
conv2d                        ``winograd``; ``direct:batch_lanes`` (a vector holds one pixel of
                              several images), ``direct:channel_lanes`` (of several channels),
                              ``direct`` (several pixels); ``torch``
conv2d_relu_max_pool2d        the same with the pool in the kernel; ``unfused`` (a pool behind
                              conv2d, which is reported as well); ``torch``. Gradients: ``sparse``
                              (straight from the pooled gradient), then those of conv2d
linear_sigmoid, linear_relu   ``narrow`` (few units), ``few_rows``, ``gemm``, ``torch``
binary_cross_entropy          ``vectorized``, ``torch``
============================  ==================================================================

Ops are traced on the CPU; on CUDA use torch.profiler.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from inkgrad.extension import LOADED

__all__ = ["Call", "record"]


@dataclass(frozen=True)
class Call:
    """One kernel's work.

    ``direction`` is ``"forward"`` or names the gradients that the kernel computed together, such as
    ``"grad_input+grad_weight"``. ``shapes`` are those of the op's two main operands.
    """

    op: str
    direction: str
    shapes: tuple[tuple[int, ...], ...]
    dtype: str
    kernel: str
    microseconds: float


@contextmanager
def record() -> Iterator[list[Call]]:
    """Collect the calls of all threads; the list is filled when the context ends.

    A call that runs inside another comes before it. Without the compiled extension the list stays
    empty.

    >>> with inkgrad.kernels.record() as calls:
    ...     inkgrad.functional.conv2d(images, weight)
    >>> [call.kernel for call in calls]
    ['winograd']
    """
    calls: list[Call] = []
    if LOADED.module is None:
        yield calls
        return
    start = LOADED.module.start_trace()
    try:
        yield calls
    finally:
        calls += [Call(*fields) for fields in LOADED.module.stop_trace(start)]
