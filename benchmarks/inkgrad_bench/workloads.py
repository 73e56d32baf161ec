"""Build what is timed from a case: one step per contender, and the minimum work it does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from inkgrad.chain import Chain
from inkgrad_bench import peers
from inkgrad_bench.suite import BOTH, Case, Shape

Step = Callable[[], Any]
NATIVE, COMPILED, OURS = "native", "compiled", "ours"

# Operations per element of BCE, counting a logarithm or a quotient as one. Forward: two logarithms,
# two products, a difference and a sum. Backward: (x - t) / (x (1 - x)), scaled.
BCE_FORWARD_OPERATIONS, BCE_BACKWARD_OPERATIONS = 6, 5


@dataclass(frozen=True)
class Work:
    """The minimum work of any implementation.

    ``flops`` counts multiplications and additions, ``bytes`` the input and output tensors, each
    read or written once.
    """

    flops: int
    bytes: int


@dataclass(frozen=True)
class Workload:
    """One step per contender. ``problem`` is None unless the case is a single op."""

    steps: dict[str, Step]
    work: Work | None = None
    problem: Problem | None = None
    not_compiled: str | None = None  # why COMPILED is missing


@dataclass
class Problem:
    """A case of an op in one direction, with its tensors."""

    case: Case
    direction: str
    inputs: list[Tensor]
    wanted: list[bool] = field(default_factory=list)  # which inputs get a gradient
    grad_output: Tensor | None = None  # None for a scalar output: its gradient is 1

    def step(self, function: Callable[..., Tensor]) -> Step:
        """One call of ``function``; in direction BOTH followed by ``backward()``.

        As in a training loop with ``zero_grad(set_to_none=True)``, every call begins without
        gradients. They are dropped at the end of the call, so that none outlive it.
        """
        if self.direction != BOTH:
            return partial(function, *self.inputs, **self.case.settings)
        variables = self._variables(self.inputs)
        inputs, settings, grad_output = self.inputs, self.case.settings, self.grad_output

        def step() -> None:
            function(*inputs, **settings).backward(grad_output)
            for variable in variables:
                variable.grad = None

        return step

    def run(
        self, function: Callable[..., Tensor], inputs: list[Tensor], grad_output: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Return the output and, in direction BOTH, the gradients of the wanted inputs."""
        output = function(*inputs, **self.case.settings)
        if self.direction != BOTH:
            return (output,)
        return output.detach(), *torch.autograd.grad(output, self._variables(inputs), grad_output)

    def _variables(self, inputs: list[Tensor]) -> list[Tensor]:
        return [tensor for tensor in inputs if tensor.requires_grad]


def build(
    case: Case, direction: str, device: str, compiled: bool, names: Sequence[str] = ()
) -> Workload:
    """Build the contenders of a case; ``names`` are those of peers. Its tensors never change."""
    if "rows" in case.settings:
        return _training_step(case, device, compiled, names)
    if case.op == "train":
        return _training(case, device, compiled)
    if case.op == "predict":
        return _prediction(case, compiled, names)
    from inkgrad import functional, reference

    problem = make_problem(case, direction, device)
    native, ours = getattr(reference, case.op), getattr(functional, case.op)
    return _workload(
        problem.step(native),
        problem.step(ours),
        problem.step(torch.compile(native, dynamic=False)) if compiled else None,
        work=Work(flops(case, direction), _bytes(problem)),
        problem=problem,
    )


def _workload(
    native: Step,
    ours: Step,
    compiled: Step | None,
    others: Mapping[str, Step] = MappingProxyType({}),
    **more: Any,
) -> Workload:
    """With the compiled contender, if one is requested and it compiles, and ``others``."""
    steps = {NATIVE: native, OURS: ours, **others}
    why = None
    if compiled is not None:
        why = _failure(compiled)
        if why is None:
            steps[COMPILED] = compiled
    return Workload(steps, not_compiled=why, **more)


def _failure(step: Step) -> str | None:
    """Call ``step``; None, or its error in one line. A compiler may raise anything."""
    try:
        step()
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"{type(error).__name__}: {lines[0] if lines else ''}"
    return None


