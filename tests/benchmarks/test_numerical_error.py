"""Errors against float64, and what counts as accurate."""

import pytest
import torch

from inkgrad_bench import numerical_error, workloads
from inkgrad_bench.numerical_error import accurate, relative_rms
from inkgrad_bench.suite import BOTH, Case

CONV = Case("conv2d", "", ((1, 2, 5, 5), (3, 2, 3, 3), (3,)))


def test_relative_rms():
    exact = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert relative_rms(torch.tensor([3.0, 4.5]), exact) == pytest.approx(0.1)
    assert relative_rms(torch.tensor([float("nan"), 4.0]), exact) > 1e300


def test_errors_are_against_float64(monkeypatch):
    """A wrong result of ours is seen, in the tensor that is wrong."""
    from inkgrad import functional

    right = functional.conv2d
    monkeypatch.setattr(functional, "conv2d", lambda *args, **kw: right(*args, **kw) * 1.01)
    problem = workloads.make_problem(CONV, BOTH, "cpu")
    found = numerical_error.errors(problem)
    assert set(found) == {"output", "grad 0", "grad 1", "grad 2"}
    assert found["output"]["ours"] == pytest.approx(0.01, rel=1e-3)
    assert found["output"]["native"] < 1e-6
    assert not accurate(found, "float32", singles=())
    assert numerical_error.single_elements(problem) == set()


@pytest.mark.parametrize(
    ("dtype", "ours", "single", "expected"),
    [
        ("float32", 1e-6, False, True),
        ("float32", 1.05e-6, False, True),  # chance
        ("float32", 1.2e-6, False, False),
        ("bfloat16", 1.9e-6, False, True),
        ("bfloat16", 1e-2, False, False),
        ("float32", 1.2e-6, True, False),
        ("float32", float("nan"), False, False),
    ],
)
def test_what_counts_as_accurate(dtype, ours, single, expected):
    found = {"output": {"native": 1e-6, "ours": ours}}
    assert accurate(found, dtype, ["output"] if single else []) is expected


def test_native_may_be_exact_by_luck_in_a_single_element():
    found = {"grad 2": {"native": 0.0, "ours": 3e-8}}
    assert accurate(found, "float32", singles=["grad 2"])
    assert not accurate(found, "float32", singles=["output"])


def test_which_tensors_have_a_single_element():
    case = Case("linear_sigmoid", "", ((5, 3), (1, 3), (1,)))
    problem = workloads.make_problem(case, BOTH, "cpu")
    assert numerical_error.single_elements(problem) == {"grad 2"}
    case = Case("binary_cross_entropy", "", ((5,), (5,)))
    assert numerical_error.single_elements(workloads.make_problem(case, BOTH, "cpu")) == {"output"}
