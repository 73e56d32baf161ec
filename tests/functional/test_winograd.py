"""Edge cases of the Winograd convolutions: windows of 2 x 2 outputs that are cut off, tiles of
windows and channels, accumulation blocks of channels, bands of rows, groups of images; and results
that are not finite, which the direct kernels compute again.
"""

import pytest
import torch
import torch.nn.functional as F

from comparing import assert_equal, every_float, needs_extension
from inkgrad import functional, kernels

pytestmark = [needs_extension, pytest.mark.core]

# Images, channels, height, width; output channels, kernel, padding.
SHAPES = {
    "course second layer": ((64, 10, 12, 12), 20, 5, 0),
    "smallest": ((8, 6, 4, 4), 8, 3, 0),
    "smallest of 5 x 5": ((16, 6, 6, 6), 8, 5, 0),
    "too few channels": ((16, 5, 6, 6), 8, 3, 1),
    "odd outputs, groups of images cut off": ((29, 7, 9, 11), 9, 3, 1),
    "one column of windows": ((16, 8, 12, 6), 8, 5, 0),
    "one row of windows": ((16, 8, 4, 20), 11, 3, 0),
    "a tile of columns and one more": ((12, 6, 4, 12), 16, 3, 0),
    "padding wider than the kernel": ((16, 6, 25, 26), 8, 3, 4),
    "different paddings": ((16, 6, 18, 17), 8, 5, (0, 3)),
    "an accumulation block of 3 x 3": ((16, 16, 6, 6), 10, 3, 1),
    "and one channel more": ((16, 17, 6, 6), 11, 3, 1),
    "an accumulation block of 5 x 5": ((16, 12, 6, 6), 8, 5, 2),
    "three accumulation blocks": ((16, 25, 8, 8), 8, 5, 2),
    "bands of rows": ((16, 64, 26, 40), 8, 3, 1),
    "tiles of channels and one more": ((16, 11, 8, 8), 16, 3, 1),
    "several blocks of windows": ((24, 6, 30, 31), 8, 3, 1),
    "a band of one row, too many channels for the direct kernels": ((16, 256, 8, 14), 32, 3, 1),
    "filters packed in two slices": ((16, 200, 8, 8), 200, 3, 1),
}
# Few images, with channels in lanes.
FEW_IMAGES = {
    "one image": ((1, 48, 14, 14), 64, 3, 1),
    "three images of odd outputs": ((3, 17, 13, 19), 31, 3, 1),
    "one window": ((1, 16, 4, 4), 16, 3, 0),
    "one image, padding wider than the kernel": ((1, 20, 30, 31), 32, 3, 3),
    "one image, different paddings": ((2, 19, 12, 11), 48, 3, (0, 1)),
    "one image in bands of rows": ((1, 64, 13, 50), 64, 3, 1),
    "one image, two accumulation blocks": ((1, 65, 8, 8), 64, 3, 1),
    "one image, filters packed in two slices": ((1, 200, 8, 8), 192, 3, 1),
    "one image, a tile of windows and one more": ((1, 16, 4, 16), 32, 3, 1),
}
every_shape = pytest.mark.parametrize("shape", SHAPES)


def tensors(shape, dtype):
    images, out, kernel, padding = (SHAPES | FEW_IMAGES)[shape]
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    taps = images[1] * kernel**2
    return draw(*images), draw(out, images[1], kernel, kernel) / taps**0.5, draw(out), padding


def assert_accurate(actual, oracle):
    """Within some roundings of the largest element; in double the oracle rounds too."""
    assert actual.shape == oracle.shape
    error = (actual.double() - oracle).abs().max() / oracle.abs().max().clamp(min=1e-30)
    assert error < (8 if actual.dtype == torch.float32 else 64) * torch.finfo(actual.dtype).eps


