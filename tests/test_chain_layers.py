"""A chain trains what torch.optim.SGD trains, to the same result, or says why it does not."""

from __future__ import annotations

import copy
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

import inkgrad.nn as ink
from comparing import needs_extension
from inkgrad.chain import Chain

pytestmark = needs_extension
Layers = list[nn.Module]
Change = Callable[[Layers], object]


def make() -> Layers:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return [nn.Linear(6, 6), ink.LinearReLU(6, 6), ink.LinearSigmoid(6, 1)]


def make_images() -> Layers:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return [
            ink.ConvReluMaxPool2d(1, 2, kernel_size=3),
            nn.Flatten(),
            ink.LinearReLU(2 * 3 * 3, 5),
            nn.Linear(5, 4),
        ]


GENERATOR = torch.Generator().manual_seed(1)
INPUTS = torch.rand(20, 6, generator=GENERATOR)
TARGETS = torch.rand(20, 1, generator=GENERATOR).round()
IMAGES = torch.rand(20, 1, 8, 8, generator=GENERATOR)
LABELS = torch.randint(4, (20,), generator=GENERATOR)


def train_natively(
    layers: Layers, criterion: nn.Module, x: Tensor, t: Tensor, steps: int, **sgd: float
) -> None:
    model = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, **sgd)
    for _ in range(steps):
        optimizer.zero_grad()
        criterion(model(x), t).backward()
        optimizer.step()


def assert_same(ours: Layers, native: Layers) -> None:
    for layer, other in zip(ours, native, strict=True):
        for name, value in other.state_dict().items():
            torch.testing.assert_close(layer.state_dict()[name], value, rtol=1e-4, atol=1e-5)


# --- what is refused -----------------------------------------------------------------------------


def own_forward(layers: Layers) -> None:
    layers[1].forward = lambda x: torch.zeros_like(x)


def share(layers: Layers) -> None:
    layers[1].weight = layers[0].weight


def exchange(layers: Layers) -> None:
    first, second = layers[0].weight, layers[1].weight
    layers[0].weight, layers[1].weight = second, first


def share_memory(layers: Layers) -> None:
    layers[1].weight.data = layers[0].weight.data


def share_bias_memory(layers: Layers) -> None:
    layers[1].bias.data = layers[0].weight.data[0]


def hook_the_accumulator(layers: Layers) -> Any:
    weight = layers[1].weight
    node = weight.view_as(weight).grad_fn.next_functions[0][0]
    node.register_hook(lambda *_: None)
    return node  # keeps the node alive


def set_(name: str, value: Callable[[Tensor], Tensor]) -> Change:
    def change(layers: Layers) -> None:
        getattr(layers[1], name).data = value(getattr(layers[1], name).data)

    return change


