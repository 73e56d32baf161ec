"""Error against a float64 oracle, next to native's own error on the same inputs.

float32: at most native's. Two correct sums of the same terms in a different order have errors that
are independent draws from the same distribution, so that one element says nothing; what is compared
is the root mean square over every element of several random problems, where the draws average out.
The factor below covers what sampling is left; a sum that is worse by design (one long chain of
additions where native uses several, a product rounded before it is added) misses it by far.

Half types: at most twice native's, plus the half epsilon of one rounding.
"""

import math

import pytest
import torch

import inkgrad
from comparing import HALVES, assert_equal, dtype_id, every_dtype
from inkgrad.check.derivatives import derivatives
from inkgrad.check.ops import OPS, Case, bind
from inkgrad.check.tolerance import is_half

# Native's own error depends on the processor: for the weight's gradient of the diabetes layer it
# is 1.16 times smaller than ours on Sapphire Rapids, and larger on EPYC.
SAMPLING = 1.2
if inkgrad.build_config()["cpu_library_loaded"] == "default":
    # Without fused multiply-add a product is rounded too, and native still has the instruction.
    SAMPLING *= 1.5
SEEDS = 4

# Sizes of the course models and deep sums: where a bad order of summation shows.
CASES = {
    "linear_sigmoid": [
        Case("diabetes", ((64, 8), (6, 8), (6,))),
        Case("deep", ((24, 2048), (40, 2048), (40,))),
    ],
    "linear_relu": [
        Case("softmax", ((32, 784), (128, 784), (128,))),
        Case("large batch", ((2048, 24), (16, 24), (16,))),
    ],
    "binary_cross_entropy": [
        Case("mean", ((300, 333), (300, 333))),
        Case("none", ((100, 100), (100, 100)), {"reduction": "none"}),
        Case("sum", ((300, 333), (300, 333), (333,)), {"reduction": "sum"}),
    ],
    "conv2d": [
        Case("course", ((8, 10, 12, 12), (20, 10, 5, 5), (20,))),
        Case("deep", ((2, 128, 9, 9), (16, 128, 3, 3), (16,)), {"padding": 1}),
        Case("depthwise", ((4, 32, 14, 14), (32, 1, 3, 3), (32,)), {"groups": 32}),
    ],
    "conv2d_relu_max_pool2d": [
        Case("course", ((8, 1, 28, 28), (10, 1, 5, 5), (10,))),
        Case("deep", ((2, 128, 9, 9), (16, 128, 3, 3), (16,)), {"padding": 1}),
    ],
}


def problem(name, case, seed, dtype, device):
    """Random inputs of full precision: rounded ones would make products exact and hide errors."""
    generator = torch.Generator().manual_seed(seed)
    if name == "binary_cross_entropy":
        tensors = [torch.rand(s, generator=generator, dtype=torch.float64) for s in case.shapes]
        # Away from the ends, where rounding 1 - p to a half type is all there is to see.
        tensors = [0.02 + 0.96 * tensor for tensor in tensors]
    else:
        tensors = [torch.randn(s, generator=generator, dtype=torch.float64) for s in case.shapes]
        tensors[1] /= math.sqrt(math.prod(case.shapes[1][1:]))
    return [tensor.to(dtype).to(device) for tensor in tensors]


def rms_errors(name, case, dtype, device):
    """{what: (ours, native's)}: RMS errors of output and gradients, relative to the oracle's."""
    op = OPS[name]
    # Where rounding decides which element of a window is the maximum, gradients differ as a whole:
    # for half types that is common, and compared in the exact tests instead.
    order = 0 if name == "conv2d_relu_max_pool2d" and is_half(dtype) else 1
    sums = {}
    for seed in range(SEEDS):
        inputs = problem(name, case, seed, dtype, device)
        wide = [tensor.double() for tensor in inputs]
        settings = {"order": order, "differentiable": op.requires_grad(case)}
        oracle = derivatives(bind(op.native, case), wide, **settings)
        for column, function in enumerate((op.fused, op.native)):
            results = derivatives(bind(function, case), inputs, **settings)
            for what, value in results.items():
                total = sums.setdefault(what, [0.0, 0.0, 0.0])
                total[column] += float((value.double() - oracle[what]).square().sum())
        for what, value in oracle.items():
            sums[what][2] += float(value.square().sum())
    return {what: (math.sqrt(a / c), math.sqrt(b / c)) for what, (a, b, c) in sums.items()}


