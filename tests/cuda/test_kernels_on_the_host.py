"""Every CUDA kernel run on the host, thread by thread, and compared with torch in float64.

No GPU and no CUDA toolkit are needed: see tests/emulation.py.
"""

from __future__ import annotations

import ctypes
import math

import pytest
import torch
import torch.nn.functional as F

from comparing import every_dtype
from emulation import (
    ACTIVATIONS,
    DTYPES,
    BceGradients,
    BceOperands,
    Epilogue,
    EpilogueGradients,
    Images,
    LinearGradients,
    LinearShape,
    PooledConv,
    PooledConvGradient,
    PooledImages,
    SplitOperand,
    SplitOperands,
    pointer,
)
from inkgrad.check.tolerance import limit, mismatch, relative_error


def assert_near(actual, expected, message=""):
    expected = expected.to(actual.dtype)
    assert mismatch(actual, expected) is None, message
    distance = relative_error(actual, expected)
    assert distance <= limit(actual.dtype), f"{message}: {distance:.3g}"


def guarded(*shape, dtype=torch.float32, offset=0):
    """An output that starts as garbage, and the storage around it, which has to stay as it is."""
    storage = torch.full((math.prod(shape) + 64,), 77, dtype=dtype)
    start = 32 + offset
    return storage[start : start + math.prod(shape)].view(shape), storage


def assert_untouched(view, storage):
    start = view.storage_offset()
    assert (storage[:start] == 77).all()
    assert (storage[start + view.numel() :] == 77).all()


NONE = 2**32 - 1  # no magnitude but zero


def assert_extremes(reach, matrix):
    """Pairs of the bits of the largest magnitude and of the smallest that is not zero."""
    bits = matrix.abs().contiguous().view(torch.int32).to(torch.int64)
    largest, smallest = (reach.to(torch.int64) & NONE).unbind(1)
    assert largest.max() == bits.max()
    assert smallest.min() == bits[bits > 0].min() if (bits > 0).any() else NONE


# One chunk of a block is 8192 floats, 4096 doubles, 16384 of the half types.
SIZES = (0, 1, 3, 4, 8, 255, 1024, 4095, 4096, 4097, 8192, 8193, 16384, 16391, 40000)


def bce_inputs(n, dtype, offset=0, weighted=False):
    generator = torch.Generator().manual_seed(n)
    tensors = [torch.rand(n + offset, generator=generator).to(dtype)[offset:] for _ in range(3)]
    tensors[0][:2] = torch.tensor([0.0, 1.0])[:n]
    tensors[1][:2] = torch.tensor([0.0, 1.0])[:n]
    return (*tensors[:2], tensors[2] if weighted else None)


def bce_operands(*tensors):
    """Input, target and weight, which may be None."""
    x = tensors[0]
    return ctypes.byref(BceOperands(DTYPES[x.dtype], x.numel(), *map(pointer, tensors)))


def double(tensor):
    return None if tensor is None else tensor.double()


@every_dtype
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_bce_sum(kernels, dtype, offset, weighted):
    """Every size that straddles a chunk, from aligned memory and not, weighted and not."""
    code = DTYPES[dtype]
    for n in SIZES:
        x, t, w = bce_inputs(n, dtype, offset, weighted)
        parts = torch.empty(kernels.bce_parts(code, n), dtype=torch.float64)
        result, storage = guarded(dtype=dtype)
        for divisor in (1.0, float(n)):
            kernels.bce_sum(bce_operands(x, t, w), divisor, pointer(parts), pointer(result), None)
            each = F.binary_cross_entropy(x.double(), t.double(), double(w), reduction="none")
            assert_near(result, each.sum() / divisor, f"{n} elements")
            assert_untouched(result, storage)