@every_shape
@every_float
def test_conv2d_and_its_gradients(shape, dtype):
    x, weight, bias, padding = (
        t.requires_grad_() if isinstance(t, torch.Tensor) else t for t in tensors(shape, dtype)
    )
    y = functional.conv2d(x, weight, bias, padding=padding)
    doubles = [t.detach().double().requires_grad_() for t in (x, weight, bias)]
    oracle = F.conv2d(*doubles, padding=padding)
    assert_accurate(y, oracle)
    grad = torch.randn_like(y)
    expected = torch.autograd.grad(oracle, doubles, grad.double())
    for ours, oracle in zip(torch.autograd.grad(y, (x, weight, bias), grad), expected, strict=True):
        assert_accurate(ours, oracle)


@every_shape
@every_float
def test_conv2d_relu_max_pool2d(shape, dtype):
    x, weight, bias, padding = tensors(shape, dtype)
    oracle = F.conv2d(x.double(), weight.double(), bias.double(), padding=padding)
    y = functional.conv2d_relu_max_pool2d(x, weight, bias, padding=padding)
    assert_accurate(y, F.max_pool2d(oracle, 2).relu())


@pytest.mark.parametrize("shape", FEW_IMAGES)
@every_float
def test_few_images(shape, dtype):
    x, weight, bias, padding = tensors(shape, dtype)
    oracle = F.conv2d(x.double(), weight.double(), bias.double(), padding=padding)
    with kernels.record() as calls:
        y = functional.conv2d(x, weight, bias, padding=padding)
        pooled = functional.conv2d_relu_max_pool2d(x, weight, bias, padding=padding)
    assert_accurate(y, oracle)
    assert_accurate(pooled, F.max_pool2d(oracle, 2).relu())
    if len(x) == 1:  # else they may fill short vectors
        assert [call.kernel for call in calls] == ["winograd:channel_lanes"] * 2
    without = functional.conv2d(x, weight, None, padding=padding)
    assert_accurate(without, oracle - bias.double().view(-1, 1, 1))


@pytest.mark.parametrize("shape", FEW_IMAGES)
@every_float
def test_the_input_gradient_of_few_images(shape, dtype):
    x, weight, _, padding = tensors(shape, dtype)
    x.requires_grad_()
    y = functional.conv2d(x, weight, padding=padding)
    grad = torch.randn_like(y)
    double = x.detach().double().requires_grad_()
    oracle = F.conv2d(double, weight.double(), padding=padding)
    (expected,) = torch.autograd.grad(oracle, double, grad.double())
    assert_accurate(*torch.autograd.grad(y, x, grad), expected)


@every_float
def test_a_pool_behind_channels_last(dtype):
    x, weight, bias, padding = tensors("course second layer", dtype)
    y = functional.conv2d_relu_max_pool2d(x, weight, bias, padding=padding)
    last = [t.to(memory_format=torch.channels_last) for t in (x, weight)]
    other = functional.conv2d_relu_max_pool2d(*last, bias, padding=padding)
    assert other.is_contiguous(memory_format=torch.channels_last)
    assert_equal(other.contiguous(), y)


@pytest.mark.parametrize("shape", ["course second layer", "odd outputs, groups of images cut off"])
@pytest.mark.parametrize("value", [float("inf"), -float("inf"), float("nan"), 3e38])
def test_results_that_are_not_finite_equal_native(shape, value):
    clean, weight, bias, padding = tensors(shape, torch.float32)
    x = clean.clone()
    x[5, 1, 2, 2] = value
    others = [n for n in range(len(x)) if n != 5]
    for name in ("conv2d", "conv2d_relu_max_pool2d"):
        function = getattr(functional, name)
        y, without = (function(t, weight, bias, padding=padding) for t in (x, clean))
        assert_equal(y[others], without[others])
        native = F.conv2d(x[5:6], weight, bias, padding=padding)
        if name != "conv2d":
            native = F.max_pool2d(native, 2).relu()
        assert_equal(y[5:6].isnan(), native.isnan())
        assert_equal(y[5:6].isinf(), native.isinf())


