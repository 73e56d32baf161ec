"""The torch.compile backend: what it fuses, and that results and gradients are torch's own."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.testing import assert_close

import inkgrad
from inkgrad import compiling, functional


class Graphs:
    """What the backend makes of a model: the functions of :mod:`inkgrad.functional` called."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, graph: fx.GraphModule, inputs: list[object]) -> Callable[..., object]:
        compiled = compiling.backend(graph, inputs, options={"then": "eager"})
        ours = {getattr(functional, name): name for name in functional.__all__}
        self.calls.update(ours[n.target] for n in graph.graph.nodes if n.target in ours)
        return compiled


def compiled(model: Callable[..., Tensor], **options: object) -> tuple[Callable, Counter[str]]:
    graphs = Graphs()
    return torch.compile(model, backend=graphs, **options), graphs.calls


class LeNet(nn.Module):
    """As most courses write it: attributes, and the order relu(pool(conv))."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc1, self.fc2 = nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.pool(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.0, training=self.training)
        return self.fc2(x)


class MNISTExample(nn.Module):
    """PyTorch's example: two convolutions, functional calls, dropout, log_softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3)
        self.fc1, self.fc2 = nn.Linear(8 * 12 * 12, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2)
        return F.log_softmax(self.fc2(F.relu(self.fc1(torch.flatten(x, 1)))), dim=1)


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 16), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(16, 784), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return F.binary_cross_entropy(self.decoder(self.encoder(x)), x, reduction="sum")[None]


