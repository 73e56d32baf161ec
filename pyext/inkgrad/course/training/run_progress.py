"""The progress of a run: its curves, its epochs and its speed."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import astuple
from typing import Any

from inkgrad.course.training.loss_curve import LossCurve
from inkgrad.course.training.run_record import LrChange, Point
from inkgrad.course.training.run_status import QuickEvaluation
from inkgrad.course.training.steps import evaluate
from inkgrad.course.training.trainer import Batch, Epoch, Trainer

# Quick evaluations, between the ends of two epochs: examples, the share of the time that they may
# take, the shortest interval, and how many are kept.
_QUICK_EXAMPLES = 512
_QUICK_SHARE_OF_TIME = 1 / 10
_SECONDS_BETWEEN_QUICK = 0.2
_MAX_QUICK_EVALUATIONS = 500
# The interval over which the speed is measured.
_SECONDS_OF_SPEED = 2.0


class RunProgress:
    """The progress of a run. Not thread-safe."""

    def __init__(self) -> None:
        self.curve = LossCurve()
        self.epochs: list[Epoch] = []
        self.quick_evaluations: list[QuickEvaluation] = []
        self.times_thinned = 0  # the quick evaluations
        self.lr_changes: list[LrChange] = []
        self.done = 0
        self.seconds = 0.0
        self._trained = 0  # examples
        self._recent: deque[tuple[float, int]] = deque(maxlen=20)  # seconds, examples trained
        self._next_quick_evaluation = 0.0

    def add(self, batch: Batch) -> None:
        """Add the next step."""
        self.curve.add(batch)
        self.done = (batch.epoch - 1) * batch.count + batch.number
        self.seconds = batch.seconds
        self._trained += batch.examples
        if not self._recent or batch.seconds - self._recent[-1][0] > _SECONDS_OF_SPEED / 20:
            self._recent.append((batch.seconds, self._trained))

    def end_epoch(self, trainer: Trainer) -> None:
        if len(trainer.history) == len(self.epochs) + 1:
            self.epochs.append(trainer.history[-1])
        else:  # it was thinned
            self.epochs = list(trainer.history)
        self.seconds = trainer.seconds

    @property
    def speed(self) -> float:
        """Examples per second, lately."""
        if not self._recent:
            return 0.0
        seconds, trained = self._recent[0]
        span = self.seconds - seconds
        return (self._trained - trained) / span if span > 0 else 0.0

    def quick_evaluation(self, trainer: Trainer, batch: Batch) -> QuickEvaluation | None:
        """Measure the accuracy on a few examples if it is time to."""
        if batch.seconds < self._next_quick_evaluation:
            return None
        start = time.perf_counter()
        examples = trainer.validation if len(trainer.validation) else trainer.train
        accuracy = evaluate(trainer.model, examples[:_QUICK_EXAMPLES]).accuracy
        cost = time.perf_counter() - start
        interval = max(_SECONDS_BETWEEN_QUICK, cost / _QUICK_SHARE_OF_TIME)
        self._next_quick_evaluation = batch.seconds + interval
        epoch = trainer.steps / batch.count
        return QuickEvaluation(trainer.steps, epoch, batch.seconds, accuracy)

    def add_quick_evaluation(self, result: QuickEvaluation) -> None:
        self.quick_evaluations.append(result)
        if len(self.quick_evaluations) > _MAX_QUICK_EVALUATIONS:
            del self.quick_evaluations[1::2]
            self.times_thinned += 1

    def state(self) -> dict[str, Any]:
        """Everything that :meth:`restore` needs, as JSON types."""
        return {
            "stride": self.curve.stride,
            "points": [list(astuple(point)) for point in self.curve.points],
            "pending": list(self.curve.pending),
            "quick_evaluations": [list(astuple(each)) for each in self.quick_evaluations],
            "times_thinned": self.times_thinned,
            "lr_changes": [list(astuple(change)) for change in self.lr_changes],
            "trained": self._trained,
        }

    def restore(self, state: dict[str, Any], trainer: Trainer) -> None:
        """Go on from a :meth:`state`; the trainer is restored already."""
        self.curve.stride = state["stride"]
        self.curve.points = [Point(*point) for point in state["points"]]
        self.curve.pending = state["pending"]
        self.quick_evaluations = [QuickEvaluation(*each) for each in state["quick_evaluations"]]
        self.times_thinned = state["times_thinned"]
        self.lr_changes = [LrChange(*change) for change in state["lr_changes"]]
        self._trained = state["trained"]
        self.done = trainer.steps
        self.seconds = trainer.seconds
        self.epochs = list(trainer.history)
        self._next_quick_evaluation = self.seconds
