"""Whatever is done to the layers of a patched model does what it does to a native one."""

from __future__ import annotations

import types
from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fusion, parametrizations, parametrize, prune

import inkgrad
import inkgrad.nn as ink
from side_by_side import Make, beside_native, cnn, error, images, mlp, rows, trained

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def linears(model: nn.Module) -> list[nn.Linear]:
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


def replace_each(model: nn.Module, old: type, new: Callable[..., nn.Module]) -> None:
    """Exchange modules of exactly this class, as adapter libraries do."""
    for name, module in list(model.named_modules()):
        if type(module) is old:
            parent, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(parent), attribute, new(module))


# ---- layers


@beside_native
def test_new_head(make: Make) -> object:
    model = make(cnn()).eval()
    model.classifier.fc2 = nn.Linear(16, 5)
    return trained(model, model(images()))


@beside_native
def test_removed_layers(make: Make) -> object:
    model = make(mlp())
    model.pop(1)
    model.pop(-1)
    del model[1:3]
    return len(model), trained(model, model(rows()))


@beside_native
def test_containers_added_and_multiplied(make: Make) -> object:
    model = make(mlp()) + nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    model += nn.Sequential(nn.Linear(3, 4), nn.Sigmoid())
    model = make(model * 2)
    model.extend([nn.Linear(4, 1), nn.Sigmoid()])
    return len(model), trained(model, model(rows()))


@beside_native
def test_class_of_an_activation_exchanged(make: Make) -> object:
    model = make(mlp())
    model[1].__class__ = nn.Tanh
    model[3].inplace = True
    return trained(model, model(rows()))


@beside_native
def test_activations_that_do_more(make: Make) -> object:
    class Doubling(nn.ReLU):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * 2

    model = make(nn.Sequential(nn.Linear(4, 4), Doubling(), nn.Linear(4, 4), nn.Sigmoid()))
    return trained(model, model(rows()))


@beside_native
def test_a_layer_after_the_pool_works_in_place(make: Make) -> object:
    layers = (nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2))
    model = make(nn.Sequential(*layers, nn.Dropout(inplace=True), nn.Conv2d(2, 1, 1)))
    return trained(model, model(images()))


@beside_native
def test_a_forward_works_in_place_on_a_pool(make: Make) -> object:
    model = make(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2)))
    return trained(model, F.hardtanh_(model(images()), 0.1, 0.5))


def test_a_forward_works_in_place_on_a_relu_that_is_fused() -> None:
    """Natively the ReLU has kept its output; the fused op has not."""
    results = []
    for make, inplace in ((nn.Sequential, False), (ink.Sequential, True)):
        torch.manual_seed(0)
        model = make(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU())
        results.append(trained(model, F.hardtanh(model(images()), 0.1, 0.5, inplace=inplace)))
    torch.testing.assert_close(*results)


@beside_native
def test_order_of_children_exchanged(make: Make) -> object:
    model = make(nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Tanh()))
    model._modules = OrderedDict(reversed(list(model._modules.items())))
    return model(rows())


@beside_native
def test_children_by_hand(make: Make) -> object:
    """Style transfer and feature extraction call the children one by one."""
    x, outputs = images(), []
    for child in make(cnn()).eval().features.children():
        x = child(x)
        outputs.append(x.clone())
    return outputs


@beside_native
def test_a_child_that_is_none(make: Make) -> object:
    model = make(nn.Sequential(OrderedDict(a=nn.Linear(4, 4), b=nn.ReLU())))
    model.b = None
    return error(lambda: model(rows()))


@beside_native
def test_settings_edited(make: Make) -> object:
    model = make(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2)))
    conv, pool = model[0], model[2]
    outputs = []
    for module, name, value in [
        (conv, "stride", 2), (conv, "padding", 1), (conv, "dilation", 2), (pool, "stride", None),
        (pool, "kernel_size", 3), (pool, "stride", 3), (pool, "kernel_size", [2, 3]),
        (pool, "ceil_mode", True), (conv, "padding", 2),
    ]:  # fmt: skip
        setattr(module, name, value)
        outputs.append(model(images()))
    return outputs


@beside_native
def test_padding_modes_edited(make: Make) -> object:
    conv = nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")
    model = make(nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2)))
    conv.padding = 2  # native keeps padding by the old amount
    first = model(images())
    conv.padding_mode = "zeros"
    return first, model(images())


@beside_native
def test_errors_are_natives(make: Make) -> object:
    inputs = {
        mlp: [torch.rand(3, 5), torch.ones(3, 4, dtype=torch.long), [1, 2]],
        cnn: [torch.rand(3, 2, 28, 28), torch.rand(1, 1, 4, 4), None],
    }
    return [error(lambda: make(model())(x)) for model, bad in inputs.items() for x in bad]  # noqa: B023


# ---- adapters


class LoRA(nn.Module):
    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.delta = nn.Parameter(torch.rand(base.out_features, base.in_features))

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + F.linear(x, self.delta)