def test_bce_sum_has_the_same_bits_from_any_memory(kernels):
    """The order of a sum depends on nothing but the number of elements."""
    x, t, _ = bce_inputs(40001, torch.float32)
    results = []
    for offset in (0, 1):
        tensors = [torch.cat([v.new_zeros(offset), v])[offset:] for v in (x, t)]
        parts = torch.empty(kernels.bce_parts(0, 40001), dtype=torch.float64)
        result = torch.empty(())
        kernels.bce_sum(bce_operands(*tensors, None), 1.0, pointer(parts), pointer(result), None)
        results.append(result)
    assert torch.equal(*results)


@every_dtype
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_bce_of_each_element(kernels, dtype, offset, weighted):
    for n in SIZES[1:]:
        x, t, w = bce_inputs(n, dtype, offset, weighted)
        loss, storage = guarded(n, dtype=dtype, offset=offset)
        kernels.bce_each(bce_operands(x, t, w), pointer(loss), None)
        expected = F.binary_cross_entropy(x.double(), t.double(), double(w), reduction="none")
        assert_near(loss, expected, f"{n} elements")
        assert_untouched(loss, storage)


@every_dtype
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("uniform", [False, True])
def test_bce_backward(kernels, dtype, offset, weighted, uniform):
    for n in (1, 7, 4097, 16391):
        x, t, w = bce_inputs(n, dtype, offset, weighted)
        x.clamp_(0.01, 0.99)
        grad = torch.randn(1 if uniform else n, generator=torch.Generator().manual_seed(1))
        grad = grad.to(dtype)
        leaves = [x.double().requires_grad_(), t.double().requires_grad_()]
        loss = F.binary_cross_entropy(*leaves, double(w), reduction="none")
        divided = grad.double().expand(n) / (3 if uniform else 1)
        expected = torch.autograd.grad(loss, leaves, divided)
        for wanted in ((True, True), (True, False), (False, True)):
            outputs = [guarded(n, dtype=dtype, offset=offset) for _ in wanted]
            places = [pointer(out) if want else None
                      for (out, _), want in zip(outputs, wanted, strict=True)]  # fmt: skip
            gradients = BceGradients(pointer(grad), uniform, 3.0, *places)
            kernels.bce_backward(bce_operands(x, t, w), ctypes.byref(gradients), None)
            for (out, storage), want, right in zip(outputs, wanted, expected, strict=True):
                if want:
                    assert_near(out, right, f"{n} elements")
                assert_untouched(out, storage)
                assert want or (out == 77).all()


MATRICES = ((1, 1), (759, 1), (3, 2), (64, 6), (33, 31), (5, 1000), (300, 37), (2100, 4), (9000, 1))
ACTIVATE = {"none": lambda z: z, "sigmoid": torch.sigmoid, "relu": torch.relu}


@every_dtype
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("offset", [0, 1])
def test_bias_and_activation(kernels, dtype, activation, offset):
    for rows, columns in MATRICES:
        generator = torch.Generator().manual_seed(rows)
        for bias in (None, torch.randn(columns, generator=generator).to(dtype)):
            z, storage = guarded(rows, columns, dtype=dtype, offset=offset)
            z.copy_(3 * torch.randn(rows, columns, generator=generator))
            expected = ACTIVATE[activation](z.double() + (0 if bias is None else bias.double()))
            epilogue = Epilogue(DTYPES[dtype], rows, columns, ACTIVATIONS[activation])
            kernels.bias_activation(ctypes.byref(epilogue), pointer(z), pointer(bias), None)
            assert_near(z, expected, f"{rows} x {columns}")
            assert_untouched(z, storage)


