"""Graphs that inductor compiles call our kernels."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import inkgrad
from comparing import needs_extension
from inkgrad import functional, kernels, reference
from warm_python import WarmPython

pytestmark = needs_extension
# Decomposes as inductor does, and compiles no C++.
BACKEND = "aot_eager_decomp_partition"


@pytest.fixture(autouse=True)
def fresh_dynamo() -> None:
    torch._dynamo.reset()


def run(call: Callable[..., Tensor], *inputs: Tensor) -> tuple[list[Tensor], set[str]]:
    """Output and gradients, and the ops that kernels computed."""
    leaves = [each.clone().requires_grad_() for each in inputs]
    with kernels.record() as calls:
        output = call(*leaves)
        gradients = torch.autograd.grad(output.sum(), leaves)
    return [output, *gradients], {each.op for each in calls}


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("linear_sigmoid", ((64, 784), (10, 784))),
        ("linear_relu", ((64, 784), (10, 784))),
        ("conv2d", ((32, 1, 28, 28), (10, 1, 5, 5))),
        ("conv2d_relu_max_pool2d", ((32, 1, 28, 28), (10, 1, 5, 5))),
    ],
    ids=["linear_sigmoid", "linear_relu", "conv2d", "conv2d_relu_max_pool2d"],
)
def test_kernels_run(name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    inputs = [torch.rand(shape) - 0.5 for shape in shapes]
    found, ops = run(torch.compile(getattr(functional, name), backend=BACKEND), *inputs)
    expected, _ = run(getattr(reference, name), *inputs)
    assert ops == {name}
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_kernels_run_in_a_compiled_model() -> None:
    def model(image: Tensor, weight: Tensor) -> Tensor:
        return F.relu(F.max_pool2d(F.conv2d(image, weight), 2))

    call = inkgrad.compile(model, then=BACKEND)
    _, ops = run(call, torch.rand(8, 1, 28, 28), torch.rand(10, 1, 5, 5))
    assert ops == {"conv2d_relu_max_pool2d"}


@pytest.mark.parametrize(
    "before",
    [
        "",
        "importlib.util.find_spec(name)",
        "import torch._inductor; sys.modules['torch._decomp.decompositions_for_rng'] = None\n"
        "try: importlib.import_module(name)\n"
        "except ImportError: del sys.modules['torch._decomp.decompositions_for_rng']",
        "importlib.reload(inkgrad.inductor); importlib.reload(inkgrad.functional)",
    ],
    ids=["imported once", "found, not imported", "a failing import before", "reloaded"],
)
def test_the_table_has_no_ops_however_it_is_imported(before: str, python: WarmPython) -> None:
    code = f"""
import importlib.util, sys, inkgrad
name = "torch._inductor.decomposition"
assert name not in sys.modules
{before}
table = importlib.import_module(name).decompositions
assert len(table) > 900
assert not [op for op in table if "inkgrad" in op.name()]
"""
    ended = python.run(code)
    assert ended.returncode == 0, ended.stderr


def test_no_other_decomposition_is_lost() -> None:
    from torch._inductor.decomposition import decompositions

    assert torch.ops.aten.tanh_backward.default in decompositions
    assert not [op for op in decompositions if "inkgrad" in op.name()]