class Other(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


# Changes of layers[1], or that name it: refused before and after the chain is made.
REFUSED: dict[str, tuple[Change, str]] = {
    "forward": (own_forward, "its forward was replaced"),
    "subclass": (
        lambda ls: setattr(ls[1], "__class__", type("Mine", (ink.LinearReLU,), {})),
        "got Mine",
    ),
    "forward hook": (lambda ls: ls[1].register_forward_hook(lambda *_: None), "hooks"),
    "forward pre-hook": (lambda ls: ls[1].register_forward_pre_hook(lambda *_: None), "hooks"),
    "hook with kwargs": (
        lambda ls: ls[1].register_forward_hook(lambda *_: None, with_kwargs=True, always_call=True),
        "hooks",
    ),
    "backward hook": (lambda ls: ls[1].register_full_backward_hook(lambda *_: None), "hooks"),
    "backward pre-hook": (
        lambda ls: ls[1].register_full_backward_pre_hook(lambda *_: None),
        "hooks",
    ),
    "tensor hook": (lambda ls: ls[1].weight.register_hook(lambda g: 2 * g), "its weight has hooks"),
    "post-accumulate hook": (
        lambda ls: ls[1].bias.register_post_accumulate_grad_hook(lambda p: None),
        "its bias has hooks",
    ),
    "node hook": (hook_the_accumulator, "its weight has hooks"),
    "compiled": (lambda ls: ls[1].compile(backend="eager"), "compiled"),
    "old weight_norm": (lambda ls: nn.utils.weight_norm(ls[1]), "hooks"),
    "weight_norm": (lambda ls: parametrizations.weight_norm(ls[1]), "got Parametrized"),
    "old spectral_norm": (lambda ls: nn.utils.spectral_norm(ls[1]), "hooks"),
    "spectral_norm": (lambda ls: parametrizations.spectral_norm(ls[1]), "got Parametrized"),
    "orthogonal": (lambda ls: parametrizations.orthogonal(ls[1]), "got Parametrized"),
    "pruned": (lambda ls: prune.l1_unstructured(ls[1], "weight", 0.5), "hooks"),
    "new parameter": (
        lambda ls: setattr(ls[1], "weight", nn.Parameter(torch.rand(6, 6))),
        "others than when the chain was made",
    ),
    "no bias": (
        lambda ls: setattr(ls[1], "bias", None),
        "others than when the chain was made",
    ),
    "assign": (
        lambda ls: ls[1].load_state_dict(copy.deepcopy(ls[1].state_dict()), assign=True),
        "others than when the chain was made",
    ),
    "shared": (share, "layers 0 and 1, Linear.* share a parameter"),
    "exchanged": (exchange, "others than when the chain was made"),
    "shared memory": (share_memory, "layers 0 and 1, .* or its memory"),
    "shared bias memory": (share_bias_memory, "layers 0 and 1"),
    "larger": (set_("weight", lambda w: torch.rand(60, 60)), "a bias for each output"),
    "wider": (set_("weight", lambda w: torch.rand(6, 60)), "has become one of"),
    "shorter bias": (set_("bias", lambda b: b[:1].clone()), "a bias for each output"),
    "strided bias": (set_("bias", lambda b: torch.rand(12)[::2]), "contiguous .* strides"),
    "strided": (set_("weight", lambda w: w.t()), "contiguous .* strides"),
    "expanded": (set_("weight", lambda w: w[:1].expand(6, 6)), "contiguous .* strides"),
    "flat": (set_("weight", lambda w: w.flatten()), "a weight for each input"),
    "empty": (set_("weight", lambda w: torch.rand(0, 6)), "is empty"),
    "double": (lambda ls: ls[1].double(), "got torch.float64"),
    "half": (lambda ls: ls[1].half(), "got torch.float16"),
    "integers": (
        lambda ls: setattr(ls[1].weight.requires_grad_(False), "data", torch.ones(6, 6).int()),
        "torch.int32",
    ),
    "meta": (lambda ls: ls[1].to("meta"), "on meta"),
    "sparse": (
        lambda ls: setattr(ls[1], "weight", nn.Parameter(torch.rand(6, 6).to_sparse())),
        "torch.sparse_coo",
    ),
    "subclass of tensor": (
        lambda ls: ls[1]._parameters.update(weight=torch.rand(6, 6).as_subclass(Own)),
        "is a Own",
    ),
    "no bias at all": (lambda ls: ls[1]._parameters.pop("bias"), "is not a parameter"),
    "memory released": (
        lambda ls: ls[1].weight.untyped_storage().resize_(0),
        "memory of its weight was released",
    ),
    "computed": (
        lambda ls: ls[1]._parameters.update(weight=2 * torch.rand(6, 6).requires_grad_()),
        "computed from another tensor",
    ),
    "inference tensor": (
        torch.inference_mode()(lambda ls: setattr(ls[1], "weight", nn.Parameter(torch.rand(6, 6)))),
        "inference mode",
    ),
}


class Own(Tensor):
    pass


# Right for a chain that is made afterwards.
ONLY_AFTER = {"new parameter", "no bias", "assign", "exchanged", "wider"}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_change_afterwards_is_refused(name: str) -> None:
    change, message = REFUSED[name]
    layers = make()
    chain = Chain(layers, ink.BCELoss())
    chain.step(INPUTS, TARGETS, lr=0.1)
    for layer in layers:  # which no step depends on
        layer.eval()
    chain.step(INPUTS, TARGETS, lr=0.1)
    before = {p: p.detach().clone() for p in chain.parameters()}
    kept = change(layers)
    changed = layers[1].parameters()
    for call in (
        lambda: chain.step(INPUTS, TARGETS, lr=0.1),
        lambda: chain.backward(INPUTS, TARGETS),
        lambda: chain.evaluate(INPUTS, TARGETS),
        lambda: chain.is_finite,
        chain.validate,
    ):
        with pytest.raises(ValueError, match=f"(?s)^chain: .*{message}"):
            call()
    for parameter in {*chain.parameters()} - {*changed}:
        assert torch.equal(parameter, before[parameter])
    del kept


@pytest.mark.parametrize("name", sorted(set(REFUSED) - ONLY_AFTER))
def test_a_change_before_is_refused(name: str) -> None:
    change, message = REFUSED[name]
    layers = make()
    kept = change(layers)
    with pytest.raises(ValueError, match=f"(?s)^chain: .*{message}"):
        Chain(layers, ink.BCELoss())
    assert Chain.of(layers, ink.BCELoss()) is None
    del kept


@pytest.mark.parametrize("name", sorted(ONLY_AFTER - {"wider"}))
def test_a_new_chain_trains_what_is_there_now(name: str) -> None:
    change, _ = REFUSED[name]
    layers = make()
    change(layers)
    native = copy.deepcopy(layers)
    chain = Chain(layers, ink.BCELoss())
    for _ in range(3):
        chain.step(INPUTS, TARGETS, lr=0.3)
    train_natively(native, nn.BCELoss(), INPUTS, TARGETS, 3)
    assert_same(layers, native)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("pool", 1), ("padding", (1, 1)), ("stride", (2, 2)), ("padding_mode", "circular")],
)
def test_a_changed_setting_is_refused(attribute: str, value: object) -> None:
    layers = make_images()
    chain = Chain(layers, nn.CrossEntropyLoss())
    setattr(layers[0], attribute, value)
    with pytest.raises(ValueError, match=r"^chain: layer 0, ConvReluMaxPool2d"):
        chain.step(IMAGES, LABELS, lr=0.1)


