"""One training step: forward, loss, backward and the update of the weights for one batch.

There are two implementations with the same results: :class:`ChainSteps`, one call into C++
(:mod:`inkgrad.chain`) for models that are a plain chain of our layers, and :class:`EagerSteps`,
autograd and torch's optimizers, for every model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, SupportsFloat

import torch
from torch import Tensor, nn

from inkgrad.chain import Chain
from inkgrad.course.data.datasets import Examples
from inkgrad.course.models import CourseModel
from inkgrad.course.settings import Settings

# The most examples that go through a model at once: larger batches are split.
CHUNK = 1024


class Diverged(ArithmeticError):
    """The loss or a weight is no longer finite; the model has the weights from before."""


@dataclass(frozen=True)
class Evaluation:
    """The loss of the model's criterion, and the share of correct predictions."""

    loss: float
    accuracy: float
    examples: int


class Steps(Protocol):
    """How a model is trained and evaluated."""

    def step(self, examples: Examples, rows: Tensor | None, lr: float) -> SupportsFloat:
        """Update the weights with the examples of ``rows``, or with all of them if None.

        Returns:
            The loss of the batch before the update. On a device that computes asynchronously,
            ``float()`` waits for it, and the caller checks that it is :func:`finite`.

        Raises:
            Diverged: the loss is known not to be finite.
        """

    def evaluate(self, examples: Examples) -> Evaluation:
        """Compute loss and accuracy on ``examples``."""

    def check_finite(self) -> None:
        """Raise Diverged if a weight is not finite."""

    def state(self) -> Any:
        """What :meth:`restore` needs besides the weights to go on: tensors, numbers, containers."""

    def restore(self, state: Any) -> None:
        """Go on as the steps whose :meth:`state` it is. ValueError if it does not fit."""


def steps_for(model: CourseModel, settings: Settings, batch_size: int) -> Steps:
    """The fastest implementation for this model and these settings."""
    # LBFGS evaluates the loss several times a step.
    if settings.backend == "fused" and batch_size <= CHUNK and settings.optimizer != "lbfgs":
        chain = Chain.of(model.chain(), model.criterion)
        if chain is not None:
            return ChainSteps(chain, model, settings)
    return EagerSteps(model, settings)


class ChainSteps:
    """Steps of a :class:`~inkgrad.chain.Chain`.

    Gradient descent, with or without momentum, is part of the chain's call; other optimizers are
    torch's, with the chain's gradients.
    """

    def __init__(self, chain: Chain, model: CourseModel, settings: Settings) -> None:
        self._chain = chain
        self._model = model
        self._prepared: tuple[Tensor, Tensor] | None = None
        self._momentum = settings.momentum
        self._weight_decay = settings.weight_decay
        self._optimizer = None
        if settings.optimizer != "sgd":
            for parameter, gradient in zip(chain.parameters(), chain.gradients(), strict=True):
                parameter.grad = gradient
            self._optimizer = settings.make_optimizer(chain.parameters())

    def step(self, examples: Examples, rows: Tensor | None, lr: float) -> SupportsFloat:
        batch = self._standardized(examples), examples.targets, rows
        if self._optimizer is None:
            loss = self._chain.step(
                *batch, lr=lr, momentum=self._momentum, weight_decay=self._weight_decay
            )
            return finite(loss) if isinstance(loss, float) else loss
        number = finite(self._chain.backward(*batch))
        set_lr(self._optimizer, lr)
        self._optimizer.step()
        return number

    def evaluate(self, examples: Examples) -> Evaluation:
        inputs = self._model.before_chain(examples.inputs)
        loss, correct = self._chain.evaluate(inputs, examples.targets, CHUNK)
        return _evaluation(loss, correct, len(examples))

    def _standardized(self, examples: Examples) -> Tensor:
        """The chain's inputs, computed once for the examples of many steps."""
        if self._prepared is None or self._prepared[0] is not examples.inputs:
            self._prepared = examples.inputs, self._model.before_chain(examples.inputs)
        return self._prepared[1]

    def check_finite(self) -> None:
        if not self._chain.is_finite:
            check_finite(self._model)

    def state(self) -> Any:
        if self._optimizer is not None:
            return self._optimizer.state_dict()
        return {"velocities": self._chain.velocities()}

    def restore(self, state: Any) -> None:
        if self._optimizer is not None:
            self._optimizer.load_state_dict(state)
            return
        for velocity, saved in zip(self._chain.velocities(), state["velocities"], strict=True):
            velocity.copy_(saved)


