"""Several Python threads at once: the ops keep no state between calls."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from comparing import assert_close, every_dtype, needs_extension
from inkgrad.check.derivatives import derivatives
from inkgrad.check.ops import OPS, Case, bind

WORKERS = 6


@pytest.mark.parametrize("name", OPS)
def test_same_op_in_several_threads(name, device):
    """Different shapes at the same time: a shared scratch buffer would mix them."""
    op = OPS[name]

    def work(case):
        inputs = op.inputs(case, torch.float64, device)
        return derivatives(
            bind(op.fused, case), inputs, order=1, differentiable=op.requires_grad(case)
        )

    cases = list(op.cases)
    expected = [work(case) for case in cases]
    barrier = threading.Barrier(WORKERS)

    def run(worker):
        barrier.wait()
        order = cases[worker % len(cases) :] + cases[: worker % len(cases)]
        results = {}
        for _ in range(3):
            results = {case.name: work(case) for case in order}
        return results

    with ThreadPoolExecutor(WORKERS) as pool:
        for results in pool.map(run, range(WORKERS)):
            for case, want in zip(cases, expected, strict=True):
                assert_close(results[case.name], want)


def test_different_ops_in_several_threads(device):
    """A training, a recognizer and a benchmark in one process."""

    def work(op):
        case = op.cases[0]
        inputs = op.inputs(case, torch.float32, device)
        return derivatives(
            bind(op.fused, case), inputs, order=2, differentiable=op.requires_grad(case)
        )

    ops = list(OPS.values())
    expected = [work(op) for op in ops]
    with ThreadPoolExecutor(len(ops)) as pool:
        for _ in range(5):
            for got, want in zip(pool.map(work, ops), expected, strict=True):
                assert_close(got, want)


@every_dtype
@pytest.mark.parametrize("name", OPS)
def test_a_thread_with_a_small_stack(name, dtype):
    """A server's worker threads may have 128 KiB: chunks do not lie on the stack."""
    op = OPS[name]
    cases = list(op.cases)
    if name == "binary_cross_entropy":
        cases += [Case("", ((20_000,),) * 3, {"reduction": r}) for r in ("none", "mean", "sum")]
    failures = []

    def work():
        try:
            for case in cases:
                inputs = op.inputs(case, dtype)
                differentiable = op.requires_grad(case)
                derivatives(bind(op.fused, case), inputs, order=1, differentiable=differentiable)
        except Exception as error:
            failures.append(error)

    torch.set_num_threads(1)  # else the work is done by threads with stacks of their own
    before = threading.stack_size(128 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert not failures


# Prints how many threads an op has started after torch.set_num_threads, then with an op of torch.
STARTED = """
import os, sys, torch
from inkgrad.functional import binary_cross_entropy

def threads():
    return len(os.listdir("/proc/self/task"))

torch.set_num_threads(int(sys.argv[1]))
x, before = torch.rand(1 << 20), threads()
binary_cross_entropy(x, x)
print(threads() - before)
x.sigmoid()
print(threads() - before)
"""


@needs_extension
@pytest.mark.skipif(sys.platform != "linux", reason="/proc lists the threads")
@pytest.mark.parametrize("count", [1, 3])
def test_ops_run_on_as_many_threads_as_torch_and_on_the_same(count):
    run = subprocess.run(
        [sys.executable, "-c", STARTED, str(count)], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [str(count - 1)] * 2


def test_an_error_in_one_thread_leaves_the_others_alone(device):
    op = OPS["binary_cross_entropy"]
    good = torch.rand(64, 64, device=device)
    expected = op.fused(good, good)

    def work(number):
        if number % 2:
            with pytest.raises((RuntimeError, ValueError)):
                op.fused(good, good[:, :1])
            return None
        return op.fused(good, good)

    with ThreadPoolExecutor(WORKERS) as pool:
        for result in pool.map(work, range(60)):
            assert result is None or torch.equal(result, expected)
