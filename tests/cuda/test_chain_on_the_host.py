"""A training step in one CUDA kernel, run on the host and compared with autograd in float64."""

from __future__ import annotations

import ctypes
import math

import pytest
import torch
import torch.nn.functional as F

from emulation import ACTIVATIONS, CHAIN_ACTIONS, CHAIN_REPORT, ChainLayer, ChainPass, pointer

APPLY = {"none": lambda z: z, "sigmoid": torch.sigmoid, "relu": torch.relu}
# Units from the inputs on, and the activation behind each layer.
CHAINS = {
    "logistic": ((1, 1), ("sigmoid",)),
    "diabetes": ((8, 6, 4, 1), ("sigmoid",) * 3),
    "thirty inputs": ((30, 6, 4, 1), ("sigmoid",) * 3),
    "wide, two outputs": ((33, 17, 2), ("relu", "sigmoid")),
    "deep": ((3, 5, 2, 7, 4, 3, 6, 2, 3), ("sigmoid", "none") * 3 + ("relu", "sigmoid")),
}
every_chain = pytest.mark.parametrize("name", CHAINS)


class Chain:
    """Layers of random weights, their description for a pass, and the same in float64."""

    def __init__(self, name, seed=0, biased=True):
        self.units, self.activations = CHAINS[name]
        generator = torch.Generator().manual_seed(seed)
        self.weights, self.biases = [], []
        for inputs, outputs in zip(self.units, self.units[1:], strict=False):
            bound = inputs**-0.5
            self.weights.append(bound * (2 * torch.rand(outputs, inputs, generator=generator) - 1))
            bias = bound * (2 * torch.rand(outputs, generator=generator) - 1)
            self.biases.append(bias if biased else None)
        self.grads = [self.empty_like(t) for t in self.parameters()]
        self.velocities = [None if t is None else torch.zeros_like(t) for t in self.parameters()]

    @staticmethod
    def empty_like(tensor):
        return None if tensor is None else torch.full_like(tensor, 77)

    def parameters(self):
        """Weight, bias, weight, ...; a bias that is not there is None."""
        pairs = zip(self.weights, self.biases, strict=True)
        return [tensor for pair in pairs for tensor in pair]

    def double(self):
        """Copies of the parameters, and the function of them that the chain is."""
        leaves = [None if t is None else t.double().requires_grad_() for t in self.parameters()]

        def forward(x):
            for i, activation in enumerate(self.activations):
                x = APPLY[activation](F.linear(x, *leaves[2 * i : 2 * i + 2]))
            return x

        return [leaf for leaf in leaves if leaf is not None], forward

    def layers(self):
        parameters, array = self.parameters(), (ChainLayer * 8)()
        for i, activation in enumerate(self.activations):
            places = [
                pointer(tensors[2 * i + j])
                for j in (0, 1)
                for tensors in (parameters, self.grads, self.velocities)
            ]
            sizes = self.units[i], self.units[i + 1]
            array[i] = ChainLayer(*sizes, ACTIVATIONS[activation], *places)
        return array

    def run(self, kernels, action, inputs, targets, rows=None, divisor=None, **sgd):
        count = len(inputs if rows is None else rows)
        this = ChainPass(
            CHAIN_ACTIONS[action], len(self.activations), self.layers(), pointer(inputs),
            inputs.dtype == torch.uint8, pointer(targets), pointer(rows), len(inputs), count,
            divisor or count * self.units[-1], sgd.get("lr", 0), sgd.get("momentum", 0),
            sgd.get("weight_decay", 0),
        )  # fmt: skip
        assert kernels.chain_supports(ctypes.byref(this))
        report = torch.full((len(CHAIN_REPORT),), math.nan, dtype=torch.float64)
        kernels.chain_pass(ctypes.byref(this), pointer(report), None)
        return dict(zip(CHAIN_REPORT, report.tolist(), strict=True))


def examples(name, count, seed=1):
    units = CHAINS[name][0]
    generator = torch.Generator().manual_seed(seed)
    inputs = 2 * torch.rand(count, units[0], generator=generator) - 1
    return inputs, torch.rand(count, units[-1], generator=generator).round()


@every_chain
@pytest.mark.parametrize("count", [1, 3, 32, 759])
def test_loss_and_gradients_are_those_of_autograd(kernels, name, count):
    chain, (inputs, targets) = Chain(name, biased=count != 3), examples(name, count)
    before = [p.clone() for p in chain.parameters() if p is not None]
    report = chain.run(kernels, "backward", inputs, targets)

    leaves, forward = chain.double()
    output = forward(inputs.double())
    loss = F.binary_cross_entropy(output, targets.double())
    expected = torch.autograd.grad(loss, leaves)
    assert report["loss"] == pytest.approx(loss.item(), rel=1e-6)
    assert report["right"] == ((output > 0.5) == (targets > 0.5)).sum()
    assert report["bad_rows"] == report["bad_targets"] == 0
    gradients = [g for g in chain.grads if g is not None]
    for ours, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(ours.double(), wanted, rtol=2e-6, atol=2e-7)
    kept = [p for p in chain.parameters() if p is not None]
    assert all(torch.equal(a, b) for a, b in zip(before, kept, strict=True))