class Siamese(nn.Module):
    """One branch called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(1, 4, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(4 * 12 * 12, 8), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return (self.branch(x) - self.branch(x.flip(-1))).abs()


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return F.max_pool2d(F.relu(self.bn(y)), 2) + F.max_pool2d(F.relu(y), 2)


MODELS: dict[str, tuple[Callable[[], nn.Module], dict[str, int]]] = {
    "lenet": (LeNet, {"conv2d_relu_max_pool2d": 2, "linear_relu": 1}),
    "mnist example": (MNISTExample, {"conv2d_relu_max_pool2d": 1, "linear_relu": 1}),
    "autoencoder": (
        Autoencoder,
        {"linear_relu": 1, "linear_sigmoid": 1, "binary_cross_entropy": 1},
    ),
    "siamese": (Siamese, {"conv2d_relu_max_pool2d": 2, "linear_sigmoid": 2}),
    "residual": (Residual, {}),
}


def gradients(model: nn.Module, call: Callable[..., Tensor], input: Tensor) -> list[Tensor]:
    model.zero_grad()
    output = call(input)
    output.square().sum().backward()
    return [output.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@pytest.mark.parametrize("name", MODELS)
def test_results_and_gradients_of_models(name: str) -> None:
    torch.manual_seed(0)
    make, expected = MODELS[name]
    model = make().double()
    native = copy.deepcopy(model)
    call, calls = compiled(model, fullgraph=True)
    for images in (2, 5, 3):  # the second size makes the batch dynamic
        input = torch.rand(images, 1, 28, 28, dtype=torch.float64)
        assert_close(gradients(model, call, input), gradients(native, native, input))
    graphs = max(calls.values(), default=0) // max(expected.values(), default=1)
    assert calls == Counter({op: count * graphs for op, count in expected.items()})
    model.eval()
    native.eval()
    with torch.no_grad():
        assert_close(call(input), native(input))


@pytest.mark.parametrize("name", ["lenet", "siamese"])
def test_channels_last_and_autocast(name: str) -> None:
    torch.manual_seed(0)
    model = MODELS[name][0]()
    native = copy.deepcopy(model)
    call, calls = compiled(model)
    input = torch.rand(4, 1, 28, 28).to(memory_format=torch.channels_last)
    assert_close(call(input), native(input))
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(call(input), native(input), rtol=0.05, atol=0.05)
    assert calls


# ---- what must not be fused


def conv(x: Tensor) -> Tensor:
    return F.conv2d(x, torch.ones(2, 1, 3, 3))


def linear(x: Tensor) -> Tensor:
    return F.linear(x.flatten(1), torch.ones(2, 64))


def between_autocast(x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        y = linear(x)
    return torch.relu(y)


NOT_FUSED: dict[str, Callable[[Tensor], Tensor]] = {
    "result used twice": lambda x: (lambda y: F.relu(y) + y)(linear(x)),
    "activation before": lambda x: linear(F.relu(x)),
    "another activation": lambda x: F.gelu(linear(x)),
    "overlapping pool": lambda x: F.relu(F.max_pool2d(conv(x), 3, 2)),
    "padded pool": lambda x: F.relu(F.max_pool2d(conv(x), 2, padding=1)),
    "ceil_mode": lambda x: F.relu(F.max_pool2d(conv(x), 4, ceil_mode=True)),
    "average pool": lambda x: F.relu(F.avg_pool2d(conv(x), 2)),
    "pool with indices": lambda x: F.relu(F.max_pool2d(conv(x), 2, return_indices=True)[0]),
    "across autocast": between_autocast,
}


@pytest.mark.parametrize("name", NOT_FUSED)
def test_what_is_not_a_pattern_is_left_alone(name: str) -> None:
    call, calls = compiled(NOT_FUSED[name], fullgraph=True)
    input = torch.rand(2, 1, 8, 8)
    assert_close(call(input), NOT_FUSED[name](input))
    assert not calls


FUSED: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "methods": (lambda x: linear(x).relu(), "linear_relu"),
    "in place": (lambda x: linear(x).relu_(), "linear_relu"),
    "torch.relu": (lambda x: torch.relu(linear(x)), "linear_relu"),
    "torch.sigmoid": (lambda x: torch.sigmoid(linear(x)), "linear_sigmoid"),
    "keywords": (
        lambda x: F.relu(
            input=F.max_pool2d(
                input=F.conv2d(input=x, weight=torch.ones(2, 1, 3, 3)), kernel_size=2
            )
        ),
        "conv2d_relu_max_pool2d",
    ),
    "stride and groups": (
        lambda x: F.relu(F.max_pool2d(F.conv2d(x, torch.ones(2, 1, 3, 3), stride=2, padding=1), 2)),
        "conv2d_relu_max_pool2d",
    ),
    "padding by name": (
        lambda x: F.max_pool2d(F.relu(F.conv2d(x, torch.ones(2, 1, 3, 3), padding="same")), (2, 4)),
        "conv2d_relu_max_pool2d",
    ),
}


@pytest.mark.parametrize("name", FUSED)
def test_ways_to_write_a_pattern(name: str) -> None:
    function, op = FUSED[name]
    call, calls = compiled(function, fullgraph=True)
    input = torch.rand(2, 1, 8, 8)
    assert_close(call(input), function(input))
    assert calls == {op: 1}


def test_hooks_see_what_they_see_in_torch() -> None:
    seen: list[torch.Size] = []
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    model[0].register_forward_hook(lambda _m, _i, output: seen.append(output.shape) or output * 2)
    call, calls = compiled(model)
    input = torch.rand(2, 4)
    assert_close(call(input), model(input))
    assert not calls


def test_graph_breaks_leave_parts_that_are_fused() -> None:
    def function(x: Tensor) -> Tensor:
        y = F.relu(linear(x))
        torch._dynamo.graph_break()
        return torch.sigmoid(F.linear(y, torch.ones(2, 2)))

    call, calls = compiled(function)
    input = torch.rand(2, 1, 8, 8)
    assert_close(call(input), function(input))
    assert calls == {"linear_relu": 1, "linear_sigmoid": 1}


def test_a_patched_model_can_be_compiled() -> None:
    model = inkgrad.patch(nn.Sequential(nn.Linear(4, 3), nn.ReLU()))
    call, calls = compiled(model, fullgraph=True)
    input = torch.rand(2, 4)
    assert_close(call(input), model(input))
    assert calls == {"linear_relu": 1}


def test_options_are_checked() -> None:
    call = torch.compile(linear, backend=compiling.backend, options={"fuse": True})
    with pytest.raises(Exception, match="expected the option then"):
        call(torch.rand(2, 1, 8, 8))


@pytest.mark.slow
def test_inductor_compiles_the_rest_and_differentiates() -> None:
    torch.manual_seed(0)
    model = LeNet()
    native = copy.deepcopy(model)
    call = inkgrad.compile(model, then="inductor")
    input = torch.rand(3, 1, 28, 28)
    assert_close(gradients(model, call, input), gradients(native, native, input))