@every_dtype
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("offset", [0, 1])
def test_backward_of_the_activation(kernels, dtype, activation, offset):
    """With the bias's gradient in the same pass, and without."""
    for rows, columns in MATRICES:
        generator = torch.Generator().manual_seed(rows)
        size = rows * columns + offset
        grad, z = (torch.randn(size, generator=generator)[offset:].to(dtype).view(rows, columns)
                   for _ in range(2))  # fmt: skip
        y = ACTIVATE[activation](z)
        wide = y.double()
        slope = (wide > 0).double() if activation == "relu" else wide * (1 - wide)
        expected = grad.double() * slope
        for with_sums in (False, True):
            grad_z, around_z = guarded(rows, columns, dtype=dtype, offset=offset)
            sums, around_sums = guarded(columns, dtype=dtype)
            parts = torch.empty(kernels.column_parts(rows, columns), dtype=torch.float64)
            reach = torch.full((kernels.column_extremes(rows, columns), 2), 77, dtype=torch.int32)
            epilogue = Epilogue(DTYPES[dtype], rows, columns, ACTIVATIONS[activation])
            gradients = EpilogueGradients(
                pointer(grad), pointer(y), pointer(grad_z), pointer(sums) if with_sums else None,
                pointer(parts), pointer(reach),
            )  # fmt: skip
            kernels.activation_backward(ctypes.byref(epilogue), ctypes.byref(gradients), None)
            if with_sums and dtype == torch.float32:
                assert_extremes(reach, grad_z)
            assert_near(grad_z, expected, f"{rows} x {columns}")
            assert_untouched(grad_z, around_z)
            assert_untouched(sums, around_sums)
            if with_sums:
                # Terms of both signs: an error is measured by their size, not by what is left.
                error = (sums.double() - expected.sum(0)).abs() / expected.abs().sum(0).clamp(min=1)
                assert error.max() <= limit(dtype), f"{rows} x {columns}"


# rows, inputs, outputs
SMALL_LINEARS = (
    (1, 1, 1),
    (5, 1, 32),
    (32, 8, 6),
    (759, 8, 6),  # the course's
    (300, 30, 7),  # rows that are no whole fours
    (70, 128, 1),
    (257, 37, 1),
    (129, 32, 32),
    (65, 33, 17),
    (2100, 13, 9),  # several slices of rows
)


def small_linear_problem(rows, inputs, outputs, dtype, offset, activation):
    """Integers: with relu every sum is without rounding."""
    tensors = []
    for seed, shape in enumerate(((rows, inputs), (outputs, inputs), (outputs,), (rows, outputs))):
        size = math.prod(shape)
        tensors.append(images(size + offset, dtype=dtype, seed=seed)[offset:].view(shape))
    x, weight, bias, grad = tensors
    if activation == "sigmoid":
        weight /= 4 * inputs**0.5
    return x, weight, bias, grad


@every_dtype
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("sizes", SMALL_LINEARS, ids=str)
def test_small_linear(kernels, dtype, activation, offset, sizes):
    """Forward and every gradient: wanted alone and together, from aligned memory and not."""
    rows, inputs, outputs = sizes
    shape = ctypes.byref(LinearShape(rows, outputs, inputs, ACTIVATIONS[activation], DTYPES[dtype]))
    assert kernels.small_linear_supports(shape)
    x, weight, bias, grad = small_linear_problem(*sizes, dtype, offset, activation)
    check = assert_exact if activation == "relu" else assert_near
    for offsets in (None, bias):
        y, storage = guarded(rows, outputs, dtype=dtype, offset=offset)
        kernels.small_linear(shape, *map(pointer, (x, weight, offsets, y)), None)
        z = F.linear(x.double(), weight.double(), double(offsets))
        check(y, ACTIVATE[activation](z))
        assert_untouched(y, storage)

    wide = y.double()
    slope = (wide > 0).double() if activation == "relu" else wide * (1 - wide)
    grad_z = grad.double() * slope
    expected = (grad_z @ weight.double(), grad_z.T @ x.double(), grad_z.sum(0))
    for wanted in ((True, True, True), (True, False, False), (False, True, False),
                   (False, False, True)):  # fmt: skip
        parts = torch.full((kernels.small_linear_parts(shape),), math.nan, dtype=torch.float64)
        outs = [guarded(*t.shape, dtype=dtype, offset=offset) for t in expected]
        places = [pointer(out) if want else None
                  for (out, _), want in zip(outs, wanted, strict=True)]  # fmt: skip
        gradients = LinearGradients(*map(pointer, (grad, y, x, weight, parts)), *places)
        kernels.small_linear_backward(shape, ctypes.byref(gradients), None)
        for (out, around), want, right in zip(outs, wanted, expected, strict=True):
            assert_untouched(out, around)
            if want:
                check(out, right)
            else:
                assert (out == 77).all()


