"""The training loss of every step, kept in few points however long the run."""

from __future__ import annotations

import math

from inkgrad.course.training.loop import Batch
from inkgrad.course.training.run_store import Point


class Curve:
    """Each point is the mean over ``stride`` steps; where the points become too many, neighbours
    are joined and the stride doubles. Not for several threads at once.
    """

    def __init__(self, most: int = 600) -> None:
        self._most = most
        self.stride = 1
        self.points: list[Point] = []
        self._open: list[float] = []  # losses that make no point yet

    def add(self, batch: Batch) -> None:
        """The next step of the run."""
        self._open.append(batch.loss)
        if len(self._open) < self.stride:
            return
        step = (batch.epoch - 1) * batch.count + batch.number
        loss = math.fsum(self._open) / self.stride
        self.points.append(Point(step, step / batch.count, batch.seconds, loss))
        self._open = []
        if len(self.points) == self._most:
            self._join()

    def _join(self) -> None:
        pairs = zip(self.points[::2], self.points[1::2], strict=True)
        self.points = [
            Point(last.step, last.epoch, last.seconds, (first.loss + last.loss) / 2)
            for first, last in pairs
        ]
        self.stride *= 2
