"""patch, unpatch and explain: what runs fused, and that a patched model is still the native one."""

from __future__ import annotations

import copy
import io
from collections import OrderedDict
from collections.abc import Callable
from unittest.mock import patch as mock_patch

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.testing import assert_close

import inkgrad
import inkgrad.nn as inn
from inkgrad import functional
from inkgrad.patching import PatchedBCELoss, PatchedSequential
from side_by_side import mlp


class Residual(nn.Module):
    """A ResNet block: attributes, one ReLU used twice, a Sequential that may be absent."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.downsample = (
            None if channels_in == channels else nn.Sequential(nn.Conv2d(channels_in, channels, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        kept = x if self.downsample is None else self.downsample(x)
        return self.relu(self.conv2(self.relu(self.bn1(self.conv1(x)))) + kept)


def digit_cnn() -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(
                nn.Conv2d(1, 4, 5),
                nn.MaxPool2d(2),
                nn.ReLU(),
                nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(kernel_size=(2, 3)),
            ),
            block=Residual(6, 8),
            block2=Residual(8, 8),
            flatten=nn.Flatten(),
            classifier=nn.Sequential(
                nn.Linear(8 * 6 * 4, 16),
                nn.ReLU(inplace=True),
                nn.Dropout(0.0),
                nn.Linear(16, 8),
                nn.Sigmoid(),
                nn.Linear(8, 1),
                nn.Sigmoid(),
            ),
        )
    )


class Calls:
    """Which fused ops a model calls."""

    OPS = ("linear_sigmoid", "linear_relu", "conv2d_relu_max_pool2d")

    def __init__(self, model: nn.Module, input: Tensor) -> None:
        self.names: list[str] = []
        with pytest.MonkeyPatch.context() as patched:
            for name in self.OPS:
                patched.setattr(functional, name, self._watched(name))
            self.output = model(input)

    def _watched(self, name: str) -> Callable[..., Tensor]:
        op = getattr(functional, name)

        def call(*args: object, **kwargs: object) -> Tensor:
            self.names.append(name)
            return op(*args, **kwargs)

        return call


def fused_calls(model: nn.Module, input: Tensor) -> list[str]:
    return Calls(model, input).names


def step(model: nn.Module, input: Tensor, target: Tensor, loss: nn.Module) -> dict[str, Tensor]:
    """The output and the gradient of every parameter."""
    model.zero_grad()
    output = model(input)
    loss(output, target).backward()
    return {"output": output} | {name: p.grad for name, p in model.named_parameters()}


# ---- what is fused


def test_outputs_gradients_modules_and_keys_stay() -> None:
    model = digit_cnn().double()
    native = copy.deepcopy(model)
    input, target = torch.rand(3, 1, 28, 28).double(), torch.rand(3, 1).double()
    modules = dict(model.named_modules())
    classes = {name: type(module) for name, module in modules.items()}
    keys = list(model.state_dict())

    assert inkgrad.patch(model) is model
    assert fused_calls(model, input) == [
        "conv2d_relu_max_pool2d", "conv2d_relu_max_pool2d",
        "linear_relu", "linear_sigmoid", "linear_sigmoid",
    ]  # fmt: skip
    assert all(modules[name] is module for name, module in model.named_modules())
    for name, module in model.named_modules():
        expected = PatchedSequential if classes[name] is nn.Sequential else classes[name]
        assert type(module) is expected
    assert list(model.state_dict()) == keys
    loss = inkgrad.patch(nn.BCELoss())
    assert_close(step(model, input, target, loss), step(native, input, target, nn.BCELoss()))


def test_patching_twice_and_unpatching() -> None:
    model = digit_cnn()
    modules = list(model.modules())
    classes = [type(module) for module in modules]
    fields = [set(vars(module)) for module in modules]
    inkgrad.patch(inkgrad.patch(model))
    assert inkgrad.unpatch(model) is model
    assert all(a is b for a, b in zip(model.modules(), modules, strict=True))
    assert [type(module) for module in modules] == classes
    assert [set(vars(module)) for module in modules] == fields


def test_a_bare_loss_is_patched_and_unpatched() -> None:
    loss = nn.BCELoss(reduction="sum")
    assert inkgrad.patch(loss) is loss
    assert type(loss) is PatchedBCELoss
    assert isinstance(loss, inn.BCELoss)
    assert type(inkgrad.unpatch(loss)) is nn.BCELoss


def test_unpatch_leaves_what_was_built_fused() -> None:
    model = nn.Sequential(inn.LinearSigmoid(2, 2), inn.Sequential(inn.Conv2d(1, 1, 1)))
    inkgrad.unpatch(inkgrad.patch(model))
    assert [type(m) for m in model.modules()] == [
        nn.Sequential, inn.LinearSigmoid, inn.Sequential, inn.Conv2d,
    ]  # fmt: skip


class MyLinear(nn.Linear):
    pass


class MySequential(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return self[0](x)


class Same(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def with_hook(module: nn.Module, kind: str) -> nn.Module:
    getattr(module, f"register_{kind}")(lambda *_: None)
    return module


def with_own_forward(module: nn.Module) -> nn.Module:
    module.forward = lambda x: x
    return module


def with_own_call(module: nn.Module) -> nn.Module:
    module._call_impl = lambda x: x
    return module


def compiled(module: nn.Module) -> nn.Module:
    module.compile(backend="eager")
    return module


def parametrized(module: nn.Module) -> nn.Module:
    parametrize.register_parametrization(module, "weight", Same())
    return module


class TensorSubclass(Tensor):
    pass


def with_subclass_weight(module: nn.Linear) -> nn.Linear:
    weight = module.weight.detach().as_subclass(TensorSubclass)
    module.weight = nn.Parameter(weight)
    return module


NOT_FUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "a Linear alone": (lambda: nn.Sequential(nn.Linear(2, 2), nn.Tanh()), "nothing after it"),
    "a subclass": (lambda: nn.Sequential(MyLinear(2, 2), nn.Sigmoid()), "a subclass"),
    "a Sequential with a forward of its own": (
        lambda: MySequential(nn.Linear(2, 2), nn.Sigmoid()),
        "in a subclass of Sequential",
    ),
    "something between": (
        lambda: nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Sigmoid()),
        "nothing after it",
    ),
    "weight_norm": (
        lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(2, 2)), nn.Sigmoid()),
        "subclass",
    ),
    "spectral_norm": (
        lambda: nn.Sequential(parametrizations.spectral_norm(nn.Linear(2, 2)), nn.Sigmoid()),
        "subclass",
    ),
    "pruned": (
        lambda: nn.Sequential(prune.l1_unstructured(nn.Linear(2, 2), "weight", 1), nn.Sigmoid()),
        "hooks",
    ),
    "the older weight_norm": (
        lambda: nn.Sequential(nn.utils.weight_norm(nn.Linear(2, 2)), nn.Sigmoid()),
        "hooks",
    ),
    "a forward set on the object": (
        lambda: nn.Sequential(nn.Linear(2, 2), with_own_forward(nn.Sigmoid())),
        "Sigmoid: its forward was replaced",
    ),
    "a call set on the object": (
        lambda: nn.Sequential(nn.Linear(2, 2), with_own_call(nn.Sigmoid())),
        "Sigmoid: its _call_impl was replaced",
    ),
    "a hook before the activation": (
        lambda: nn.Sequential(nn.Linear(2, 2), with_hook(nn.Sigmoid(), "forward_pre_hook")),
        "Sigmoid: it has hooks",
    ),
    "a hook after the layer": (
        lambda: nn.Sequential(with_hook(nn.Linear(2, 2), "forward_hook"), nn.ReLU()),
        "Linear: it has hooks",
    ),
    "a backward hook": (
        lambda: nn.Sequential(with_hook(nn.Linear(2, 2), "full_backward_hook"), nn.ReLU()),
        "Linear: it has hooks",
    ),
    "a backward pre-hook": (
        lambda: nn.Sequential(with_hook(nn.Linear(2, 2), "full_backward_pre_hook"), nn.ReLU()),
        "Linear: it has hooks",
    ),
    "a child compiled on its own": (
        lambda: nn.Sequential(compiled(nn.Linear(2, 2)), nn.ReLU()),
        "Linear: it is compiled",
    ),
    "a tensor subclass as weight": (
        lambda: nn.Sequential(with_subclass_weight(nn.Linear(2, 2)), nn.ReLU()),
        "its weight is a",
    ),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("name", NOT_FUSED)
def test_what_is_not_plain_runs_as_torch_runs_it(name: str) -> None:
    make, reason = NOT_FUSED[name]
    torch.manual_seed(0)
    model = make().eval()
    input = torch.rand(3, 2)
    expected = model(input)
    inkgrad.patch(model)
    calls = Calls(model, input)
    assert calls.names == []
    assert_close(calls.output, expected, rtol=0, atol=0)
    assert reason in str(inkgrad.explain(model))


POOLS = {
    "overlapping": lambda: nn.MaxPool2d(3, stride=2),
    "padded": lambda: nn.MaxPool2d(2, padding=1),
    "dilated": lambda: nn.MaxPool2d(2, dilation=2),
    "ceil_mode": lambda: nn.MaxPool2d(2, ceil_mode=True),
    "average": lambda: nn.AvgPool2d(2),
    "hooked": lambda: with_hook(nn.MaxPool2d(2), "forward_hook"),
}


@pytest.mark.parametrize("name", POOLS)
def test_pools_that_are_not_fused(name: str) -> None:
    native = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), POOLS[name]())
    model = inkgrad.patch(copy.deepcopy(native))
    input = torch.rand(2, 1, 11, 11)
    assert fused_calls(model, input) == []
    assert_close(model(input), native(input), rtol=0, atol=0)


def test_a_pool_that_returns_indices_keeps_returning_them() -> None:
    model = inkgrad.patch(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2, return_indices=True)))  # noqa: E501  # fmt: skip
    assert len(model(torch.rand(1, 1, 8, 8))) == 2


def test_a_global_hook_sees_every_module() -> None:
    seen: list[str] = []
    model = inkgrad.patch(mlp())
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, *_: seen.append(type(module).__name__)
    )
    try:
        model(torch.rand(1, 4))
    finally:
        handle.remove()
    assert seen.count("Sigmoid") == 2


# ---- surgery: whatever is done to a patched model does what it does to a native one


def replace_head(model: nn.Sequential) -> None:
    model[4] = nn.Linear(8, 3)


def remove_activation(model: nn.Sequential) -> None:
    model[5] = nn.Identity()


def delete_last(model: nn.Sequential) -> None:
    del model[-1]


def exchange_activation(model: nn.Sequential) -> None:
    model[3] = nn.GELU()


def insert_norm(model: nn.Sequential) -> None:
    model.insert(1, nn.LayerNorm(8))


def append_layers(model: nn.Sequential) -> None:
    model.append(nn.Linear(2, 2)).append(nn.ReLU())


class LoRA(nn.Module):
    """An adapter as libraries write them: finds Linear layers and wraps them."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.a = nn.Parameter(torch.full((2, base.in_features), 0.1))
        self.b = nn.Parameter(torch.full((base.out_features, 2), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + x @ self.a.T @ self.b.T


def add_adapters(model: nn.Sequential) -> None:
    for name, child in list(model.named_children()):
        if isinstance(child, nn.Linear):
            setattr(model, name, LoRA(child))


def initialize(model: nn.Sequential) -> None:
    for module in model.modules():
        if type(module) is nn.Linear:
            nn.init.constant_(module.weight, 0.25)


def prune_weights(model: nn.Sequential) -> None:
    for module in model.modules():
        if isinstance(module, nn.Linear):
            prune.l1_unstructured(module, "weight", 0.5)


def norm_weights(model: nn.Sequential) -> None:
    parametrizations.weight_norm(model[0])


def assign_weights(model: nn.Sequential) -> None:
    model.load_state_dict({k: v * 2 for k, v in model.state_dict().items()}, assign=True)


def move_through_meta(model: nn.Sequential) -> None:
    weights = {key: value + 1 for key, value in model.state_dict().items()}
    model.to("meta").to_empty(device="cpu").load_state_dict(weights)


def wrap_forward(model: nn.Sequential) -> None:
    forward = model[0].forward
    model[0].forward = lambda x: forward(x) * 2


def compile_child(model: nn.Sequential) -> None:
    model[0].compile(backend="eager")


def double_outputs(model: nn.Sequential) -> None:
    model[2].register_forward_hook(lambda _module, _inputs, output: output * 2)


SURGERY = [
    replace_head, remove_activation, delete_last, exchange_activation, insert_norm, append_layers,
    add_adapters, initialize, prune_weights, norm_weights, assign_weights, move_through_meta,
    wrap_forward, compile_child, double_outputs,
]  # fmt: skip


@pytest.mark.parametrize("then_unpatch", [False, True], ids=["patched", "unpatched"])
@pytest.mark.parametrize("change", SURGERY, ids=lambda change: change.__name__)
def test_surgery(change: Callable[[nn.Sequential], None], then_unpatch: bool) -> None:
    torch.manual_seed(1)
    native = mlp()
    model = inkgrad.patch(copy.deepcopy(native))
    input = torch.rand(3, 4)
    results = []
    for one in (native, model):
        torch.manual_seed(2)
        change(one)
        if then_unpatch and one is model:
            inkgrad.unpatch(one)
        one.zero_grad()
        output = one(input)
        output.sum().backward()
        results.append([output, *(p.grad for p in one.parameters())])
    assert_close(results[1], results[0])


@pytest.mark.parametrize(
    "part", [slice(0, 1), slice(0, 3), slice(None, -1), slice(1, 4), slice(2, None)], ids=str
)
def test_slices(part: slice) -> None:
    native = mlp()
    model = inkgrad.patch(copy.deepcopy(native))
    input = torch.rand(3, 8 if part.start in (1, 2) else 4)
    assert_close(model[part](input), native[part](input))


def test_features_of_a_sequence_of_convolutions() -> None:
    native = digit_cnn().features
    model = inkgrad.patch(copy.deepcopy(native))
    input = torch.rand(2, 1, 28, 28)
    for k in range(1, 7):
        assert_close(model[:k](input), native[:k](input))
    seen: list[torch.Size] = []
    model[0].register_forward_hook(lambda _m, _i, output: seen.append(output.shape))
    model(input)
    assert seen == [(2, 4, 24, 24)]
    native.insert(1, nn.BatchNorm2d(4))
    model.insert(1, nn.BatchNorm2d(4))
    assert_close(model.eval()(input), native.eval()(input))


def test_layers_used_in_several_places_keep_their_meaning_in_each() -> None:
    encoder, act = nn.Linear(3, 3), nn.Sigmoid()
    native = nn.Sequential(encoder, act, nn.Tanh(), act, encoder, act)
    other = nn.Sequential(encoder, nn.Tanh())
    input = torch.rand(2, 3)
    expected = [native(input), other(input)]
    inkgrad.patch(native)
    assert fused_calls(native, input) == ["linear_sigmoid"] * 2
    assert_close([native(input), other(input)], expected)
    parametrizations.weight_norm(encoder)
    assert_close([native(input), other(input)], expected)


# ---- tools


def by_pickle(model: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, by_pickle])
def test_copies(duplicate: Callable[[nn.Module], nn.Module]) -> None:
    model = inkgrad.patch(digit_cnn())
    input = torch.rand(2, 1, 28, 28)
    expected = model(input)
    twin = duplicate(model)
    assert_close(twin(input), expected, rtol=0, atol=0)
    if duplicate is not copy.copy:
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter.add_(1)
        assert_close(model(input), expected, rtol=0, atol=0)


def test_an_optimizer_made_before_patching_trains_on() -> None:
    native = digit_cnn()
    losses = []
    for net, change in ((copy.deepcopy(native), inkgrad.patch), (native, lambda net: net)):
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        change(net)
        torch.manual_seed(1)
        for _ in range(2):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(torch.rand(4, 1, 28, 28)), torch.ones(4, 1))
            loss.backward()
            optimizer.step()
        losses.append(loss.detach())
    assert_close(*losses)


