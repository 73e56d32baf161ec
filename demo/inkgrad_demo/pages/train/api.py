"""Training over the API: the same runs, with the same results, as on the Train page."""

from __future__ import annotations

from inkgrad_demo.services.run_files import RunFiles
from inkgrad_demo.services.runs import MAX_RUNS
from inkgrad_demo.services.training_data import Datasets
from inkgrad_demo.services.training_service import TrainingService
from inkgrad_demo.serving.exposed import to_api


def build(training: TrainingService, files: RunFiles, datasets: Datasets) -> None:
    """Add the endpoints to the app."""
    to_api(training.train, "train", concurrency_limit=MAX_RUNS)
    to_api(training.start, "train_start", queue=False)
    to_api(training.status, "train_status", queue=False)
    to_api(training.steer, "train_steer", queue=False)
    to_api(training.resume, "train_resume", queue=False)
    to_api(datasets.upload, "train_upload", queue=False)
    to_api(files.export, "train_export", queue=False)
