"""Tools that inspect, wrap, trace or convert models find in a patched model what they find in a
native one."""

from __future__ import annotations

import functools
import io
import pickle
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.ao import quantization
from torch.fx.experimental.optimization import fuse
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.modules import module as modules
from torch.optim import swa_utils
from torch.utils import checkpoint as checkpoints
from torch.utils.flop_counter import FlopCounterMode

import inkgrad
from side_by_side import Make, beside_native, cnn, images, mlp, rows, trained

pytestmark = pytest.mark.filterwarnings("ignore")


def kinds(model: nn.Module) -> list[str]:
    return [type(module).__name__.replace("Patched", "") for module in model.modules()]


# ---- copies and files


@beside_native
def test_pickles_and_files(make: Make) -> object:
    model = make(cnn()).eval()
    whole, state = io.BytesIO(), io.BytesIO()
    torch.save(model, whole)
    torch.save(model.state_dict(), state)
    whole.seek(0)
    state.seek(0)
    fresh = cnn().eval()
    fresh.load_state_dict(torch.load(state))
    twins = pickle.loads(pickle.dumps(model)), torch.load(whole, weights_only=False), fresh
    return [twin(images()) for twin in twins]


@beside_native
def test_averaged_models(make: Make) -> object:
    model = make(cnn())
    averaged = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    averaged.update_parameters(model)
    return averaged.eval()(images()), list(averaged.state_dict())


@beside_native
def test_shared_memory_and_threads(make: Make) -> object:
    model = make(cnn()).eval().share_memory()
    return trained(model, nn.DataParallel(model)(images()))


# ---- hooks


@pytest.mark.parametrize("before", [True, False], ids=["before patching", "after"])
def test_hooks_see_the_same(before: bool) -> None:
    @beside_native
    def hooked(make: Make) -> object:
        model = cnn().eval() if before else make(cnn().eval())
        seen: list[Any] = []
        handles = []
        for name, module in model.named_modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
            note = functools.partial(
                lambda name, module, *values: seen.append((name, values)), name
            )
            handles += [
                module.register_forward_pre_hook(note),
                module.register_forward_hook(note, always_call=True),
                module.register_full_backward_pre_hook(note),
                module.register_full_backward_hook(note),
            ]
        if before:
            make(model)
        results = trained(model, model(images().requires_grad_()))
        for handle in handles:
            handle.remove()
        return seen, results, model(images())

    hooked()


@beside_native
def test_hooks_that_change_values(make: Make) -> object:
    model = make(mlp())
    model[0].register_forward_hook(lambda m, a, k, y: y * 2, with_kwargs=True)
    model[3].register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    model[4].weight.register_hook(lambda gradient: gradient * 3)
    model.register_forward_hook(lambda m, args, y: y - 1)
    return trained(model, model(rows()))


@pytest.mark.parametrize("kind", ["forward", "forward_pre", "full_backward", "full_backward_pre"])
def test_global_hooks(kind: str) -> None:
    @beside_native
    def watched(make: Make) -> object:
        model, seen = make(mlp()), []
        register = getattr(modules, f"register_module_{kind}_hook")
        handle = register(lambda module, *_: seen.append(kinds(module)[0]))
        try:
            return trained(model, model(rows())), seen
        finally:
            handle.remove()

    watched()


@beside_native
def test_optimizers_in_backward(make: Make) -> object:
    model = make(mlp())
    for parameter in model.parameters():
        optimizer = torch.optim.SGD([parameter], lr=0.1)
        parameter.register_post_accumulate_grad_hook(lambda p, o=optimizer: o.step())
    model(rows()).sum().backward()
    return list(model.parameters())


# ---- explanations of what a model sees


@beside_native
def test_gradcam(make: Make) -> object:
    model, seen = make(cnn()).eval(), {}

    def keep(module: nn.Module, args: object, output: Tensor) -> None:
        seen["maps"] = output
        output.register_hook(lambda gradient: seen.update(gradient=gradient))

    with model.features[3].register_forward_hook(keep):
        model(images()).sum().backward()
    return F.relu((seen["maps"] * seen["gradient"].mean((2, 3), keepdim=True)).sum(1))


@beside_native
def test_guided_backpropagation_and_deeplift(make: Make) -> object:
    model, inputs = make(cnn()).eval(), {}
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
            module.register_full_backward_hook(lambda m, grads, _: (F.relu(grads[0]),))
        if isinstance(module, nn.Sigmoid):
            module.register_forward_pre_hook(lambda m, args: inputs.update({m: args[0]}))
            module.register_full_backward_hook(lambda m, _, grads: (grads[0] * inputs[m],))
    input = images().requires_grad_()
    model(input).sum().backward()
    return input.grad


