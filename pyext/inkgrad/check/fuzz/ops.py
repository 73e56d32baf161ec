"""Cases of the ops: valid calls, calls with bad arguments, and registered ops with operands that do
not fit together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inkgrad.check.checks import registered_calls
from inkgrad.check.fuzz.compare import difference, outcome
from inkgrad.check.fuzz.tensors import LAYOUTS, describe, draw_special, make
from inkgrad.check.ops import DTYPES, OPS
from inkgrad.check.ops import Case as Call
from inkgrad.check.tolerance import relative_error

__all__ = ["KINDS", "replacements", "run_call", "wrong_result"]

Case = dict[str, Any]
_MAX = 2**63 - 1

# ---- valid calls


def _draw_size(random: Random, largest: int) -> int:
    """Draw a size, small ones and those about multiples of a vector's lanes more often."""
    return random.choice(
        [1, 2, 3, random.randint(0, 9), random.choice((8, 16)) + random.randint(-1, 1),
         random.randint(1, largest)]
    )  # fmt: skip


def _draw_linear(random: Random) -> tuple[list[list[int]], dict[str, Any]]:
    k, n = _draw_size(random, 300), _draw_size(random, 80)
    leading = [_draw_size(random, 100) for _ in range(random.choice((0, 1, 1, 1, 1, 2, 3)))]
    shapes = [[*leading[:1], *[min(size, 5) for size in leading[1:]], k], [n, k], [n]]
    return shapes[: random.choice((2, 3, 3))], {}


def _draw_loss(random: Random) -> tuple[list[list[int]], dict[str, Any]]:
    shape = [_draw_size(random, 40) for _ in range(random.randint(0, 3))]
    if random.random() < 0.05:
        shape = [random.randint(8000, 20000)]  # several chunks
    weight = [size if random.random() < 0.7 else 1 for size in shape][random.randint(0, 1) :]
    shapes = [shape, shape, weight][: random.choice((2, 3))]
    return shapes, {"reduction": random.choice(("none", "mean", "sum"))}


def _draw_conv(random: Random) -> tuple[list[list[int]], dict[str, Any]]:
    kernel = [random.choice((1, 2, 3, 3, 3, 5, 5, 7)) for _ in range(2)]
    if random.random() < 0.6:
        kernel[1] = kernel[0]
    settings: dict[str, Any] = {}
    groups = 1
    if random.random() < 0.5:
        settings["padding"] = random.choice((0, 1, 2, [1, 0], [0, 2], [3, 4], "same", "valid"))
    if random.random() < 0.15:
        settings["dilation"] = random.choice((2, [1, 2], [3, 1]))
    if random.random() < 0.15 and not isinstance(settings.get("padding"), str):
        settings["stride"] = random.choice((2, [2, 1], [1, 3]))
    if random.random() < 0.1:
        settings["groups"] = groups = random.choice((2, 3))
    channels, out = (min(_draw_size(random, 24), 24) for _ in range(2))
    height, width = (k + random.choice((0, 1, 2, 5, random.randint(0, 14))) for k in kernel)
    shapes = [
        [random.choice((1, 1, 2, 3, 8, 12, 16, 17)), groups * channels, height, width],
        [groups * out, channels, *kernel],
        [groups * out],
    ]
    if random.random() < 0.1:
        shapes[0] = shapes[0][1:]
    return shapes[: random.choice((2, 3, 3))], settings


def _draw_pool(random: Random) -> tuple[list[list[int]], dict[str, Any]]:
    shapes, settings = _draw_conv(random)
    if random.random() < 0.6:
        settings["kernel_size"] = random.choice((1, 2, 3, [1, 3], [2, 1], [3, 2], 5))
    return shapes, settings


_DRAW: dict[str, Callable[[Random], tuple[list[list[int]], dict[str, Any]]]] = {
    "linear_sigmoid": _draw_linear,
    "linear_relu": _draw_linear,
    "binary_cross_entropy": _draw_loss,
    "conv2d": _draw_conv,
    "conv2d_relu_max_pool2d": _draw_pool,
}


def _draw_op(random: Random) -> Case:
    op = random.choice(list(_DRAW))
    shapes, settings = _DRAW[op](random)
    dtype = random.choice(("float32", "float32", "float64", "bfloat16", "float16"))
    return {"op": op, "shapes": shapes, "settings": settings, "dtype": dtype}


