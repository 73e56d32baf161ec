"""The Kernels page: what was built, whether it is right, how fast it is, and how it is written.

Checks and benchmarks run in a process of their own (see jobs.py); the page polls it and paints what
comes.
"""

from __future__ import annotations

import gradio as gr

import inkgrad
from inkgrad_demo.i18n import i18n
from inkgrad_demo.pages.kernels import api as kernels_api
from inkgrad_demo.pages.parts import telling_function, text_of
from inkgrad_demo.services.op_documentation import FACTS, REFERENCE, reference_code
from inkgrad_demo.services.workbench import Workbench, choices
from inkgrad_demo.texts import catalogues_of

NAME = "kernels"

_SCRIPTS = (
    "web/words.js",
    "web/units.js",
    "pages/kernels/jobs.js",
    "pages/kernels/checks.js",
    "pages/kernels/charts.js",
    "pages/kernels/speedup.js",
    "pages/kernels/roofline.js",
    "pages/kernels/bench_form.js",
    "pages/kernels/benches.js",
    "pages/kernels/about.js",
    "pages/kernels/page.js",
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

    gr.HTML(
        value=i18n("app.language"),
        html_template=text_of("pages/kernels/page.html"),
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
    kernels_api.build(workbench)