@beside_native
def test_adapters_by_exact_class(make: Make) -> object:
    model = make(cnn()).eval()
    replace_each(model, nn.Linear, LoRA)
    return trained(model, model(images()))


@beside_native
def test_adapters_by_a_bound_forward(make: Make) -> object:
    model = make(mlp())

    def forward(self: nn.Linear, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * 2, self.bias) + 1

    for layer in linears(model):
        layer.forward = types.MethodType(forward, layer)
    return trained(model, model(rows()))


@beside_native
def test_adapters_by_class(make: Make) -> object:
    class Scaled(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * 3

    model = make(mlp())
    for layer in linears(model):
        layer.__class__ = Scaled
    return trained(model, model(rows()))


@beside_native
def test_a_helper_of_forward_replaced(make: Make) -> object:
    model = make(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2)))
    convolve = model[0]._conv_forward
    model[0]._conv_forward = lambda x, weight, bias: convolve(x, weight * 2, bias)
    return model(images())


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (nn.Linear, "forward"), (nn.ReLU, "forward"), (nn.Conv2d, "_conv_forward"),
        (nn.Module, "__call__"), (nn.Module, "_call_impl"), (nn.ReLU, "__call__"),
        (nn.Sequential, "forward"), (F, "linear"), (F, "max_pool2d"), (torch, "sigmoid"),
        (torch, "relu"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)  # fmt: skip
def test_functions_replaced_in_torch(
    owner: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Profilers and adapters wrap torch's own functions for all models."""
    original, calls = getattr(owner, name), []
    monkeypatch.setattr(owner, name, lambda *a, **k: calls.append(name) or original(*a, **k))
    model, input = cnn().eval(), images()
    model(input)
    expected = len(calls)
    inkgrad.patch(model)(input)
    assert len(calls) == 2 * expected > 0


# ---- parameters


@beside_native
def test_pruning(make: Make) -> object:
    model = make(cnn()).eval()
    conv, fc = model.features[0], model.classifier.fc1
    prune.global_unstructured([(conv, "weight"), (fc, "weight")], prune.L1Unstructured, amount=0.5)
    prune.random_unstructured(fc, "bias", 0.5)
    pruned = model(images())
    with torch.no_grad():
        fc.weight_orig.mul_(2)
    again = trained(model, model(images()))
    prune.remove(conv, "weight")
    prune.remove(fc, "weight")
    return pruned, again, sorted(model.state_dict()), model(images())


@beside_native
def test_weight_norm_put_on_and_taken_off(make: Make) -> object:
    model = make(cnn()).eval()
    nn.utils.weight_norm(model.classifier.fc1)
    parametrizations.weight_norm(model.features[0])
    normed = trained(model, model(images()))
    nn.utils.remove_weight_norm(model.classifier.fc1)
    parametrize.remove_parametrizations(model.features[0], "weight")
    return normed, model(images()), list(model.state_dict())


@beside_native
def test_spectral_norm(make: Make) -> object:
    model = make(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Sigmoid()))
    nn.utils.spectral_norm(model[0])
    parametrizations.spectral_norm(model[2])
    return [trained(model, model(rows())) for _ in range(2)]


@beside_native
def test_parametrized_biases_and_containers(make: Make) -> object:
    class Square(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * x

    model = make(mlp())
    parametrizations.orthogonal(model[2])
    parametrize.register_parametrization(model[4], "bias", Square())
    with parametrize.cached():
        output = trained(model, model(rows()))
    model.register_parameter("own", nn.Parameter(torch.ones(2)))
    parametrize.register_parametrization(model, "own", Square())
    inkgrad.unpatch(model)
    own = model.own
    parametrize.remove_parametrizations(model, "own")
    return output, own, model(rows()), type(model).__name__.removeprefix("Patched")


@beside_native
def test_parameters_replaced_by_other_things(make: Make) -> object:
    outputs = []
    for replace in (
        lambda layer: setattr(layer, "bias", None),
        lambda layer: setattr(layer, "weight", nn.Parameter(torch.ones(8, 4))),
        lambda layer: setattr(layer.weight, "data", torch.ones(8, 4)),
        lambda layer: (delattr(layer, "weight"), setattr(layer, "weight", torch.ones(8, 4))),
        lambda layer: (delattr(layer, "bias"), setattr(layer, "bias", torch.ones(8))),
        lambda layer: (delattr(layer, "weight"), layer.register_buffer("weight", torch.ones(8, 4))),
        lambda layer: object.__setattr__(layer, "weight", torch.ones(8, 4)),
        lambda layer: layer._parameters.__setitem__("bias", nn.Buffer(torch.ones(8))),
    ):
        model = make(mlp())
        replace(model[0])
        outputs.append(trained(model, model(rows())))
    return outputs


@beside_native
def test_a_deleted_weight_is_an_error(make: Make) -> object:
    model = make(mlp())
    del model[0].weight
    return error(lambda: model(rows()))


@beside_native
def test_tied_weights(make: Make) -> object:
    layer = nn.Linear(4, 4)
    model = make(nn.Sequential(layer, nn.Sigmoid(), nn.Linear(4, 4), nn.ReLU()))
    model[2].weight = model[0].weight
    return trained(model, model(rows()))


@beside_native
def test_lazy_layers(make: Make) -> object:
    model = make(
        nn.Sequential(
            nn.LazyConv2d(2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(3),
            nn.Sigmoid(),
        )
    )  # fmt: skip
    return model(images()), model(images()), type(model[0]).__name__


@beside_native
def test_dtypes_and_devices(make: Make) -> object:
    outputs = []
    for dtype in (torch.double, torch.bfloat16, torch.half):
        model = make(cnn()).eval().to(dtype)
        outputs.append(model(images().to(dtype)))
    with torch.device("meta"):
        model = make(mlp())
    model = model.to_empty(device="cpu")
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.1)
    return outputs, trained(model, model(rows()))


@beside_native
def test_assigned_onto_meta(make: Make) -> object:
    source = cnn()
    with torch.device("meta"):
        model = make(cnn())
    model.load_state_dict(source.state_dict(), assign=True)
    return trained(model.eval(), model(images()))


@beside_native
def test_mixed_dtypes_are_an_error(make: Make) -> object:
    model = make(mlp())
    model[0].half()
    return error(lambda: model(rows()))


@beside_native
def test_frozen_layers(make: Make) -> object:
    model = make(cnn()).eval().requires_grad_(False)
    frozen = model(images()).requires_grad
    model.classifier.requires_grad_(True)
    input = images().requires_grad_()
    return frozen, trained(model, model(input)), input.grad


# ---- fusion by others


@beside_native
def test_batch_norm_folded_by_torch(make: Make) -> object:
    layers = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2)
    model = make(nn.Sequential(*layers))
    model(images())
    model.eval()
    model[0] = fusion.fuse_conv_bn_eval(model[0], model[1])
    del model[1]
    return model(images())


