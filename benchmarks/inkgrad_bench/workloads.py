"""From a case to what is timed: the same step by each contender, and what it has to do at least."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from inkgrad_bench.cases import BOTH, Case, Shape

Step = Callable[[], Any]
NATIVE, COMPILED, OURS = "native", "compiled", "ours"

# Operations of one element of BCE, a logarithm or a quotient counted as one: two logarithms, two
# products, a difference and a sum forward; (x - t) / (x (1 - x)) and its scaling backward.
BCE_FORWARD_OPERATIONS, BCE_BACKWARD_OPERATIONS = 6, 5


@dataclass(frozen=True)
class Work:
    """The least that any implementation must do.

    ``flops``: multiplications and additions. ``bytes``: of the tensors that go in or come out.
    """

    flops: int
    bytes: int


@dataclass(frozen=True)
class Workload:
    """One step by each contender; ``problem`` for ops alone, whose accuracy can be judged."""

    steps: dict[str, Step]
    work: Work | None = None
    problem: Problem | None = None
    not_compiled: str | None = None  # why there is no COMPILED


@dataclass
class Problem:
    """An op of a case in one direction with its tensors."""

    case: Case
    direction: str
    inputs: list[Tensor]
    wanted: list[bool] = field(default_factory=list)  # which inputs get a gradient
    grad_output: Tensor | None = None  # None: of a scalar output, 1

    def step(self, function: Callable[..., Tensor], grad: Any = torch.autograd.grad) -> Step:
        """One call of ``function`` on the problem's own tensors, with as little as can be around
        it: beside the smallest ops a comprehension counts.
        """
        if self.direction != BOTH:
            return partial(function, *self.inputs, **self.case.settings)
        variables = self._variables(self.inputs)
        inputs, settings, grad_output = self.inputs, self.case.settings, self.grad_output

        def step() -> tuple[Tensor, ...]:
            return grad(function(*inputs, **settings), variables, grad_output)

        return step

    def run(
        self, function: Callable[..., Tensor], inputs: list[Tensor], grad_output: Tensor | None
    ) -> tuple[Tensor, ...]:
        """The output, in direction BOTH followed by the gradients of the wanted inputs."""
        output = function(*inputs, **self.case.settings)
        if self.direction != BOTH:
            return (output,)
        return output.detach(), *torch.autograd.grad(output, self._variables(inputs), grad_output)

    def _variables(self, inputs: list[Tensor]) -> list[Tensor]:
        return [tensor for tensor in inputs if tensor.requires_grad]


def build(case: Case, direction: str, device: str, compiled: bool) -> Workload:
    """The contenders of a case. Its tensors are the same at every call."""
    if case.op == "train":
        return _training(case, device, compiled)
    if case.op == "predict":
        return _prediction(case, compiled)
    from inkgrad import autograd, functional, reference

    problem = make_problem(case, direction, device)
    native, ours = getattr(reference, case.op), getattr(functional, case.op)
    return _contest(
        problem.step(native),
        problem.step(ours, autograd.grad),
        problem.step(torch.compile(native, dynamic=False)) if compiled else None,
        work=Work(flops(case, direction), _bytes(problem)),
        problem=problem,
    )


def _contest(native: Step, ours: Step, compiled: Step | None, **more: Any) -> Workload:
    """With the compiled contender, if there is to be one and if it compiles."""
    steps = {NATIVE: native, OURS: ours}
    why = None
    if compiled is not None:
        why = _why_not(compiled)
        if why is None:
            steps[COMPILED] = compiled
    return Workload(steps, not_compiled=why, **more)


def _why_not(step: Step) -> str | None:
    """Call it; in one line why that failed, or None. Compilers fail with errors of every kind."""
    try:
        step()
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"{type(error).__name__}: {lines[0] if lines else ''}"
    return None


# ---------------------------------------------------------------- ops


def make_problem(case: Case, direction: str, device: str) -> Problem:
    """Random tensors: probabilities for BCE, else values whose weighted sums are about 1."""
    generator = torch.Generator().manual_seed(0)
    shapes = case.shapes
    if case.op == "binary_cross_entropy":
        # Away from 0 and 1, where the half types' gradients overflow.
        tensors = [0.02 + 0.96 * torch.rand(shape, generator=generator) for shape in shapes]
        wanted = [True] + [False] * (len(shapes) - 1)  # as in training: targets are data
    else:
        tensors = [torch.randn(shape, generator=generator) for shape in shapes]
        tensors[1] /= math.sqrt(math.prod(shapes[1][1:]))
        wanted = [True] * len(shapes)
    dtype = getattr(torch, case.dtype)
    inputs = [_laid_out(t.to(dtype), case.layout).to(device) for t in tensors]
    problem = Problem(case, direction, inputs, wanted)
    if direction == BOTH:
        for tensor, needs_gradient in zip(inputs, wanted, strict=True):
            tensor.requires_grad_(needs_gradient)
        shape = output_shape(case)
        if shape:
            gradient = torch.randn(shape, generator=generator).to(dtype)
            problem.grad_output = gradient.to(device)
    return problem


def _laid_out(tensor: Tensor, layout: str) -> Tensor:
    if layout == "channels_last" and tensor.dim() == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    if layout == "transposed" and tensor.dim() == 2:
        return tensor.t().contiguous().t()
    return tensor


def output_shape(case: Case) -> Shape:
    """Of the op on the case's tensors, computed without any."""
    from inkgrad import reference

    inputs = [torch.empty(shape, device="meta") for shape in case.shapes]
    if case.op == "binary_cross_entropy":  # has no meta kernel for every reduction
        return case.shapes[0] if case.settings.get("reduction") == "none" else ()
    return tuple(getattr(reference, case.op)(*inputs, **case.settings).shape)


