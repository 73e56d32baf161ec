"""The four checks of `inkgrad check`; each runs all cases of one op in one dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError
from torch.utils._python_dispatch import TorchDispatchMode

from inkgrad.check.derivatives import Comparison, compare_with_native, noise
from inkgrad.check.ops import Case, Op, bind


@dataclass(frozen=True)
class Result:
    """The result of one check, a cell of the table.

    Attributes:
        status: "passed", "failed" or "skipped".
        error: largest relative error; None if the check measures none.
        native_error: for half types native's own error against float64, on which the limit depends.
        limit: the largest error that passes.
        message: why it failed, with the name of the case, or why it was skipped.
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
    """Compare output, gradients and second gradients with native's."""
    comparison = Comparison()
    for case in op.cases:
        with _naming(case):
            compare_with_native(
                bind(op.fused, case),
                bind(op.native, case),
                op.inputs(case, dtype, device),
                differentiable=op.requires_grad(case),
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
    """Compare gradients, forward-mode derivatives and batched gradients with finite differences."""
    return _finite_differences(op, dtype, device, second=False)


def gradgradcheck(op: Op, dtype: torch.dtype, device: torch.device) -> Result:
    """Compare second derivatives with finite differences of the first."""
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
                tensor.requires_grad_(needed)
                for tensor, needed in zip(
                    op.inputs(case, dtype, device), op.requires_grad(case), strict=True
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
    """Return the relative error of autograd's directional derivative, along a random direction.

    The reference is a central difference. torch.autograd.gradcheck only passes or fails; this is
    the number for the table.
    """
    leaves = [tensor for tensor in inputs if tensor.requires_grad]
    directions = [noise(leaf, seed=40 + i) for i, leaf in enumerate(leaves)]
    step = 1e-6

    def projected(shift: float) -> Tensor:
        # Shift inside the graph, so that gradients with respect to the leaves stay defined.
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


# These tests of torch.library.opcheck only run the op, in milliseconds. Tracing it and its backward
# takes half a second.
QUICK_UTILITIES = ("test_schema", "test_autograd_registration", "test_faketensor")
TRACED_UTILITIES = (*QUICK_UTILITIES, "test_aot_dispatch_dynamic")


def traced_utilities(op: str) -> tuple[str, ...]:
    """Return the opcheck tests that can pass for the named op.

    Before 2.13 torch cannot trace the second derivative of a convolution with symbolic sizes, not
    even that of its own.
    """
    release = tuple(int(part) for part in torch.__version__.split(".")[:2])
    cannot = op.startswith("conv2d") and release < (2, 13)
    return QUICK_UTILITIES if cannot else TRACED_UTILITIES


def opcheck(op: Op, dtype: torch.dtype, device: torch.device) -> Result:
    """Check the registration of the op and its backward: schema, autograd, fake kernels, tracing.

    Only the first case is traced, since traces do not depend on values or sizes.
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


class _Calls(TorchDispatchMode):
    """Record the calls of our registered ops, with their arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[tuple[Any, tuple[Any, ...]]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func.namespace == "inkgrad":
            self.recorded.append((func, args))
        return func(*args, **(kwargs or {}))


def registered_calls(
    op: Op, case: Case, tensors: list[Tensor]
) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield the registered ops that one case runs, with their arguments: forward, then backward."""
    inputs = [
        tensor.detach().requires_grad_(needed)
        for tensor, needed in zip(tensors, op.requires_grad(case), strict=True)
    ]
    with _Calls() as calls:
        output = bind(op.fused, case)(*inputs)
        if output.requires_grad:
            leaves = [tensor for tensor in inputs if tensor.requires_grad]
            torch.autograd.grad(output, leaves, noise(output, seed=1), allow_unused=True)
    for func, args in calls.recorded:
        # Anew, without graphs. The gradient of the output, which comes first, can require one too.
        is_backward = func.name().endswith("_backward")
        yield (
            func,
            tuple(
                arg.detach().requires_grad_(arg.requires_grad or (is_backward and i == 0))
                if isinstance(arg, Tensor)
                else arg
                for i, arg in enumerate(args)
            ),
        )


class _naming:
    """Turns an unexpected exception into a CheckError that names the case."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            raise CheckError(f"{self._case.name}: {type(error).__name__}: {error}") from error


class CheckError(Exception):
    """An op raised an exception on valid arguments."""


CHECKS: dict[str, Callable[[Op, torch.dtype, torch.device], Result]] = {
    "gradcheck": gradcheck,
    "gradgradcheck": gradgradcheck,
    "opcheck": opcheck,
    "parity": parity,
}


def run(op: Op, dtype: torch.dtype, device: torch.device, check: str) -> Result:
    """Run one check; an exception raised by the op is a failed check, not an error."""
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
    """Return the name without "torch.", as in "float32"."""
    return str(dtype).removeprefix("torch.")
