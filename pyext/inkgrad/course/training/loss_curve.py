"""The training loss of every step, reduced to a few hundred points for a run of any length."""

from __future__ import annotations

import math

from inkgrad.course.training.run_record import Point
from inkgrad.course.training.trainer import Batch


class LossCurve:
    """Points that are the mean over ``stride`` steps each. Not thread-safe.

    When there are ``max_points``, neighbors are merged and the stride doubles.
    """

    def __init__(self, max_points: int = 600) -> None:
        self._max_points = max_points
        self.stride = 1
        self.points: list[Point] = []
        self.pending: list[float] = []  # losses that are not part of a point yet

    def add(self, batch: Batch) -> None:
        """Add the next step of the run."""
        self.pending.append(batch.loss)
        if len(self.pending) < self.stride:
            return
        step = (batch.epoch - 1) * batch.count + batch.number
        loss = math.fsum(self.pending) / self.stride
        self.points.append(Point(step, step / batch.count, batch.seconds, loss))
        self.pending = []
        if len(self.points) == self._max_points:
            self._merge()

    def _merge(self) -> None:
        pairs = zip(self.points[::2], self.points[1::2], strict=True)
        self.points = [
            Point(last.step, last.epoch, last.seconds, (first.loss + last.loss) / 2)
            for first, last in pairs
        ]
        self.stride *= 2
