"""Invalid input raises the same type of exception as in native torch, and names the same things."""

import re

import numpy as np
import pytest
import torch

from comparing import FLOATS, HALVES, needs_extension
from inkgrad.check.ops import OPS


def rand(*shape, dtype=torch.float32):
    return torch.rand(shape, dtype=dtype)


X, W, B = (2, 4, 8, 8), (6, 4, 3, 3), (6,)  # a good call of conv2d

# (what is wrong, arguments, settings, pattern that both messages must match)
LINEAR = [
    ("features differ", (rand(2, 3), rand(4, 5)), {}, "3.*5"),
    ("features differ, batched", (rand(2, 2, 3), rand(4, 5), rand(4)), {}, "3.*5"),
    ("bias too long", (rand(2, 3), rand(4, 3), rand(5)), {}, "4.*5|5.*4"),
    ("weight of another dtype", (rand(2, 3), rand(4, 3).double()), {}, "dtype"),
    ("bias of another dtype", (rand(2, 3), rand(4, 3), rand(4).double()), {}, "dtype"),
    ("weight of three dimensions", (rand(2, 3), rand(4, 3, 1)), {}, "3D"),
    ("vector weight with bias", (rand(2, 3), rand(3), rand(3)), {}, "1-D|1D"),
    ("scalar input", (rand(), rand(4, 3)), {}, "0D"),
    ("input is None", (None, rand(4, 3)), {}, "must be Tensor, not NoneType"),
    ("input is a list", ([1.0, 2.0], rand(4, 2)), {}, "must be Tensor, not list"),
    ("weight is None", (rand(2, 3), None), {}, "must be Tensor, not NoneType"),
    ("bias is a number", (rand(2, 3), rand(4, 3), 1.0), {}, "must be Tensor, not float"),
    ("bias is an array", (rand(2, 3), rand(4, 3), np.ones(4)), {}, "must be Tensor, not numpy"),
]
CROSS_ENTROPY = [
    ("sizes differ", (rand(3), rand(4)), {}, r"target.*\[4\].*\[3\]"),
    ("sizes would broadcast", (rand(3, 1), rand(3)), {}, r"target.*\[3\].*\[3, 1\]"),
    ("above one", (rand(3) + 1.5, rand(3)), {}, "between 0 and 1"),
    ("below zero", (-rand(3) - 0.1, rand(3)), {}, "between 0 and 1"),
    ("not a number", (rand(3) * float("nan"), rand(3)), {}, "between 0 and 1"),
    ("infinite", (rand(3) + float("inf"), rand(3)), {}, "between 0 and 1"),
    ("one of many above one", (torch.tensor([0.5] * 100 + [1.001]), rand(101)), {}, "between"),
    ("target above one", (rand(3), rand(3) + 1.5), {}, "target.*between 0 and 1"),
    ("target below zero", (rand(3), -rand(3) - 0.1), {}, "target.*between 0 and 1"),
    ("target not a number", (rand(3), rand(3) * float("nan")), {}, "target.*between 0 and 1"),
    ("both out of range", (rand(3) + 1.5, rand(3) + 1.5), {}, "input.*between 0 and 1"),
    ("target of another dtype", (rand(3), rand(3).double()), {}, "Double.*Float"),
    ("integer target", (rand(3), torch.ones(3, dtype=torch.long)), {}, "Long.*Float"),
    ("integers", (torch.ones(3, dtype=torch.long),) * 2, {}, "not implemented for 'Long'"),
    ("unknown reduction", (rand(3), rand(3)), {"reduction": "average"}, "average"),
    ("weight does not broadcast", (rand(3), rand(3), rand(4)), {}, "4.*3|3.*4"),
    ("weight larger than input", (rand(3), rand(3), rand(2, 3)), {}, r"\[3\].*\[2, 3\]"),
    ("weight requires grad", (rand(3), rand(3), rand(3).requires_grad_()), {},
     "not differentiable with respect to argument 'weight'"),
    ("weight is a number", (rand(3), rand(3), 2), {}, "'int' object has no attribute 'size'"),
    ("weight is an array", (rand(3), rand(3), np.ones(3)), {}, "'int' object is not callable"),
    ("reduction is a number", (rand(3), rand(3)), {"reduction": 1}, "1 is not a valid value"),
    ("reduction is None", (rand(3), rand(3)), {"reduction": None}, "None is not a valid value"),
    ("reduction is a list", (rand(3), rand(3)), {"reduction": ["mean"]}, "is not a valid value"),
]  # fmt: skip
CONV = [
    ("stride of zero", (rand(*X), rand(*W)), {"stride": 0}, "non-positive stride"),
    ("negative padding", (rand(*X), rand(*W)), {"padding": -1}, "negative padding"),
    ("dilation of zero", (rand(*X), rand(*W)), {"dilation": 0}, "dilation"),
    ("negative dilation", (rand(*X), rand(*W)), {"dilation": -1}, "dilation"),
    ("no groups", (rand(*X), rand(*W)), {"groups": 0}, "non-positive groups"),
    ("channels differ", (rand(2, 3, 8, 8), rand(*W)), {},
     r"groups=1.*\[6, 4, 3, 3\].*\[2, 3, 8, 8\].*4 channels.*3 channels"),
    ("channels of groups differ", (rand(*X), rand(*W)), {"groups": 2}, "8 channels.*4 channels"),
    ("outputs do not divide", (rand(2, 8, 8, 8), rand(5, 4, 3, 3)), {"groups": 2}, "divisible"),
    ("input of two dimensions", (rand(8, 8), rand(*W)), {}, r"3D.*4D.*conv2d.*\[8, 8\]"),
    ("input of five dimensions", (rand(1, *X), rand(*W)), {}, r"3D.*4D.*\[1, 2, 4, 8, 8\]"),
    ("weight of three dimensions", (rand(*X), rand(6, 4, 3)), {},
     r"stride.*list of 1 values.*\[1, 1\]"),
    ("bias too short", (rand(*X), rand(*W), rand(5)), {}, r"bias.*1-dimensional.*6.*\[5\]"),
    ("bias of two dimensions", (rand(*X), rand(*W), rand(1, 6)), {}, r"bias.*\[1, 6\]"),
    ("kernel larger than image", (rand(2, 4, 2, 2), rand(*W)), {}, "Kernel size.*3 x 3"),
    ("dilated kernel larger than image", (rand(*X), rand(*W)), {"dilation": 4}, "9 x 9"),
    ("image without rows", (rand(2, 4, 0, 8), rand(*W)), {}, "0 x 8"),
    ("no output channels", (rand(*X), rand(0, 4, 3, 3)), {}, "at least 1 at dimension 0"),
    ("weight of another dtype", (rand(*X), rand(*W).double()), {}, "should be the same"),
    ("bias of another dtype", (rand(*X), rand(*W), rand(*B).double()), {}, "should be the same"),
    ("three strides", (rand(*X), rand(*W)), {"stride": (1, 1, 1)}, r"stride.*\[1, 1, 1\]"),
    ("three paddings", (rand(*X), rand(*W)), {"padding": (1, 1, 1)}, r"padding.*\[1, 1, 1\]"),
    ("three dilations", (rand(*X), rand(*W)), {"dilation": (1, 1, 1)}, r"dilation.*\[1, 1, 1\]"),
    ("unknown padding", (rand(*X), rand(*W)), {"padding": "full"}, "padding.*'full'"),
    ("same with a stride", (rand(*X), rand(*W)), {"padding": "same", "stride": 2}, "same.*strided"),
    ("fractional stride", (rand(*X), rand(*W)), {"stride": 1.5},
     r"\(Tensor, Tensor, NoneType, float,"),
    ("input is None", (None, rand(*W)), {}, r"got \(NoneType, Tensor,"),
    ("bias is a number", (rand(*X), rand(*W), 1), {}, r"got \(Tensor, Tensor, int,"),
    ("bias is a list", (rand(*X), rand(*W), [1.0]), {}, r"got \(Tensor, Tensor, list,"),
    *((f"{name} is {value!r}", (rand(*X), rand(*W)), {name: value},
       "invalid combination|failed to unpack")
      for name in ("stride", "dilation") for value in (True, (True, True), None, "1", 1.5, {1},
                                                       range(1, 3), (1, None), (1.0, 1))),
    *((f"padding is {value!r}", (rand(*X), rand(*W)), {"padding": value},
       "invalid combination|failed to unpack")
      for value in (True, (True, 0), None, 1.5, ("same",), (0, None))),
    *((f"groups is {value!r}", (rand(*X), rand(*W)), {"groups": value}, "invalid combination")
      for value in (True, 2.0, "x", None, (1,), 1j, np.float64(1))),
    *((f"{name} of 71 bits", (rand(*X), rand(*W)), {name: 2**70}, "Overflow")
      for name in ("stride", "padding", "dilation", "groups")),
    *((f"{name} of 71 bits in a pair", (rand(*X), rand(*W)), {name: (1, 2**70)}, "Overflow")
      for name in ("stride", "padding", "dilation")),
    *((f"no {name}", (rand(*X), rand(*W)), {name: value}, f"expected {name} to be")
      for name in ("stride", "padding", "dilation") for value in ((), [])),
    ("many groups", (rand(*X), rand(*W)), {"groups": 2**63 - 1}, "at least 9223372036854775807"),
    ("negative groups", (rand(*X), rand(*W)), {"groups": -1}, "non-positive groups"),
    ("negative stride of columns", (rand(*X), rand(*W)), {"stride": (1, -1)}, "non-positive"),
    ("padding of half the integers", (rand(*X), rand(*W)), {"padding": 2**62}, "padding"),
    ("padding of all integers", (rand(*X), rand(*W)), {"padding": 2**63 - 1}, "padding"),
    ("dilation of 2^61", (rand(*X), rand(*W)), {"dilation": 2**61}, "[Kk]ernel"),
    ("same with text for groups", (rand(*X), rand(*W)), {"padding": "same", "groups": "x"},
     "invalid combination"),
]  # fmt: skip
POOL = [
    ("window of zero", (rand(*X), rand(*W)), {"kernel_size": 0}, "stride should not be zero"),
    ("negative window", (rand(*X), rand(*W)), {"kernel_size": -1}, "kernel size.*than zero"),
    ("window of three", (rand(*X), rand(*W)), {"kernel_size": (2, 2, 2)}, "kernel_size.*two ints"),
    ("window larger than image", (rand(*X), rand(*W)), {"kernel_size": 7}, "6x6x6.*too small"),
    ("window wider than image", (rand(*X), rand(*W)), {"kernel_size": (1, 7)}, "too small"),
    ("fractional window", (rand(*X), rand(*W)), {"kernel_size": 2.0}, "kernel_size.*float"),
    ("window is text", (rand(*X), rand(*W)), {"kernel_size": "2"}, "kernel_size.*str"),
    ("window is None", (rand(*X), rand(*W)), {"kernel_size": None}, "kernel_size.*NoneType"),
    ("window is True", (rand(*X), rand(*W)), {"kernel_size": True}, "kernel_size.*bool"),
    ("no window", (rand(*X), rand(*W)), {"kernel_size": ()}, "kernel_size.*two ints"),
    ("window of 71 bits", (rand(*X), rand(*W)), {"kernel_size": 2**70}, "Overflow"),
    ("window of all integers", (rand(*X), rand(*W)), {"kernel_size": (1, 2**63 - 1)}, "overflow"),
]  # fmt: skip

