"""Report which kernel computed a call on the CPU.

:func:`record` collects one :class:`Call` for every kernel that runs. With ``INKGRAD_VERBOSE=1`` in
the environment each is also a line on stderr: op, direction, shapes, dtype, kernel, microseconds::

    inkgrad,conv2d,forward,64x10x12x12:20x10x5x5,float32,winograd,271.5

While neither is in use, a call costs one more branch. The kernels, in the order in which they are
tried (csrc/cpu/conv/algorithms.cpp for the convolutions):

===========================  ===================================================================
conv2d                       ``winograd`` (a vector holds one element of several images),
                             ``winograd:channel_lanes`` (of several channels);
                             ``direct:batch_lanes`` (one pixel of several images),
                             ``direct:channel_lanes`` (of several channels), ``direct`` (several
                             pixels); ``torch``
conv2d_relu_max_pool2d       the same, with the pool in the kernel; ``unfused`` (a pool after
                             conv2d, whose kernel is reported before it); ``torch``. Gradients:
                             ``pooled:sparse`` (skips the zeros of the pooled gradient), then those
                             of conv2d
linear_sigmoid, linear_relu  ``narrow`` (few units), ``few_rows``, ``gemm``, ``torch``
binary_cross_entropy         ``vectorized``, ``torch``
===========================  ===================================================================

If torch convolves, its own autograd graph does the backward, which is not reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from inkgrad.extension import LOADED

__all__ = ["Call", "record"]


@dataclass(frozen=True)
class Call:
    """One computation of a kernel.

    ``direction`` is ``"forward"``, or the gradients that the kernel computed together, such as
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
    """Collect the calls of all threads in a list, which is filled when the context ends.

    Calls are in the order in which they end. Without the compiled extension the list stays empty.

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