def draw_call(random: Random) -> Case:
    case = _draw_op(random)
    count = len(case["shapes"]) + 1  # the last one for the gradient of the output
    case["layouts"] = [
        random.choice(list(LAYOUTS)) if random.random() < 0.4 else "contiguous"
        for _ in range(count)
    ]
    case["special"] = [draw_special(random) for _ in range(count)]
    # In second derivatives native's formulas for special values are its own.
    case["order"] = 1 if any(case["special"]) else random.choice((0, 1, 2))
    return case


def _tensors(case: Case, dtype: torch.dtype) -> list[Tensor]:
    is_loss = case["op"] == "binary_cross_entropy"
    special = case.get("special") or [[]] * len(case["shapes"])
    layouts = case.get("layouts") or ["contiguous"] * len(case["shapes"])
    tensors = []
    for i, shape in enumerate(case["shapes"]):
        values = special[i]
        if is_loss and i < 2:  # the others are errors
            values = [[at, value] for at, value in values if 0 <= value <= 1]
        tensors.append(
            make(shape, dtype, case["seed"] + i, unit=is_loss and i < 2, layout=layouts[i],
                 special=values)
        )  # fmt: skip
    return tensors


def _derivatives(
    function: Callable[..., Tensor], case: Case, tensors: list[Tensor], order: int
) -> dict[str, Tensor]:
    """Compute the output, the gradients, and those of a fixed sum of the gradients."""
    differentiable = OPS[case["op"]].differentiable
    leaves = [
        tensor.detach().requires_grad_(order > 0 and i < differentiable)
        for i, tensor in enumerate(tensors)
    ]
    output = function(*leaves, **case["settings"])
    results = {"output": output.detach()}
    if order == 0:
        return results
    grad_output = make(
        output.shape, DTYPES[case["dtype"]], case["seed"] + 10,
        layout=case["layouts"][-1], special=case["special"][-1],
    ).to(output.dtype).requires_grad_(order > 1)  # fmt: skip
    at = [leaf for leaf in leaves if leaf.requires_grad]
    gradients = torch.autograd.grad(output, at, grad_output, create_graph=order > 1)
    results |= {f"gradient {i}": gradient.detach() for i, gradient in enumerate(gradients)}
    if order == 1:
        return results
    terms = [
        (gradient * make(gradient.shape, gradient.dtype, case["seed"] + 20 + i)).sum()
        for i, gradient in enumerate(gradients)
    ]
    seconds = torch.autograd.grad(
        torch.stack(terms).sum(), [*at, grad_output], allow_unused=True, materialize_grads=True
    )
    return results | {f"second {i}": second for i, second in enumerate(seconds)}


def _nudged_sigmoid(epsilon: float, *tensors: Tensor) -> Tensor:
    """Compute linear_sigmoid with outputs rounded to other neighbors of the exact ones.

    Derivatives are computed from the outputs, and 1 - output has few digits left near 1.
    """
    output = OPS["linear_sigmoid"].native(*tensors)
    directions = make(output.shape, output.dtype, 0).sign()
    output.data *= 1 + epsilon * directions  # changes what autograd has saved without its knowing
    return output


def run_call(case: Case, after_ours: Callable[[], None] = lambda: None) -> str | None:
    """Compare a call and its derivatives with native's; describe the first difference."""
    op, dtype = OPS[case["op"]], DTYPES[case["dtype"]]
    tensors = _tensors(case, dtype)
    ours = outcome(lambda: _derivatives(op.fused, case, tensors, case["order"]))
    after_ours()
    native = outcome(lambda: _derivatives(op.native, case, tensors, case["order"]))
    if isinstance(ours, Exception) or isinstance(native, Exception):
        return _compare_errors(ours, native)
    # Contiguous: in float64, native takes no overlapping weight.
    doubles = [tensor.double().contiguous() for tensor in tensors]
    exact = _derivatives(op.native, case, doubles, case["order"])
    rounding = dict.fromkeys(exact, 0.0)
    if case["op"] == "linear_sigmoid":
        function = partial(_nudged_sigmoid, torch.finfo(dtype).eps)
        nudged = _derivatives(function, case, doubles, case["order"])
        rounding = {name: relative_error(nudged[name], exact[name]) for name in exact}
    # A sum of large terms that cancel depends on their order.
    is_sum = case["op"] != "binary_cross_entropy" or case["settings"]["reduction"] != "none"
    values = [value for places in case["special"] for _, value in places]
    cancels = is_sum and any(1e4 < abs(value) < math.inf for value in values)
    # Which elements a ReLU lets through is rounding, too, where large terms cancel; an element that
    # only one of them lets through passes on an infinite gradient.
    passed = [results["output"] > 0 for results in (ours, native, exact)]
    is_rounded = cancels and "relu" in case["op"] and not all(
        torch.equal(passed[0], other) for other in passed[1:]
    )  # fmt: skip
    # So it is where tiny terms are added to others that cancel; and so is which maximum of a window
    # is the first, where they are added to equal ones.
    is_rounded |= "relu" in case["op"] and any(0 < abs(value) < 1e-4 for value in values)
    for name in ["output"] if is_rounded else list(ours):
        found = difference(
            ours[name], native[name], exact[name], rounding=rounding[name], kinds_only=cancels
        )
        if found is not None:
            return f"{name}: {found}"
    return None


