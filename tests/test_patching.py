"""inkgrad.patch and unpatch: what is replaced, what is not, and that the model behaves the same."""

from __future__ import annotations

import copy
import io
from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.testing import assert_close

import inkgrad
import inkgrad.nn as inn


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
                nn.Conv2d(4, 6, 3, padding=1),
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


def kinds(model: nn.Module) -> list[type]:
    return [type(module) for module in model.children()]


def step(model: nn.Module, input: Tensor, target: Tensor, loss: nn.Module) -> dict[str, Tensor]:
    """The output and the gradient of every parameter."""
    model.zero_grad()
    output = model(input)
    loss(output, target).backward()
    return {"output": output} | {name: p.grad for name, p in model.named_parameters()}


def test_outputs_gradients_names_and_parameters_stay() -> None:
    model = digit_cnn().double()
    input, target = torch.rand(3, 1, 28, 28).double(), torch.rand(3, 1).double()
    expected = step(copy.deepcopy(model), input, target, nn.BCELoss())
    parameters, names = list(model.parameters()), list(dict(model.named_modules()))
    keys = list(model.state_dict())

    assert inkgrad.patch(model) is model
    assert kinds(model.features) == [
        inn.ConvReluMaxPool2d, nn.Identity, nn.Identity,
        inn.ConvReluMaxPool2d, nn.Identity, nn.Identity,
    ]  # fmt: skip
    assert kinds(model.classifier) == [
        inn.LinearReLU, nn.Identity, nn.Dropout,
        inn.LinearSigmoid, nn.Identity, inn.LinearSigmoid, nn.Identity,
    ]  # fmt: skip
    assert type(model.block.conv1) is type(model.block.downsample[0]) is inn.Conv2d
    assert type(model.block.relu) is nn.ReLU
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    assert list(dict(model.named_modules())) == names
    assert list(model.state_dict()) == keys
    assert_close(step(model, input, target, inkgrad.patch(nn.BCELoss())), expected)


def test_unpatch_restores_the_very_objects() -> None:
    model = digit_cnn()
    before = dict(model.named_modules())
    fields = {name: set(vars(module)) for name, module in before.items()}
    assert inkgrad.unpatch(inkgrad.patch(model)) is model
    after = dict(model.named_modules())
    assert list(after) == list(before)
    assert all(after[name] is before[name] for name in before)
    assert {name: set(vars(module)) for name, module in after.items()} == fields


def test_patching_twice_changes_nothing_more() -> None:
    model = inkgrad.patch(digit_cnn())
    before = list(model.modules())
    inkgrad.patch(model)
    assert all(a is b for a, b in zip(model.modules(), before, strict=True))
    inkgrad.unpatch(model)
    assert not any(type(module).__module__ == "inkgrad.nn" for module in model.modules())


def test_unpatch_leaves_modules_alone_that_were_built_fused() -> None:
    model = nn.Sequential(inn.LinearSigmoid(2, 2), nn.Identity(), inn.Conv2d(1, 1, 1))
    assert kinds(inkgrad.unpatch(model)) == [inn.LinearSigmoid, nn.Identity, inn.Conv2d]


def test_changes_made_while_patched_remain_after_unpatch() -> None:
    model = inkgrad.patch(digit_cnn())
    seen: list[str] = []
    model.eval()
    model.double()
    model.load_state_dict({k: v + 1 for k, v in model.state_dict().items()}, assign=True)
    model.features[0].weight.requires_grad_(False)
    handle = model.features[0].register_forward_hook(lambda *_: seen.append("conv"))
    model.features[2].register_forward_hook(lambda *_: seen.append("relu"))
    weights = copy.deepcopy(model.state_dict())
    output = model(torch.ones(1, 1, 28, 28).double())

    inkgrad.unpatch(model)
    assert not any(module.training for module in model.modules())
    assert not model.features[0].weight.requires_grad
    assert_close(model.state_dict(), weights, rtol=0, atol=0)
    assert_close(model(torch.ones(1, 1, 28, 28).double()), output)
    handle.remove()
    model(torch.ones(1, 1, 28, 28).double())
    assert seen == ["conv", "relu"] * 2 + ["relu"]


