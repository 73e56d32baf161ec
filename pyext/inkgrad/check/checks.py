"""The four checks of `inkgrad check`, each of one op in one dtype over all its cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from inkgrad.check.cases import Case, Op, bind
from inkgrad.check.derivatives import Comparison, compare_with_native, noise


@dataclass(frozen=True)
class Result:
    """One cell of the table.

    Attributes:
        status: "passed", "failed" or "skipped".
        error: worst relative error; None where the check measures none.
        native_error: for half types native's own error against float64, which scales the limit.
        limit: the largest error that passes.
        message: why it failed or was skipped, with the case.
    """

    op: str
    dtype: str
    check: str
    status: str
    error: float | None = None
    native_error: float | None = None
    limit: float | None = None
    message: str = ""


def parity(op: Op, dtype: torch.dtype, device: torch.device) -> Result:
    """Output, gradients and second gradients equal native's."""
    comparison = Comparison()
    for case in op.cases:
        with _naming(case):
            compare_with_native(
                bind(op.fused, case),
                bind(op.native, case),
                op.inputs(case, dtype, device),
                differentiable=op.wanted(case),
                comparison=comparison,
                label=case.name,
            )
    return _result(
        op,
        dtype,
        "parity",
        comparison.failure,
        error=comparison.error,
        native_error=comparison.native_error,
        limit=comparison.limit,
    )


def gradcheck(op: Op, dtype: torch.dtype, device: torch.device) -> Result:
    """Gradients, forward-mode derivatives and batched gradients against finite differences."""
    return _finite_differences(op, dtype, device, second=False)


def gradgradcheck(op: Op, dtype: torch.dtype, device: torch.device) -> Result:
    """Second derivatives against finite differences of the first."""
    return _finite_differences(op, dtype, device, second=True)


def _finite_differences(op: Op, dtype: torch.dtype, device: torch.device, second: bool) -> Result:
    name = "gradgradcheck" if second else "gradcheck"
    if dtype != torch.float64:
        return _skipped(op, dtype, name, "finite differences need float64")
    worst = 0.0
    for case in op.cases:
        if not case.small:
            continue
        with _naming(case):
            inputs = [
                tensor.requires_grad_(wanted)
                for tensor, wanted in zip(
                    op.inputs(case, dtype, device), op.wanted(case), strict=True
                )
            ]
            call = bind(op.fused, case)
            try:
                if second:
                    torch.autograd.gradgradcheck(call, inputs, check_batched_grad=True)
                else:
                    torch.autograd.gradcheck(
                        call, inputs, check_forward_ad=True, check_batched_grad=True
                    )
            except GradcheckError as error:
                first_line = str(error).strip().splitlines()[0]
                return _result(op, dtype, name, f"{case.name}: {first_line}", error=float("inf"))
            worst = max(worst, directional_error(call, inputs, second=second))
    return _result(op, dtype, name, None, error=worst)


def directional_error(
    function: Callable[..., Tensor], inputs: list[Tensor], *, second: bool = False
) -> float:
    """Relative error of autograd's derivative along a random direction.

    torch.autograd.gradcheck only says yes or no; this gives the number for the table, against a
    central difference.
    """
    leaves = [tensor for tensor in inputs if tensor.requires_grad]
    directions = [noise(leaf, seed=40 + i) for i, leaf in enumerate(leaves)]
    step = 1e-6

    def projected(shift: float) -> Tensor:
        # The leaves are moved in the graph: gradients by the leaves stay defined.
        moved = iter([leaf + shift * u for leaf, u in zip(leaves, directions, strict=True)])
        output = function(*[next(moved) if t.requires_grad else t for t in inputs])
        value = (output * noise(output, seed=50)).sum()
        if not second:
            return value
        grads = torch.autograd.grad(value, leaves, create_graph=True)
        return sum(
            ((g * noise(g, seed=60 + i)).sum() for i, g in enumerate(grads)), value.new_zeros(())
        )

    numeric = float((projected(step) - projected(-step)).detach()) / (2 * step)
    center = projected(0.0)
    if not center.requires_grad:
        return abs(numeric)
    grads = torch.autograd.grad(center, leaves, allow_unused=True)
    parts = [float((g * u).sum()) for g, u in zip(grads, directions, strict=True) if g is not None]
    scale = max([abs(part) for part in parts], default=0.0)
    error = abs(numeric - sum(parts))
    return error / scale if scale > 0 else error


# The utilities of torch.library.opcheck that only run the op: milliseconds. The others trace it and
# its backward, which takes half a second.
QUICK_UTILITIES = ("test_schema", "test_autograd_registration", "test_faketensor")
TRACED_UTILITIES = (*QUICK_UTILITIES, "test_aot_dispatch_dynamic")