# ---------------------------------------------------------------- ops


def make_problem(case: Case, direction: str, device: str) -> Problem:
    """Random tensors: probabilities for BCE, otherwise values whose weighted sums are about 1."""
    generator = torch.Generator().manual_seed(0)
    shapes = case.shapes
    if case.op == "binary_cross_entropy":
        # Away from 0 and 1, where bfloat16 and float16 gradients overflow.
        tensors = [0.02 + 0.96 * torch.rand(shape, generator=generator) for shape in shapes]
        wanted = [True] + [False] * (len(shapes) - 1)  # as in training: targets are data
    else:
        tensors = [torch.randn(shape, generator=generator) for shape in shapes]
        tensors[1] /= math.sqrt(math.prod(shapes[1][1:]))
        wanted = [True] * len(shapes)
    dtype = getattr(torch, case.dtype)
    inputs = [_in_layout(t.to(dtype), case.layout).to(device) for t in tensors]
    problem = Problem(case, direction, inputs, wanted)
    if direction == BOTH:
        for tensor, needs_gradient in zip(inputs, wanted, strict=True):
            tensor.requires_grad_(needs_gradient)
        shape = output_shape(case)
        if shape:
            gradient = torch.randn(shape, generator=generator).to(dtype)
            problem.grad_output = gradient.to(device)
    return problem


def _in_layout(tensor: Tensor, layout: str) -> Tensor:
    if layout == "channels_last" and tensor.dim() == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    if layout == "transposed" and tensor.dim() == 2:
        return tensor.t().contiguous().t()
    return tensor


def output_shape(case: Case) -> Shape:
    """The shape of the op's output, found without computing it."""
    from inkgrad import reference

    inputs = [torch.empty(shape, device="meta") for shape in case.shapes]
    if case.op == "binary_cross_entropy":  # has no meta kernel for every reduction
        return case.shapes[0] if case.settings.get("reduction") == "none" else ()
    return tuple(getattr(reference, case.op)(*inputs, **case.settings).shape)


def flops(case: Case, direction: str) -> int:
    """Count the multiplications and additions of the formula.

    Both gradients of a matrix product or a convolution together cost twice the forward pass;
    behind a max pooling, only the maxima count.
    """
    if case.op == "binary_cross_entropy":
        backward = BCE_BACKWARD_OPERATIONS if direction == BOTH else 0
        return math.prod(case.shapes[0]) * (BCE_FORWARD_OPERATIONS + backward)
    weight = case.shapes[1]
    per_output = 2 * math.prod(weight[1:])
    pooled = math.prod(output_shape(case))
    outputs = pooled
    if case.op == "conv2d_relu_max_pool2d":
        conv = {key: value for key, value in case.settings.items() if key != "kernel_size"}
        outputs = math.prod(output_shape(Case("conv2d", "", case.shapes, conv)))
    return per_output * (outputs + (2 * pooled if direction == BOTH else 0))


def _bytes(problem: Problem) -> int:
    """Inputs and output and, in direction BOTH, their gradients, each counted once."""
    item = problem.inputs[0].element_size()
    output = math.prod(output_shape(problem.case))
    total = sum(tensor.numel() for tensor in problem.inputs) + output
    if problem.direction == BOTH:
        pairs = zip(problem.inputs, problem.wanted, strict=True)
        total += output + sum(tensor.numel() for tensor, wanted in pairs if wanted)
    return item * total


# ---------------------------------------------------------------- models


def _training(case: Case, device: str, compiled: bool) -> Workload:
    """An epoch of ``inkgrad train``, on random data that needs no standardizing."""
    settings = {key: value for key, value in case.settings.items() if key != "examples"}
    data = _random_data(settings["model"], case.settings["examples"])

    def epochs(backend: str, compiled: bool = False) -> Step:
        from inkgrad.course.settings import course_settings
        from inkgrad.course.training.trainer import Trainer

        # Each call runs the next epoch of an endless run.
        chosen = course_settings(
            **settings, standardize=False, epochs=10**6, backend=backend, device=device
        )
        trainer = Trainer(chosen, data)
        if compiled:
            trainer.model.compile()
        endless = trainer.epochs()
        return lambda: next(endless)

    compiled_step = epochs("native", compiled=True) if compiled else None
    return _workload(epochs("native"), epochs("fused"), compiled_step)


