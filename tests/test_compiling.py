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
from torch.utils.checkpoint import checkpoint

import inkgrad
from inkgrad import compiling, functional
from zoo import SMALL


@pytest.fixture(autouse=True)
def fresh_dynamo() -> None:
    """Dynamo stops compiling a function that many tests have compiled."""
    torch._dynamo.reset()


class Graphs:
    """The backend's result for a model: the functions of :mod:`inkgrad.functional` called."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, graph: fx.GraphModule, inputs: list[object]) -> Callable[..., object]:
        compiled = compiling.backend(graph, inputs, options={"then": "eager"})
        names = {pattern.function: pattern.function.__name__ for pattern in compiling.PATTERNS}
        parts = [part for part in graph.modules() if isinstance(part, fx.GraphModule)]
        targets = [node.target for part in parts for node in part.graph.nodes]
        self.calls.update(names[target] for target in targets if target in names)
        return compiled


def compiled(model: Callable[..., Tensor], **options: object) -> tuple[Callable, Counter[str]]:
    graphs = Graphs()
    return torch.compile(model, backend=graphs, **options), graphs.calls


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return F.max_pool2d(F.relu(self.bn(y)), 2) + F.max_pool2d(F.relu(y), 2)


# name -> what is fused in training mode
MODELS: dict[str, dict[str, int]] = {
    "lenet": {"conv2d_relu_max_pool2d": 2},
    "mnist example": {"conv2d_relu_max_pool2d": 1, "linear_relu": 1},
    "autoencoder": {"linear_relu": 1, "linear_sigmoid": 1, "binary_cross_entropy": 1},
    "siamese": {"conv2d_relu_max_pool2d": 2, "linear_sigmoid": 2},
    "vae": {"linear_relu": 2, "linear_sigmoid": 1},
    "dcgan": {},
}


def gradients(model: nn.Module, call: Callable[..., Tensor], input: Tensor) -> list[Tensor]:
    model.zero_grad()
    output = call(input)
    output.square().sum().backward()
    return [output.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@pytest.mark.parametrize("name", MODELS)
def test_what_is_fused_in_models(name: str) -> None:
    torch.manual_seed(0)
    model = SMALL[name][0]().double()
    native = copy.deepcopy(model)
    call, calls = compiled(model, fullgraph=True)
    for images in (2, 5, 3):  # the second size makes the batch dynamic
        input = torch.rand(images, 1, 28, 28, dtype=torch.float64)
        results = []
        for each, run in ((model, call), (native, native)):
            torch.manual_seed(images)  # dropout
            results.append(gradients(each, run, input))
        assert_close(*results)
    assert calls == Counter({op: 2 * count for op, count in MODELS[name].items()})


def test_shared_results_are_not_fused() -> None:
    model = Residual()
    native = copy.deepcopy(model)
    call, calls = compiled(model, fullgraph=True)
    input = torch.rand(2, 1, 28, 28)
    assert_close(gradients(model, call, input), gradients(native, native, input))
    assert not calls


# ---- what must not be fused


def conv(x: Tensor) -> Tensor:
    return F.conv2d(x, torch.ones(2, 1, 3, 3))


def linear(x: Tensor) -> Tensor:
    return F.linear(x.flatten(1), torch.ones(2, 64))


def between_autocast(x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        y = linear(x)
    return torch.relu(y)


def between_inference_mode(x: Tensor) -> Tensor:
    with torch.inference_mode():
        y = linear(x)
    return torch.relu(y)


def in_place_but_read_again(x: Tensor) -> Tensor:
    y = linear(x)
    rows = y.view(-1)
    F.relu(y, inplace=True)
    return rows


def in_place_as_a_statement(x: Tensor) -> Tensor:
    y = linear(x)
    y.relu_()
    return y


def wide_conv(x: Tensor) -> Tensor:
    """More outputs than filter elements, so that folding pays."""
    return F.conv2d(x, torch.ones(512, 1, 3, 3), padding=2)


def statistics(channels: int) -> tuple[Tensor, Tensor]:
    return torch.linspace(-1, 1, channels), torch.linspace(1, 2, channels)


def normed(x: Tensor, **options: object) -> Tensor:
    (mean, variance), shift = statistics(512), torch.ones(512)
    return F.batch_norm(wide_conv(x), mean, variance, None, shift, **options)


def norm_that_changes_in_between(x: Tensor) -> Tensor:
    mean, variance = statistics(512)
    y = wide_conv(x)
    mean.add_(1)
    return F.batch_norm(y, mean, variance)


def norm_of_unbatched_images(x: Tensor) -> Tensor:
    mean, variance = statistics(98)  # norms the rows
    return F.batch_norm(wide_conv(x[0].repeat(1, 12, 12)), mean, variance)


def deep_conv(x: Tensor, *weight: int, **options: object) -> Tensor:
    weights = torch.linspace(-1, 1, 16 * 16 * 9).view(weight or (16, 16, 3, 3))
    return F.conv2d(x[:, :1].repeat(1, 16, 1, 1), weights.to(x.dtype), **options)


NOT_FUSED: dict[str, Callable[[Tensor], Tensor]] = {
    "result used twice": lambda x: (lambda y: F.relu(y) + y)(linear(x)),
    "activation before": lambda x: linear(F.relu(x)),
    "another activation": lambda x: F.gelu(linear(x)),
    "activation of a part": lambda x: F.relu(linear(x)[0]),
    "overlapping pool": lambda x: F.relu(F.max_pool2d(conv(x), 3, 2)),
    "padded pool": lambda x: F.relu(F.max_pool2d(conv(x), 2, padding=1)),
    "ceil_mode": lambda x: F.relu(F.max_pool2d(conv(x), 4, ceil_mode=True)),
    "average pool": lambda x: F.relu(F.avg_pool2d(conv(x), 2)),
    "pool with indices": lambda x: F.relu(F.max_pool2d(conv(x), 2, return_indices=True)[0]),
    "dropout in training": lambda x: F.relu(F.max_pool2d(F.dropout(conv(x), 0.0), 2)),
    "detached in between": lambda x: F.relu(linear(x).detach()),
    "complex numbers": lambda x: torch.sigmoid(F.linear(x * 1j, torch.ones(2, 8) + 0j)),
    "across autocast": between_autocast,
    "across inference mode": between_inference_mode,
    "in place, read through a view": in_place_but_read_again,
    "in place, as a statement": in_place_as_a_statement,
    "batch norm in training": lambda x: normed(x, training=True),
    "batch norm of few outputs": lambda x: F.batch_norm(conv(x), *statistics(2)),
    "batch norm of unbatched images": norm_of_unbatched_images,
    "batch norm whose mean is computed": lambda x: (
        lambda y: F.batch_norm(y, y.mean((0, 2, 3)), torch.ones(512))
    )(wide_conv(x)),
    "batch norm whose mean changes": norm_that_changes_in_between,
    "convolution of few channels": lambda x: conv(x),
    "convolution with stride": lambda x: deep_conv(x, stride=2),
    "convolution with dilation": lambda x: deep_conv(x, dilation=(1, 2)),
    "convolution in groups": lambda x: deep_conv(x, 32, 8, 3, 3, groups=2),
    "convolution of wide filters": lambda x: deep_conv(x, 16, 16, 1, 9, padding=(0, 4)),
    "convolution in float64": lambda x: deep_conv(x.double()),
    "logits": lambda x: F.binary_cross_entropy_with_logits(linear(x), torch.ones(2, 2)),
}


@pytest.mark.parametrize("name", NOT_FUSED)
def test_what_is_not_a_pattern_is_left_alone(name: str) -> None:
    call, calls = compiled(NOT_FUSED[name], fullgraph=True)
    input = torch.rand(2, 1, 8, 8)
    assert_close(call(input), NOT_FUSED[name](input))
    assert not calls


def test_deep_convolutions_are_left_alone_in_training() -> None:
    model = nn.Conv2d(16, 16, 3, padding=1)
    call, calls = compiled(model, fullgraph=True)
    input = torch.rand(2, 16, 8, 8)
    assert_close(call(input), model(input))
    assert not calls
    with torch.no_grad():
        assert_close(call(input), model(input))
    assert calls == {"conv2d": 1}
    model.requires_grad_(False)
    input.requires_grad_()
    call, calls = compiled(model, fullgraph=True)
    ours, native = (torch.autograd.grad(f(input).sum(), input)[0] for f in (call, model))
    assert_close(ours, native)
    assert calls == {"conv2d": 1}


FUSED: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "methods": (lambda x: linear(x).relu(), "linear_relu"),
    "in place": (lambda x: linear(x).relu_(), "linear_relu"),
    "torch.relu": (lambda x: torch.relu(linear(x)), "linear_relu"),
    "torch.sigmoid": (lambda x: torch.sigmoid(linear(x)), "linear_sigmoid"),
    "sigmoid in place": (lambda x: linear(x).sigmoid_(), "linear_sigmoid"),
    "expit": (lambda x: torch.special.expit(linear(x)), "linear_sigmoid"),
    "dropout in evaluation": (
        lambda x: F.relu(F.max_pool2d(F.dropout2d(conv(x), training=False), 2)),
        "conv2d_relu_max_pool2d",
    ),
    "a convolution of many channels": (deep_conv, "conv2d"),
    "a convolution of many channels, relu": (lambda x: F.relu(deep_conv(x, padding=1)), "conv2d"),
    "batch norm": (normed, "conv2d_batch_norm"),
    "batch norm, relu, pool": (
        lambda x: F.max_pool2d(F.relu(normed(x)), 2),
        "conv2d_batch_norm_relu_max_pool2d",
    ),
    "batch norm, pool, relu": (
        lambda x: F.max_pool2d(normed(x), 2).relu_(),
        "conv2d_batch_norm_relu_max_pool2d",
    ),
    "checkpoint": (
        lambda x: checkpoint(lambda y: F.relu(linear(y)), x, use_reentrant=False),
        "linear_relu",
    ),
    "branches": (
        lambda x: torch.cond(x.sum() > 0, lambda y: F.relu(linear(y)), linear, (x,)),
        "linear_relu",
    ),
    "vmap": (lambda x: torch.func.vmap(lambda y: F.relu(linear(y[None])))(x), "linear_relu"),
    "jacrev": (lambda x: torch.func.jacrev(lambda y: F.relu(linear(y)))(x), "linear_relu"),
    "binary_cross_entropy, by its old arguments": (
        lambda x: F.binary_cross_entropy(x, x, size_average=False),
        "binary_cross_entropy",
    ),
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


@pytest.mark.filterwarnings("ignore:size_average and reduce")
@pytest.mark.parametrize("name", FUSED)
def test_ways_to_write_a_pattern(name: str) -> None:
    function, op = FUSED[name]
    call, calls = compiled(function, fullgraph=True)
    input = torch.rand(2, 1, 8, 8)
    assert_close(call(input), function(input))
    assert calls == {op: 1}


def changes_the_input(x: Tensor, weight: Tensor) -> Tensor:
    y = F.linear(x, weight)
    x.mul_(2)
    return F.relu(y)


def changes_the_weight(x: Tensor, weight: Tensor) -> Tensor:
    y = F.linear(x, weight)
    weight.zero_()
    return torch.sigmoid(y)


@pytest.mark.parametrize("function", [changes_the_input, changes_the_weight])
def test_operands_that_change_between_the_steps(function: Callable[..., Tensor]) -> None:
    call, calls = compiled(function, fullgraph=True)
    operands = [torch.rand(3, 4), torch.rand(2, 4)]
    expected = function(*(each.clone() for each in operands))
    assert_close(call(*operands), expected)
    assert sum(calls.values()) == 1


class Normed(nn.Module):
    """Convolution, batch norm, ReLU, twice; a pool once."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.norm2 = nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x)), inplace=True), 2)
        return F.relu(self.norm2(self.conv2(x)))


