"""The Kernels page: what was built, whether it is right, how fast it is, and how it is written.

Checks and benchmarks run in a process of their own (see jobs.py); the page polls it and paints what
comes. The same checks and benchmarks are on the API as ``/check`` and ``/bench``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

import inkgrad
from inkgrad_demo.i18n import catalogues_of, i18n
from inkgrad_demo.jobs import MAX_WAITING
from inkgrad_demo.pages.parts import telling_function, text_of
from inkgrad_demo.sources import FACTS, REFERENCE, reference_code
from inkgrad_demo.workbench import Workbench, choices

NAME = "kernels"

_SCRIPTS = (
    "words.js",
    "units.js",
    "jobs.js",
    "checks.js",
    "charts.js",
    "speedup.js",
    "roofline.js",
    "benches.js",
    "about.js",
    "kernels.js",
)
_SIZE_TEXTS = {
    "elements": "kernels.size.elements",
    "rows": "kernels.size.rows",
    "inputs": "kernels.size.inputs",
    "outputs": "kernels.size.outputs",
    "batch": "kernels.size.batch",
    "channels": "kernels.size.channels",
    "height": "kernels.size.height",
    "width": "kernels.size.width",
    "filters": "kernels.size.filters",
    "kernel": "kernels.size.kernel",
    "stride": "kernels.size.stride",
    "padding": "kernels.size.padding",
}
_COLUMN_TEXTS = {
    "case": "kernels.bench.case",
    "direction": "kernels.column.direction",
    "native": "kernels.column.native",
    "ours": "kernels.column.ours",
    "ratio": "kernels.column.ratio",
    "committed": "kernels.column.committed",
    "ceiling": "kernels.column.ceiling",
    "error": "kernels.column.error",
    "memory": "kernels.column.memory",
}


def build(workbench: Workbench) -> None:
    """Put the page into the tab that is open."""

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
        return _or_error(workbench.check, ops, dtypes)

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
        return _or_error(workbench.bench, op, sizes or {}, dtype, threads, quick)

    gr.HTML(
        value=i18n("app.language"),
        html_template=text_of("kernels.html"),
        js_on_load=text_of(*_SCRIPTS),
        apply_default_css=False,
        server_functions=[
            telling_function(ask)
            for ask in (
                workbench.start_check,
                workbench.start_bench,
                workbench.poll,
                workbench.stop,
                workbench.committed,
                workbench.source,
            )
        ],
        # What the scripts find in `props`, beside `value`:
        catalogues=catalogues_of(NAME),
        choices=choices(),
        size_texts=_SIZE_TEXTS,
        column_texts=_COLUMN_TEXTS,
        config=inkgrad.build_config(),
        facts={op: vars(facts) | {"reference": reference_code(op)} for op, facts in FACTS.items()},
        reference_file=REFERENCE,
    )
    # Through the queue: a call that takes a minute outlasts the patience of a plain request.
    for endpoint in (check, bench):
        gr.api(endpoint, api_name=endpoint.__name__, concurrency_limit=MAX_WAITING)


def _or_error(answer: Callable[..., dict[str, Any]], *asked: Any) -> dict[str, Any]:
    try:
        return answer(*asked)
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None
