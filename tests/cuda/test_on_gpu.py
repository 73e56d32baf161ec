"""Checks that need a GPU: streams, graphs, devices, sizes past 2^31, and errors of a kernel."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

import inkgrad
import inkgrad.functional as F
from comparing import assert_close, assert_equal
from inkgrad.check.derivatives import derivatives
from inkgrad.check.ops import OPS, Case, bind

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

CASES = {
    "linear_sigmoid": Case("", ((257, 30), (33, 30), (33,))),
    "linear_relu": Case("", ((70_001, 3), (2, 3), (2,))),
    "binary_cross_entropy": Case("", ((70_001,), (70_001,))),
    "conv2d": Case("", ((4, 3, 12, 12), (8, 3, 3, 3), (8,))),
    "conv2d_relu_max_pool2d": Case("", ((40, 1, 28, 28), (10, 1, 5, 5), (10,))),
}
every_op = pytest.mark.parametrize("name", CASES)


def problem(name, dtype=torch.float32, device="cuda"):
    op, case = OPS[name], CASES[name]
    return bind(op.fused, case), op.inputs(case, dtype, device), op.requires_grad(case)


def test_our_kernels_are_the_ones_that_run():
    """Else the rest of the suite on this machine would say nothing about them."""
    assert inkgrad.build_config()["cuda_kernels"] == "loaded"


@every_op
def test_cuda_agrees_with_the_cpu(name):
    function, inputs, wanted = problem(name, torch.float64)
    on_gpu = derivatives(function, inputs, order=1, differentiable=wanted)
    on_cpu = derivatives(function, [t.cpu() for t in inputs], order=1, differentiable=wanted)
    for what, value in on_cpu.items():
        assert_close(on_gpu[what].cpu(), value)


@every_op
def test_other_streams(name):
    """A kernel runs on the stream that is current, after what was put there before it."""
    function, inputs, _ = problem(name)
    expected = function(*inputs)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)
        late = [tensor.clone() for tensor in inputs]
        result = function(*late)
    stream.synchronize()
    assert_equal(result, expected)


@every_op
def test_graphs(name):
    """Captured forward and backward; replayed with other numbers, they give other results."""
    function, inputs, wanted = problem(name)
    leaves = [t.requires_grad_(w) for t, w in zip(inputs, wanted, strict=True)]
    variables = [leaf for leaf in leaves if leaf.requires_grad]

    def step():
        output = function(*leaves)
        return output.detach(), *torch.autograd.grad(output.sum(), variables)

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step()
    with torch.no_grad():
        leaves[0].copy_(leaves[0].flip(0))
    graph.replay()
    first = [tensor.clone() for tensor in captured]
    for _ in range(3):
        graph.replay()
    for again, once, eager in zip(captured, first, step(), strict=True):
        assert_equal(again, once)
        assert_close(once, eager)


@every_op
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one GPU")
def test_another_device_than_the_current_one(name):
    function, inputs, wanted = problem(name, torch.float64, "cuda:1")
    assert torch.cuda.current_device() == 0
    results = derivatives(function, inputs, order=1, differentiable=wanted)
    assert all(value.device.index == 1 for value in results.values())
    on_cpu = derivatives(function, [t.cpu() for t in inputs], order=1, differentiable=wanted)
    for what, value in on_cpu.items():
        assert_close(results[what].cpu(), value)


def needs(gigabytes):
    if torch.cuda.mem_get_info()[0] < gigabytes * 1e9:
        pytest.skip(f"less than {gigabytes} GB of GPU memory are free")


def test_losses_past_31_bits():
    """The sum of many equal losses, and the elements on both sides of the 2^31st."""
    needs(40)
    n = 2**31 + 5
    p = torch.full((n,), 0.25, dtype=torch.bfloat16, device="cuda").requires_grad_()
    t = torch.ones(n, dtype=torch.bfloat16, device="cuda")
    with torch.no_grad():
        p[-1] = 0.5
    each = F.binary_cross_entropy(p, t, reduction="none")
    last = F.binary_cross_entropy(p[-2:], t[-2:], reduction="none")
    assert_equal(each[-2:].detach(), last.detach())
    del each
    mean = F.binary_cross_entropy(p.float(), t.float()).detach()
    assert_close(mean, torch.tensor(4.0, device="cuda").log())
    (grad,) = torch.autograd.grad(F.binary_cross_entropy(p, t, reduction="sum"), p)
    assert grad[0] == -4
    assert grad[-1] == -2


@pytest.mark.parametrize("outputs", [4, 36], ids=["small", "product and epilogue"])
def test_linear_layers_past_31_bits(outputs):
    needs(40)
    rows = 2**31 // outputs + 3
    x = torch.ones(rows, 1, device="cuda")
    weight = torch.arange(float(outputs), device="cuda").view(outputs, 1).requires_grad_()
    bias = torch.zeros(outputs, device="cuda").requires_grad_()
    y = F.linear_relu(x, weight, bias)
    assert y[-1].tolist() == list(range(outputs))
    _, grad_bias = torch.autograd.grad(y.sum(), (weight, bias))
    assert grad_bias.tolist() == [0, *[torch.tensor(rows).float().item()] * (outputs - 1)]


@pytest.mark.parametrize("target", ["input", "target"])
def test_values_outside_the_unit_interval_are_an_error(target):
    """A device-side assertion, as native's: a process can use no GPU after it, hence another."""
    script = (
        "import torch, inkgrad.functional as F\n"
        "good, bad = torch.rand(9, device='cuda'), torch.rand(9, device='cuda') + 1\n"
        f"F.binary_cross_entropy({'bad, good' if target == 'input' else 'good, bad'})\n"
        "torch.cuda.synchronize()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], env=os.environ, text=True, capture_output=True
    )
    assert run.returncode != 0
    assert "device-side assert" in run.stderr
    assert "should be between 0 and 1" in run.stdout + run.stderr
