"""NaN, infinities, huge and tiny values, ties and edges: what native does with them."""

import math

import pytest
import torch

from comparing import (
    assert_close,
    assert_equal,
    assert_like_native,
    dtype_id,
    every_dtype,
    every_float,
)
from inkgrad.check.derivatives import derivatives
from inkgrad.check.fuzz.compare import difference
from inkgrad.check.fuzz.ops import run_call
from inkgrad.check.fuzz.tensors import SPECIAL_VALUES
from inkgrad.check.ops import OPS, Case, bind
from inkgrad.check.tolerance import mismatch
from shapes import conv, linear

PRODUCTS = {
    "linear_sigmoid": Case("", ((6, 19), (17, 19), (17,))),
    "linear_relu": Case("", ((6, 19), (17, 19), (17,))),
    "conv2d": Case("", ((2, 3, 7, 9), (5, 3, 3, 2), (5,))),
    # Channels enough for the kernels that skip the gradient's zeros, as they may not do here.
    "conv2d_relu_max_pool2d": Case("", ((2, 6, 7, 9), (5, 6, 3, 2), (5,))),
}
CONVOLUTIONS = ("conv2d", "conv2d_relu_max_pool2d")
every_product = pytest.mark.parametrize("name", PRODUCTS)
SPECIAL = pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])


# Shapes and settings for several kernels.
NONE = {"reduction": "none"}
CALLS = {
    "linear_sigmoid": {"narrow": (linear(9, 5, 3), {}), "few rows": (linear(1, 300, 9), {}),
                       "gemm": (linear(33, 40, 19), {})},
    "conv2d": {"direct": conv((2, 3, 7, 9), 5, (3, 2)),
               "winograd": conv((9, 6, 7, 8), 9, (3, 3)),
               "batch in lanes": conv((16, 4, 9, 11), 6, (5, 5)),
               "channels in lanes": conv((1, 9, 6, 7), 16, (3, 3)),
               "padded": conv((2, 3, 5, 6), 5, (3, 3), padding=1),
               "padded, torch": conv((2, 4, 7, 6), 6, (3, 3), padding=1, stride=2)},
    "conv2d_relu_max_pool2d": {"direct": conv((2, 2, 7, 9), 5, (3, 2)),
                               "winograd": conv((9, 6, 8, 8), 9, (3, 3)),
                               "sparse": conv((2, 6, 8, 8), 5, (3, 3)),
                               "padded": conv((2, 6, 5, 6), 5, (3, 3), padding=1),
                               "padded, torch": conv((2, 4, 9, 8), 6, (3, 3), padding=(2, 1),
                                                     stride=2)},
    "binary_cross_entropy": {"one chunk": (((5, 7),) * 3, NONE),
                             "weight of a row": (((5, 7), (5, 7), (7,)), NONE)},
}  # fmt: skip
CALLS["linear_relu"] = CALLS["linear_sigmoid"]


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kinds in CALLS.items() for kind in kinds]
)
def test_one_special_value(name, kind, dtype):
    """In each operand and in the gradient of the output: it reaches the same results."""
    shapes, settings = CALLS[name][kind]
    for operand in range(len(shapes) + 1):
        for i, value in enumerate(SPECIAL_VALUES):
            special = [[] for _ in range(len(shapes) + 1)]
            special[operand] = [[(0, 0.5, 1)[i % 3], value]]
            case = {
                "op": name, "shapes": shapes, "dtype": dtype_id(dtype), "special": special,
                "layouts": ["contiguous"] * len(special), "order": 1, "seed": i,
                "settings": settings,
            }  # fmt: skip
            assert run_call(case) is None, f"{value} in operand {operand}"


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_special_values_of_the_loss_that_meet(reduction, dtype):
    """Every combination of edges, weights and gradients: which product overflows first counts."""
    special = (1.0, 0.0, math.inf, -math.inf, math.nan, 1e30, -1e-30)
    edges = [(x, t) for x in (0.0, 1e-30, 0.25, 0.5, 1.0) for t in (0.0, 0.25, 1.0)]
    points = torch.tensor([(*edge, weight) for edge in edges for weight in special]).to(dtype)
    op = OPS["binary_cross_entropy"]

    def gradients(function, grad, dtype):
        x, target, weight = points.to(dtype).unbind(1)
        leaves = (x.clone().requires_grad_(), target.clone().requires_grad_())
        loss = function(*leaves, weight, reduction=reduction)
        return torch.autograd.grad(loss, leaves, grad.to(dtype).expand(loss.shape))

    for number in special:
        grad = torch.tensor(number).to(dtype)
        for got, native, exact in zip(
            gradients(op.fused, grad, dtype),
            gradients(op.native, grad, dtype),
            gradients(op.native, grad, torch.float64),
            strict=True,
        ):
            assert difference(got, native, exact, kinds_only=True) is None, number


