"""Counting, recording, exporting and compiling calls of our ops, as of native ones."""

import copy
import importlib.util
import io
import subprocess
import sys

import pytest
import torch
from torch import fx, nn
from torch.utils.flop_counter import FlopCounterMode

import inkgrad
from comparing import needs_extension
from inkgrad import functional, reference
from inkgrad import nn as ink

pytestmark = [needs_extension, pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")]
OPS = ("linear_sigmoid", "linear_relu", "binary_cross_entropy", "conv2d", "conv2d_relu_max_pool2d")
every_op = pytest.mark.parametrize("name", OPS)


class Network(nn.Module):
    """Every op but the loss, of ``module``: inkgrad.functional or the formulas in torch's ops."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        generator = torch.Generator().manual_seed(0)
        for name, shape in {
            "kernel": (4, 1, 3, 3),
            "bias": (4,),
            "kernel2": (3, 4, 2, 2),
            "weight": (6, 12),
            "weight2": (2, 6),
        }.items():
            value = torch.rand(shape, generator=generator) - 0.5
            self.register_parameter(name, nn.Parameter(value))

    def forward(self, input):
        hidden = self.module.conv2d_relu_max_pool2d(input, self.kernel, self.bias)
        hidden = self.module.conv2d(hidden, self.kernel2)
        hidden = self.module.linear_relu(hidden.flatten(1), self.weight)
        return self.module.linear_sigmoid(hidden, self.weight2)

    def loss(self, input):
        return self.module.binary_cross_entropy(self(input), torch.ones(len(input), 2))


IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def both():
    return Network(functional), Network(reference)


def modules():
    """A model of our modules."""
    return nn.Sequential(
        ink.ConvReluMaxPool2d(1, 2, 3),
        ink.Conv2d(2, 3, 2),
        nn.Flatten(),
        ink.LinearReLU(12, 4),
        ink.LinearSigmoid(4, 1),
    )


def targets(graph):
    return [str(node.target) for node in graph.nodes if node.op == "call_function"]


# --- FLOPs ---------------------------------------------------------------------------------------


def test_flops_are_counted_forward_and_backward():
    counts = []
    for model in both():
        image = IMAGES.clone().requires_grad_()
        with FlopCounterMode(display=False) as counter:
            loss = model.loss(image)
            forward = counter.get_total_flops()
            loss.backward()
        counts.append((forward, counter.get_total_flops()))
        assert image.grad is not None
    assert counts[0] == counts[1]
    assert counts[0][1] > 2 * counts[0][0] > 0


# --- export --------------------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [False, True], ids=["non-strict", "strict"])
def test_export_lowers_to_aten(strict):
    model, native = both()
    program = torch.export.export(model, (IMAGES,), strict=strict)
    lowered = program.run_decompositions()
    for each in (program, lowered):
        assert not [target for target in targets(each.graph) if "inkgrad" in target]
        torch.testing.assert_close(each.module()(IMAGES), native(IMAGES))
    expected = torch.export.export(native, (IMAGES,), strict=strict).run_decompositions()
    assert targets(lowered.graph) == targets(expected.graph)


def test_export_of_modules():
    model = modules()
    program = torch.export.export(model, (IMAGES,))
    assert "inkgrad" not in str(program.graph)
    torch.testing.assert_close(program.module()(IMAGES), model(IMAGES))


@pytest.mark.slow
@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")),
    reason="needs onnx and onnxscript",
)
def test_onnx():
    exported = torch.onnx.export(Network(functional), (IMAGES,), dynamo=True, verbose=False)
    nodes = exported.model_proto.graph.node
    assert {"Conv", "MaxPool", "Relu", "Sigmoid"} <= {node.op_type for node in nodes}
    assert {node.domain for node in nodes} <= {"", "ai.onnx"}


# --- torch.fx ------------------------------------------------------------------------------------


def test_symbolic_trace_keeps_our_ops():
    model = Network(functional)
    traced = fx.symbolic_trace(model)
    ours = [node.target for node in traced.graph.nodes if node.op == "call_function"]
    assert ours == [
        functional.conv2d_relu_max_pool2d,
        functional.conv2d,
        functional.linear_relu,
        functional.linear_sigmoid,
    ]
    buffer = io.BytesIO()
    torch.save(traced, buffer)
    buffer.seek(0)
    for each in (traced, copy.deepcopy(traced), torch.load(buffer, weights_only=False)):
        with inkgrad.kernels.record() as calls:
            torch.testing.assert_close(each(IMAGES), model(IMAGES))
        assert {call.op for call in calls} >= {"conv2d", "conv2d_relu_max_pool2d", "linear_relu"}


def test_symbolic_trace_of_modules():
    model = modules()
    traced = fx.symbolic_trace(model)
    names = [node.target.__name__ for node in traced.graph.nodes if node.op == "call_function"]
    assert names == ["conv2d_relu_max_pool2d", "conv2d", "linear_relu", "linear_sigmoid"]
    torch.testing.assert_close(traced(IMAGES), model(IMAGES))


@pytest.mark.parametrize("arguments", [{}, {"padding": "same"}, {"stride": 2, "padding": (1, 1)}])
def test_symbolic_trace_keeps_arguments(arguments):
    weight = torch.rand(2, 1, 3, 3)
    traced = fx.symbolic_trace(lambda x: functional.conv2d(x, weight, **arguments))
    assert functional.conv2d in [node.target for node in traced.graph.nodes]
    expected = reference.conv2d(IMAGES, weight, **arguments)
    torch.testing.assert_close(traced(IMAGES), expected)


def test_symbolic_trace_of_the_loss():
    traced = fx.symbolic_trace(ink.BCELoss(reduction="sum"))
    assert functional.binary_cross_entropy in [node.target for node in traced.graph.nodes]
    input, target = torch.full((4,), 0.3), torch.ones(4)
    torch.testing.assert_close(traced(input, target), nn.BCELoss(reduction="sum")(input, target))


# --- compilers -----------------------------------------------------------------------------------

CALLS = {
    "linear_sigmoid": ((4, 3), (2, 3)),
    "linear_relu": ((4, 3), (2, 3)),
    "binary_cross_entropy": ((4, 3), (4, 3)),
    "conv2d": ((2, 1, 8, 8), (2, 1, 3, 3)),
    "conv2d_relu_max_pool2d": ((2, 1, 8, 8), (2, 1, 3, 3)),
}


@every_op
def test_compiled_autograd(name):
    from torch._dynamo import compiled_autograd

    compiler = torch.compile(backend="aot_eager", fullgraph=True)
    results = []
    for module in (functional, reference):
        torch._dynamo.reset()
        generator = torch.Generator().manual_seed(0)
        first, second = (torch.rand(s, generator=generator) for s in CALLS[name])
        leaves = [first.requires_grad_(), second.requires_grad_(name != "binary_cross_entropy")]
        output = getattr(module, name)(*leaves)
        with compiled_autograd._enable(compiler):
            output.pow(2).sum().backward()
        results.append([leaf.grad for leaf in leaves if leaf.requires_grad])
    torch.testing.assert_close(*results)
    torch._dynamo.reset()


def test_compiled_autograd_of_a_loss_that_is_not_scaled():
    """Its gradient, which eager mode takes from the forward pass, is given away only once."""
    from torch._dynamo import compiled_autograd

    torch._dynamo.reset()
    input, target = torch.full((4,), 0.3, requires_grad=True), torch.ones(4)
    loss = functional.binary_cross_entropy(input, target, reduction="sum")
    for times in (1, 2):
        with compiled_autograd._enable(torch.compile(backend="aot_eager", fullgraph=True)):
            loss.backward(retain_graph=True)
        torch.testing.assert_close(input.grad, torch.full((4,), -times / 0.3))
    loss.backward()
    torch.testing.assert_close(input.grad, torch.full((4,), -3 / 0.3))
    torch._dynamo.reset()


@pytest.mark.parametrize("name", [name for name in OPS if not name.startswith("conv")])
def test_script_of_functions(name):
    scripted = torch.jit.script(getattr(functional, name))
    first, second = (torch.full(shape, 0.3) for shape in CALLS[name])
    expected = getattr(reference, name)(first, second)
    torch.testing.assert_close(scripted(first, second), expected)
    assert "inkgrad::" not in str(scripted.graph)


@pytest.mark.parametrize("name", ["conv2d", "conv2d_relu_max_pool2d"])
def test_script_refuses_convolutions(name):
    with pytest.raises(NotImplementedError, match=r"Call torch.nn.functional.conv2d"):
        torch.jit.script(getattr(functional, name))


def test_script_of_modules():
    model = modules()
    scripted = torch.jit.script(model)
    torch.testing.assert_close(scripted(IMAGES), model(IMAGES))
    loss = torch.jit.script(ink.BCELoss())
    torch.testing.assert_close(
        loss(model(IMAGES), torch.ones(5, 1)).exp(), model(IMAGES).log().mean().neg().exp()
    )


def test_files_of_torch_jit_run_without_inkgrad(tmp_path):
    model = modules()
    for name, written in (
        ("trace", torch.jit.trace(model, (IMAGES,))),
        ("script", torch.jit.script(model)),
    ):
        torch.testing.assert_close(written(IMAGES), model(IMAGES))
        written.save(tmp_path / f"{name}.pt")
    torch.save(IMAGES, tmp_path / "images.pt")
    program = (
        "import sys, torch\n"
        "outputs = [torch.jit.load(name)(torch.load('images.pt')) for name in sys.argv[1:]]\n"
        "assert 'inkgrad' not in sys.modules\n"
        "torch.save(outputs, 'outputs.pt')\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, "trace.pt", "script.pt"]
    subprocess.run(command, cwd=tmp_path, check=True)
    for output in torch.load(tmp_path / "outputs.pt"):
        torch.testing.assert_close(output, model(IMAGES))