def _random_data(model: str, examples: int) -> Any:
    from inkgrad.course.data.datasets import Data, Examples

    generator = torch.Generator().manual_seed(0)
    if model == "diabetes":
        inputs = torch.rand(examples, 8, generator=generator) * 2 - 1
        targets = torch.randint(2, (examples, 1), generator=generator).float()
    else:
        shape = (examples, 1, 28, 28)
        inputs = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        targets = torch.randint(10, (examples,), generator=generator)
    everything = Examples(inputs, targets)
    return Data("random", everything, everything[:0])


def _training_step(case: Case, device: str, compiled: bool, names: Sequence[str]) -> Workload:
    """One step of SGD on one batch, the same at every call, with the lr of the course."""
    from inkgrad.course.settings import course_settings

    model, rows = case.settings["model"], case.settings["rows"]
    lr = course_settings(model, as_in_course=True).lr
    batch = _random_data(model, rows).train
    inputs, targets = batch.as_float().to(device), batch.targets.to(device)
    native = _network(model, "native").to(device)
    fused = _network(model, "fused").to(device)
    chain = Chain(fused.chain(), fused.criterion)
    compiled_step = None
    if compiled:
        network = _network(model, "native").to(device)
        network.compile(dynamic=False)
        compiled_step = _eager_step(network, inputs, targets, lr)
    arguments = _network(model, "native"), inputs, targets, lr, torch.get_num_threads()
    return _workload(
        _eager_step(native, inputs, targets, lr),
        lambda: chain.step(inputs, targets, lr=lr),
        compiled_step,
        peers.steps(names, "training_step", *arguments),
    )


def _eager_step(model: nn.Module, inputs: Tensor, targets: Tensor, lr: float) -> Step:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    criterion: Any = model.criterion

    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _prediction(case: Case, compiled: bool, names: Sequence[str]) -> Workload:
    """The strong CNN on some images, by a chain; without ``images`` on a drawing, as in the app."""
    if "images" not in case.settings:
        from inkgrad.course.recognition.recognizer import Recognizer

        drawing = _drawing()
        native, ours = (Recognizer.load("strong", backend) for backend in ("native", "fused"))
        return _workload(lambda: native.predict(drawing), lambda: ours.predict(drawing), None)
    shape = (case.settings["images"], 1, 28, 28)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    arguments = _network("strong", "native"), images, torch.get_num_threads()
    compiled_step = None
    if compiled:
        network = _network("strong", "native")
        network.compile(dynamic=False)
        compiled_step = _inference(network, images)
    return _workload(
        _inference(_network("strong", "native"), images),
        _chain_inference(_network("strong", "fused"), images),
        compiled_step,
        peers.steps(names, "inference", *arguments),
    )


def _network(name: str, backend: Literal["fused", "native"]) -> Any:
    """A model of the course; the same weights at every call and with both backends."""
    from inkgrad.course import models

    return models.build(name, backend, generator=torch.Generator().manual_seed(0))


def _inference(network: nn.Module, images: Tensor) -> Step:
    network.eval()

    def infer() -> Tensor:
        with torch.inference_mode():
            return network(images)

    return infer


def _chain_inference(network: Any, images: Tensor) -> Step:
    """Peers compile or load a network before they run it; so it is a chain here."""
    chain = Chain(network.chain())

    def infer() -> Tensor:
        return chain.forward(images)

    return infer


def _drawing(side: int = 280) -> np.ndarray:
    """A thick diagonal stroke, white on black."""
    rows, columns = np.mgrid[:side, :side]
    inside = (abs(rows - columns) < 20) & (rows > 40) & (rows < side - 40)
    return (255 * inside).astype(np.uint8)