def assert_exact(actual, expected):
    assert torch.equal(actual, expected.to(actual.dtype))


def test_small_linear_keeps_rows_apart(kernels):
    """Values that are not finite stay in their row and, in the padding, out of everything."""
    shape = ctypes.byref(LinearShape(9, 3, 5, ACTIVATIONS["relu"], DTYPES[torch.float32]))
    x, weight = images(9, 5, seed=1), images(3, 5, seed=2)
    x[4, 4] = math.inf
    weight[2, 3] = math.nan
    y = torch.empty(9, 3)
    kernels.small_linear(shape, pointer(x), pointer(weight), None, pointer(y), None)
    assert mismatch(y, F.linear(x.double(), weight.double()).relu().float()) is None
    assert y[:4, :2].isfinite().all()


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"),
    [(0, 8, 6), (9, 0, 6), (9, 8, 0), (9, 129, 1), (9, 1, 33), (9, 128, 9), (9, 33, 32)],
)
def test_larger_layers_are_for_other_kernels(kernels, rows, inputs, outputs):
    assert not kernels.small_linear_supports(ctypes.byref(LinearShape(rows, outputs, inputs, 1, 0)))


POOLS = (
    ((1, 1, 2, 2), (2, 2)),
    ((2, 3, 7, 9), (2, 2)),
    ((3, 5, 8, 6), (3, 2)),
    ((1, 4, 5, 13), (1, 3)),
    ((2, 2, 9, 4), (4, 1)),
    ((1, 1, 33, 35), (15, 17)),
    ((2, 7, 6, 6), (1, 1)),
)


def images(*shape, dtype=torch.float32, seed=0):
    """Small integers: sums without rounding, and ties in every window."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-2, 3, shape, generator=generator).to(dtype)


def native_pool(planes, window):
    pooled, at = F.max_pool2d(planes.double(), window, return_indices=True)
    row, column = at // planes.shape[-1], at % planes.shape[-1]
    index = row % window[0] * window[1] + column % window[1]
    return pooled.relu(), index.masked_fill(pooled <= 0, 255)


@every_dtype
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(("shape", "window"), POOLS, ids=str)
def test_relu_pool_and_its_backward(kernels, dtype, channels_last, shape, window):
    format = torch.channels_last if channels_last else torch.contiguous_format
    geometry = PooledImages(*window, shape[2] // window[0], shape[3] // window[1], *shape,
                            channels_last, DTYPES[dtype])  # fmt: skip
    for bias in (None, images(shape[1], dtype=dtype, seed=1)):
        planes = images(*shape, dtype=dtype).contiguous(memory_format=format)
        biased = planes if bias is None else planes + bias.view(1, -1, 1, 1)
        expected, places = native_pool(biased, window)
        output = torch.full_like(expected, 77, dtype=dtype).contiguous(memory_format=format)
        indices = torch.full_like(output, 77, dtype=torch.uint8)
        kernels.relu_pool(ctypes.byref(geometry), *map(pointer, (planes, bias, output, indices)),
                          None)  # fmt: skip
        assert torch.equal(output.double(), expected)
        assert torch.equal(indices.long(), places)

        grad = images(*output.shape, dtype=dtype, seed=2).contiguous(memory_format=format)
        leaf = biased.double().requires_grad_()
        (right,) = torch.autograd.grad(native_pool(leaf, window)[0], leaf, grad.double())
        unpooled = torch.full_like(planes, 77)
        kernels.relu_pool_backward(
            ctypes.byref(geometry), *map(pointer, (grad, indices, unpooled)), None
        )
        assert torch.equal(unpooled.double(), right)


def test_nan_in_a_window_is_the_maximum(kernels):
    """The last of several, as in torch's own kernel for CUDA."""
    geometry = PooledImages(2, 2, 1, 1, 1, 1, 2, 2, False, DTYPES[torch.float32])
    for places in ((0,), (3,), (0, 3), (1, 2)):
        planes = torch.ones(4)
        planes[list(places)] = math.nan
        output, index = torch.empty(1), torch.empty(1, dtype=torch.uint8)
        kernels.relu_pool(ctypes.byref(geometry), pointer(planes), None, pointer(output),
                          pointer(index), None)  # fmt: skip
        assert output.isnan()
        assert index == places[-1]