def test_an_optimizer_made_before_patching_trains_on() -> None:
    native = digit_cnn()
    model = copy.deepcopy(native)
    losses = []
    for net, change in ((native, lambda net: net), (model, inkgrad.patch)):
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        change(net)
        torch.manual_seed(1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(torch.rand(4, 1, 28, 28)), torch.ones(4, 1))
            loss.backward()
            optimizer.step()
        losses.append(loss.detach())
    assert_close(losses[1], losses[0])


def by_pickle(model: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, by_pickle])
def test_copies_of_a_patched_model_stand_alone(duplicate) -> None:
    model = inkgrad.patch(digit_cnn())
    twin = duplicate(model)
    input = torch.rand(2, 1, 28, 28)
    expected = model(input)
    assert_close(twin(input), expected, rtol=0, atol=0)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1)
    changed = twin(input)
    assert_close(model(input), expected, rtol=0, atol=0)
    inkgrad.unpatch(twin)
    assert kinds(twin.features) == kinds(digit_cnn().features)
    assert_close(twin(input), changed)
    assert kinds(model.features)[0] is inn.ConvReluMaxPool2d


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


def compiled(module: nn.Module) -> nn.Module:
    module.compile(backend="eager")
    return module


def parametrized(module: nn.Module) -> nn.Module:
    parametrize.register_parametrization(module, "weight", Same())
    return module


LEFT_ALONE = {
    "a Linear alone": lambda: nn.Sequential(nn.Linear(2, 2), nn.Tanh()),
    "a subclass": lambda: nn.Sequential(MyLinear(2, 2), nn.Sigmoid()),
    "a Sequential with a forward of its own": lambda: MySequential(nn.Linear(2, 2), nn.Sigmoid()),
    "neighbours in a list": lambda: nn.ModuleList([nn.Linear(2, 2), nn.Sigmoid()]),
    "something between": lambda: nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Sigmoid()),
    "a weight-normed Linear": lambda: nn.Sequential(
        parametrizations.weight_norm(nn.Linear(2, 2)), nn.Sigmoid()
    ),
    "a parametrized Conv2d": lambda: nn.Sequential(parametrized(nn.Conv2d(1, 1, 1))),
    "a pruned Conv2d": lambda: nn.Sequential(
        prune.l1_unstructured(nn.Conv2d(1, 1, 2), "weight", 1)
    ),
    "an old weight_norm": lambda: nn.Sequential(
        nn.utils.weight_norm(nn.Linear(2, 2)), nn.Sigmoid()
    ),
    "complex weights": lambda: nn.Sequential(nn.Conv2d(1, 1, 1, dtype=torch.complex64)),
    "a forward set on the object": lambda: nn.Sequential(with_own_forward(nn.Conv2d(1, 1, 1))),
    "a hooked Sigmoid": lambda: nn.Sequential(
        nn.Linear(2, 2), with_hook(nn.Sigmoid(), "forward_pre_hook")
    ),
    "a Linear watched after": lambda: nn.Sequential(
        with_hook(nn.Linear(2, 2), "forward_hook"), nn.ReLU()
    ),
    "a Linear watched in backward": lambda: nn.Sequential(
        with_hook(nn.Linear(2, 2), "full_backward_hook"), nn.ReLU()
    ),
    "a Linear whose gradient is watched": lambda: nn.Sequential(
        with_hook(nn.Linear(2, 2), "full_backward_pre_hook"), nn.ReLU()
    ),
    "a module compiled by itself": lambda: nn.Sequential(compiled(nn.Conv2d(1, 1, 1))),
    "a lazy layer": lambda: nn.Sequential(nn.LazyConv2d(2, 1), nn.LazyLinear(2), nn.Sigmoid()),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("name", LEFT_ALONE)
def test_left_alone(name: str) -> None:
    model = LEFT_ALONE[name]()
    before = list(model.modules())
    inkgrad.patch(model)
    assert all(a is b for a, b in zip(model.modules(), before, strict=True))