# ---- containers


@beside_native
def test_nested_containers(make: Make) -> object:
    inner = nn.Sequential(nn.Sequential(nn.Linear(4, 4)), nn.Sigmoid())
    model = make(nn.Sequential(inner, nn.ReLU(), nn.Sequential(), nn.Linear(4, 2), nn.ReLU()))
    return trained(model, model(rows()))


@beside_native
def test_containers_with_their_own_forward_or_call(make: Make) -> object:
    class Scaled(nn.Sequential):
        def forward(self, x: Tensor, scale: float = 2) -> Tensor:
            return super().forward(x) * scale

    class Wrapped(nn.Sequential):
        def __call__(self, *args: Tensor) -> Tensor:
            return super().__call__(*args) * 2

    scaled = make(Scaled(nn.Linear(4, 4), nn.ReLU()))
    wrapped = make(nn.Sequential(Wrapped(nn.Linear(4, 4), nn.ReLU()), nn.Sigmoid()))
    return scaled(rows(), scale=3), trained(wrapped, wrapped(rows()))


@beside_native
def test_lists_and_dictionaries_of_modules(make: Make) -> object:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4), nn.ReLU(), mlp()])
            self.heads = nn.ModuleDict({"a": nn.Sequential(nn.Linear(2, 2), nn.ReLU())})

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = layer(x)
            return self.heads["a"](x)

    model = make(Model())
    return trained(model, model(rows()))


@beside_native
def test_a_container_in_two_models(make: Make) -> object:
    shared = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    first, second = nn.Sequential(shared, nn.Sigmoid()), nn.Sequential(shared, nn.Tanh())
    make(first)
    outputs = [first(rows()), second(rows())]
    inkgrad.unpatch(second)
    return outputs, first(rows()), second(rows())


@beside_native
def test_part_patched_first_or_unpatched_first(make: Make) -> object:
    model = cnn().eval()
    make(model.features)
    outputs = [model(images())]
    make(model)
    outputs.append(model(images()))
    inkgrad.unpatch(model.classifier)
    outputs.append(model(images()))
    inkgrad.unpatch(model)
    inkgrad.unpatch(model)
    return outputs, model(images()), type(model).__name__


@pytest.mark.parametrize("make_model", [mlp, nn.BCELoss], ids=lambda each: each.__name__)
def test_unpatch_after_forward_was_wrapped(make_model: Callable[[], nn.Module]) -> None:
    @beside_native
    def wrapped(make: Make) -> object:
        model = make(make_model())
        forward = model.forward
        model.forward = lambda *inputs: forward(*inputs) * 2
        inputs = [rows()] if isinstance(model, nn.Sequential) else [rows(), rows()]
        first = model(*inputs)
        inkgrad.unpatch(model)
        return first, model(*inputs)

    wrapped()


@beside_native
def test_stochastic_depth_and_dropout(make: Make) -> object:
    ops = pytest.importorskip("torchvision.ops")

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True))
            self.drop = ops.StochasticDepth(0.5, "row")

        def forward(self, x: Tensor) -> Tensor:
            return x + self.drop(self.inner(x))

    model = make(nn.Sequential(Block(), nn.Dropout(), Block()))
    return trained(model, model(rows(8)))
