"""Cases with sizes chosen by the user, within limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inkgrad_bench import memory, runner, suite, workloads
from inkgrad_bench.suite import BOTH, CASES, Case, Shape

# A call of both contenders, with gradients, takes seconds at most and does not swap.
MAX_FLOPS = 100e9
MAX_BYTES = 2**30


class TooSmall(ValueError):
    """The image is smaller than the kernel; ``name`` is the side that is too small."""

    def __init__(self, name: str, minimum: int, got: int) -> None:
        super().__init__(f"{name}: expected at least {minimum} for this kernel, got {got}")
        self.name, self.minimum, self.got = name, minimum, got


class TooMuch(ValueError):
    """The sizes need more arithmetic or memory, in ``unit``, than allowed."""

    def __init__(self, needed: float, maximum: float, unit: str) -> None:
        super().__init__(f"sizes: expected to need at most {maximum:.1f} {unit}, got {needed:.1f}")
        self.needed, self.maximum, self.unit = needed, maximum, unit


@dataclass(frozen=True)
class Size:
    """A size that the user can choose, with its default and its limits."""

    name: str
    default: int
    minimum: int
    maximum: int


_ENTROPY = (Size("elements", 2**20, 1, 2**26),)
_LINEAR = (
    Size("rows", 64, 1, 65536),
    Size("inputs", 784, 1, 8192),
    Size("outputs", 512, 1, 8192),
)
_CONV = (
    Size("batch", 64, 1, 4096),
    Size("channels", 1, 1, 1024),
    Size("height", 28, 1, 512),
    Size("width", 28, 1, 512),
    Size("filters", 10, 1, 1024),
    Size("kernel", 5, 1, 15),
    Size("stride", 1, 1, 8),
    Size("padding", 0, 0, 8),
)

SIZES: dict[str, tuple[Size, ...]] = {
    "binary_cross_entropy": _ENTROPY,
    "linear_sigmoid": _LINEAR,
    "linear_relu": _LINEAR,
    "conv2d": _CONV,
    "conv2d_relu_max_pool2d": _CONV,
}

DTYPES = ("float32", "float64", "bfloat16", "float16")


def case_of(op: str, sizes: Mapping[str, int], dtype: str) -> Case:
    """Return the case of these sizes, with the defaults for those left out.

    A case of the suite is returned as it stands there, with its name. ``op`` and ``sizes`` must be
    in ``SIZES`` and within its limits, ``dtype`` in ``DTYPES``.

    Raises:
        TooSmall: the image is smaller than the kernel.
        TooMuch: the case would take too long, or too much memory.
    """
    chosen = {size.name: sizes.get(size.name, size.default) for size in SIZES[op]}
    _check_geometry(op, chosen)
    case = _case(op, chosen, dtype)
    _check_cost(case)
    return case


def _case(op: str, sizes: Mapping[str, int], dtype: str) -> Case:
    if op == "binary_cross_entropy":
        case = suite.bce(sizes["elements"], dtype=dtype)
    elif op in ("linear_sigmoid", "linear_relu"):
        activation = op.removeprefix("linear_")
        case = suite.linear(
            sizes["rows"], sizes["inputs"], sizes["outputs"], activation, dtype=dtype
        )
    else:
        settings: dict[str, Any] = {
            name: sizes[name]
            for name, absent in (("stride", 1), ("padding", 0))
            if sizes[name] != absent
        }
        image = (sizes["batch"], sizes["channels"], sizes["height"], sizes["width"])
        case = suite.conv(image, sizes["filters"], sizes["kernel"], op, dtype=dtype, **settings)
    return next((known for known in CASES if _problem(known) == _problem(case)), case)


def _problem(case: Case) -> tuple[object, ...]:
    return case.op, case.shapes, case.settings, case.dtype, case.layout


def sizes_of(case: Case) -> dict[str, int] | None:
    """The sizes from which :func:`case_of` makes this case; None if there are none."""
    if case.op not in SIZES:
        return None
    sizes = _numbers(case.op, case.shapes, case.settings)
    return sizes if _case(case.op, sizes, case.dtype) is case else None


def _numbers(op: str, shapes: tuple[Shape, ...], settings: Mapping[str, int]) -> dict[str, int]:
    first, second = shapes[:2]
    if op == "binary_cross_entropy":
        values: tuple[int, ...] = (first[0],)
    elif op in ("linear_sigmoid", "linear_relu"):
        values = (*first, second[0])
    else:
        geometry = (settings.get("stride", 1), settings.get("padding", 0))
        values = (*first, second[0], second[2], *geometry)
    return {size.name: value for size, value in zip(SIZES[op], values, strict=True)}


def _check_geometry(op: str, sizes: Mapping[str, int]) -> None:
    if "kernel" not in sizes:
        return
    outputs = 2 if op == "conv2d_relu_max_pool2d" else 1  # per side: a pool needs two
    minimum = sizes["kernel"] + (outputs - 1) * sizes["stride"] - 2 * sizes["padding"]
    for name in ("height", "width"):
        if sizes[name] < minimum:
            raise TooSmall(name, minimum, sizes[name])


def _check_cost(case: Case) -> None:
    flops = workloads.flops(case, BOTH)
    if flops > MAX_FLOPS:
        raise TooMuch(1e-9 * flops, 1e-9 * MAX_FLOPS, "GFLOP")
    needed, available = runner.needed_bytes(case), memory.available_bytes()
    maximum = MAX_BYTES if available is None else min(MAX_BYTES, available // 2)
    if needed > maximum:
        raise TooMuch(1e-9 * needed, 1e-9 * maximum, "GB")