POOLS_LEFT_ALONE = {
    "overlapping": nn.MaxPool2d(3, stride=2),
    "padded": nn.MaxPool2d(2, padding=1),
    "dilated": nn.MaxPool2d(2, dilation=2),
    "with indices": nn.MaxPool2d(2, return_indices=True),
    "ceil_mode": nn.MaxPool2d(2, ceil_mode=True),
    "average": nn.AvgPool2d(2),
    "hooked": with_hook(nn.MaxPool2d(2), "forward_hook"),
}


@pytest.mark.parametrize("name", POOLS_LEFT_ALONE)
def test_pools_that_are_not_fused(name: str) -> None:
    pool = POOLS_LEFT_ALONE[name]
    model = inkgrad.patch(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), pool))
    assert kinds(model) == [inn.Conv2d, nn.ReLU, type(pool)]


def test_a_hooked_conv_is_swapped_with_its_hooks() -> None:
    seen: list[tuple[int, ...]] = []
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2))
    handle = model[0].register_forward_hook(lambda _m, _i, output: seen.append(output.shape))
    inkgrad.patch(model)
    assert kinds(model) == [inn.Conv2d, nn.ReLU, nn.MaxPool2d]
    model(torch.ones(1, 1, 8, 8))
    handle.remove()
    model(torch.ones(1, 1, 8, 8))
    assert seen == [(1, 2, 6, 6)]


class Shared(nn.Module):
    """One Linear and one Sigmoid, each used in several places and not always together."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(3, 3)
        self.act = nn.Sigmoid()
        self.net = nn.Sequential(
            self.encoder, self.act, nn.Tanh(), self.act, self.encoder, self.act
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) + self.encoder(x) + self.act(x)


def test_a_module_used_in_several_places_keeps_its_meaning_in_each() -> None:
    model = Shared()
    encoder, elsewhere = model.encoder, nn.Sequential(model.encoder, nn.Tanh())
    input = torch.rand(2, 3)
    expected = [model(input), elsewhere(input)]
    keys = list(model.state_dict())
    inkgrad.patch(model)
    assert kinds(model.net) == [inn.LinearSigmoid, nn.Identity, nn.Tanh, nn.Sigmoid]
    assert model.net[0] is model.net[4]  # still one module in two places
    assert model.net[0].weight is encoder.weight
    assert list(model.state_dict()) == keys
    assert_close([model(input), elsewhere(input)], expected)
    # a parameter replaced on the one is replaced on the other
    model.net[0].weight = nn.Parameter(torch.zeros(3, 3))
    assert encoder.weight is model.net[0].weight
    inkgrad.unpatch(model)
    assert model.net[0] is model.net[4] is model.encoder is encoder
    assert model.net[1] is model.net[3] is model.act


def test_functional_call_sees_a_shared_layer_everywhere() -> None:
    model = Shared()
    input = torch.rand(2, 3)
    parameters = {name: p.detach() + 1 for name, p in model.named_parameters()}
    expected, before = torch.func.functional_call(model, parameters, input), model(input)
    inkgrad.patch(model)
    assert_close(torch.func.functional_call(model, parameters, input), expected)
    assert_close(model(input), before)


@pytest.mark.parametrize("make", [lambda: nn.Conv2d(1, 2, 3), nn.BCELoss])
def test_a_bare_module_comes_back_swapped(make) -> None:
    native = make()
    fused = inkgrad.patch(native)
    assert type(fused) is getattr(inn, type(native).__name__)
    assert inkgrad.unpatch(fused) is native


def test_unpatch_names_what_was_parametrized_since_and_changes_nothing() -> None:
    model = inkgrad.patch(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(2, 2), nn.Sigmoid()))
    parametrized(model[1])
    with pytest.raises(RuntimeError, match="'1' was parametrized after patch"):
        inkgrad.unpatch(model)
    assert type(model[0]) is inn.Conv2d
    parametrize.remove_parametrizations(model[1], "weight")
    assert kinds(inkgrad.unpatch(model)) == [nn.Conv2d, nn.Linear, nn.Sigmoid]


def test_a_compiled_model_can_be_patched() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid())
    input = torch.rand(4, 3)
    expected = model(input)
    compiled = torch.compile(model, backend="eager")
    compiled(input)
    inkgrad.patch(compiled)
    assert kinds(model) == [inn.LinearSigmoid, nn.Identity]
    assert_close(compiled(input), expected)