# ---- bad arguments of the functions

_OBJECTS = {
    "tensor": torch.tensor(1),
    "tensors": (torch.tensor(1), torch.tensor(2)),
    "numpy": np.int64(1),
    "numpy array": np.array([1, 2]),
    "numpy float": np.float64(1),
    "bytes": b"same",
    "set": {1},
    "range": range(1, 3),
    "size": torch.Size([2, 2]),
    "NaN": float("nan"),
    "complex": 1j,
}
_NUMBERS = (
    0, -1, 1, 2, 16, 17, 2**31, 2**32, 2**61, 2**62, _MAX, -_MAX - 1, 2**70, True, None, 1.0, 2.5,
    "x", "same", "",
)  # fmt: skip
_SETTINGS = {
    "binary_cross_entropy": ("reduction", "size_average", "reduce", "weight"),
    "conv2d": ("stride", "padding", "dilation", "groups", "bias"),
    "conv2d_relu_max_pool2d": ("stride", "padding", "dilation", "groups", "kernel_size", "bias"),
    "linear_sigmoid": ("bias",),
    "linear_relu": ("bias",),
}


def draw_arguments(random: Random) -> Case:
    case = _draw_op(random)
    case["shapes"] = case["shapes"][:2]
    names = _SETTINGS[case["op"]]
    for name in random.sample(names, min(random.randint(1, 2), len(names))):
        number = random.choice(_NUMBERS)
        case["settings"][name] = random.choice(
            (number, number, [number, random.choice(_NUMBERS)], [number], [], [1, 1, 1],
             {"object": random.choice(list(_OBJECTS))})
        )  # fmt: skip
    return case


def run_arguments(case: Case, after_ours: Callable[[], None]) -> str | None:
    op = OPS[case["op"]]
    tensors = _tensors(case, DTYPES[case["dtype"]])
    settings = {
        name: _OBJECTS[value["object"]] if isinstance(value, dict) else value
        for name, value in case["settings"].items()
    }
    ours = outcome(lambda: op.fused(*tensors, **settings))
    after_ours()
    native = outcome(lambda: op.native(*tensors, **settings))
    return _compare_errors(ours, native)


# ---- operands that do not fit together

_LISTS: tuple[list[int], ...] = (
    [], [1], [2], [1, 1, 1], [0], [1, 0], [-1], [-1, -1], [3, 3], [16, 16], [17, 17], [2**31],
    [2**32, 2**32], [2**61], [2**62], [_MAX], [_MAX, 1], [1, _MAX], [-_MAX - 1],
)  # fmt: skip
_INTEGERS = (0, -1, 2, 3, 5, 2**31, 2**62, _MAX, -_MAX - 1)
_MASKS: tuple[list[bool], ...] = ([], [True], [True, True], [True] * 3, [True] * 4, [False] * 3)


def _resized(tensor: Tensor) -> Iterator[Tensor]:
    for dim, size in enumerate(tensor.shape):
        yield tensor.narrow(dim, 0, max(size - 1, 0))
        yield tensor.narrow(dim, 0, 0)
        yield tensor.narrow(dim, 0, min(size, 1))
        yield torch.cat([tensor, tensor], dim)
        if size:
            yield tensor.select(dim, 0)


def _others(tensor: Tensor) -> list[Tensor | None]:
    """Return tensors that may not fit where this one does."""
    dtypes = (*DTYPES.values(), torch.int64, torch.uint8, torch.bool, torch.complex64)
    small = tensor.new_zeros(())
    return [
        None, tensor.to("meta"), small, tensor[None], tensor[..., None], tensor.flatten(),
        tensor.mT if tensor.dim() > 1 else tensor, tensor.to_sparse(),
        small.expand([2**20] * min(tensor.dim(), 2) + [2] * max(tensor.dim() - 2, 0)),
        *(tensor.to(dtype) for dtype in dtypes), *_resized(tensor),
    ]  # fmt: skip