def conv_geometry(shape, out, k, padding):
    n, c, h, w = shape
    convolved = [size + 2 * padding - k + 1 for size in (h, w)]
    pooled = [size // 2 for size in convolved]
    return PooledConv(c, h, w, out, *convolved, k, k, padding, padding, 1, 1, n, 2, 2, *pooled)


CONVOLUTIONS = (
    ((4, 1, 28, 28), 10, 5, 0),  # the course's first layer
    ((3, 1, 28, 28), 32, 5, 2),
    ((5, 10, 12, 12), 20, 5, 0),  # and its second
    ((2, 3, 32, 32), 8, 5, 2),
    ((2, 3, 33, 29), 11, 3, 1),
    ((5, 8, 7, 7), 5, 3, 0),
    ((13, 2, 6, 5), 3, 3, 0),  # several images a block
    ((2, 1, 50, 47), 1, 3, 1),  # several blocks an image
    ((3, 1, 4, 4), 66, 3, 0),
    ((1100, 1, 4, 4), 2, 3, 0),  # several blocks of 32 images in a slice
    ((300, 4, 6, 5), 12, 3, 1),
    ((3, 2, 6, 7), 3, 3, 3),  # more padding than the kernel is wide
    ((1, 1, 8, 150), 2, 5, 0),  # several tiles beside each other
)


@pytest.mark.parametrize(("shape", "out", "k", "padding"), CONVOLUTIONS, ids=str)
def test_convolution_with_relu_and_pool(kernels, shape, out, k, padding):
    geometry = conv_geometry(shape, out, k, padding)
    g = ctypes.byref(geometry)
    assert kernels.conv_supports(g)
    # Planes of 32 gradients of 32 x 32 are more than a block's shared memory.
    assert kernels.conv_input_grad_supports(g) == (shape != (3, 1, 28, 28))
    x, weight = images(*shape, seed=1), images(out, shape[1], k, k, seed=2)
    for bias in (None, images(out, seed=3)):
        leaves = [t.double().requires_grad_() for t in (weight, *(() if bias is None else (bias,)))]
        wide = x.double().requires_grad_()
        convolved = F.conv2d(wide, *leaves, padding=padding)
        expected, places = native_pool(convolved, (2, 2))
        output, storage = guarded(*expected.shape)
        indices = torch.full(expected.shape, 77, dtype=torch.uint8)
        kernels.conv_relu_pool(g, pointer(x), pointer(weight), pointer(bias), pointer(output),
                               pointer(indices), None)  # fmt: skip
        assert torch.equal(output.double(), expected)
        assert torch.equal(indices.long(), places)
        assert_untouched(output, storage)

        grad = images(*output.shape, seed=4)
        *right, of_input = torch.autograd.grad(expected, [*leaves, wide], grad.double())
        parts = torch.empty(kernels.conv_weight_grad_parts(g), dtype=torch.float64)
        grads = [guarded(*leaf.shape) for leaf in leaves]
        places_to_go = [pointer(t) for t, _ in grads] + [None] * (2 - len(grads))
        gradient = ctypes.byref(PooledConvGradient(*map(pointer, (grad, indices))))
        kernels.conv_weight_grad(g, gradient, pointer(x), pointer(parts), *places_to_go, None)
        for (actual, around), want in zip(grads, right, strict=True):
            assert torch.equal(actual.double(), want)
            assert_untouched(actual, around)
        if not kernels.conv_input_grad_supports(g):
            continue
        actual, around = guarded(*shape)
        kernels.conv_input_grad(g, gradient, pointer(weight), pointer(actual), None)
        assert torch.equal(actual.double(), of_input)
        assert_untouched(actual, around)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 31, 62])
