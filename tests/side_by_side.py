"""Run the same code on a native and on a patched model, and compare all that it returns."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import inkgrad

# Makes the model of a case: returns it as it is, or patched.
Make = Callable[[nn.Module], nn.Module]
Case = Callable[[Make], Any]


def native(model: nn.Module) -> nn.Module:
    return model


def mlp() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2), nn.Sigmoid()
    )


def cnn() -> nn.Sequential:
    features = nn.Sequential(
        nn.Conv2d(1, 4, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(4, 6, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2),
    )  # fmt: skip
    classifier = nn.Sequential(
        OrderedDict(
            fc1=nn.Linear(6 * 25, 16), act=nn.ReLU(inplace=True), drop=nn.Dropout(0.3),
            fc2=nn.Linear(16, 1), out=nn.Sigmoid(),
        )
    )  # fmt: skip
    parts = OrderedDict(features=features, flatten=nn.Flatten(), classifier=classifier)
    return nn.Sequential(parts)


def rows(count: int = 3) -> Tensor:
    return torch.rand(count, 4)


def images(count: int = 2) -> Tensor:
    return torch.rand(count, 1, 28, 28)


def trained(model: nn.Module, output: Tensor) -> list[Tensor | None]:
    """The output and the gradient of each parameter."""
    output.sum().backward()
    gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    return [output.detach(), *gradients]


def error(call: Callable[[], object]) -> tuple[str, str]:
    """The class and the message of what the call raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  (which one is compared)
        call()
    return caught.type.__name__, str(caught.value)


def beside_native(case: Case) -> Callable[[], None]:
    """Make a test of ``case``, a function ``test_...(make)``: what it returns is the same
    for a native and a patched model."""

    def test() -> None:
        assert_same(case)

    test.__name__, test.__qualname__, test.__doc__ = case.__name__, case.__name__, case.__doc__
    test.__module__ = case.__module__
    return test


def assert_same(case: Case) -> None:
    """Assert that ``case`` returns the same for a native and a patched model."""
    results = []
    for make in (native, inkgrad.patch):
        torch.manual_seed(0)
        results.append(case(make))
    expected, found = results
    leaves, others = [dict(_leaves(each)) for each in (found, expected)]
    assert leaves.keys() == others.keys(), (found, expected)
    for place, value in others.items():
        if isinstance(value, Tensor):
            assert_close(leaves[place], value, msg=lambda m, at=place: f"{at}: {m}", equal_nan=True)
        else:
            assert leaves[place] == value, place


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        items: Any = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        yield place, getattr(value, "full_tensor", lambda: value)()
        return
    yield f"{place}.length", len(value)
    for key, each in items:
        yield from _leaves(each, f"{place}.{key}")
