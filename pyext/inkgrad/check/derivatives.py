"""Compute output, gradients and second gradients of a function, and compare them with native's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from inkgrad.check.tolerance import (
    GRADIENT_ROUNDING,
    OUTPUT_ROUNDING,
    is_half,
    limit,
    mismatch,
    relative_error,
)


def noise(like: Tensor, seed: int) -> Tensor:
    """Make standard normal values in the shape of `like`, the same for every dtype and device."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    # Rounded to both half types, so that float64 gets exactly the numbers that they get.
    values = values.to(torch.bfloat16).to(torch.float16).double()
    return values.to(like.dtype).to(like.device)


def derivatives(
    function: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    *,
    order: int = 2,
    differentiable: Sequence[bool] | None = None,
) -> dict[str, Tensor]:
    """Compute `function(*inputs)`, its gradients and its second gradients.

    Args:
        function: takes the tensors of `inputs` and returns one tensor.
        inputs: floating-point tensors; strides and storage offsets are kept.
        order: 0 for the output only, 1 for gradients, 2 for second gradients, including those with
            respect to grad_output.
        differentiable: for each input whether it gets a gradient; None for all.

    Returns:
        "output", "grad[i]" for input i, and "grad2[i]" and "grad2[grad_output]", the gradients of a
        fixed random combination of the gradients. Undefined gradients are returned as zeros.

    Raises:
        RuntimeError: second gradients are requested, but the gradients have no graph.
    """
    mask = [True] * len(inputs) if differentiable is None else list(differentiable)
    leaves = [
        tensor.detach().requires_grad_(needed and order > 0)
        for tensor, needed in zip(inputs, mask, strict=True)
    ]
    output = function(*leaves)
    result = {"output": output.detach()}
    points = [i for i, needed in enumerate(mask) if needed]
    if order == 0 or not points:
        return result
    grad_output = noise(output, seed=1).requires_grad_(order > 1)
    grads = _grad([output], [leaves[i] for i in points], [grad_output], create_graph=order > 1)
    result |= {f"grad[{i}]": grad.detach() for i, grad in zip(points, grads, strict=True)}
    if order == 1:
        return result
    connected = [grad for grad in grads if grad.requires_grad]
    if not connected:
        raise RuntimeError("the gradients are detached from the graph: no second derivative")
    by = {f"grad2[{i}]": leaves[i] for i in points} | {"grad2[grad_output]": grad_output}
    cotangents = [noise(grad, seed=2 + k) for k, grad in enumerate(connected)]
    seconds = _grad(connected, list(by.values()), cotangents, create_graph=False)
    return result | {name: grad.detach() for name, grad in zip(by, seconds, strict=True)}


def _grad(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    grad_outputs: Sequence[Tensor],
    *,
    create_graph: bool,
) -> list[Tensor]:
    grads = torch.autograd.grad(
        outputs, inputs, grad_outputs, create_graph=create_graph, allow_unused=True
    )
    return [
        torch.zeros_like(at) if grad is None else grad
        for grad, at in zip(grads, inputs, strict=True)
    ]


class Comparison:
    """The worst of several comparisons with native, and the first failure.

    Attributes:
        error: the largest relative error, measured against its limit.
        native_error: for half types native's own error in that comparison.
        limit: the limit of that comparison.
        failure: a description of the first failure, or None.
    """

    def __init__(self) -> None:
        self.error = 0.0
        self.native_error: float | None = None
        self.limit = 0.0
        self.failure: str | None = None
        self._ratio = -1.0

    def add(self, name: str, actual: Tensor, native: Tensor, oracle: Tensor | None = None) -> None:
        """Compare `actual` with `native`; of half types compare both with the float64 `oracle`.

        `name` describes what is compared; a name that ends in "output" gets the output's limit.
        """
        problem = None
        native_error = None
        if actual.dtype != native.dtype:
            problem = f"dtype {actual.dtype}, expected {native.dtype}"
        elif actual.device != native.device:
            problem = f"device {actual.device}, expected {native.device}"
        else:
            problem = mismatch(actual, native)
        if problem is None:
            if oracle is not None and is_half(native.dtype):
                native_error = relative_error(native, oracle)
                error = relative_error(actual, oracle)
                rounding = OUTPUT_ROUNDING if name.endswith("output") else GRADIENT_ROUNDING
                allowed = limit(native.dtype, native_error, rounding)
            else:
                error = relative_error(actual, native)
                allowed = limit(native.dtype)
            if error > allowed:
                problem = f"relative error {error:.3g}, allowed {allowed:.3g}"
        else:
            error, allowed = float("inf"), limit(native.dtype)
        if problem is not None and self.failure is None:
            self.failure = f"{name}: {problem}"
        if error / allowed > self._ratio:
            self._ratio = error / allowed
            self.error, self.native_error, self.limit = error, native_error, allowed


def compare_with_native(
    fused: Callable[..., Tensor],
    native: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    *,
    order: int = 2,
    differentiable: Sequence[bool] | None = None,
    comparison: Comparison | None = None,
    label: str = "",
) -> Comparison:
    """Compare output, gradients and second gradients of two functions of the same tensors.

    `order` and `differentiable` as for :func:`derivatives`. Adds to `comparison` if one is given,
    with `label` in front of each name.
    """
    comparison = Comparison() if comparison is None else comparison
    settings = {"order": order, "differentiable": differentiable}
    actual = derivatives(fused, inputs, **settings)  # type: ignore[arg-type]
    expected = derivatives(native, inputs, **settings)  # type: ignore[arg-type]
    oracle: dict[str, Tensor] = {}
    if any(is_half(tensor.dtype) for tensor in inputs):
        doubles = [tensor.double() for tensor in inputs]
        oracle = derivatives(native, doubles, **settings)  # type: ignore[arg-type]
    for name, want in expected.items():
        where = f"{label}: {name}" if label else name
        comparison.add(where, actual[name], want, oracle.get(name))
    return comparison
