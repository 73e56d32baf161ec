"""Cases with the user's sizes: those of the suite keep their name, others are within limits."""

import pytest

from inkgrad_bench import user_cases
from inkgrad_bench.suite import CASES
from inkgrad_bench.user_cases import SIZES, TooMuch, TooSmall, case_of, sizes_of


def test_sizes_of_a_case_of_the_suite_give_that_case():
    known = [case for case in CASES if sizes_of(case) is not None]
    assert {case.op for case in known} == set(SIZES)
    for case in known:
        assert case_of(case.op, sizes_of(case), case.dtype) is case


@pytest.mark.parametrize("op", SIZES)
def test_sizes_left_out_have_their_default(op):
    case = case_of(op, {}, "float32")
    assert case.op == op
    defaults = {size.name: size.default for size in SIZES[op]}
    assert case_of(op, defaults, "float32") == case


def test_settings_of_no_effect_are_left_out():
    assert case_of("conv2d", {"stride": 1, "padding": 0}, "float32").settings == {}
    assert case_of("conv2d", {"stride": 2}, "float32").settings == {"stride": 2}


@pytest.mark.parametrize(
    ("op", "sizes", "side", "minimum"),
    [
        ("conv2d", {"height": 4}, "height", 5),
        ("conv2d", {"width": 2, "padding": 1}, "width", 3),
        ("conv2d_relu_max_pool2d", {"height": 5}, "height", 6),
        ("conv2d_relu_max_pool2d", {"width": 6, "stride": 2}, "width", 7),
    ],
)
def test_images_smaller_than_the_kernel(op, sizes, side, minimum):
    with pytest.raises(TooSmall, match=f"{side}: expected at least {minimum} ") as error:
        case_of(op, sizes, "float32")
    assert (error.value.name, error.value.minimum) == (side, minimum)


def test_too_much_arithmetic():
    with pytest.raises(TooMuch, match=r"at most 100\.0 GFLOP"):
        case_of("linear_relu", {"rows": 65536, "inputs": 8192, "outputs": 8192}, "float32")


def test_too_much_memory(monkeypatch):
    monkeypatch.setattr(user_cases.memory, "available_bytes", lambda: 10**6)
    with pytest.raises(TooMuch, match=r"at most 0\.0 GB"):
        case_of("binary_cross_entropy", {"elements": 2**20 + 1}, "float32")
