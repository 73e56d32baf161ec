"""Things and invented characters are lines in a square, and differ from each other."""

from __future__ import annotations

import numpy as np
import pytest

from inkgrad.course.data import doodles


@pytest.mark.parametrize("name", doodles.THINGS)
def test_a_thing_is_made_of_lines(name: str) -> None:
    lines = doodles.THINGS[name](np.random.default_rng(0))
    assert all(line.ndim == 2 and line.shape[1] == 2 and len(line) > 1 for line in lines)
    assert np.isfinite(np.concatenate(lines)).all()


@pytest.mark.parametrize("make", [doodles.character, doodles.scrawl, doodles.thing])
def test_the_same_random_numbers_give_the_same_lines(make: object) -> None:
    one, same, other = (make(np.random.default_rng(seed)) for seed in (4, 4, 5))  # type: ignore[operator]
    np.testing.assert_array_equal(np.concatenate(one), np.concatenate(same))
    assert len(np.concatenate(one)) != len(np.concatenate(other)) or not np.array_equal(
        np.concatenate(one), np.concatenate(other)
    )