@SPECIAL
@every_float
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_special_value_meets_padding(name, dtype, value, device):
    """Padding is zeros, and zero times infinity is NaN. Native disagrees with itself here: in
    float64 it multiplies the zeros, in float32 it leaves them out, so float64 is the rule."""
    if device.type == "cuda":
        pytest.skip("gradients come from cuDNN, which leaves the zeros out")
    op = OPS[name]
    case = Case("", ((2, 3, 7, 9), (5, 3, 3, 3), (5,)), {"padding": 1})
    for argument in range(3):
        inputs = op.inputs(case, dtype, device)
        inputs[argument].view(-1)[0] = value
        actual = derivatives(bind(op.fused, case), inputs, order=1)
        expected = derivatives(bind(op.native, case), [x.double() for x in inputs], order=1)
        for what, result in actual.items():
            assert mismatch(result.double(), expected[what]) is None, f"argument {argument}, {what}"


@SPECIAL
@every_float
@every_product
def test_special_value_in_the_gradient(name, dtype, value, device):
    """0 * NaN is NaN: a gradient behind a closed ReLU is dropped, not multiplied by zero."""
    op, case = OPS[name], PRODUCTS[name]
    results = []
    for function in (op.fused, op.native):
        leaves = [tensor.requires_grad_() for tensor in op.inputs(case, dtype, device)]
        output = bind(function, case)(*leaves)
        grad_output = torch.ones_like(output)
        # Every third element, so that open and closed ones are hit.
        grad_output.view(-1)[::3] = value
        results.append(torch.autograd.grad(output, leaves, grad_output))
    for actual, expected in zip(*results, strict=True):
        assert mismatch(actual, expected) is None


@every_dtype
@pytest.mark.parametrize("channels", [1, 6])
def test_gradients_behind_closed_relus(channels, dtype, device):
    """Nothing passes: every gradient is zero, whatever comes from behind."""
    op, shapes = OPS["conv2d_relu_max_pool2d"], ((3, channels, 8, 8), (4, channels, 3, 3), (4,))
    leaves = [tensor.requires_grad_() for tensor in op.inputs(Case("", shapes), dtype, device)]
    output = op.fused(leaves[0], leaves[1], leaves[2] - 1000)
    assert_equal(output, torch.zeros_like(output))
    for grad in torch.autograd.grad(output, leaves, torch.full_like(output, math.nan)):
        assert_equal(grad, torch.zeros_like(grad))


@every_dtype
def test_sigmoid_over_the_whole_range(dtype, device):
    """Saturation and underflow, through a weight of one: exact ends, no NaN in between."""
    op = OPS["linear_sigmoid"]
    top = torch.finfo(dtype).max
    values = torch.tensor(
        [0.0, 1e-30, 0.5, 1, 5, 10, 15, 16, 17, 20, 36, 37, 40, 87, 88, 89, 90, 103, 104, 105,
         700, 709, 710, 745, 746, 1e4, top, math.inf], dtype=torch.float64,
    ).clamp(max=top).to(dtype)  # fmt: skip
    values[-1] = math.inf
    values = torch.cat([values, -values])[:, None].to(device)
    one = torch.ones(1, 1, dtype=dtype, device=device)
    output = op.fused(values, one)
    assert not output.isnan().any()
    oracle = torch.sigmoid(values.double())
    # Nothing below the smallest normal number is promised relative accuracy.
    error = (output.double() - oracle).abs()
    assert (error <= 4 * torch.finfo(dtype).eps * oracle + torch.finfo(dtype).tiny).all()
    assert output[values == math.inf].item() == 1
    assert output[values == -math.inf].item() == 0


