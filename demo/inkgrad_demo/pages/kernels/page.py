"""The Kernels page: what was built, whether it is correct, how fast it is, and how it works.

Checks and benchmarks run in processes of their own (see jobs/); the page polls them and paints
their events.
"""

from __future__ import annotations

import inkgrad
from inkgrad_demo.pages.kernels import api as kernels_api
from inkgrad_demo.pages.page_html import page_html
from inkgrad_demo.services.kernel_service import KernelService, choices
from inkgrad_demo.services.op_documentation import FACTS, REFERENCE, reference_code
from inkgrad_demo.serving.exposed import to_page
from inkgrad_demo.texts import catalogues_of

NAME = "kernels"

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
    "roofline": "kernels.column.roofline",
    "error": "kernels.column.error",
    "memory": "kernels.column.memory",
}


def build(kernels: KernelService) -> None:
    """Build the page in the open tab."""
    page_html(
        NAME,
        to_page(
            kernels.start_check,
            kernels.start_bench,
            kernels.poll,
            kernels.stop,
            kernels.committed,
            kernels.source,
        ),
        # The scripts find these in `props`, beside `value`:
        catalogues=catalogues_of(NAME, "chart"),
        choices=choices(),
        size_texts=_SIZE_TEXTS,
        column_texts=_COLUMN_TEXTS,
        config=inkgrad.build_config(),
        facts={op: vars(facts) | {"reference": reference_code(op)} for op, facts in FACTS.items()},
        reference_file=REFERENCE,
    )
    kernels_api.build(kernels)