def test_changed_constants_are_refused() -> None:
    layers = [ink.Standardize(0.5, 2.0), ink.LinearSigmoid(6, 1)]
    chain = Chain(layers, ink.BCELoss())
    layers[0].std = 3.0
    with pytest.raises(ValueError, match=r"layer 0, Standardize.*it was standardize"):
        chain.step(INPUTS, TARGETS, lr=0.1)
    with pytest.raises(ValueError, match=r"layer 0, Standardize.*numbers"):
        Chain([ink.Standardize(torch.ones(6), 2.0), layers[1]], ink.BCELoss())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: setattr(c, "reduction", "none"), "got BCELoss"),
        (lambda c: setattr(c, "reduction", "sum"), "the criterion was changed"),
        (lambda c: setattr(c, "weight", torch.ones(1)), "got BCELoss"),
        (lambda c: c.register_forward_hook(lambda *_: None), "the criterion.*hooks"),
        (lambda c: setattr(c, "forward", lambda x, t: x.sum()), "the criterion.*forward"),
    ],
    ids=["reduction", "sum", "weight", "hook", "forward"],
)
def test_a_changed_criterion_is_refused(change: Callable[[Any], object], message: str) -> None:
    criterion = ink.BCELoss()
    chain = Chain(make(), criterion)
    change(criterion)
    with pytest.raises(ValueError, match=message):
        chain.step(INPUTS, TARGETS, lr=0.1)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (nn.Linear, "forward"),
        (ink.LinearReLU, "forward"),
        (ink.BCELoss, "forward"),
        (nn.Module, "__call__"),
        (nn.Module, "_call_impl"),
        # Inherited: set on the class, they hide those of nn.Module.
        (nn.Linear, "__call__"),
        (ink.LinearReLU, "__call__"),
        (ink.BCELoss, "_call_impl"),
        (nn.functional, "linear"),
        (nn.functional, "binary_cross_entropy"),
    ],
    ids=lambda owner: getattr(owner, "__name__", owner),
)
def test_a_replaced_function_is_refused(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(make(), ink.BCELoss())
    monkeypatch.setattr(owner, name, lambda self, *args: args[0], raising=False)
    with pytest.raises(ValueError, match=r"was replaced|in the place of one of torch's"):
        chain.step(INPUTS, TARGETS, lr=0.1)
    assert Chain.of(make(), ink.BCELoss()) is None
    monkeypatch.undo()
    chain.step(INPUTS, TARGETS, lr=0.1)


def test_hooks_of_all_modules_are_refused() -> None:
    chain = Chain(make(), ink.BCELoss())
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        with pytest.raises(ValueError, match="all modules"):
            chain.step(INPUTS, TARGETS, lr=0.1)
    finally:
        handle.remove()
    chain.step(INPUTS, TARGETS, lr=0.1)


def test_an_empty_layer_is_refused() -> None:
    """8 -> 0 -> 1."""
    with pytest.warns(UserWarning, match="zero-element"):
        layers = [ink.LinearSigmoid(8, 0), ink.LinearSigmoid(0, 1)]
    with pytest.raises(ValueError, match=r"layer 0, LinearSigmoid.*is empty, with shape \[0, 8\]"):
        Chain(layers, ink.BCELoss())


@pytest.mark.parametrize("twice", [lambda ls: [ls[0], ls[0], ls[2]], lambda ls: [*ls, ls[2]]])
def test_a_layer_used_twice_is_refused(twice: Callable[[Layers], Layers]) -> None:
    with pytest.raises(ValueError, match="share a parameter or its memory"):
        Chain(twice(make()), ink.BCELoss())


@pytest.mark.parametrize(
    "value", [None, torch.sigmoid, "Linear", nn.Linear], ids=["None", "function", "name", "class"]
)
def test_what_is_no_module_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^chain: layer 1: expected layers of"):
        Chain([nn.Linear(6, 6), value], ink.BCELoss())
    if value is not None:  # a chain without a loss
        with pytest.raises(ValueError, match=r"^chain: expected BCELoss"):
            Chain(make(), value)


# --- what is the same as natively ----------------------------------------------------------------


def same_shape(layers: Layers) -> None:
    layers[1].weight.data = torch.full((6, 6), 0.1)


def hook_and_remove(layers: Layers) -> None:
    for handle in (
        layers[1].register_forward_hook(lambda *_: None),
        layers[1].weight.register_hook(lambda g: 2 * g),
        layers[1].weight.register_post_accumulate_grad_hook(lambda p: None),
    ):
        handle.remove()


def prune_for_good(layers: Layers) -> None:
    prune.remove(prune.l1_unstructured(layers[1], "weight", 0.5), "weight")


def there_and_back(layers: Layers) -> None:
    for layer in layers:
        layer.double().float()


# Changes of layers that a chain goes along with.
TAKEN: dict[str, Change] = {
    "nothing": lambda ls: None,
    "data of the same shape": same_shape,
    "load_state_dict": lambda ls: ls[1].load_state_dict(
        {"weight": torch.full((6, 6), 0.1), "bias": torch.ones(6)}
    ),
    "in place": lambda ls: nn.init.constant_(ls[1].weight, 0.1),
    "hooks that are removed": hook_and_remove,
    "state-dict hooks": lambda ls: ls[1].register_state_dict_post_hook(lambda *_: None),
    "eval": lambda ls: ls[1].eval(),
    "an attribute": lambda ls: setattr(ls[1], "comment", "mine"),
    "double and back": there_and_back,
    "pruned for good": prune_for_good,
    "a layer is frozen": lambda ls: ls[1].requires_grad_(False),
    "the first layer is frozen": lambda ls: ls[0].requires_grad_(False),
    "the last layer is frozen": lambda ls: ls[2].requires_grad_(False),
    "a weight is frozen": lambda ls: ls[1].weight.requires_grad_(False),
    "a bias is frozen": lambda ls: ls[1].bias.requires_grad_(False),
    "only the first bias is trained": lambda ls: [
        p.requires_grad_(p is ls[0].bias) for layer in ls for p in layer.parameters()
    ],
    "a gradient": lambda ls: setattr(ls[1].weight, "grad", torch.zeros(6, 6)),
}
SGD: list[dict[str, float]] = [{}, {"momentum": 0.9}, {"momentum": 0.5, "weight_decay": 0.1}]


@pytest.mark.parametrize("sgd", SGD, ids=str)
@pytest.mark.parametrize("name", TAKEN)
def test_a_change_between_steps_is_that_of_sgd(name: str, sgd: dict[str, float]) -> None:
    layers, native = make(), make()
    chain = Chain(layers, ink.BCELoss())
    model = nn.Sequential(*native)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, **sgd)
    for step in range(6):
        if step == 2:
            with torch.random.fork_rng(devices=[]):
                for each in (layers, native):
                    torch.manual_seed(2)
                    TAKEN[name](each)
        if step == 4:
            for each in (layers, native):
                nn.Sequential(*each).requires_grad_(True)
        lr = 0.3 / (1 + step)
        loss = chain.step(INPUTS, TARGETS, lr=lr, **sgd)
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        expected = nn.functional.binary_cross_entropy(model(INPUTS), TARGETS)
        expected.backward()
        optimizer.step()
        assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    assert_same(layers, native)