def by_optimizer(model: Normed) -> None:
    torch.optim.SGD(model.parameters(), lr=0.1).step()


def by_data(model: Normed) -> None:
    """Unseen by version counters."""
    model.conv1.weight.data.mul_(2)
    model.norm2.running_var.data.add_(1)


def by_state_dict(model: Normed) -> None:
    model.load_state_dict({name: value + 1 for name, value in model.state_dict().items()})


def by_training(model: Normed) -> None:
    model.train()(torch.rand(4, 1, 40, 40))
    model.eval()


@pytest.mark.parametrize("change", [by_optimizer, by_data, by_state_dict, by_training])
def test_folded_filters_are_never_stale(change: Callable[[Normed], None]) -> None:
    torch.manual_seed(0)
    native = Normed().double().eval()
    ours = copy.deepcopy(native)
    call, calls = compiled(ours, fullgraph=True)
    input = torch.rand(40, 1, 40, 40, dtype=torch.float64)
    assert_close(gradients(ours, call, input), gradients(native, native, input))
    assert calls == {"conv2d_batch_norm_relu_max_pool2d": 1, "conv2d_batch_norm": 1}
    for model in (native, ours):
        torch.manual_seed(1)
        change(model.float())
        model.double()
    assert_close(gradients(ours, call, input), gradients(native, native, input))
    with torch.no_grad():
        assert_close(call(input), native(input))


