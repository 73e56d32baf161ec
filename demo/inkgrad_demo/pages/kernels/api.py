"""Checks and benchmarks over the API: with the results of the Kernels page and the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from inkgrad_demo.jobs.queue import MAX_WAITING
from inkgrad_demo.services.workbench import Workbench


def build(workbench: Workbench) -> None:
    """Put the endpoints into the app."""

    def told(answer: Callable[..., dict[str, Any]], *asked: Any) -> dict[str, Any]:
        try:
            return answer(*asked)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def check(ops: list[str] | None = None, dtypes: list[str] | None = None) -> dict[str, Any]:
        """Check the kernels: gradcheck, gradgradcheck, opcheck and parity with torch.

        The ops are linear_sigmoid, linear_relu, binary_cross_entropy, conv2d and
        conv2d_relu_max_pool2d.

        Args:
            ops: which ops; all of them if null.
            dtypes: which of float64, float32, bfloat16 and float16; all of them if null.

        Returns:
            what `inkgrad check --json` writes: build, device and results, each with op, dtype,
            check, status (passed, failed or skipped), error and message.
        """
        return told(workbench.check, ops, dtypes)

    def bench(
        op: str,
        sizes: dict[str, int] | None = None,
        dtype: str = "float32",
        threads: int = 1,
        quick: bool = True,
    ) -> dict[str, Any]:
        """Time an op of inkgrad against torch's own, forward and with gradients.

        The ops are linear_sigmoid and linear_relu, with the sizes rows, inputs and outputs;
        binary_cross_entropy, with elements; conv2d and conv2d_relu_max_pool2d, with batch,
        channels, height, width, filters, kernel, stride and padding.

        Args:
            op: which op.
            sizes: numbers by name; those left out have a default.
            dtype: float32, float64, bfloat16 or float16.
            threads: 1 up to the number of processors.
            quick: few samples.

        Returns:
            what `inkgrad bench --json` writes: environment, ceilings and results, each with
            seconds and ratio (native's time over ours).
        """
        return told(workbench.bench, op, sizes or {}, dtype, threads, quick)

    # Through the queue: a call that takes a minute outlasts the patience of a plain request.
    for endpoint in (check, bench):
        gr.api(endpoint, api_name=endpoint.__name__, concurrency_limit=MAX_WAITING)
