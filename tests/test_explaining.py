"""explain: which op runs a layer, patched or compiled, and that it agrees with what runs."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.testing import assert_close

import inkgrad
import inkgrad.nn as inn
from inkgrad import functional
from inkgrad.explaining import ISOLATED


class Net(nn.Module):
    """A Sequential, layers called by name, functional calls."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 5), nn.MaxPool2d(2), nn.ReLU())
        self.conv, self.norm = nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)
        self.fc = nn.Linear(600, 8)
        self.head = nn.Sequential(nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(self.features(x))))
        x = F.relu(self.fc(x.flatten(1)))
        return self.head(x) + F.linear(x, torch.ones(1, 8))


def test_the_op_or_the_reason() -> None:
    model = inkgrad.patch(Net())
    model.features[2].register_forward_hook(lambda *_: None)
    rows = {row.path: (row.module, row.op, row.reason) for row in inkgrad.explain(model).rows}
    assert rows == {
        "features.0": ("Conv2d", None, "ReLU: it has hooks"),
        "conv": ("Conv2d", None, "called by a forward: see inkgrad.compile(model)"),
        "fc": ("Linear", None, "called by a forward: see inkgrad.compile(model)"),
        "head.0": ("Linear", "linear_sigmoid", ""),
        "head.2": ("Linear", None, "nothing after it to fuse with"),
    }
    inkgrad.unpatch(model)
    assert not inkgrad.explain(model).fused


def test_a_hook_of_all_modules() -> None:
    model = inkgrad.patch(Net())
    with nn.modules.module.register_module_forward_hook(lambda *_: None):
        assert not inkgrad.explain(model).fused
    assert inkgrad.explain(model).fused


def test_inkgrads_own_modules() -> None:
    model = nn.Sequential(inn.LinearSigmoid(2, 2), inn.Conv2d(1, 1, 1), inn.BCELoss())
    assert [row.op for row in inkgrad.explain(model).rows] == [
        "linear_sigmoid", "conv2d", "binary_cross_entropy",
    ]  # fmt: skip


@pytest.mark.parametrize("hooked", [None, "features.1", "head.0"])
def test_agrees_with_what_runs(hooked: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    model = inkgrad.patch(Net())
    if hooked is not None:
        model.get_submodule(hooked).register_forward_hook(lambda *_: None)
    ran: list[str] = []
    for name in ("linear_sigmoid", "linear_relu", "conv2d_relu_max_pool2d"):
        op = getattr(functional, name)
        watched = lambda *a, name=name, op=op, **k: ran.append(name) or op(*a, **k)  # noqa: E731
        monkeypatch.setattr(functional, name, watched)
    model(torch.rand(1, 1, 28, 28))
    assert [row.op for row in inkgrad.explain(model).fused] == ran


def test_of_the_compiled_model() -> None:
    model = Net()
    input = torch.rand(2, 1, 28, 28)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    rows = [(r.path, r.module, r.op, r.reason) for r in inkgrad.explain(model, input).rows]
    assert rows == [
        ("features.0", "Conv2d", "conv2d_relu_max_pool2d", ""),
        ("conv", "Conv2d", None, "no pattern for conv2d, batch_norm, relu, flatten"),
        ("fc", "Linear", "linear_relu", ""),
        ("head.0", "Linear", "linear_sigmoid", ""),
        ("head.2", "Linear", None, "no pattern for linear, add"),
        ("", "linear", None, "no pattern for linear, add"),
    ]
    assert_close(model.state_dict(), state)  # running it has changed nothing


def test_of_a_model_that_is_compiled_already_and_of_a_function() -> None:
    model, input = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.rand(3, 2)
    (row,) = inkgrad.explain(inkgrad.compile(model, then="eager"), input).rows
    assert (row.path, row.op) == ("0", "linear_relu")
    (row,) = inkgrad.explain(lambda x: F.linear(x, x).sigmoid(), input).rows
    assert (row.path, row.module, row.op) == ("", "linear", "linear_sigmoid")
    with pytest.raises(TypeError, match=r"must be an nn\.Module, got function"):
        inkgrad.explain(lambda x: x)


@pytest.mark.skipif(not ISOLATED, reason="this torch counts all compilations together")
@torch._dynamo.config.patch(recompile_limit=2)
def test_uses_up_no_compilations() -> None:
    """Dynamo compiles a function a few times, then never again: explaining does not count."""
    torch._dynamo.reset()
    model, input = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.rand(3, 2)
    graphs: list[fx.GraphModule] = []
    for _ in range(3):
        assert len(inkgrad.explain(model, input).fused) == 1
    torch.compile(model, backend=lambda graph, _: graphs.append(graph) or graph.forward)(input)
    assert graphs


def test_results_used_twice() -> None:
    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = F.linear(x, x)
            return F.relu(y) + y

    (row,) = inkgrad.explain(Twice(), torch.rand(2, 2)).rows
    assert row.reason == "no pattern for linear (used 2 times)"


def test_prints_as_a_table() -> None:
    model = inkgrad.patch(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)))
    assert str(inkgrad.explain(model)).splitlines() == [
        "layer  module  runs as",
        "0      Linear  linear_relu",
        "2      Linear  torch: nothing after it to fuse with",
    ]
    assert str(inkgrad.explain(nn.ReLU())) == "No layer that inkgrad knows."


def test_counts_every_call_of_a_shared_layer() -> None:
    branch = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid())

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch = branch

        def forward(self, x: Tensor) -> Tensor:
            return self.branch(x) - self.branch(-x)

    found = Counter(row.op for row in inkgrad.explain(Both(), torch.rand(2, 2)).rows)
    assert found == {"linear_sigmoid": 2}