@every_chain
@pytest.mark.parametrize(
    "sgd", [{}, {"momentum": 0.9}, {"momentum": 0.5, "weight_decay": 0.1}], ids=str
)
def test_steps_are_those_of_sgd(kernels, name, sgd):
    chain, (inputs, targets) = Chain(name), examples(name, 100)
    leaves, forward = chain.double()
    optimizer = torch.optim.SGD(leaves, lr=0.3, **sgd)
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    for rows in order.split(32):
        report = chain.run(kernels, "step", inputs, targets, rows.clone(), lr=0.3, **sgd)
        optimizer.zero_grad()
        loss = F.binary_cross_entropy(forward(inputs[rows].double()), targets[rows].double())
        loss.backward()
        optimizer.step()
        assert report["loss"] == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(chain.parameters(), leaves, strict=True):
        torch.testing.assert_close(ours.double(), theirs.detach(), rtol=1e-5, atol=1e-6)
    for velocity, leaf in zip(chain.velocities, leaves, strict=True):
        theirs = optimizer.state[leaf]["momentum_buffer"] if "momentum" in sgd else 0 * leaf
        torch.testing.assert_close(velocity.double(), theirs.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("frozen", [(0,), (0, 1), (2,), (3, 4, 5)], ids=str)
def test_a_parameter_without_a_gradient_is_frozen(kernels, frozen):
    inputs, targets = examples("diabetes", 60)
    chain, whole = Chain("diabetes"), Chain("diabetes")
    before = [p.clone() for p in chain.parameters()]
    for i in frozen:
        chain.grads[i] = None
    for each in (chain, whole):
        each.run(kernels, "step", inputs, targets, lr=0.3, momentum=0.9, weight_decay=0.1)
    for i, ours in enumerate(chain.parameters()):
        assert torch.equal(ours, before[i] if i in frozen else whole.parameters()[i])
        assert i not in frozen or not chain.velocities[i].any()


def test_the_same_step_has_the_same_bits(kernels):
    inputs, targets = examples("diabetes", 700)
    chains = [Chain("diabetes") for _ in range(2)]
    for chain in chains:
        chain.run(kernels, "step", inputs, targets, lr=0.5)
    pairs = zip(*(chain.parameters() for chain in chains), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_evaluating_changes_nothing(kernels):
    chain, (inputs, targets) = Chain("diabetes"), examples("diabetes", 300)
    report = chain.run(kernels, "evaluate", inputs, targets)
    output = chain.double()[1](inputs.double())
    assert report["loss"] == pytest.approx(
        F.binary_cross_entropy(output, targets.double()).item(), rel=1e-6
    )
    assert report["right"] == ((output > 0.5) == (targets > 0.5)).sum()
    assert all((grad == 77).all() for grad in chain.grads)


def test_bytes_are_divided_by_255(kernels):
    pixels = torch.arange(40 * 8, dtype=torch.int64).remainder(256).to(torch.uint8).view(40, 8)
    targets = examples("diabetes", 40)[1]
    one, other = (
        Chain("diabetes").run(kernels, "evaluate", inputs, targets)
        for inputs in (pixels, pixels.float() / 255)
    )
    assert one == other


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda inputs, targets, rows: rows.fill_(7), None),
        (lambda inputs, targets, rows: rows[2:3].fill_(-1), "bad_rows"),
        (lambda inputs, targets, rows: rows[2:3].fill_(60), "bad_rows"),
        (lambda inputs, targets, rows: targets[3].fill_(1.5), "bad_targets"),
        (lambda inputs, targets, rows: targets[3].fill_(math.nan), "bad_targets"),
        (lambda inputs, targets, rows: inputs[3].fill_(math.nan), "loss"),
        (lambda inputs, targets, rows: inputs[3].fill_(math.inf), "loss"),
    ],
    ids=["good", "row -1", "row 60", "target 1.5", "target nan", "input nan", "input inf"],
)
def test_what_cannot_be_learnt_from_changes_nothing(kernels, spoil, what):
    chain, (inputs, targets) = Chain("wide, two outputs"), examples("wide, two outputs", 60)
    rows = torch.arange(60)
    spoil(inputs, targets, rows)
    before = [t.clone() for t in (*chain.parameters(), *chain.grads, *chain.velocities)]
    report = chain.run(kernels, "step", inputs, targets, rows, lr=0.1, momentum=0.9)
    after = (*chain.parameters(), *chain.grads, *chain.velocities)
    unchanged = all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert unchanged == (what is not None)
    for name in ("bad_rows", "bad_targets"):
        assert report[name] == (name == what)
    if what in (None, "loss"):
        assert math.isfinite(report["loss"]) == (what is None)


def test_outputs_that_are_no_probabilities_have_no_loss(kernels):
    chain, (inputs, targets) = Chain("logistic"), examples("logistic", 5)
    chain.activations = ("none",)
    chain.weights[0].fill_(2)
    assert math.isnan(chain.run(kernels, "step", inputs * 9, targets, lr=0.1)["loss"])
