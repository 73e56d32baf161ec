"""Cases of one's own: an op and the sizes that one chooses, within limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inkgrad_bench import cases, memory, session, workloads
from inkgrad_bench.cases import BOTH, CASES, Case, Shape

# One call of both contenders with gradients stays a matter of seconds, and out of swap.
MAX_FLOPS = 100e9
MAX_BYTES = 2**30


class TooSmall(ValueError):
    """The picture is smaller than the kernel: ``name`` is the side that is."""

    def __init__(self, name: str, least: int, got: int) -> None:
        super().__init__(f"{name}: expected at least {least} here, got {got}")
        self.name, self.least, self.got = name, least, got


class TooMuch(ValueError):
    """The sizes take more than they may, of ``unit``."""

    def __init__(self, needed: float, most: float, unit: str) -> None:
        super().__init__(f"sizes: expected to need at most {most:.1f} {unit}, got {needed:.1f}")
        self.needed, self.most, self.unit = needed, most, unit


@dataclass(frozen=True)
class Size:
    """A number that one chooses."""

    name: str
    default: int
    least: int
    most: int


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
    """The case of that op, of the table if it is there; sizes left out have their default.

    ``op`` and ``sizes`` are those of ``SIZES``, within their limits, ``dtype`` one of ``DTYPES``.
    TooSmall for sizes that do not go together; TooMuch for what would take too long or too much
    memory.
    """
    chosen = {size.name: sizes.get(size.name, size.default) for size in SIZES[op]}
    _check_geometry(op, chosen)
    case = _case(op, chosen, dtype)
    _check_cost(case)
    return case


def _case(op: str, sizes: Mapping[str, int], dtype: str) -> Case:
    if op == "binary_cross_entropy":
        case = cases.bce(sizes["elements"], dtype=dtype)
    elif op in ("linear_sigmoid", "linear_relu"):
        activation = op.removeprefix("linear_")
        case = cases.linear(
            sizes["rows"], sizes["inputs"], sizes["outputs"], activation, dtype=dtype
        )
    else:
        settings = {
            name: sizes[name]
            for name, absent in (("stride", 1), ("padding", 0))
            if sizes[name] != absent
        }
        image = (sizes["batch"], sizes["channels"], sizes["height"], sizes["width"])
        case = cases.conv(image, sizes["filters"], sizes["kernel"], op, dtype=dtype, **settings)
    return next((known for known in CASES if _problem(known) == _problem(case)), case)


def _problem(case: Case) -> tuple[object, ...]:
    return case.op, case.shapes, case.settings, case.dtype, case.layout


def sizes_of(case: Case) -> dict[str, int] | None:
    """What :func:`case_of` makes the case from; None if it cannot."""
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
    outputs = 2 if op == "conv2d_relu_max_pool2d" else 1  # of which the pool makes one
    least = sizes["kernel"] + (outputs - 1) * sizes["stride"] - 2 * sizes["padding"]
    for name in ("height", "width"):
        if sizes[name] < least:
            raise TooSmall(name, least, sizes[name])


def _check_cost(case: Case) -> None:
    flops = workloads.flops(case, BOTH)
    if flops > MAX_FLOPS:
        raise TooMuch(1e-9 * flops, 1e-9 * MAX_FLOPS, "GFLOP")
    needed, available = session.needed_bytes(case), memory.available_bytes()
    most = MAX_BYTES if available is None else min(MAX_BYTES, available // 2)
    if needed > most:
        raise TooMuch(1e-9 * needed, 1e-9 * most, "GB")
