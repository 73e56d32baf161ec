"""A run that is kept in a store, and what it read at moments while it trained."""

from __future__ import annotations

from inkgrad.course import models
from inkgrad.course.messages import message
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.training import checkpoints as snapshots
from inkgrad.course.training import weights_file as checkpoint
from inkgrad.course.training.run_store import RunStore


class Past:
    """The moments of a kept run, to be asked for as those of a :class:`.live.LiveRun`.

    ValueError where there is no such run, or it has no weights.
    """

    def __init__(self, store: RunStore, run: str) -> None:
        weights = store.weights(run)
        if not weights.exists():
            raise ValueError(message("problem.no_weights", run=run))
        self._run = run
        self._weights = weights
        self._snapshots = store.snapshots(run)
        self._model, self._metadata = checkpoint.load(weights)

    @property
    def moments(self) -> list[int]:
        """After which steps there is a snapshot; none of weights that came as a file."""
        return snapshots.steps_in(self._snapshots)

    def recognizer(self, step: int | None = None) -> Recognizer:
        """What reads digits with the weights of the snapshot after ``step``; None: the last ones.

        ValueError where there is no such snapshot, or the model does not read digits.
        """
        if not isinstance(self._model, models.DigitModel):
            name = self._metadata["model"]
            raise ValueError(message("problem.no_digits", run=self._run, model=name))
        moments = self.moments
        if step is not None and step not in moments:
            raise ValueError(message("problem.no_snapshot", got=repr(step)))
        if step is None or step == moments[-1]:
            return Recognizer(self._model, self._metadata, self._weights)
        kwargs = self._metadata.get("model_kwargs", {})
        model = models.build_empty(self._metadata["model"], "fused", **kwargs)
        model.load_state_dict(snapshots.load(self._snapshots, step), assign=True)
        assert isinstance(model, models.DigitModel)
        return Recognizer(model.eval(), self._metadata, self._weights)
