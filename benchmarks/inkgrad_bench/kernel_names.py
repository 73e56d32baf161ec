"""Which kernels a call runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inkgrad.kernels import record


def kernels_of(step: Callable[[], Any]) -> dict[str, str] | None:
    """Call ``step``; return {direction: kernel}, such as {"forward": "winograd"}.

    A direction that runs several kernels has all their names, in order: "winograd + unfused". None
    if no kernel was recorded, as on CUDA and without the compiled extension.
    """
    with record() as calls:
        step()
    names: dict[str, dict[str, None]] = {}
    for call in calls:
        names.setdefault(call.direction, {})[call.kernel] = None
    return {direction: " + ".join(found) for direction, found in names.items()} or None


def text(found: dict[str, str] | None) -> str:
    """In one cell of a table: "winograd", or "forward+grad_input winograd, grad_weight direct"."""
    if found is None:
        return "-"
    directions: dict[str, list[str]] = {}
    for direction, kernel in found.items():
        directions.setdefault(kernel, []).append(direction)
    if len(directions) == 1:
        return next(iter(directions))
    return ", ".join(f"{'+'.join(names)} {kernel}" for kernel, names in directions.items())