def test_special_values_reach_the_weight(kernels, value, place):
    """Also where no maximum looks at them: zero times infinity is NaN, as in a dense product."""
    shape, out, k, padding = (2, 1, 7, 9), 2, 3, 1
    geometry = conv_geometry(shape, out, k, padding)
    g = ctypes.byref(geometry)
    x, weight = images(*shape), images(out, 1, k, k, seed=2)
    x.view(-1)[place] = value
    leaf = weight.double().requires_grad_()
    convolved = F.conv2d(x.double(), leaf, padding=padding)
    expected, _ = native_pool(convolved, (2, 2))
    (right,) = torch.autograd.grad(expected.nan_to_num().sum(), leaf)
    output = torch.empty(expected.shape)
    indices = torch.empty(expected.shape, dtype=torch.uint8)
    kernels.conv_relu_pool(g, pointer(x), pointer(weight), None, pointer(output), pointer(indices),
                           None)  # fmt: skip
    assert mismatch(output, expected.float()) is None
    parts = torch.empty(kernels.conv_weight_grad_parts(g), dtype=torch.float64)
    grad, grad_weight = output.isfinite().float(), torch.empty_like(weight)
    gradient = PooledConvGradient(*map(pointer, (grad, indices)))
    kernels.conv_weight_grad(g, ctypes.byref(gradient), pointer(x), pointer(parts),
                             pointer(grad_weight), None, None)  # fmt: skip
    assert torch.equal(grad_weight.isfinite(), right.isfinite())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 64, 64), (3, 72, 56), (2, 8, 200), (1, 136, 16)])
def test_memory_format_of_images(kernels, shape, dtype):
    """Squares of 64 x 64, whole and not; on the way back the bias is added and rounded once."""
    count, channels, pixels = shape
    x, bias = images(*shape, dtype=dtype, seed=1), images(channels, dtype=dtype, seed=2)
    channels_last, around = guarded(count, pixels, channels, dtype=dtype)
    images_of = ctypes.byref(Images(*shape, DTYPES[dtype]))
    kernels.to_channels_last(images_of, pointer(x), pointer(channels_last), None)
    assert torch.equal(channels_last, x.transpose(1, 2))
    assert_untouched(channels_last, around)
    back, around = guarded(*shape, dtype=dtype)
    kernels.from_channels_last(
        images_of, pointer(channels_last), pointer(bias), pointer(back), None
    )
    assert torch.equal(back, x + bias[:, None])
    assert_untouched(back, around)


