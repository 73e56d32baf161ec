"""The settings of a training run, and the course's own settings of each model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from torch import optim
from torch.nn import Parameter

from inkgrad.course.messages import Message, message
from inkgrad.course.models import ACTIVATIONS_OF, MODELS, Backend, DigitModel, TableModel


class OptimizerChoice(NamedTuple):
    make: Callable[..., optim.Optimizer]
    lr: float  # the default
    has_momentum: bool = False
    weight_decay: float | None = 0.0  # the default; None: it has none
    full_batch: bool = False  # needs the exact gradient: learns badly from small batches


# fused=True updates all weights with one kernel.
OPTIMIZERS: dict[str, OptimizerChoice] = {
    "sgd": OptimizerChoice(lambda p, **kw: optim.SGD(p, fused=True, **kw), 0.01, has_momentum=True),
    "adagrad": OptimizerChoice(optim.Adagrad, 0.01),
    "rmsprop": OptimizerChoice(optim.RMSprop, 0.001, has_momentum=True),
    "adam": OptimizerChoice(lambda p, **kw: optim.Adam(p, fused=True, **kw), 0.001),
    "adamw": OptimizerChoice(
        lambda p, **kw: optim.AdamW(p, fused=True, **kw), 0.001, weight_decay=0.01
    ),
    "adamax": OptimizerChoice(optim.Adamax, 0.002),
    "asgd": OptimizerChoice(optim.ASGD, 0.01),
    "rprop": OptimizerChoice(optim.Rprop, 0.01, weight_decay=None, full_batch=True),
    "lbfgs": OptimizerChoice(
        lambda p, **kw: optim.LBFGS(p, line_search_fn="strong_wolfe", **kw),
        1.0,
        weight_decay=None,
        full_batch=True,
    ),
}


def _one_of(name: str, value: str, choices: Iterable[str]) -> None:
    _check(name, value, value in choices, _any_of(choices))


def _any_of(choices: Iterable[str]) -> Message:
    return message("problem.one_of", choices=", ".join(choices))


def _below(limit: object) -> Message:
    return message("problem.below", limit=limit)


def _check(name: str, value: Any, holds: bool, expected: Message) -> None:
    if not holds:
        raise ValueError(message("problem.setting", name=name, expected=expected, got=repr(value)))


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on besides its data. ValueError for invalid values.

    ``batch_size`` None is all examples at once. ``one_cycle``: the learning rate rises to ``lr``
    over the first tenth of the run and falls to 0 at its end, along a cosine. ``augment``: every
    batch is slightly shifted, rotated and stretched (digits only). ``styles``: adds digits in
    styles that are rare in MNIST to the training part (:mod:`.data.styles`). ``activation`` None is
    the model's default; only some models have a choice (``models.ACTIVATIONS_OF``). Tables only:
    ``standardize`` the columns, and ``reduction`` of the loss over a batch, "mean" or "sum"; None
    is the model's default.
    """

    model: str
    epochs: int
    batch_size: int | None
    lr: float
    optimizer: str = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    activation: str | None = None
    one_cycle: bool = False
    augment: bool = False
    styles: bool = False
    standardize: bool = False
    reduction: str | None = None
    seed: int = 0
    backend: Backend = "fused"
    device: str = "cpu"

    def __post_init__(self) -> None:
        _one_of("model", self.model, MODELS)
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("backend", self.backend, ("fused", "native"))
        at_least_1 = message("problem.at_least", least=1)
        _check("epochs", self.epochs, self.epochs >= 1, at_least_1)
        size = self.batch_size
        _check("batch size", size, size is None or size >= 1, at_least_1)
        _check("lr", self.lr, 0 < self.lr < math.inf, message("problem.positive"))
        _check("momentum", self.momentum, 0 <= self.momentum < 1, _below(1))
        decay = self.weight_decay
        _check("weight decay", decay, 0 <= decay < math.inf, message("problem.not_negative"))
        if OPTIMIZERS[self.optimizer].weight_decay is None:
            none = message("problem.no_decay", optimizer=self.optimizer)
            _check("weight decay", decay, decay == 0, none)
        if self.activation is not None:
            choices = ACTIVATIONS_OF.get(self.model, ())
            own = message("problem.own_activation", model=self.model)
            known = _any_of(choices) if choices else own
            _check("activation", self.activation, self.activation in choices, known)
        if self.augment or self.styles:
            digits = issubclass(MODELS[self.model], DigitModel)
            _check("model", self.model, digits, message("problem.augments"))
        if self.standardize or self.reduction is not None:
            tables = issubclass(MODELS[self.model], TableModel)
            _check("model", self.model, tables, message("problem.learns_tables"))
        if self.reduction is not None:
            _one_of("reduction", self.reduction, ("mean", "sum"))
        _check("seed", self.seed, 0 <= self.seed < 2**63, _below("2**63"))

    def make_optimizer(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        choice = OPTIMIZERS[self.optimizer]
        further = {}
        if choice.has_momentum:
            further["momentum"] = self.momentum
        if choice.weight_decay is not None:
            further["weight_decay"] = self.weight_decay
        return choice.make(parameters, lr=self.lr, **further)

    def lr_factor(self, progress: float) -> float:
        """The factor of ``lr`` at ``progress``, which goes from 0 to 1."""
        if not self.one_cycle:
            return 1.0
        warm_up = 0.1
        if progress < warm_up:
            return progress / warm_up
        return (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up))) / 2


