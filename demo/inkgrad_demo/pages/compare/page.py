"""The Compare page: runs of the Train page and of before, beside each other."""

from __future__ import annotations

import gradio as gr

from inkgrad_demo.i18n import i18n
from inkgrad_demo.pages.parts import telling_function, text_of
from inkgrad_demo.services.comparisons import MOST_COMPARED, Comparisons
from inkgrad_demo.services.confusion_images import CellImages
from inkgrad_demo.services.data_choices import DATA_NAMES
from inkgrad_demo.texts import catalogues_of

NAME = "compare"

_SCRIPTS = (
    "web/words.js",
    "web/paint.js",
    "web/chart.js",
    "web/confusion.js",
    "web/cells.js",
    "pages/compare/list.js",
    "pages/compare/curves.js",
    "pages/compare/table.js",
    "pages/compare/page.js",
)


def build(comparisons: Comparisons, images: CellImages) -> None:
    """Put the page into the tab that is open."""
    gr.HTML(
        value=i18n("app.language"),
        html_template=text_of("pages/compare/page.html"),
        js_on_load=text_of(*_SCRIPTS),
        apply_default_css=False,
        server_functions=[
            telling_function(ask)
            for ask in (
                comparisons.list_runs,
                comparisons.load_runs,
                comparisons.delete_runs,
                comparisons.export_runs,
                images.cell,
            )
        ],
        # What the scripts find in `props`, beside `value`:
        catalogues=catalogues_of(NAME, "cell", "data", "train.model", "train.backend"),
        data_names=DATA_NAMES,
        most_compared=MOST_COMPARED,
        states={
            "unfinished": "compare.state.unfinished",
            "finished": "compare.state.finished",
            "stopped": "compare.state.stopped",
            "diverged": "compare.state.diverged",
            "failed": "compare.state.failed",
        },
        settings={
            "model": "compare.setting.model",
            "epochs": "compare.setting.epochs",
            "batch_size": "compare.setting.batch_size",
            "lr": "compare.setting.lr",
            "optimizer": "compare.setting.optimizer",
            "momentum": "compare.setting.momentum",
            "weight_decay": "compare.setting.weight_decay",
            "activation": "compare.setting.activation",
            "one_cycle": "compare.setting.one_cycle",
            "augment": "compare.setting.augment",
            "styles": "compare.setting.styles",
            "seed": "compare.setting.seed",
            "backend": "compare.setting.backend",
            "device": "compare.setting.device",
        },
    )