def test_overflow_of_intermediate_sums():
    """Sums of neighbors overflow; the results, with small weights, do not."""
    x = torch.full((16, 6, 8, 8), 3e38)
    weight = torch.full((8, 6, 3, 3), 1e-3)
    y = functional.conv2d(x, weight)
    torch.testing.assert_close(y, F.conv2d(x.double(), weight.double()).float())


@pytest.mark.parametrize("shape", ["course second layer", "filters packed in two slices"])
@pytest.mark.parametrize("index", [3, -3])
@pytest.mark.parametrize("parameter", ["weight", "bias"])
def test_infinite_parameters(parameter, index, shape):
    x, weight, bias, padding = tensors(shape, torch.float32)
    {"weight": weight, "bias": bias}[parameter].view(-1)[index] = float("inf")
    y, native = (f(x, weight, bias, padding=padding) for f in (functional.conv2d, F.conv2d))
    assert_equal(y.isnan(), native.isnan())
    assert_equal(y.isinf(), native.isinf())


@pytest.mark.parametrize("spoilt", ["input", "gradient"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), 3e38])
def test_gradients_that_are_not_finite(value, spoilt):
    x, weight, bias, padding = tensors("course second layer", torch.float32)
    grad = torch.randn(64, 20, 8, 8)
    if spoilt == "input":
        x[7, 3, 4, 4] = value
    else:
        grad[7, 3, 4, 4] = value
    x.requires_grad_()
    weight.requires_grad_()
    ours, native = (
        torch.autograd.grad(f(x, weight, bias, padding=padding), (x, weight), grad)
        for f in (functional.conv2d, F.conv2d)
    )
    for one, other in zip(ours, native, strict=True):
        assert_equal(one.isnan(), other.isnan())
        assert_equal(one.isinf(), other.isinf())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("value", [float("inf"), -float("inf"), float("nan"), 3e38])
def test_a_single_image_that_is_not_finite_equals_native(value, threads):
    x, weight, bias, padding = tensors("one image", torch.float32)
    x[0, 47, 3, 4] = value
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        y, native = (f(x, weight, bias, padding=padding) for f in (functional.conv2d, F.conv2d))
        pooled = functional.conv2d_relu_max_pool2d(x, weight, bias, padding=padding)
    finally:
        torch.set_num_threads(before)
    for ours, other in ((y, native), (pooled, F.max_pool2d(native, 2).relu())):
        assert_equal(ours.isnan(), other.isnan())
        assert_equal(ours.isinf(), other.isinf())


@pytest.mark.parametrize("shape", ["bands of rows", "filters packed in two slices"])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_any_number_of_threads_gives_the_same_bits(threads, shape):
    x, weight, bias, padding = tensors(shape, torch.float32)
    x.requires_grad_()
    weight.requires_grad_()

    def results():
        pooled = functional.conv2d_relu_max_pool2d(x, weight, bias, padding=padding)
        y = functional.conv2d(x, weight, bias, padding=padding)
        return pooled, y, *torch.autograd.grad(y.square().sum(), (x, weight))

    assert_same_bits(results, threads)


@pytest.mark.parametrize("shape", FEW_IMAGES)
@pytest.mark.parametrize("threads", [2, 7])
def test_any_number_of_threads_gives_few_images_the_same_bits(threads, shape):
    x, weight, bias, padding = tensors(shape, torch.float32)

    def results():
        return tuple(
            function(x, weight, bias, padding=padding)
            for function in (functional.conv2d, functional.conv2d_relu_max_pool2d)
        )

    assert_same_bits(results, threads)


def assert_same_bits(results, threads):
    """What ``results()`` returns with one thread is what it returns with more."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = results()
        torch.set_num_threads(threads)
        for one, shared in zip(alone, results(), strict=True):
            assert_equal(shared, one)
    finally:
        torch.set_num_threads(before)
