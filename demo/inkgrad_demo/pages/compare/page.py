"""The Compare page: runs side by side."""

from __future__ import annotations

from inkgrad_demo.pages.page_html import page_html
from inkgrad_demo.services.comparison_service import MAX_COMPARED, ComparisonService
from inkgrad_demo.services.confusion_service import ConfusionService
from inkgrad_demo.services.training_data import DATA_NAMES
from inkgrad_demo.services.training_service import TrainingService
from inkgrad_demo.serving.exposed import to_page
from inkgrad_demo.texts import catalogues_of

NAME = "compare"


def build(
    comparison: ComparisonService, training: TrainingService, confusion: ConfusionService
) -> None:
    """Build the page in the open tab."""
    page_html(
        NAME,
        to_page(
            comparison.list_runs,
            comparison.load_runs,
            comparison.delete_runs,
            comparison.export_runs,
            training.steer,
            confusion.cell,
        ),
        # The scripts find these in `props`, beside `value`:
        catalogues=catalogues_of(NAME, "chart", "cell", "data", "train.model", "train.backend"),
        data_names=DATA_NAMES,
        most_compared=MAX_COMPARED,
        states={
            "loading": "compare.state.unfinished",
            "training": "compare.state.unfinished",
            "paused": "compare.state.unfinished",
            "interrupted": "compare.state.interrupted",
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
            "standardize": "compare.setting.standardize",
            "reduction": "compare.setting.reduction",
            "augment": "compare.setting.augment",
            "styles": "compare.setting.styles",
            "seed": "compare.setting.seed",
            "backend": "compare.setting.backend",
            "device": "compare.setting.device",
        },
    )