@pytest.mark.parametrize("frozen", ["0.weight", "0.bias", "0", "2", "2.weight", "3"])
def test_frozen_images(frozen: str) -> None:
    layers, native = make_images(), make_images()
    for each in (layers, native):
        parameters = dict(nn.Sequential(*each).named_parameters())
        for name, parameter in parameters.items():
            parameter.requires_grad_(not name.startswith(frozen))
    chain = Chain(layers, nn.CrossEntropyLoss())
    for _ in range(3):
        chain.step(IMAGES, LABELS, lr=0.3, momentum=0.9, weight_decay=0.01)
    train_natively(
        native, nn.CrossEntropyLoss(), IMAGES, LABELS, 3, momentum=0.9, weight_decay=0.01
    )
    assert_same(layers, native)
    parameters = zip(chain.parameters(), chain.gradients(), strict=True)
    assert all((gradient is None) != p.requires_grad for p, gradient in parameters)


def test_all_frozen_is_refused() -> None:
    layers = make()
    nn.Sequential(*layers).requires_grad_(False)
    chain = Chain(layers, ink.BCELoss())
    for call in (chain.backward, lambda x, t: chain.step(x, t, lr=0.1)):
        with pytest.raises(ValueError, match="no parameter requires grad"):
            call(INPUTS, TARGETS)
    chain.evaluate(INPUTS, TARGETS)