class Split:
    """Matrices after `split`: the number of planes, the factors, and the planes as float64."""

    def __init__(self, kernels, matrices, extremes=None):
        operands = SplitOperands(count=len(matrices))
        stored = []
        for i, matrix in enumerate(matrices):
            rows, columns = matrix.shape
            stored.append(torch.zeros(kernels.plane_bytes(rows, columns) // 2, dtype=torch.int16))
            known = (None, 0) if i or extremes is None else (pointer(extremes), len(extremes))
            operands.of[i] = SplitOperand(
                pointer(matrix), rows, columns, pointer(stored[-1]), *known
            )
        workspace = torch.zeros(kernels.split_workspace_bytes(), dtype=torch.uint8)
        kernels.split(ctypes.byref(operands), pointer(workspace), None)
        self.count = workspace[:4].view(torch.int32).item()
        self.scale = workspace[4:16].view(torch.float32).double()
        self.unscale = workspace[16:28].view(torch.float32).double()
        dtype = torch.float16 if self.count == 2 else torch.bfloat16
        self.planes = [
            words.view(dtype)
            .view(3, -(-rows // 16) * 16, -1)[: self.count, :rows, :columns]
            .double()
            for words, (rows, columns) in zip(stored, (m.shape for m in matrices), strict=True)
        ]

    def sum(self, i):
        """The values that the planes of matrix i stand for."""
        planes = self.planes[i]
        if self.count == 2:
            return (planes[0] + planes[1] / 2048) * self.unscale[i]
        return planes.sum(0)


def wide_range(shape, least, most, seed):
    """Numbers of all magnitudes between two powers of two."""
    generator = torch.Generator().manual_seed(seed)
    exponents = least + (most - least) * torch.rand(shape, generator=generator)
    signs = 2 * torch.randint(0, 2, shape, generator=generator) - 1
    return signs * torch.exp2(exponents)


@pytest.mark.parametrize("columns", [1, 4, 8, 12, 61])
def test_floats_as_two_halves(kernels, columns):
    """To 2^-23 down to 2^-27 of the largest, to 2^-18 at 2^-32 of it; zeros stay zero."""
    matrices = [wide_range((37, columns), -26, 0, 1), 1e30 * wide_range((5, columns), -31, 0, 2)]
    matrices[0][3] = 0
    split = Split(kernels, matrices)
    assert split.count == 2
    assert torch.equal(split.scale * split.unscale, torch.ones(3, dtype=torch.float64))
    for i, (matrix, bits) in enumerate(zip(matrices, (23, 18), strict=True)):
        error = (split.sum(i) - matrix.double()).abs()
        assert (error <= 2.0**-bits * matrix.abs()).all()
        assert split.planes[i].isfinite().all()


@pytest.mark.parametrize("columns", [1, 8, 61])
def test_floats_as_three_bfloat16(kernels, columns):
    """Where halves cannot hold one of the matrices; every bit of a float, its ends included."""
    matrices = [wide_range((37, columns), -80, 80, 1), wide_range((5, columns), -1, 0, 2)]
    matrices[0].view(-1)[:2] = torch.tensor([3.4e38, -3.4028235e38])[: columns * 37]
    split = Split(kernels, matrices)
    assert split.count == 3
    for i, matrix in enumerate(matrices):
        assert torch.equal(split.sum(i), matrix.double())


def test_what_is_not_finite_has_a_high_plane_alone(kernels):
    matrix = torch.tensor([[math.inf, -math.inf, math.nan, 1.0, 0.0]])
    split = Split(kernels, [matrix])
    assert split.count == 3
    assert mismatch(split.planes[0][0].float(), matrix) is None
    assert (split.planes[0][1:] == 0).all()


@pytest.mark.parametrize(
    ("values", "planes"),
    [
        ((0.0, 0.0), 2),
        ((1.0, 2.0**-32), 2),
        ((1.0, 2.0**-33), 3),
        ((2.0**100, 2.0**70), 2),
        ((2.0**101, 2.0**71), 3),
        ((2.0**-100, 2.0**-101), 2),
        ((1e-40, 1e-40), 3),
        ((1.0, math.inf), 3),
        ((1.0, math.nan), 3),
    ],
)
def test_which_matrices_halves_can_hold(kernels, values, planes):
    matrix = torch.tensor(values).repeat(3000)[None]  # more than one block looks at
    assert Split(kernels, [torch.ones(2, 2), matrix]).count == planes


def test_extremes_that_are_known_are_used(kernels):
    """Here they are wrong, which is how one sees it."""
    wrong = torch.tensor([[0x3F800000, 1]], dtype=torch.int32)
    assert Split(kernels, [torch.ones(4, 4)], wrong).count == 3