@beside_native
def test_feature_extractors(make: Make) -> object:
    extraction = pytest.importorskip("torchvision.models.feature_extraction")
    from torchvision.models._utils import IntermediateLayerGetter

    model = make(cnn()).eval()
    nodes = ["features.0", "features.1", "features.4", "classifier.fc1"]
    getter = IntermediateLayerGetter(model, {"features": "a", "flatten": "b"})
    extractor = extraction.create_feature_extractor(model, nodes)
    names = extraction.get_graph_node_names(model)
    return list(names), dict(getter(images())), extractor(images())


# ---- modes and profilers


@beside_native
def test_modes_see_torchs_ops(make: Make) -> object:
    model, seen = make(cnn()).eval(), []

    class Dispatch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            seen.append(str(function))
            return function(*args, **(kwargs or {}))

    class WithoutReLU(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            return args[0] if function is F.relu else function(*args, **(kwargs or {}))

    with Dispatch():
        model(images())
    with WithoutReLU():
        without = model(images())
    with torch.device("cpu"):
        chosen = model(images())
    return seen, without, chosen


def test_a_chosen_device_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    fused = []
    op = inkgrad.functional.linear_relu
    monkeypatch.setattr(inkgrad.functional, "linear_relu", lambda *a: fused.append(1) or op(*a))
    model = inkgrad.patch(mlp())
    with torch.device("cpu"):
        model(rows())
    assert fused


@beside_native
def test_counted_flops(make: Make) -> object:
    model = make(cnn()).eval()
    with FlopCounterMode(display=False) as counter:
        model(images()).sum().backward()
    return counter.get_total_flops()


# ---- transforms


@beside_native
def test_ensembles(make: Make) -> object:
    models = [make(cnn()).eval() for _ in range(2)]
    parameters, buffers = torch.func.stack_module_state(models)
    input = images()

    def score(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(models[0], (parameters, buffers), (input,)).sum()

    each = torch.func.vmap(torch.func.grad_and_value(score))
    return each(parameters, buffers)


@beside_native
def test_jacobians_and_hessians(make: Make) -> object:
    model, x = make(mlp()).double(), rows().double()
    functional, func = torch.autograd.functional, torch.func
    parameters = dict(model.named_parameters())
    of_parameters = lambda p: func.functional_call(model, p, (x,))  # noqa: E731
    return (
        func.jacrev(model)(x), func.jacfwd(model)(x), func.vmap(func.hessian(model))(x),
        func.jacrev(of_parameters)(parameters), func.linearize(model, x)[1](x),
        func.jvp(of_parameters, (parameters,), (parameters,)),
        functional.jacobian(model, x), functional.jacobian(model, x, vectorize=True),
        functional.hessian(lambda x: model(x).sum(), x), functional.vjp(model, x, model(x)),
    )  # fmt: skip


@beside_native
def test_checkpoints(make: Make) -> object:
    results = []
    for reentrant in (True, False):
        for model, input in ((make(cnn()), images()), (make(mlp()), rows())):
            x = input.requires_grad_()
            torch.manual_seed(1)
            run = functools.partial(checkpoints.checkpoint, use_reentrant=reentrant)
            results += [*trained(model, run(model, x)), x.grad.clone()]
    model = make(mlp())
    return results, trained(model, checkpoints.checkpoint_sequential(model, 3, rows(), False))


@beside_native
def test_selective_checkpoints(make: Make) -> object:
    seen: list[str] = []

    def policy(context: object, op: object, *args: object, **kwargs: object) -> object:
        seen.append(str(op))
        return checkpoints.CheckpointPolicy.PREFER_RECOMPUTE

    contexts = functools.partial(checkpoints.create_selective_checkpoint_contexts, policy)
    model = make(mlp())
    output = checkpoints.checkpoint(model, rows(), use_reentrant=False, context_fn=contexts)
    return trained(model, output), seen


@beside_native
def test_other_kinds_of_tensors(make: Make) -> object:
    parts = [torch.rand(2, 4), torch.rand(3, 4)]
    model = make(nn.Sequential(nn.Linear(4, 3), nn.ReLU()))
    results = [model(torch.nested.nested_tensor(parts, layout=torch.jagged)).values()]
    results += model(torch.nested.nested_tensor(parts)).unbind()
    complex_model = make(nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())).to(torch.complex64)
    with torch.inference_mode():
        results.append(model(rows()))
    return results, complex_model(rows() + 1j)


# ---- quantization


@beside_native
def test_dynamic_quantization(make: Make) -> object:
    model = quantization.quantize_dynamic(make(cnn()).eval(), {nn.Linear})
    return kinds(model), model(images())


def convertible() -> nn.Sequential:
    return nn.Sequential(
        quantization.QuantStub(), nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 13 * 13, 4), nn.ReLU(),
        quantization.DeQuantStub(),
    )  # fmt: skip