@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay"])
def test_options_are_those_of_sgd(name: str) -> None:
    """Both refuse negative numbers, and take NaN."""
    with pytest.raises(ValueError, match=r"(?i)invalid"):
        torch.optim.SGD(make()[0].parameters(), **{"lr": 0.1, name: -1.0})
    layers = make()
    before = copy.deepcopy(layers)
    chain = Chain(layers, ink.BCELoss())
    with pytest.raises(ValueError, match="chain: invalid"):
        chain.step(INPUTS, TARGETS, **{"lr": 0.1, name: -1.0})
    assert_same(layers, before)
    chain.step(INPUTS, TARGETS, **{"lr": 0.1, name: math.nan})
    assert not chain.is_finite


def test_a_learning_rate_may_be_a_tensor() -> None:
    layers, native = make(), make()
    Chain(layers, ink.BCELoss()).step(INPUTS, TARGETS, lr=torch.tensor(0.3))
    train_natively(native, nn.BCELoss(), INPUTS, TARGETS, 1)
    assert_same(layers, native)


# --- examples ------------------------------------------------------------------------------------


class Readable(Tensor):
    pass


BAD_EXAMPLES: dict[str, tuple[Any, Any, Any]] = {
    "inputs on meta": (INPUTS.to("meta"), TARGETS, None),
    "targets on meta": (INPUTS, TARGETS.to("meta"), None),
    "rows on meta": (INPUTS, TARGETS, torch.arange(3, device="meta")),
    "double inputs": (INPUTS.double(), TARGETS, None),
    "half inputs": (INPUTS.half(), TARGETS, None),
    "integer inputs": (INPUTS.long(), TARGETS, None),
    "complex inputs": (INPUTS.cfloat().conj(), TARGETS, None),
    "sparse inputs": (INPUTS.to_sparse(), TARGETS, None),
    "CSR inputs": (INPUTS.to_sparse_csr(), TARGETS, None),
    "nested inputs": (torch.nested.nested_tensor([INPUTS]), TARGETS, None),
    "jagged inputs": (torch.nested.nested_tensor([INPUTS], layout=torch.jagged), TARGETS, None),
    "inputs of a subclass": (INPUTS.as_subclass(Readable), TARGETS, None),
    "targets of a subclass": (INPUTS, TARGETS.as_subclass(Readable), None),
    "inputs that require grad": (INPUTS.clone().requires_grad_(), TARGETS, None),
    "targets that require grad": (INPUTS, TARGETS.clone().requires_grad_(), None),
    "negative view of targets": (INPUTS, torch._neg_view(-TARGETS), None),
    "wide inputs": (torch.rand(20, 7), TARGETS, None),
    "inputs of no dimension": (torch.tensor(1.0), TARGETS, None),
    "inputs of one dimension": (torch.rand(20), TARGETS, None),
    "no inputs": (INPUTS[:0], TARGETS[:0], None),
    "no features": (INPUTS[:, :0], TARGETS, None),
    "fewer targets": (INPUTS, TARGETS[:3], None),
    "more targets": (INPUTS, torch.cat([TARGETS, TARGETS]), None),
    "flat targets": (INPUTS, TARGETS.flatten(), None),
    "target of no dimension": (INPUTS, torch.tensor(1.0), None),
    "integer targets": (INPUTS, TARGETS.long(), None),
    "double targets": (INPUTS, TARGETS.double(), None),
    "targets out of range": (INPUTS, TARGETS + 1, None),
    "targets that are NaN": (INPUTS, TARGETS * math.nan, None),
    "rows of floats": (INPUTS, TARGETS, torch.rand(3)),
    "rows of bools": (INPUTS, TARGETS, torch.ones(20, dtype=torch.bool)),
    "rows of two dimensions": (INPUTS, TARGETS, torch.zeros(2, 2, dtype=torch.int64)),
    "rows out of range": (INPUTS, TARGETS, torch.tensor([20])),
    "huge rows": (INPUTS, TARGETS, torch.tensor([2**63 - 1])),
    "negative rows": (INPUTS, TARGETS, torch.tensor([-(2**63)])),
    "no rows": (INPUTS, TARGETS, torch.tensor([], dtype=torch.int64)),
    "inputs that are a list": (INPUTS.tolist(), TARGETS, None),
    "targets that are None": (INPUTS, None, None),
    "rows that are a list": (INPUTS, TARGETS, [1, 2]),
}