def flops(case: Case, direction: str) -> int:
    """Multiplications and additions that the formula needs.

    The gradients of a product of matrices, or of a convolution, cost twice the product itself;
    behind a max pooling, only at the places of the maxima.
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
    """Inputs and output, in direction BOTH also the gradients of each, once."""
    item = problem.inputs[0].element_size()
    output = math.prod(output_shape(problem.case))
    total = sum(tensor.numel() for tensor in problem.inputs) + output
    if problem.direction == BOTH:
        pairs = zip(problem.inputs, problem.wanted, strict=True)
        total += output + sum(tensor.numel() for tensor, wanted in pairs if wanted)
    return item * total


# ---------------------------------------------------------------- models


def _training(case: Case, device: str, compiled: bool) -> Workload:
    """An epoch of ``inkgrad train`` with the course's settings, on random data."""
    settings = {key: value for key, value in case.settings.items() if key != "examples"}
    data = _random_data(settings["model"], case.settings["examples"])

    def epochs(backend: str, compiled: bool = False) -> Step:
        from inkgrad.course.settings import course_settings
        from inkgrad.course.training.trainer import Trainer

        # One epoch follows another for as long as it takes: this many are never reached.
        chosen = course_settings(**settings, epochs=10**6, backend=backend, device=device)
        trainer = Trainer(chosen, data)
        if compiled:
            trainer.model.compile()
        endless = trainer.epochs()
        return lambda: next(endless)

    third = epochs("native", compiled=True) if compiled else None
    return _contest(epochs("native"), epochs("fused"), third)


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


def _prediction(case: Case, compiled: bool) -> Workload:
    """The strong CNN on one image; ``whole``: from the drawing, as the app does it."""
    if case.settings["whole"]:
        from inkgrad.course.recognition.recognizer import Recognizer

        drawing = _drawing()
        native, ours = (Recognizer.load("strong", backend) for backend in ("native", "fused"))
        return _contest(lambda: native.predict(drawing), lambda: ours.predict(drawing), None)
    third = _reading("native", compiled=True) if compiled else None
    return _contest(_reading("native"), _reading("fused"), third)


def _reading(backend: Literal["fused", "native"], compiled: bool = False) -> Step:
    from inkgrad.course import models

    generator = torch.Generator().manual_seed(0)
    network: Any = models.build("strong", backend, generator=generator).eval()
    if compiled:
        network.compile(dynamic=False)
    image = torch.rand(1, 1, 28, 28, generator=generator)

    def read() -> Tensor:
        with torch.inference_mode():
            return network(image)

    return read


def _drawing(side: int = 280) -> np.ndarray:
    """A thick diagonal stroke, white on black."""
    rows, columns = np.mgrid[:side, :side]
    inside = (abs(rows - columns) < 20) & (rows > 40) & (rows < side - 40)
    return (255 * inside).astype(np.uint8)