# The course's own settings, with the three examples of "logistic" in one batch.
COURSE: dict[str, Settings] = {
    "logistic": Settings("logistic", epochs=1000, batch_size=None, lr=0.01),
    "diabetes": Settings("diabetes", epochs=100, batch_size=32, lr=0.1),
    "softmax": Settings("softmax", epochs=10, batch_size=64, lr=0.01, momentum=0.5),
    "cnn": Settings("cnn", epochs=10, batch_size=64, lr=0.01, momentum=0.5),
}

# Better results in as many epochs. With the course's settings, the answer of "diabetes" is the same
# for every row.
DEFAULTS: dict[str, Settings] = {
    "logistic": Settings(
        "logistic", epochs=100, batch_size=32, lr=0.1, standardize=True, reduction="mean"
    ),
    "diabetes": Settings("diabetes", epochs=100, batch_size=32, lr=0.5, standardize=True),
    "softmax": Settings("softmax", 10, 64, lr=0.05, momentum=0.9, one_cycle=True),
    "cnn": Settings("cnn", 20, 64, lr=0.05, momentum=0.9, one_cycle=True, augment=True),
    "strong": Settings(
        "strong",
        epochs=8,
        batch_size=128,
        lr=0.002,
        optimizer="adamw",
        weight_decay=0.01,
        one_cycle=True,
        augment=True,
        styles=True,
    ),
}


def course_settings(model: str, *, as_in_course: bool = False, **changes: Any) -> Settings:
    """The default settings of a model, or those of the course, with ``changes``; None changes
    nothing.

    Another optimizer comes with its own default learning rate and weight decay, and with all
    examples in one batch if it needs the exact gradient, unless the changes include these.
    """
    _one_of("model", model, MODELS)
    settings = (COURSE if as_in_course and model in COURSE else DEFAULTS)[model]
    changes = {name: value for name, value in changes.items() if value is not None}
    optimizer = changes.get("optimizer", settings.optimizer)
    _one_of("optimizer", optimizer, OPTIMIZERS)
    if optimizer != settings.optimizer:
        changes.setdefault("lr", OPTIMIZERS[optimizer].lr)
        changes.setdefault("weight_decay", OPTIMIZERS[optimizer].weight_decay or 0.0)
        if OPTIMIZERS[optimizer].full_batch and "batch_size" not in changes:
            settings = replace(settings, batch_size=None)
    return replace(settings, **changes)
