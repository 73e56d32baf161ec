"""One step of training: a batch in, its loss out, and the weights moved.

Two ways that give the same numbers: :class:`ChainSteps`, one call into C++ (:mod:`inkgrad.chain`),
for the models that are a plain chain of our layers, and :class:`EagerSteps`, autograd and torch's
optimizers, for everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, SupportsFloat

import torch
from torch import Tensor, nn

from inkgrad.chain import Chain
from inkgrad.course.data.datasets import Examples
from inkgrad.course.models import CourseModel
from inkgrad.course.settings import Settings

# No more examples than this go through a model at once: a large batch is done in pieces.
CHUNK = 1024


class Diverged(ArithmeticError):
    """The loss or a weight is no longer a finite number; the model has its last good weights."""


@dataclass(frozen=True)
class Score:
    """The loss of the model's criterion, and the share of examples that were got right."""

    loss: float
    accuracy: float
    examples: int


class Steps(Protocol):
    """How a model is trained and judged."""

    def step(self, examples: Examples, rows: Tensor | None, lr: float) -> SupportsFloat:
        """Move the weights by the examples of ``rows``, or by all of them.

        Returns:
            The loss of the batch before. Where a device works on behind our back, ``float()`` waits
            for it, and it is for the caller to ask whether it is :func:`finite`.

        Raises:
            Diverged: it is known not to be a finite number.
        """

    def judge(self, examples: Examples) -> Score:
        """How the model does on ``examples``."""

    def check_finite(self) -> None:
        """Diverged if a weight is not a finite number."""


def steps_for(model: CourseModel, settings: Settings, batch_size: int) -> Steps:
    """The fastest way that there is for this model and these settings."""
    # LBFGS asks for the loss several times a step.
    if settings.backend == "fused" and batch_size <= CHUNK and settings.optimizer != "lbfgs":
        chain = Chain.of(model.chain(), model.criterion)
        if chain is not None:
            return ChainSteps(chain, model, settings)
    return EagerSteps(model, settings)


class ChainSteps:
    """Steps of a :class:`~inkgrad.chain.Chain`.

    Gradient descent, with or without momentum, is part of the chain's call; other optimizers are
    torch's and get the chain's gradients.
    """

    def __init__(self, chain: Chain, model: CourseModel, settings: Settings) -> None:
        self._chain = chain
        self._model = model
        self._momentum = settings.momentum
        self._weight_decay = settings.weight_decay
        self._optimizer = None
        if settings.optimizer != "sgd":
            for parameter, gradient in zip(chain.parameters(), chain.gradients(), strict=True):
                parameter.grad = gradient
            self._optimizer = settings.make_optimizer(chain.parameters())

    def step(self, examples: Examples, rows: Tensor | None, lr: float) -> SupportsFloat:
        batch = examples.inputs, examples.targets, rows
        if self._optimizer is None:
            loss = self._chain.step(
                *batch, lr=lr, momentum=self._momentum, weight_decay=self._weight_decay
            )
            return finite(loss) if isinstance(loss, float) else loss
        number = finite(self._chain.backward(*batch))
        set_lr(self._optimizer, lr)
        self._optimizer.step()
        return number

    def judge(self, examples: Examples) -> Score:
        loss, right = self._chain.evaluate(examples.inputs, examples.targets, CHUNK)
        return _score(loss, right, len(examples))

    def check_finite(self) -> None:
        if not self._chain.is_finite:
            check_finite(self._model)


class EagerSteps:
    """Steps of any model by any optimizer."""

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

    def judge(self, examples: Examples) -> Score:
        return evaluate(self._model, examples)

    def check_finite(self) -> None:
        check_finite(self._model)


@torch.no_grad()
def evaluate(model: CourseModel, examples: Examples) -> Score:
    """Loss and accuracy of a model, which is left in eval mode."""
    model.eval()
    loss, right = 0.0, 0
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        output = model(chunk.as_float())
        chunk_loss = _loss(model.criterion, output, chunk.targets).item()
        loss += chunk_loss * share(model.criterion, len(chunk), len(examples))
        right += int(_is_right(output, chunk.targets).sum())
    return _score(loss, right, len(examples))


def merge(criterion: nn.Module, scores: Sequence[Score]) -> Score:
    """The score of all examples from those of their parts."""
    whole = sum(score.examples for score in scores)
    loss = sum(score.loss * share(criterion, score.examples, whole) for score in scores)
    right = sum(round(score.accuracy * score.examples) for score in scores)
    return _score(loss, right, whole)


@torch.no_grad()
def confusion(model: CourseModel, examples: Examples) -> list[list[int]]:
    """How often each label (row) was taken for each (column): 10 x 10 for digits, 2 x 2 for tables.

    The model is left in eval mode.
    """
    model.eval()
    classes = 2 if examples.targets.is_floating_point() else 10
    counts = torch.zeros(classes * classes, dtype=torch.int64)
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        output = model(chunk.as_float())
        labels, answers = chunk.targets, output.argmax(1)
        if classes == 2:  # one probability of a 1
            labels, answers = (labels > 0.5).long().flatten(), (output > 0.5).long().flatten()
        counts += torch.bincount(classes * labels + answers, minlength=classes * classes).cpu()
    return counts.view(classes, classes).tolist()


def finite(loss: SupportsFloat) -> float:
    """A loss as a number; Diverged if it is not a finite one."""
    number = float(loss)
    if not math.isfinite(number):
        raise Diverged(f"the loss is {number}")
    return number


def check_finite(model: nn.Module) -> None:
    """Diverged if a weight is not a finite number."""
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise Diverged(f"{name} holds numbers that are not finite")


def share(criterion: nn.Module, part: int, whole: int) -> float:
    """What the loss of a part of the examples counts in the loss of all of them."""
    return part / whole if criterion.reduction == "mean" else 1.0


def _score(loss: float, right: int, examples: int) -> Score:
    return Score(finite(loss), right / examples, examples)


def _loss(criterion: nn.Module, output: Tensor, targets: Tensor) -> Tensor:
    if not output.isfinite().all():  # asked first, because BCE refuses what is no probability
        raise Diverged("the model gives numbers that are not finite")
    loss: Tensor = criterion(output, targets)
    if not loss.isfinite():
        raise Diverged(f"the loss is {loss.item()}")
    return loss


def _is_right(output: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():  # one probability of a 1
        return (output > 0.5) == (targets > 0.5)
    return output.argmax(1) == targets


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr
