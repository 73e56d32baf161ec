"""The suite: every case can be run, and has a target that makes sense."""

import pytest

from inkgrad import functional
from inkgrad_bench import suite
from inkgrad_bench.suite import BOTH, CASES, FORWARD, OPS
from inkgrad_bench.workloads import flops, output_shape

OP_CASES = [case for case in CASES if case.op not in ("train", "predict")]


def test_names_are_unique():
    names = [(case.op, case.name) for case in CASES]
    assert len(names) == len(set(names))


def test_ops_are_known():
    assert {case.op for case in CASES} == set(OPS)
    for op in OPS:
        assert op in ("train", "predict") or callable(getattr(functional, op))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.op}-{case.name}")
def test_targets_make_sense(case):
    """A target belongs to a direction that is measured; its stretch goal is beyond it."""
    assert set(case.targets) <= set(case.directions)
    for target in (*case.targets.values(), case.compiled_target):
        assert target is None or 0 < target.ratio < target.stretch
    assert case.target("no such direction") == suite.NEVER_SLOWER


@pytest.mark.parametrize("case", OP_CASES, ids=lambda case: f"{case.op}-{case.name}")
def test_shapes_fit_together(case):
    """Without computing: the op takes the tensors and settings of the case."""
    shape = output_shape(case)
    assert all(side > 0 for side in shape)
    assert flops(case, BOTH) > flops(case, FORWARD) > 0


def test_select():
    assert {case.op for case in suite.select(["conv2d"])} == {"conv2d"}
    assert all(case.targets for case in suite.select(OPS, main_only=True))
    (only,) = suite.select(OPS, "LINEAR_sigmoid 759x8")
    assert only.name == "759x8->6"
    order = [OPS.index(case.op) for case in suite.select(reversed(OPS))]
    assert order == sorted(order)


@pytest.mark.parametrize("op", [op for op in OPS if op not in ("train", "predict")])
def test_scaling_cases(op):
    assert [suite.scaling_case(op, batch).shapes[0][0] for batch in suite.BATCHES][-1] == 65536