@pytest.mark.parametrize("name", BAD_EXAMPLES)
def test_bad_examples_are_errors(name: str) -> None:
    layers = make()
    before = copy.deepcopy(layers)
    chain = Chain(layers, ink.BCELoss())
    inputs, targets, rows = BAD_EXAMPLES[name]
    errors = (ValueError, RuntimeError, TypeError, IndexError, NotImplementedError)
    with pytest.raises(errors):
        chain.step(inputs, targets, rows, lr=0.1)
    if rows is None and "require grad" not in name:
        with pytest.raises(errors):
            chain.evaluate(inputs, targets)
    assert_same(layers, before)
    chain.step(INPUTS, TARGETS, lr=0.1)


STRANGE_EXAMPLES: dict[str, tuple[Tensor, Tensor, Tensor | None]] = {
    "transposed": (INPUTS.t().contiguous().t(), TARGETS, None),
    "expanded": (INPUTS[:1].expand(20, 6), TARGETS, None),
    "overlapping": (torch.rand(26).as_strided((20, 6), (1, 1)), TARGETS, None),
    "every other": (torch.rand(40, 6)[::2], torch.cat([TARGETS, TARGETS])[::2], None),
    "offset": (torch.rand(21, 6)[1:], TARGETS, None),
    "int32 rows": (INPUTS, TARGETS, torch.tensor([3, 3, 1], dtype=torch.int32)),
    "strided rows": (INPUTS, TARGETS, torch.arange(10)[::3]),
    "one row": (INPUTS, TARGETS, torch.tensor([5])),
    "negative view": (torch._neg_view(-INPUTS).clone(), TARGETS, None),
}


@pytest.mark.parametrize("name", STRANGE_EXAMPLES)
def test_strange_examples_are_taken(name: str) -> None:
    inputs, targets, rows = STRANGE_EXAMPLES[name]
    layers, native = make(), make()
    Chain(layers, ink.BCELoss()).step(inputs, targets, rows, lr=0.3)
    chosen = slice(None) if rows is None else rows
    train_natively(native, nn.BCELoss(), inputs[chosen], targets[chosen], 1)
    assert_same(layers, native)


def test_inputs_may_be_the_weights_or_the_gradients_themselves() -> None:
    for of in ("parameters", "gradients"):
        layers, native = make(), make()
        chain = Chain(layers, ink.BCELoss())
        chain.step(INPUTS, TARGETS, lr=0.3)
        train_natively(native, nn.BCELoss(), INPUTS, TARGETS, 1)
        inputs = getattr(chain, of)()[2].detach()
        copied = inputs.clone()
        chain.step(inputs, TARGETS[:6], lr=0.3)
        train_natively(native, nn.BCELoss(), copied, TARGETS[:6], 1)
        assert_same(layers, native)