class EagerSteps:
    """Steps of any model with any optimizer."""

    def __init__(self, model: CourseModel, settings: Settings) -> None:
        self._model = model
        self._optimizer = settings.make_optimizer(model.parameters())

    def step(self, examples: Examples, rows: Tensor | None, lr: float) -> float:
        batch = examples if rows is None else examples.take(rows.to(examples.targets.device))
        inputs, targets = batch.as_float(), batch.targets
        criterion = self._model.criterion

        def loss_and_gradient() -> float:
            self._optimizer.zero_grad()
            total = 0.0
            for x, y in zip(inputs.split(CHUNK), targets.split(CHUNK), strict=True):
                loss = _loss(criterion, self._model(x), y) * share(criterion, len(y), len(targets))
                loss.backward()
                total += loss.item()
            return total

        self._model.train()
        set_lr(self._optimizer, lr)
        result: float = self._optimizer.step(loss_and_gradient)
        return result

    def evaluate(self, examples: Examples) -> Evaluation:
        return evaluate(self._model, examples)

    def check_finite(self) -> None:
        check_finite(self._model)

    def state(self) -> Any:
        return self._optimizer.state_dict()

    def restore(self, state: Any) -> None:
        self._optimizer.load_state_dict(state)


@torch.no_grad()
def evaluate(model: CourseModel, examples: Examples) -> Evaluation:
    """Compute loss and accuracy of a model, which is left in eval mode."""
    model.eval()
    loss, correct = 0.0, 0
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        output = model(chunk.as_float())
        chunk_loss = _loss(model.criterion, output, chunk.targets).item()
        loss += chunk_loss * share(model.criterion, len(chunk), len(examples))
        correct += int(_is_correct(output, chunk.targets).sum())
    return _evaluation(loss, correct, len(examples))


def merge(criterion: nn.Module, evaluations: Sequence[Evaluation]) -> Evaluation:
    """The evaluation of all examples from the evaluations of their chunks."""
    total = sum(each.examples for each in evaluations)
    loss = sum(each.loss * share(criterion, each.examples, total) for each in evaluations)
    correct = sum(round(each.accuracy * each.examples) for each in evaluations)
    return _evaluation(loss, correct, total)


@torch.no_grad()
def confusion_matrix(model: CourseModel, examples: Examples) -> list[list[int]]:
    """Count how often each label (row) is predicted as each (column): 10 x 10 for digits.

    The model is left in eval mode.
    """
    model.eval()
    is_binary = examples.targets.is_floating_point()  # one probability of a 1
    classes = 2 if is_binary else model(examples[:1].as_float()).shape[1]
    counts = torch.zeros(classes * classes, dtype=torch.int64)
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        output = model(chunk.as_float())
        labels, predictions = chunk.targets, output.argmax(1)
        if is_binary:
            labels, predictions = (labels > 0.5).long().flatten(), (output > 0.5).long().flatten()
        counts += torch.bincount(classes * labels + predictions, minlength=classes * classes).cpu()
    return counts.view(classes, classes).tolist()


def finite(loss: SupportsFloat) -> float:
    """The loss as a number; Diverged if it is not finite."""
    number = float(loss)
    if not math.isfinite(number):
        raise Diverged(f"the loss is {number}")
    return number


def check_finite(model: nn.Module) -> None:
    """Raise Diverged if a weight is not finite."""
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise Diverged(f"{name} has values that are not finite")


def share(criterion: nn.Module, part: int, whole: int) -> float:
    """The factor of the loss of ``part`` examples in the loss of ``whole`` examples."""
    return part / whole if criterion.reduction == "mean" else 1.0


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def _evaluation(loss: float, correct: int, examples: int) -> Evaluation:
    return Evaluation(finite(loss), correct / examples, examples)


def _loss(criterion: nn.Module, output: Tensor, targets: Tensor) -> Tensor:
    if not output.isfinite().all():  # checked first: BCE rejects what is not a probability
        raise Diverged("the model's output is not finite")
    loss: Tensor = criterion(output, targets)
    if not loss.isfinite():
        raise Diverged(f"the loss is {loss.item()}")
    return loss


def _is_correct(output: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():  # one probability of a 1
        return (output > 0.5) == (targets > 0.5)
    return output.argmax(1) == targets