@pytest.mark.parametrize("aware", [False, True], ids=["post-training", "aware"])
def test_eager_quantization(aware: bool) -> None:
    @beside_native
    def quantized(make: Make) -> object:
        model = make(convertible()).train(aware)
        join = quantization.fuse_modules_qat if aware else quantization.fuse_modules
        model = join(model, [["1", "2", "3"], ["6", "7"]])
        choose = quantization.get_default_qat_qconfig if aware else quantization.get_default_qconfig
        model.qconfig = choose("fbgemm")
        model = (quantization.prepare_qat if aware else quantization.prepare)(model)
        results = trained(model, model(images()))
        model = quantization.convert(model.eval())
        return results, kinds(model), model(images())

    quantized()


@beside_native
def test_graph_quantization(make: Make) -> object:
    from torch.ao.quantization import quantize_fx

    mapping = quantization.get_default_qconfig_mapping("fbgemm")
    model = quantize_fx.prepare_fx(make(cnn()).eval(), mapping, (images(),))
    model(images())
    model = quantize_fx.convert_fx(model)
    return [str(node.target) for node in model.graph.nodes][:6], model(images())


# ---- tracers and compilers


@beside_native
def test_traced_graphs(make: Make) -> object:
    model = make(cnn()).eval()
    graphs = [torch.fx.symbolic_trace(model), fuse(make(convertible()[1:5]).eval())]
    graphs.append(make_fx(make(mlp()))(rows()))
    dynamic = {0: torch.export.Dim("batch")}
    exported = torch.export.export(model, (images(),), dynamic_shapes=(dynamic,))
    targets = [[str(node.target) for node in graph.graph.nodes] for graph in graphs]
    targets.append([str(node.target) for node in exported.graph.nodes])
    outputs = [graphs[0](images()), graphs[1](images()), graphs[2](rows())]
    return targets, outputs, exported.module()(images(5))


@beside_native
def test_scripts(make: Make) -> object:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = cnn()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    model = make(Model()).eval()
    before = list(model.modules())
    script = torch.jit.script(model)
    unchanged = all(a is b for a, b in zip(before, model.modules(), strict=True))
    saved = io.BytesIO()
    torch.jit.save(script, saved)
    saved.seek(0)
    frozen = torch.jit.optimize_for_inference(torch.jit.freeze(script))
    model.inner.features = torch.jit.trace(model.inner.features, images())
    inputs = [images() for _ in range(4)]
    calls = [script, torch.jit.load(saved), frozen, model]
    return unchanged, [call(x) for call, x in zip(calls, inputs, strict=True)]


@beside_native
def test_scripted_losses(make: Make) -> object:
    loss = torch.jit.script(make(nn.BCELoss(weight=torch.rand(4))))
    return loss(rows(), rows())


@beside_native
def test_compiled_children(make: Make) -> object:
    torch._dynamo.reset()
    model = make(cnn()).eval()
    model.features.compile(backend="eager")
    model.classifier[0].compile(backend="eager")
    model.classifier.act = torch.compile(model.classifier.act, backend="eager")
    first = trained(model, model(images()))
    inkgrad.unpatch(model)
    return first, model(images())


@beside_native
def test_surgery_after_compiling(make: Make) -> object:
    torch._dynamo.reset()
    model = make(mlp())
    model.compile(backend="eager")
    first = model(rows())
    model[1] = nn.Identity()
    model[4].register_forward_hook(lambda m, args, y: y * 2)
    return first, trained(model, model(rows()))


# ---- losses


@beside_native
def test_losses(make: Make) -> object:
    loss = make(nn.BCELoss())
    results = [loss(rows(), rows())]
    loss.reduction, loss.weight = "sum", torch.rand(4)
    results.append(loss(rows(), rows()))
    loss.register_forward_hook(lambda m, args, y: y * 2)
    results += [
        loss(rows(), rows()),
        pickle.loads(pickle.dumps(make(nn.BCELoss())))(rows(), rows()),
    ]
    exported = torch.export.export(make(nn.BCELoss()), (rows(), rows()))
    results.append([str(node.target) for node in exported.graph.nodes])
    return results
