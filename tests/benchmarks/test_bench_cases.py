"""The table of cases: every row can be run, and its counted work is right."""

import pytest
import torch

from inkgrad import functional
from inkgrad_bench import cases
from inkgrad_bench.cases import BOTH, CASES, FORWARD, OPS
from inkgrad_bench.workloads import flops, make_problem, output_shape

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
    """A target belongs to a direction that is measured, and one hopes for more than one asks."""
    assert set(case.targets) <= set(case.directions)
    for target in (*case.targets.values(), case.compiled_target):
        assert target is None or 0 < target.least < target.ambition
    assert case.target("no such direction") == cases.NEVER_LOSE


@pytest.mark.parametrize("case", OP_CASES, ids=lambda case: f"{case.op}-{case.name}")
def test_shapes_fit_together(case):
    """Without computing: the op takes the tensors and settings of the case."""
    shape = output_shape(case)
    assert all(side > 0 for side in shape)
    assert flops(case, BOTH) > flops(case, FORWARD) > 0


def test_flops_of_a_matrix_product():
    case = cases.scaling_case("linear_sigmoid", 3)
    assert flops(case, FORWARD) == 2 * 3 * 784 * 512
    assert flops(case, BOTH) == 3 * flops(case, FORWARD)


def test_flops_of_a_convolution():
    """As torch counts them, both gradients included."""
    from torch.utils.flop_counter import FlopCounterMode

    case = cases.Case("conv2d", "", ((2, 4, 9, 8), (6, 4, 3, 3), (6,)), {"stride": 2})
    problem = make_problem(case, BOTH, "cpu")
    with FlopCounterMode(display=False) as counted:
        problem.step(torch.nn.functional.conv2d)()
    assert flops(case, BOTH) == counted.get_total_flops()


def test_flops_of_groups():
    """Each output is a sum over the channels of its own group alone."""
    shapes = (2, 4, 9, 9), (6, 2, 3, 3)
    case = cases.Case("conv2d", "", shapes, {"groups": 2})
    assert flops(case, FORWARD) == 2 * (2 * 6 * 7 * 7) * (2 * 3 * 3)


def test_flops_behind_a_pool():
    """Forward the whole convolution; backward only where the maxima were."""
    conv, pooled = (cases.scaling_case(op, 4) for op in ("conv2d", "conv2d_relu_max_pool2d"))
    assert flops(pooled, FORWARD) == flops(conv, FORWARD)
    assert flops(pooled, BOTH) == flops(conv, FORWARD) * (1 + 2 / 4)


def test_select():
    assert {case.op for case in cases.select(["conv2d"])} == {"conv2d"}
    assert all(case.targets for case in cases.select(OPS, main_only=True))
    (only,) = cases.select(OPS, "LINEAR_sigmoid 759x8")
    assert only.name == "759x8->6"
    order = [OPS.index(case.op) for case in cases.select(reversed(OPS))]
    assert order == sorted(order)


def test_problem_is_the_same_every_time():
    case = cases.Case("conv2d", "", ((2, 3, 5, 5), (4, 3, 3, 3)), layout="channels_last")
    first, second = (make_problem(case, BOTH, "cpu") for _ in range(2))
    assert torch.equal(first.inputs[0], second.inputs[0])
    assert first.inputs[0].is_contiguous(memory_format=torch.channels_last)
    assert first.grad_output.shape == output_shape(case)


@pytest.mark.parametrize("op", [op for op in OPS if op not in ("train", "predict")])
def test_scaling_cases(op):
    assert [cases.scaling_case(op, batch).shapes[0][0] for batch in cases.BATCHES][-1] == 65536