@pytest.mark.parametrize(
    "trace",
    [
        torch.fx.symbolic_trace,
        torch.jit.script,
        lambda model: torch.jit.trace(model, torch.rand(2, 4)),
        lambda model: torch.export.export(model, (torch.rand(3, 4),)).module(),
        lambda model: torch.compile(model, backend="eager", fullgraph=True),
    ],
    ids=["fx", "script", "trace", "export", "compile"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tracers_see_the_native_modules(trace: Callable[[nn.Module], nn.Module]) -> None:
    native = mlp()
    input = torch.rand(3, 4)
    traced = trace(inkgrad.patch(copy.deepcopy(native)))
    with mock_patch.object(functional, "linear_sigmoid", side_effect=AssertionError):
        assert_close(traced(input), native(input))
    if hasattr(traced, "graph"):
        assert "inkgrad::" not in str(traced.graph)


def test_unpatch_after_fully_shard_like_wrapping() -> None:
    """FSDP2 and parametrizations make a subclass of the class that a module has."""
    model = inkgrad.patch(mlp())

    class Mixin:
        pass

    model.__class__ = type("Sharded", (Mixin, type(model)), {})
    input = torch.rand(2, 4)
    expected = model(input)
    inkgrad.unpatch(model)
    assert isinstance(model, Mixin)
    assert not isinstance(model, inn.Sequential)
    assert_close(model(input), expected)