def test_gradients_that_are_resized_are_not_the_chains() -> None:
    layers, native = make(), make()
    chain = Chain(layers, ink.BCELoss())
    for tensor in (*chain.gradients(), *chain.velocities()):
        assert tensor is not None
        tensor.resize_(0)
    for _ in range(2):
        chain.step(INPUTS, TARGETS, lr=0.3, momentum=0.9)
    train_natively(native, nn.BCELoss(), INPUTS, TARGETS, 2, momentum=0.9)
    assert_same(layers, native)


def test_outputs_that_are_no_probabilities_are_torchs_error() -> None:
    layers = [nn.Linear(6, 1)]
    nn.init.constant_(layers[0].weight, 5)
    with pytest.raises(RuntimeError, match="input should be between 0 and 1") as native:
        nn.BCELoss()(layers[0](INPUTS), TARGETS)
    with pytest.raises(RuntimeError, match=re.escape(str(native.value).split(".")[0])):
        Chain(layers, ink.BCELoss()).step(INPUTS, TARGETS, lr=0.1)


def test_cross_entropy_of_images_is_refused() -> None:
    """Natively these are logits of shape (N, classes, height, width)."""
    with pytest.raises(ValueError, match="add a Flatten"):
        Chain(make_images()[:1], nn.CrossEntropyLoss()).step(IMAGES, LABELS, lr=0.1)


def test_ignored_targets_are_refused() -> None:
    labels = LABELS.clone()
    labels[3] = -100
    nn.CrossEntropyLoss()(torch.rand(20, 4), labels)
    with pytest.raises(ValueError, match="ignore_index"):
        Chain(make_images(), nn.CrossEntropyLoss()).step(IMAGES, labels, lr=0.1)


# --- surroundings --------------------------------------------------------------------------------


@contextmanager
def inside(name: str) -> Iterator[None]:
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.overrides import TorchFunctionMode
    from torch.utils.flop_counter import FlopCounterMode

    class Mode(TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            return function(*args, **(kwargs or {}))

    contexts: dict[str, Any] = {
        "functions": Mode(),
        "autocast": torch.autocast("cpu", torch.bfloat16),
        "flops": FlopCounterMode(display=False),
        "fake": FakeTensorMode(allow_non_fake_inputs=True),
    }
    with contexts[name]:
        yield


@pytest.mark.parametrize("name", ["autocast", "flops", "fake", "functions"])
def test_what_would_be_passed_over_is_refused(name: str) -> None:
    layers = make()
    before = copy.deepcopy(layers)
    chain = Chain(layers, ink.BCELoss())
    with inside(name):
        for call in (chain.backward, chain.evaluate):
            with pytest.raises(ValueError, match=r"autocast|TorchDispatchMode|all modules"):
                call(INPUTS, TARGETS)
    assert_same(layers, before)


def test_the_device_of_new_tensors_may_be_chosen() -> None:
    chain = Chain(make(), ink.BCELoss())
    for _ in range(2):  # what is refused afterwards is no mode that was seen before
        with torch.device("cpu"):
            chain.step(INPUTS, TARGETS, lr=0.1)
        with inside("functions"), pytest.raises(ValueError, match="all modules"):
            chain.step(INPUTS, TARGETS, lr=0.1)


def test_a_traced_step_is_refused() -> None:
    chain = Chain(make(), ink.BCELoss())

    def function(inputs: Tensor) -> Tensor:
        return inputs.sum() * float(chain.step(INPUTS, TARGETS, lr=0.1))

    with pytest.raises(ValueError, match="a tracer"):
        torch.jit.trace(function, INPUTS)


def test_inside_a_transform_it_is_refused() -> None:
    chain = Chain(make(), ink.BCELoss())

    def loss(inputs: Tensor) -> Tensor:
        return inputs.sum() * float(chain.step(INPUTS, TARGETS, lr=0.1))

    for transform in (torch.func.grad(loss), torch.func.vmap(loss)):
        with pytest.raises(ValueError, match=r"torch.func"):
            transform(INPUTS)


def test_only_one_thread_at_a_time() -> None:
    """The others get an error, and nothing crashes."""
    layers = [nn.Linear(256, 256), nn.Linear(256, 4)]
    chain = Chain(layers, nn.CrossEntropyLoss())
    inputs, targets = torch.rand(512, 256), torch.randint(4, (512,))
    messages: list[str] = []

    def work() -> None:
        for _ in range(30):
            try:
                chain.step(inputs, targets, lr=0.01)
            except RuntimeError as error:
                messages.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(messages) <= {"chain: another thread is using it"}
    assert chain.is_finite