@every_float
def test_gradient_of_a_saturated_sigmoid(dtype, device):
    op = OPS["linear_sigmoid"]
    values = torch.tensor([[-math.inf], [-800.0], [0.0], [800.0], [math.inf]], dtype=dtype)
    values = values.to(device).requires_grad_()
    one = torch.ones(1, 1, dtype=dtype, device=device)
    (grad,) = torch.autograd.grad(op.fused(values, one).sum(), values)
    assert_equal(grad, torch.tensor([[0], [0], [0.25], [0], [0]], dtype=dtype, device=device))


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_loss_at_the_edges(reduction, dtype, device):
    """p of 0 and 1: the logarithm is clamped at -100, the divisor of the gradient at 1e-12."""
    op = OPS["binary_cross_entropy"]
    tiny = torch.finfo(dtype).tiny
    eps = torch.finfo(dtype).eps
    p = torch.tensor([0, 1, tiny, eps, 0.5, 1 - eps, 1e-20, 1e-3], dtype=dtype, device=device)
    target = torch.tensor([0, 1, 0.5, tiny, eps], dtype=dtype, device=device)
    p, target = (t.contiguous() for t in torch.broadcast_tensors(p[:, None], target))
    case = Case("", (p.shape,) * 2, {"reduction": reduction})
    native = bind(op.native, case)
    is_fused = hasattr(torch.ops.inkgrad, "conv2d")
    if dtype == torch.float16 and is_fused:  # there native's 1e-12 is zero, and its gradient 0 / 0
        results = derivatives(bind(op.fused, case), [p, target], order=1)
        expected = derivatives(native, [p.float(), target.float()], order=1)
        for what, result in results.items():
            assert mismatch(result, expected[what].half()) is None, what
        return
    assert_like_native(bind(op.fused, case), native, [p, target], order=1)


@every_float
def test_loss_second_derivatives_at_the_edges(dtype, device):
    op = OPS["binary_cross_entropy"]
    p = torch.tensor([0, 1, 0, 1, 0.5, 1e-3], dtype=dtype, device=device)
    target = torch.tensor([0, 1, 1, 0, 0.25, 1], dtype=dtype, device=device)
    for at in range(p.numel()):  # alone, so that none hides behind a larger one
        assert_like_native(op.fused, op.native, [p[at], target[at]])


@SPECIAL
@every_dtype
def test_special_weight_of_the_loss(dtype, value, device):
    op = OPS["binary_cross_entropy"]
    inputs = op.inputs(Case("", ((4, 3),) * 3), dtype, device)
    inputs[2][1, 2] = value
    for reduction in ("none", "mean", "sum"):
        case = Case("", (), {"reduction": reduction})
        assert_like_native(
            bind(op.fused, case),
            bind(op.native, case),
            inputs,
            order=1,
            differentiable=[True, True, False],
        )


