"""The machine's peaks, and the bound that they are."""

import pytest

from inkgrad_bench import roofline
from inkgrad_bench.roofline import Roofline
from inkgrad_bench.workloads import Work

ROOF = Roofline(1, {"float32": 100.0}, "test", copy=20.0, read=10.0)


@pytest.mark.parametrize(
    ("flops", "bytes", "expected"),
    [(10**9, 8, (0.01, "arithmetic")), (8, 10**9, (0.05, "memory"))],
)
def test_the_bound_is_what_takes_longer(flops, bytes, expected):
    assert ROOF.bound(Work(flops, bytes), "float32") == expected


def test_only_the_dtypes_of_the_cases_are_measured():
    found = roofline.measure("cpu", quick=True, dtypes={"float64"})
    assert set(found.gflops) == {"float32", "float64"}
    assert all(rate > 0 for rate in found.gflops.values())