def test_batch_norm_is_not_folded_in_training() -> None:
    model = Normed()
    call, calls = compiled(model, fullgraph=True)
    native = copy.deepcopy(model)
    input = torch.rand(40, 1, 40, 40)
    assert_close(call(input), native(input))
    assert_close(model.state_dict(), native.state_dict())
    assert not calls


def test_float16_filters_that_overflow_when_folded() -> None:
    """The filters, the statistics and the outputs are in range, their product is not."""
    weight = torch.full((4, 1, 3, 3), 1e3, dtype=torch.half)
    mean, variance = torch.zeros(4), torch.full((4,), 1e-6)

    def net(x: Tensor) -> Tensor:
        return F.batch_norm(F.conv2d(x, weight), mean, variance, eps=1e-6)

    call, calls = compiled(net)
    input = torch.full((8, 1, 64, 64), 1e-4, dtype=torch.half)
    assert net(input).isfinite().all()
    assert_close(call(input), net(input))
    assert not calls


@pytest.mark.parametrize("dynamic", [None, True])
def test_folding_with_dynamic_batches(dynamic: bool | None) -> None:
    model = Normed().eval()
    call, calls = compiled(model, fullgraph=True, dynamic=dynamic)
    for images in (40, 50, 60):
        input = torch.rand(images, 1, 38, 42)
        if dynamic is None:
            torch._dynamo.mark_dynamic(input, 0)
        assert_close(call(input), model(input))
    assert calls == {"conv2d_batch_norm_relu_max_pool2d": 1, "conv2d_batch_norm": 1}


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


