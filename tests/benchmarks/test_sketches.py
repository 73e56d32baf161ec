"""Sketches are lines, shaky in another way each time."""

from __future__ import annotations

import numpy as np

from inkgrad_bench import sketches


def test_a_sketch_is_made_of_lines() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        lines = sketches.sketch(random)
        assert all(line.shape[1] == 2 and np.isfinite(line).all() for line in lines)


def test_it_trains_on_none_of_them() -> None:
    from inkgrad.course.data import doodles

    assert not set(sketches.SKETCHES) & set(doodles.THINGS)
