"""Workloads: their counted work, and both contenders doing the same."""

import pytest
import torch

from inkgrad import functional, reference
from inkgrad_bench import suite, workloads
from inkgrad_bench.suite import BOTH, FORWARD, STEP, Case
from inkgrad_bench.workloads import flops, make_problem, output_shape


def test_flops_of_a_matrix_product():
    case = suite.scaling_case("linear_sigmoid", 3)
    assert flops(case, FORWARD) == 2 * 3 * 784 * 512
    assert flops(case, BOTH) == 3 * flops(case, FORWARD)


def test_flops_of_a_convolution():
    """As torch counts them, both gradients included."""
    from torch.utils.flop_counter import FlopCounterMode

    case = Case("conv2d", "", ((2, 4, 9, 8), (6, 4, 3, 3), (6,)), {"stride": 2})
    problem = make_problem(case, BOTH, "cpu")
    with FlopCounterMode(display=False) as counted:
        problem.step(torch.nn.functional.conv2d)()
    assert flops(case, BOTH) == counted.get_total_flops()


def test_flops_of_groups():
    """Each output is a sum over the channels of its own group alone."""
    shapes = (2, 4, 9, 9), (6, 2, 3, 3)
    case = Case("conv2d", "", shapes, {"groups": 2})
    assert flops(case, FORWARD) == 2 * (2 * 6 * 7 * 7) * (2 * 3 * 3)


def test_flops_behind_a_pool():
    """Forward the whole convolution; backward only where the maxima were."""
    conv, pooled = (suite.scaling_case(op, 4) for op in ("conv2d", "conv2d_relu_max_pool2d"))
    assert flops(pooled, FORWARD) == flops(conv, FORWARD)
    assert flops(pooled, BOTH) == flops(conv, FORWARD) * (1 + 2 / 4)


def test_problem_is_the_same_every_time():
    case = Case("conv2d", "", ((2, 3, 5, 5), (4, 3, 3, 3)), layout="channels_last")
    first, second = (make_problem(case, BOTH, "cpu") for _ in range(2))
    assert torch.equal(first.inputs[0], second.inputs[0])
    assert first.inputs[0].is_contiguous(memory_format=torch.channels_last)
    assert first.grad_output.shape == output_shape(case)


@pytest.mark.parametrize("module", [reference, functional])
def test_a_step_computes_the_gradients_of_backward_and_leaves_none(module):
    """Each call begins without gradients, so that none is accumulated, and none outlives it."""
    case = Case("linear_sigmoid", "", ((5, 3), (2, 3), (2,)))
    problem = make_problem(case, BOTH, "cpu")
    seen = []
    for tensor in problem.inputs:
        tensor.register_post_accumulate_grad_hook(lambda leaf: seen.append(leaf.grad.clone()))
    step = problem.step(getattr(module, case.op))
    step()
    step()
    assert all(tensor.grad is None for tensor in problem.inputs)
    assert len(seen) == 6
    *_, x, weight, bias = problem.run(reference.linear_sigmoid, problem.inputs, problem.grad_output)
    by_shape = {tensor.shape: tensor for tensor in (x, weight, bias)}
    for gradient in seen:
        torch.testing.assert_close(gradient, by_shape[gradient.shape])


@pytest.mark.parametrize("model", ["diabetes", "cnn", "softmax"])
def test_training_epochs(model):
    """Both backends go through the very training of ``inkgrad train``."""
    case = Case("train", "tiny", (), {"model": model, "batch_size": 8, "examples": 16})
    load = workloads.build(case, "epoch", "cpu", compiled=False)
    native, ours = load.steps["native"](), load.steps["ours"]()
    assert native.epoch == ours.epoch == 1
    assert ours.loss == pytest.approx(native.loss, rel=1e-4)
    assert load.steps["ours"]().epoch == 2


@pytest.mark.parametrize("images", [1, 5])
def test_predictions(images):
    case = Case("predict", "", (), {"images": images})
    load = workloads.build(case, FORWARD, "cpu", compiled=False)
    native, ours = load.steps["native"](), load.steps["ours"]()
    assert ours.shape == (images, 10)
    torch.testing.assert_close(ours, native, rtol=1e-4, atol=1e-5)


def test_a_drawing_is_recognized():
    load = workloads.build(Case("predict", "", (), {}), FORWARD, "cpu", compiled=False)
    native, ours = (load.steps[name]().probabilities for name in ("native", "ours"))
    assert ours == pytest.approx(native, abs=1e-5)


@pytest.mark.parametrize("model", ["diabetes", "softmax", "cnn"])
def test_training_steps(model):
    """Both sides train the same weights on the same batch."""
    case = Case("train", "", (), {"model": model, "rows": 16})
    load = workloads.build(case, STEP, "cpu", compiled=False)
    native, ours = ([float(load.steps[name]()) for _ in range(4)] for name in ("native", "ours"))
    assert ours == pytest.approx(native, rel=1e-4)
    assert native[-1] < native[0]