def test_mean_of_nothing_is_nan(device):
    """0 / 0, as native has it; the sum of nothing is zero."""
    op = OPS["binary_cross_entropy"]
    empty = torch.empty(0, device=device)
    assert op.fused(empty, empty).isnan()
    assert op.fused(empty, empty, reduction="sum") == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_sum_does_not_overflow_where_the_mean_fits(dtype, device):
    """A mean over many elements of float16 is taken in float32: their sum is beyond 65504."""
    op = OPS["binary_cross_entropy"]
    p = torch.full((4096,), 1e-7, dtype=dtype, device=device)
    expected = op.native(p.double(), torch.ones_like(p).double())
    actual = op.fused(p, torch.ones_like(p))
    assert actual.isfinite()
    assert_close(actual.double(), expected, error=8 * torch.finfo(dtype).eps)


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize("window", [2, 3, (1, 4), (3, 1)])
def test_ties_in_a_pooling_window(window, dtype, device):
    """The first of equal maxima gets the gradient, also when all are equal, zero or negative."""
    op = OPS["conv2d_relu_max_pool2d"]
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(-1, 2, (3, 1, 12, 12), generator=generator).to(device, dtype)
    image[1] = 1
    image[2] = 0
    one = torch.ones(1, 1, 1, 1, dtype=dtype, device=device)
    case = Case("", (), {"kernel_size": window})
    # A bias of one makes all-zero windows positive; minus one closes every ReLU but few.
    for bias in (0, 1, -1):
        inputs = [image, one, torch.full((1,), float(bias), dtype=dtype, device=device)]
        assert_like_native(bind(op.fused, case), bind(op.native, case), inputs)


@every_dtype
@pytest.mark.parametrize("places", [(0,), (3,), (0, 3), (1, 2), (0, 1, 2, 3)])
def test_nan_in_a_pooling_window(places, dtype, device):
    """NaN is larger than every number; the gradient goes where native's goes."""
    op = OPS["conv2d_relu_max_pool2d"]
    for rest in (math.inf, 1.0, -1.0):
        image = torch.full((1, 1, 2, 2), rest, dtype=dtype, device=device)
        image.view(-1)[list(places)] = math.nan
        one = torch.ones(1, 1, 1, 1, dtype=dtype, device=device)
        assert_like_native(op.fused, op.native, [image, one], order=1, label=str(rest))


@every_dtype
def test_infinities_in_a_pooling_window(dtype, device):
    """A window of -inf alone still has a maximum; relu makes it zero."""
    op = OPS["conv2d_relu_max_pool2d"]
    one = torch.ones(1, 1, 1, 1, dtype=dtype, device=device)
    for values in ([-math.inf] * 4, [math.inf] * 4, [-math.inf, -1, 1, math.inf]):
        image = torch.tensor(values, dtype=dtype, device=device).view(1, 1, 2, 2)
        assert_like_native(op.fused, op.native, [image, one], order=1, label=str(values))


@every_dtype
def test_negative_zero_and_zero_do_not_pass_a_gradient(dtype, device):
    """relu'(0) is 0, for linear_relu and after pooling."""
    linear, pool = OPS["linear_relu"], OPS["conv2d_relu_max_pool2d"]
    zeros = torch.tensor([[0.0], [-0.0]], dtype=dtype, device=device).requires_grad_()
    one = torch.ones(1, 1, dtype=dtype, device=device)
    (grad,) = torch.autograd.grad(linear.fused(zeros, one).sum(), zeros)
    assert not grad.any()
    image = zeros.detach().expand(2, 2)[None, None].clone().requires_grad_()
    (grad,) = torch.autograd.grad(pool.fused(image, one[None, None]).sum(), image)
    assert not grad.any()


@every_float
def test_denormal_inputs(dtype, device):
    """Tiny values are not flushed to zero on the way."""
    op = OPS["linear_relu"]
    tiny = torch.finfo(dtype).smallest_normal / 8
    input = torch.full((3, 4), tiny, dtype=dtype, device=device)
    weight = torch.ones(5, 4, dtype=dtype, device=device)
    assert_equal(op.fused(input, weight), torch.full((3, 5), 4 * tiny, dtype=dtype, device=device))


@pytest.mark.core
@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_loss_of_doubles_about_the_clamp(target, device):
    """exp(-100) is an ordinary double: what lies below it is clamped, in a whole vector too."""
    op = OPS["binary_cross_entropy"]
    clamp = math.exp(-100)
    for p in (0.0, 5e-324, 1e-310, clamp / 2, clamp, 2 * clamp, 1e-43, 1 - 2.0**-53, 1.0):
        inputs = torch.full((37,), p, dtype=torch.float64, device=device)
        targets = torch.full_like(inputs, target)
        torch.testing.assert_close(
            op.fused(inputs, targets), op.native(inputs, targets), rtol=1e-15, atol=0
        )
