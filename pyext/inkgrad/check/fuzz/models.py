"""Cases of patch and of Chain: a random model and what is done to it, beside the native model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

import inkgrad
from inkgrad import nn as ink
from inkgrad.chain import Chain
from inkgrad.check.fuzz.compare import outcome
from inkgrad.check.fuzz.tensors import describe

__all__ = ["KINDS"]

Case = dict[str, Any]

# ---- patch

_LAYERS: dict[str, Callable[[int, int], nn.Module]] = {
    "conv": lambda n, m: nn.Conv2d(n, m, 3, padding=1),
    "pool": lambda n, m: nn.MaxPool2d(2, ceil_mode=m > 4),
    "relu": lambda n, m: nn.ReLU(inplace=m > 5),
    "norm": lambda n, m: nn.BatchNorm2d(n),
    "flatten": lambda n, m: nn.Flatten(),
    "linear": lambda n, m: nn.Linear(n, m),
    "sigmoid": lambda n, m: nn.Sigmoid(),
    "gelu": lambda n, m: nn.GELU(),
    "identity": lambda n, m: nn.Identity(),
}
_WIDTHS = (1, 2, 3, 4, 5, 6)
_PIXELS = 8


def draw_patch(random: Random) -> Case:
    layers, channels, pixels = [], 2, _PIXELS
    for _ in range(random.randint(0, 2)):
        width = random.choice(_WIDTHS)
        layers.append(["conv", channels, width])
        channels = width
        tail = random.sample(["relu", "pool", "norm", "gelu"], random.randint(0, 3))
        layers += [[name, channels, random.choice(_WIDTHS)] for name in tail]
        pixels //= 2 if "pool" in tail else 1
    layers.append(["flatten", 0, 0])
    features = channels * pixels * pixels
    for _ in range(random.randint(1, 3)):
        width = random.choice(_WIDTHS)
        layers += [
            ["linear", features, width],
            [random.choice(("sigmoid", "relu", "gelu", "identity")), 0, random.choice(_WIDTHS)],
        ]
        features = width
    surgery = [
        [
            random.choice(list(_SURGERY)),
            random.randrange(len(layers)),
            random.randrange(len(layers)),
        ]
        for _ in range(random.randint(0, 4))
    ]
    return {"layers": layers, "surgery": surgery}


def _replace(model: nn.Sequential, i: int, j: int) -> nn.Sequential:
    activations = (nn.GELU(), nn.Sigmoid(), nn.ReLU(), nn.Identity(), nn.Tanh())
    if not list(model[i].parameters()):
        model[i] = activations[j % len(activations)]
    return model


def _delete(model: nn.Sequential, i: int, j: int) -> nn.Sequential:
    if not list(model[i].parameters()):
        del model[i]
    return model


def _add_hook(model: nn.Sequential, i: int, j: int) -> nn.Sequential:
    if j % 2:
        model[i].register_forward_hook(lambda module, inputs, output: 2 * output)
    else:
        model[i].register_forward_pre_hook(lambda module, inputs: (inputs[0] + 1,))
    return model


def _freeze(model: nn.Sequential, i: int, j: int) -> nn.Sequential:
    model[i].requires_grad_(False)
    return model


def _parametrize(model: nn.Sequential, i: int, j: int) -> nn.Sequential:
    if isinstance(model[i], (nn.Linear, nn.Conv2d)):
        nn.utils.parametrizations.weight_norm(model[i])
    return model


def _wrap_forward(model: nn.Sequential, i: int, j: int) -> nn.Sequential:
    native = model[i].forward
    model[i].forward = lambda x: native(x) - 1
    return model


def _unpatch(model: nn.Sequential, i: int, j: int) -> nn.Sequential:
    return inkgrad.unpatch(model)


_SURGERY: dict[str, Callable[[nn.Sequential, int, int], nn.Module]] = {
    "replace": _replace,
    "delete": _delete,
    "slice": lambda model, i, j: model[: i + 1],
    "nest": lambda model, i, j: nn.Sequential(model[:i], model[i:]),
    "append": lambda model, i, j: model.append((nn.Sigmoid(), nn.ReLU())[j % 2]),
    "hook": _add_hook,
    "freeze": _freeze,
    "parametrize": _parametrize,
    "wrap forward": _wrap_forward,
    "unpatch": _unpatch,
    "patch": lambda model, i, j: inkgrad.patch(model),
    "deepcopy": lambda model, i, j: copy.deepcopy(model),
    "eval": lambda model, i, j: model.eval(),
    "double": lambda model, i, j: model.double(),
    "share": lambda model, i, j: model.append(model[i]) if j % 2 else model,
}


def run_patch(case: Case, after_ours: Callable[[], None]) -> str | None:
    def build() -> nn.Module:
        torch.manual_seed(case["seed"])
        return nn.Sequential(*[_LAYERS[name](n, m) for name, n, m in case["layers"]])

    def results(model: nn.Module, patched: bool) -> list[Tensor]:
        for name, i, j in case["surgery"]:
            if isinstance(model, nn.Sequential) and (patched or name not in ("patch", "unpatch")):
                model = _SURGERY[name](model, i % max(len(model), 1), j) if len(model) else model
        generator = torch.Generator().manual_seed(case["seed"])
        parameter = next(model.parameters(), torch.empty(()))
        input = torch.randn(3, 2, _PIXELS, _PIXELS, generator=generator, dtype=torch.float64)
        input = input.to(parameter.dtype).requires_grad_()
        output = model(input)
        output.square().sum().backward()
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        return [output.detach(), *([] if input.grad is None else [input.grad]), *grads]

    ours = outcome(lambda: results(inkgrad.patch(build()), True))
    after_ours()
    native = outcome(lambda: results(build(), False))
    return _compare(ours, native)


# ---- Chain

_CHANGES: dict[str, Callable[[list[Any], int], object]] = {
    "freeze": lambda layers, i: layers[i].requires_grad_(False),
    "hook": lambda layers, i: layers[i].register_forward_hook(lambda m, x, y: y * 2),
    "share": lambda layers, i: layers.__setitem__(i, layers[0]),
    "new weight": lambda layers, i: setattr(
        layers[i], "weight", nn.Parameter(torch.ones_like(layers[i].weight))
    ),
    "larger data": lambda layers, i: setattr(
        layers[i].weight, "data", layers[i].weight.new_ones(64, 64)
    ),
    "strided bias": lambda layers, i: setattr(
        layers[i].bias, "data", layers[i].bias.new_ones(len(layers[i].bias), 2)[:, 0]
    ),
    "short bias": lambda layers, i: setattr(layers[i].bias, "data", layers[i].bias.new_ones(1)),
    "double": lambda layers, i: layers[i].double(),
    "wrap forward": lambda layers, i: setattr(layers[i], "forward", lambda x: x),
    "parametrize": lambda layers, i: nn.utils.parametrizations.weight_norm(layers[i]),
    "transposed": lambda layers, i: setattr(
        layers[i].weight, "data", layers[i].weight.data.mT.contiguous().mT
    ),
}


def draw_chain(random: Random) -> Case:
    features = random.choice((1, 3, 8, 17))
    widths = [
        features,
        *[random.choice((0, 1, 2, 8, 16, 33)) for _ in range(random.randint(0, 2))],
        1,
    ]
    return {
        "widths": [width or random.choice((0, 5, 5)) for width in widths],
        "activations": [random.choice(("", "sigmoid", "relu")) for _ in widths[2:]],
        "rows": random.choice((0, 1, 7, 32)),
        "before": _draw_changes(random, len(widths) - 1),
        "after": _draw_changes(random, len(widths) - 1),
        "sgd": {
            "lr": random.choice((0.0, 0.1, 1.0)),
            "momentum": random.choice((0.0, 0.9)),
            "weight_decay": random.choice((0.0, 0.01)),
        },
    }


def _draw_changes(random: Random, layers: int) -> list[list[Any]]:
    return [
        [random.choice(list(_CHANGES)), random.randrange(layers)]
        for _ in range(random.choice((0, 0, 1)))
    ]


def run_chain(case: Case, after_ours: Callable[[], None]) -> str | None:
    """Accept SGD's result; where something was changed or is empty, a refusal as well."""
    classes = {"": nn.Linear, "sigmoid": ink.LinearSigmoid, "relu": ink.LinearReLU}
    widths = case["widths"]
    kinds = [*case["activations"], "sigmoid"]

    def build() -> list[nn.Module]:
        torch.manual_seed(case["seed"])
        return [classes[kind](n, m) for kind, n, m in zip(kinds, widths, widths[1:], strict=False)]

    torch.manual_seed(case["seed"] + 1)
    x, target = torch.randn(case["rows"], widths[0]), torch.rand(case["rows"], widths[-1])

    def train(step: Callable[[list[nn.Module]], Callable[[], Tensor]]) -> list[Tensor]:
        layers = build()
        for name, i in case["before"]:
            _CHANGES[name](layers, i)
        call = step(layers)
        call()
        for name, i in case["after"]:
            _CHANGES[name](layers, i)
        output = call().detach()
        parameters = [parameter.detach() for layer in layers for parameter in layer.parameters()]
        return [*parameters, output]

    # Each returns a function that takes a step, and returns the output after it.
    def by_chain(layers: list[nn.Module]) -> Callable[[], Tensor]:
        chain = Chain(layers, nn.BCELoss())

        def step() -> Tensor:
            chain.step(x, target, **case["sgd"])
            return chain.forward(x)

        return step

    def by_sgd(layers: list[nn.Module]) -> Callable[[], Tensor]:
        model = nn.Sequential(*layers)
        optimizer = torch.optim.SGD(model.parameters(), **case["sgd"])

        def step() -> Tensor:
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy(model(x), target)
            if loss.requires_grad:  # else everything is frozen
                loss.backward()
            optimizer.step()
            return model(x)

        return step

    ours = outcome(lambda: train(by_chain))
    after_ours()
    may_refuse = case["before"] or case["after"] or 0 in (case["rows"], *widths)
    if may_refuse and isinstance(ours, (ValueError, RuntimeError)):
        return None
    return _compare(ours, outcome(lambda: train(by_sgd)))


def _compare(ours: Any, native: Any) -> str | None:
    # A fused op may keep less for backward than the ops that it replaces.
    refuses = isinstance(native, RuntimeError) and "modified by an inplace operation" in str(native)
    if refuses and not isinstance(ours, Exception):
        return None
    if isinstance(ours, Exception) or isinstance(native, Exception):
        return None if type(ours) is type(native) else f"{ours!r:.300}; native {native!r:.300}"
    if len(ours) != len(native):
        return f"{len(ours)} gradients, native {len(native)}"
    for i, (tensor, want) in enumerate(zip(ours, native, strict=True)):
        if tensor.dtype != want.dtype or tensor.shape != want.shape:
            return f"result {i}: {describe(tensor)}, native {describe(want)}"
        # Some gradients are zero but for rounding: that of a bias before a batch norm.
        if not torch.allclose(tensor, want, rtol=1e-3, atol=1e-4, equal_nan=True):
            return f"result {i}: off by {float((tensor - want).abs().max()):.3g}"
    return None


KINDS = {"patch": (draw_patch, run_patch), "chain": (draw_chain, run_chain)}