TABLE = [
    *(("linear_sigmoid", *row) for row in LINEAR),
    *(("linear_relu", *row) for row in LINEAR),
    *(("binary_cross_entropy", *row) for row in CROSS_ENTROPY),
    *(("conv2d", *row) for row in CONV),
    *(("conv2d_relu_max_pool2d", *row) for row in CONV + POOL),
]


def outcome(function, arguments, settings):
    with pytest.raises(Exception) as raised:  # noqa: PT011  # native decides which
        function(*arguments, **settings)
    return raised.value


@pytest.mark.parametrize(
    ("name", "arguments", "settings", "shown"),
    [pytest.param(row[0], *row[2:], id=f"{row[0]}-{row[1].replace(' ', '-')}") for row in TABLE],
)
def test_raises_what_native_raises(name, arguments, settings, shown):
    op = OPS[name]
    native = outcome(op.native, arguments, settings)
    assert re.search(shown, str(native), re.DOTALL), f"native says: {native}"
    fused = outcome(op.fused, arguments, settings)
    assert type(fused) is type(native), f"{fused!r}, native: {native!r}"
    assert re.search(shown, str(fused), re.DOTALL), f"{fused}\nnative says: {native}"


@needs_extension
@pytest.mark.parametrize("name", ["conv2d", "conv2d_relu_max_pool2d"])
@pytest.mark.parametrize("dtype", FLOATS + HALVES, ids=str)
@pytest.mark.parametrize(
    "settings",
    [
        {"dilation": 2**62},
        {"dilation": 2**63 - 1},
        {"dilation": (1, 2**63 - 1)},
        {"padding": 2**62, "dilation": 2**62},
        {"padding": 2**61 + 1, "stride": 2**62},
        {"padding": 2**61 - 1},
        {"padding": 2**31 - 1, "dilation": 2**31 - 1},
        {"padding": 2**30 - 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("where", ["cpu", "meta"])
def test_sizes_that_overflow(name, dtype, settings, where):
    """Native computes with what overflows, and returns garbage or crashes."""
    images, weight = (rand(*shape, dtype=dtype).to(where) for shape in (X, W))
    lists = {k: v if isinstance(v, tuple) else [v] for k, v in settings.items()}
    error = RuntimeError if where == "cpu" else Exception  # there sizes are Python's
    with pytest.raises(error):
        OPS[name].fused(images, weight, **settings)
    with pytest.raises(error):
        getattr(torch.ops.inkgrad, name)(images, weight, **lists)


def test_numbers_of_other_types_that_native_takes():
    images, weight = rand(*X), rand(*W)
    conv = OPS["conv2d"]
    for number in (np.int64(1), torch.tensor(1)):
        settings = {"stride": number, "padding": number, "dilation": number, "groups": number}
        torch.testing.assert_close(
            conv.fused(images, weight, **settings), conv.native(images, weight, **settings)
        )


@pytest.mark.parametrize("name", OPS)
def test_wrong_arguments_of_the_call(name):
    """Python's own errors, not those of a call that went on with them."""
    op = OPS[name]
    for arguments, settings, shown in (
        ((), {}, "missing 2 required positional arguments: 'input' and '(weight|target)'"),
        ((rand(2, 2),), {}, "missing 1 required positional argument: '(weight|target)'"),
        ((rand(2, 2),) * 2, {"axis": 1}, "unexpected keyword argument 'axis'"),
    ):
        for function in (op.fused, op.native):
            error = outcome(function, arguments, settings)
            assert isinstance(error, TypeError)
            assert re.search(f"^{name}.* {shown}$", str(error)), error


def test_range_is_checked_on_every_element_of_a_strided_input():
    """The check must follow the strides: values between the elements do not count."""
    values = torch.tensor([0.5, 7.0, 0.25, 7.0])
    OPS["binary_cross_entropy"].fused(values[::2], torch.rand(2))
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        OPS["binary_cross_entropy"].fused(values[1::2], torch.rand(2))


def test_an_op_works_after_it_raised():
    """A check that throws inside a parallel region must not leave the op in a bad state."""
    op = OPS["binary_cross_entropy"]
    good, bad = torch.rand(300, 300), torch.full((300, 300), 2.0)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="between 0 and 1"):
            op.fused(bad, good)
        torch.testing.assert_close(op.fused(good, good), op.native(good, good))