def draw_operands(random: Random) -> Case:
    case = _draw_op(random)
    case["backward"] = random.random() < 0.7
    case["changes"] = [
        [random.random(), random.random()] for _ in range(random.choice((1, 1, 1, 2)))
    ]
    return case


def run_operands(case: Case, after_ours: Callable[[], None]) -> str | None:
    op = OPS[case["op"]]
    call = Call("", tuple(map(tuple, case["shapes"])), case["settings"])
    try:
        calls = list(registered_calls(op, call, _tensors(case, DTYPES[case["dtype"]])))
    except (RuntimeError, ValueError):
        return None  # a kernel larger than its image
    if len(calls) < 2:
        return None
    overload, arguments = calls[case["backward"]]
    arguments = tuple(a.detach() if isinstance(a, Tensor) else a for a in arguments)
    operands = list(arguments)
    for which, how in case["changes"]:
        at = int(which * len(operands))
        choices = replacements(arguments[at])
        operands[at] = choices[int(how * len(choices))]
    return wrong_result(overload, operands, after_ours)


def wrong_result(
    overload: Any, operands: list[Any], after_ours: Callable[[], None] = lambda: None
) -> str | None:
    """Call a registered op; describe a result of another size than it should have.

    Raising torch's error is right for operands that do not fit.
    """
    ours = outcome(lambda: overload(*operands))
    after_ours()
    if isinstance(ours, Exception):
        return None if isinstance(ours, _ERRORS) else f"{type(ours).__name__}: {ours}"
    name = overload._schema.name.removeprefix("inkgrad::")
    if name.endswith("_backward"):
        return _wrong_gradient(operands[1:3], ours)
    output = ours[0] if isinstance(ours, tuple) else ours
    if name == "binary_cross_entropy":
        expected = operands[0].shape if operands[3:] == [0] else torch.Size()
    else:
        native = outcome(lambda: OPS[name].native(*operands))
        if isinstance(native, Exception):
            return f"{describe(ours)}; native {_named(native)}"
        expected = native.shape
    return None if output.shape == expected else f"{describe(output)}; native {tuple(expected)}"


def replacements(value: Any) -> list[Any]:
    """Return what to try in the place of an operand."""
    if isinstance(value, Tensor):
        return _others(value)
    if isinstance(value, (list, tuple)):
        return list(_MASKS if value and isinstance(value[0], bool) else _LISTS)
    return list(_INTEGERS) if isinstance(value, int) else [value]


def _wrong_gradient(operands: Sequence[Tensor], gradients: tuple[Tensor | None, ...]) -> str | None:
    """Describe a gradient of another size than the operand that it is the gradient of."""
    input, second = operands
    shapes = (input.shape, second.shape, second.shape[:1])  # the last is the bias's
    for gradient, shape in zip(gradients, shapes, strict=False):
        if gradient is not None and gradient.shape != shape:
            return f"gradient {describe(gradient)} of {tuple(shape)}"
    return None


# ---- outcomes

# torch's exceptions for arguments that an op does not take. On the meta device it divides by a
# stride of 0.
_ERRORS = (
    RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, AttributeError,
    ZeroDivisionError,
)  # fmt: skip
# OneDNN's error of a stride of 2**63 - 1, which depends on the dtype that it computes in: ours may
# be another one for half types.
_OF_DTYPE = "could not create a primitive descriptor"
# Where native returns garbage or crashes.
_STRICTER = ("too large", _OF_DTYPE)


def _compare_errors(ours: Any, native: Any) -> str | None:
    """Describe different errors, or results of different sizes; None if both are native's."""
    if isinstance(ours, Exception):
        if type(ours) is type(native) or any(words in str(ours) for words in _STRICTER):
            return None
        return f"{type(ours).__name__}: {ours}; native {_named(native)}"
    if isinstance(native, Exception):
        return None if _OF_DTYPE in str(native) else f"{describe(ours)}; native {_named(native)}"
    same = ours.shape == native.shape and ours.dtype == native.dtype
    return None if same else f"{describe(ours)}; native {describe(native)}"


def _named(outcome: Any) -> str:
    return (
        f"{type(outcome).__name__}: {outcome}" if isinstance(outcome, Exception)
        else describe(outcome)
    )  # fmt: skip


KINDS = {
    "call": (draw_call, run_call),
    "arguments": (draw_arguments, run_arguments),
    "operands": (draw_operands, run_operands),
}