@pytest.mark.core
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES], ids=dtype_id)
@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, cases in CASES.items() for case in cases],
    ids=[
        f"{name}-{case.name.replace(' ', '-')}" for name, cases in CASES.items() for case in cases
    ],
)
def test_error_against_float64(name, case, dtype, device):
    epsilon = torch.finfo(dtype).eps
    for what, (ours, native) in rms_errors(name, case, dtype, device).items():
        if is_half(dtype):
            allowed = 2 * native + epsilon / 2
        else:
            # A result of one element is one draw: a few roundings are then all that can be asked.
            single = what == "output" and case.settings.get("reduction") != "none"
            scalar = name == "binary_cross_entropy" and single
            allowed = max(SAMPLING * native, 4 * epsilon if scalar else epsilon / 8)
        assert ours <= allowed, f"{what}: {ours:.3g}, native {native:.3g}, allowed {allowed:.3g}"


def logarithm_points(dtype):
    """All over (0, 1): denormals, powers of two, random values, and up to the last before 1."""
    tiny, eps = torch.finfo(dtype).smallest_normal, torch.finfo(dtype).eps
    powers = 2.0 ** torch.arange(math.log2(tiny) - 3, 0, dtype=torch.float64)
    uniform = torch.rand(4096, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    steps = torch.arange(1, 65, dtype=torch.float64)
    near_one = 1 - steps * eps / 2
    near_half = 0.5 + (steps - 32) * eps / 2
    points = torch.cat([powers, 1.4 * powers, uniform, near_one, near_half, 1 - 2.0**-steps])
    points = points.to(dtype)
    return points[(points > 0) & (points < 1)]


@pytest.mark.core
@every_dtype
def test_logarithms_of_the_loss(dtype, device):
    """-log(p) and -log(1 - p), element by element: few ulps everywhere, or as few as native has."""
    op = OPS["binary_cross_entropy"]
    p = logarithm_points(dtype).to(device)
    for target in (1.0, 0.0):
        t = torch.full_like(p, target)
        if dtype == torch.float64:
            # No wider type at hand: log1p keeps what 1 - p would round away.
            oracle = -(p.log() if target else torch.log1p(-p)).clamp(min=-100)
        else:
            oracle = op.native(p.double(), t.double(), reduction="none")
        errors = [
            float(((f(p, t, reduction="none").double() - oracle) / oracle).abs().max())
            for f in (op.fused, op.native)
        ]
        allowed = max(errors[1], 2 * torch.finfo(dtype).eps)
        assert errors[0] <= allowed, f"target {target}: {errors[0]:.3g} > {allowed:.3g}"


@pytest.mark.core
@every_dtype
def test_sigmoid_element_by_element(dtype, device):
    """Few ulps for every z: the far negative tail too, where a relative norm would see nothing."""
    op = OPS["linear_sigmoid"]
    z = torch.linspace(-80, 80, 20001, dtype=torch.float64).to(dtype)[:, None].to(device)
    one = torch.ones(1, 1, dtype=dtype, device=device)
    oracle = torch.sigmoid(z.double())
    errors = []
    for function in (op.fused, op.native):
        result = function(z, one).double()
        normal = oracle >= torch.finfo(dtype).smallest_normal
        errors.append(float(((result - oracle) / oracle)[normal].abs().max()))
    allowed = max(errors[1], 2 * torch.finfo(dtype).eps)
    assert errors[0] <= allowed, f"{errors[0]:.3g} > {allowed:.3g}"


@pytest.mark.parametrize("dtype", HALVES, ids=dtype_id)
@pytest.mark.parametrize("name", ["linear_relu", "conv2d"])
def test_half_types_accumulate_in_float32(name, dtype, device):
    """One large and many small terms: added one by one in a half type the small ones vanish."""
    op = OPS[name]
    terms = 1024
    values = torch.ones(terms, dtype=dtype, device=device)
    values[0] = 512 if dtype == torch.bfloat16 else 4096
    if name == "linear_relu":
        output = op.fused(values[None], torch.ones(1, terms, dtype=dtype, device=device))
    else:
        shape = (1, terms // 16, 4, 4)
        output = op.fused(values.view(shape), torch.ones(shape, dtype=dtype, device=device))
    expected = torch.full_like(output, float(values.double().sum()))
    assert_equal(output, expected)
