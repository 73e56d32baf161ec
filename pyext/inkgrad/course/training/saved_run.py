"""A stored run, opened again."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from inkgrad.course import models, weights_file
from inkgrad.course.messages import message
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.training import checkpoints
from inkgrad.course.training.checkpoints import Checkpoint
from inkgrad.course.training.run_record import ENDED
from inkgrad.course.training.run_status import RunStatus
from inkgrad.course.training.run_store import RunStore


class SavedRun:
    """A run of a store, with the same status and checkpoints as the live :class:`.run.Run` had.

    RunError if there is no such run.
    """

    def __init__(self, store: RunStore, run: str) -> None:
        self.record = store.load(run)
        self._is_training, self._can_resume = store.is_training(run), store.can_resume(run)
        self._weights = store.weights(run)
        self._path = store.checkpoints(run)

    def status(self) -> RunStatus:
        """The status of a run that this process does not train."""
        return RunStatus.of_record(
            self.record,
            self.checkpoint_steps,
            is_training=self._is_training,
            can_resume=self._can_resume,
        )

    @property
    def checkpoint_steps(self) -> list[int]:
        """The steps after which there is a checkpoint; empty for weights from a file."""
        steps, _ = self._checkpoints
        if self.record.state not in ENDED and steps:  # the weights are newer than the checkpoints
            return sorted({*steps[:-1], max(steps[-1], self.record.done)})
        return steps

    def recognizer(self, step: int | None = None) -> Recognizer:
        """Make a recognizer with the weights after ``step``; None: with the last weights.

        ValueError if the run has no weights, there is no such checkpoint, or the model does not
        recognize digits.
        """
        trained, metadata = self._trained
        if not isinstance(trained, models.DigitModel):
            name = metadata["model"]
            raise ValueError(message("problem.no_digits", run=self.record.id, model=name))
        steps = self.checkpoint_steps
        if step is not None and step not in steps:
            raise ValueError(message("problem.no_checkpoint", got=repr(step)))
        if step is None or step == steps[-1]:
            return Recognizer(trained, metadata, self._weights)
        kwargs = metadata.get("model_kwargs", {})
        model = models.build_empty(metadata["model"], "fused", **kwargs)
        (weights,) = (each.weights for each in self._checkpoints[1] if each.step == step)
        try:
            model.load_state_dict(weights, assign=True)
        except RuntimeError as error:
            raise ValueError(message("problem.damaged", file=self._path, error=error)) from None
        assert isinstance(model, models.DigitModel)
        return Recognizer(model.eval(), metadata, self._weights)

    @cached_property
    def _checkpoints(self) -> tuple[list[int], list[Checkpoint]]:
        return checkpoints.load(self._path)

    @cached_property
    def _trained(self) -> tuple[models.CourseModel, dict[str, Any]]:
        if not self._weights.exists():
            raise ValueError(message("problem.no_weights", run=self.record.id))
        return weights_file.load(self._weights)