def traced_utilities(op: str) -> tuple[str, ...]:
    """Those that there are for an op of that name.

    Before 2.12 torch cannot trace the second derivative of a convolution, its own ones either, with
    symbolic sizes.
    """
    cannot = op.startswith("conv2d") and torch.__version__ < "2.12"
    return QUICK_UTILITIES if cannot else TRACED_UTILITIES


def opcheck(op: Op, dtype: torch.dtype, device: torch.device) -> Result:
    """The registration of the op and of its backward: schema, autograd, fake kernels, tracing.

    The first case is traced; what tracing sees does not depend on the values or the sizes.
    """
    if not hasattr(torch.ops.inkgrad, op.name):
        return _skipped(op, dtype, "opcheck", "the extension is not loaded")
    for number, case in enumerate(op.cases):
        utilities = QUICK_UTILITIES if number else traced_utilities(op.name)
        with _naming(case):
            for overload, args in registered_calls(op, case, op.inputs(case, dtype, device)):
                outcome = torch.library.opcheck(
                    overload, args, test_utils=utilities, raise_exception=False
                )
                for utility, verdict in outcome.items():
                    if verdict != "SUCCESS":
                        problem = f"{case.name}: {overload.name()}: {utility}: {verdict}"
                        return _result(op, dtype, "opcheck", problem)
    return _result(op, dtype, "opcheck", None)


def registered_calls(
    op: Op, case: Case, tensors: list[Tensor]
) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The registered ops behind one case with the arguments they get: forward, then backward."""
    namespace = torch.ops.inkgrad
    tensors = [
        tensor.detach().requires_grad_(wanted)
        for tensor, wanted in zip(tensors, op.wanted(case), strict=True)
    ]
    input, second, *third = tensors
    optional = third[0] if third else None
    forward = getattr(namespace, op.name).default
    backward = getattr(namespace, f"{op.name}_backward").default
    if op.name in ("linear_sigmoid", "linear_relu"):
        yield forward, (input, second, optional)
        output = forward(input, second, optional).detach()
        mask = [True, True, optional is not None]
        grad_output = noise(output, seed=1).requires_grad_()
        yield backward, (grad_output, input, second, output.requires_grad_(), mask)
    elif op.name == "binary_cross_entropy":
        reduction = {"none": 0, "mean": 1, "sum": 2}[case.settings.get("reduction", "mean")]
        if optional is not None:
            optional = optional.expand_as(input)
        yield forward, (input, second, optional, reduction)
        output = forward(input, second, optional, reduction).detach()
        grad_output = noise(output, seed=1).requires_grad_()
        yield backward, (grad_output, input, second, optional, reduction, [True, True])
    elif input.dim() == 4 and not isinstance(case.settings.get("padding"), str):
        # Unbatched input and named padding are translated before the registered op.
        geometry: list[Any] = [
            _pair(case.settings.get(name, default))
            for name, default in (("stride", 1), ("padding", 0), ("dilation", 1))
        ]
        geometry.append(case.settings.get("groups", 1))
        mask = [True, True, optional is not None]
        if op.name == "conv2d":
            yield forward, (input, second, optional, *geometry)
            output = forward(input, second, optional, *geometry).detach()
            grad_output = noise(output, seed=1).requires_grad_()
            yield backward, (grad_output, input, second, *geometry, mask)
        else:
            geometry.append(_pair(case.settings.get("kernel_size", 2)))
            yield forward, (input, second, optional, *geometry)
            output, indices = (t.detach() for t in forward(input, second, optional, *geometry))
            grad_output = noise(output, seed=1).requires_grad_()
            yield backward, (grad_output, input, second, output, indices, *geometry, mask)


def _pair(value: int | tuple[int, int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


class _naming:
    """Says in which case an unexpected exception was raised."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            raise CheckError(f"{self._case.name}: {type(error).__name__}: {error}") from error


class CheckError(Exception):
    """An op raised where it should have computed."""


CHECKS: dict[str, Callable[[Op, torch.dtype, torch.device], Result]] = {
    "gradcheck": gradcheck,
    "gradgradcheck": gradgradcheck,
    "opcheck": opcheck,
    "parity": parity,
}


def run(op: Op, dtype: torch.dtype, device: torch.device, check: str) -> Result:
    """One check; an exception out of the op is a failure, not the end of the run."""
    try:
        return CHECKS[check](op, dtype, device)
    except CheckError as error:
        return _result(op, dtype, check, str(error), error=float("inf"))


def _result(
    op: Op, dtype: torch.dtype, check: str, failure: str | None, **measured: float | None
) -> Result:
    status = "passed" if failure is None else "failed"
    return Result(op.name, dtype_name(dtype), check, status, message=failure or "", **measured)


def _skipped(op: Op, dtype: torch.dtype, check: str, why: str) -> Result:
    return Result(op.name, dtype_name(dtype), check, "skipped", message=why)


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