def test_the_next_backend_gets_the_graph_and_the_options() -> None:
    seen: list[object] = []

    def then(graph: fx.GraphModule, inputs: list[object], **options: object) -> Callable:
        seen.append(options)
        assert functional.linear_relu in {node.target for node in graph.graph.nodes}
        return graph.forward

    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    input = torch.rand(2, 4)
    assert_close(inkgrad.compile(model, then=then)(input), model(input))
    assert_close(inkgrad.compile(model, then=then, options={"a": 1})(input), model(input))
    assert seen == [{}, {"options": {"a": 1}}]
    assert_close(inkgrad.compile(model, then="aot_eager")(input), model(input))


def test_a_compiler_keeps_what_it_fuses_itself() -> None:
    graphs: list[fx.Graph] = []

    def then(graph: fx.GraphModule, inputs: list[object]) -> Callable:
        graphs.append(graph.graph)
        return graph.forward

    model = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.Conv2d(16, 16, 3)).eval()
    inkgrad.compile(model, then=then)(torch.rand(40, 1, 40, 40))
    targets = [node.target for node in graphs[0].nodes]
    assert F.batch_norm in targets
    assert targets.count(F.conv2d) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"options": {"then": "eager", "fuse": True}}, r"no options, got mode=None and .*fuse"),
        ({"options": {"then": "inductor", "fuse": True}}, "fuse"),
        ({"options": {"then": "no such"}}, "no such"),
    ],
)
def test_options_are_checked(arguments: dict[str, object], message: str) -> None:
    call = torch.compile(linear, backend=compiling.backend, **arguments)
    with pytest.raises(Exception, match=message):
        call(torch.rand(2, 1, 8, 8))


def test_eager_has_no_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_default_backend", lambda: "eager")
    call = torch.compile(linear, backend=compiling.backend, mode="max-autotune")
    with pytest.raises(Exception, match="mode='max-autotune'"):
        call(torch.rand(2, 1, 8, 8))


@pytest.mark.slow
def test_inductor_compiles_the_rest_and_differentiates() -> None:
    torch.manual_seed(0)
    model = SMALL["lenet"][0]()
    native = copy.deepcopy(model)
    call = inkgrad.compile(model, then="inductor")
    input = torch.rand(3, 1, 28, 28)
    assert_close(gradients(model, call, input), gradients(native, native, input))
