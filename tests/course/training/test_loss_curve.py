"""The loss curve of a long run stays short."""

from __future__ import annotations

from inkgrad.course.training.loss_curve import LossCurve
from inkgrad.course.training.trainer import Batch


def test_a_long_curve_stays_short_and_keeps_its_means() -> None:
    curve = LossCurve(max_points=8)
    for number in range(1, 101):
        curve.add(Batch(1, number, 100, 1, float(number), number / 10))
    assert curve.stride == 16
    assert [point.step for point in curve.points] == [16, 32, 48, 64, 80, 96]
    assert [point.loss for point in curve.points] == [8.5, 24.5, 40.5, 56.5, 72.5, 88.5]
    assert curve.points[0].epoch == 0.16
