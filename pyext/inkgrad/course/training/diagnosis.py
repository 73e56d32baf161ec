"""Whether a run learns; if not, what is wrong and what to try.

A run learns if its training loss is below that of a constant prediction, the frequencies of the
classes, or if it predicts more of the training examples than the most frequent class would.
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor, nn

from inkgrad.course.data.datasets import Examples
from inkgrad.course.messages import Message, message
from inkgrad.course.models import DigitModel
from inkgrad.course.settings import OPTIMIZERS
from inkgrad.course.texts import percent
from inkgrad.course.training.trainer import Trainer

# The loss of a constant prediction times these: at most this has to be reached, and at least this
# is worse than guessing.
_LEARNED, _WORSE = 0.97, 1.5
# An accuracy may be above the baseline by this much by chance.
_MAX_NOISE = 0.05
# Before this many epochs and this share of the steps, it is too early to tell.
_MIN_EPOCHS, _MIN_SHARE = 3, 0.1
_EXAMPLES = 2048
_SECONDS_BETWEEN_LOOKS = 1.0
# The distance from the first weights, relative to their norm: hardly moved, and far.
_STILL, _FAR = 0.05, 5.0
# Inputs of a layer of a table that are this large, and those that are this small.
_LARGE, _SMALL = 20.0, 0.02


class Diagnosis:
    """Looks at a trainer, before its first step and then after each epoch."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._first_weights = _flat(trainer.model)
        frequencies = _frequencies(trainer.train.targets)
        self._entropy = -sum(p * math.log(p) for p in frequencies if p > 0)
        self._most_frequent = max(range(len(frequencies)), key=frequencies.__getitem__)
        self._train_baseline = frequencies[self._most_frequent]
        evaluated = trainer.validation if len(trainer.validation) else trainer.train
        self.baseline = (_classes(evaluated.targets) == self._most_frequent).double().mean().item()
        """The accuracy of predicting the most frequent class of the training part, on the examples
        that each epoch is evaluated on."""
        self._warnings: tuple[Message, ...] = ()
        self._next_look = 0.0

    def begin_from(self, weights: dict[str, Tensor]) -> None:
        """Compare with these first weights: the trainer goes on from a saved state."""
        self._first_weights = _flat(self._trainer.model, weights)

    def warnings(self, *, is_over: bool = False) -> tuple[Message, ...]:
        """The problem after the latest epoch, and what to try. Empty if it learns.

        Call it between epochs. ``is_over``: no further epoch will follow.
        """
        trainer = self._trainer
        too_early = trainer.epochs_done < _MIN_EPOCHS or (
            trainer.steps < _MIN_SHARE * trainer.total_steps
        )
        if not trainer.history or (too_early and not is_over):
            return ()
        if is_over or time.monotonic() >= self._next_look:
            self._warnings = self._look()
            self._next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        return self._warnings

    def when_diverged(self) -> tuple[Message, ...]:
        """Advice after the loss or a weight was no longer finite."""
        return tuple(filter(None, (self._scale(), self._smaller_lr())))

    def _look(self) -> tuple[Message, ...]:
        loss = self._mean_loss()
        # Few examples can be learned by heart: then the loss of a constant prediction is 0.
        if loss < _LEARNED * self._entropy or self._entropy == 0:
            return ()
        few = self._trainer.train[:_EXAMPLES]
        predictions = _predictions(self._trainer, few)
        collapsed = int(predictions[0]) if bool((predictions == predictions[0]).all()) else None
        accuracy = (predictions == _classes(few.targets)).double().mean().item()
        noise = 3 * math.sqrt(self._train_baseline * (1 - self._train_baseline) / len(few))
        values = {
            "accuracy": percent(accuracy),
            "baseline": percent(self._train_baseline),
            "loss": f"{loss:.4g}",
            "guess": f"{self._entropy:.4g}",
        }
        if collapsed is not None:
            symptom = message("report.collapsed", label=collapsed, **values)
        elif accuracy <= self._train_baseline + min(noise, _MAX_NOISE):
            symptom = message("report.baseline", **values)
        elif loss > _WORSE * self._entropy:
            symptom = message("report.worse", **values)
        else:
            return ()
        return (symptom, *filter(None, (self._scale(), self._advice(loss))))

    def _advice(self, loss: float) -> Message | None:
        moved = (_flat(self._trainer.model) - self._first_weights).norm()
        movement = float(moved / self._first_weights.norm().clamp(min=1e-30))
        if movement < _STILL:
            return message("report.larger_lr", lr=f"{self._larger():g}")
        if loss > _WORSE * self._entropy or movement > _FAR:
            return self._smaller_lr()
        if isinstance(self._trainer.model, DigitModel):
            return self._smaller_lr()
        return message("report.plateau", lr=f"{self._larger():g}")

    def _smaller_lr(self) -> Message:
        usual = OPTIMIZERS[self._trainer.settings.optimizer].lr
        return message("report.smaller_lr", lr=f"{min(self._trainer.lr / 10, 10 * usual):.3g}")

    def _larger(self) -> float:
        usual = OPTIMIZERS[self._trainer.settings.optimizer].lr
        return float(f"{max(10 * self._trainer.lr, usual):.3g}")

    def _scale(self) -> Message | None:
        """Advice on the scale of a table's columns, as the first layer receives them."""
        model, examples = self._trainer.model, self._trainer.train[:_EXAMPLES]
        if isinstance(model, DigitModel):
            return None
        inputs = _first_inputs(model, examples)
        largest = inputs.abs().amax(0)
        if largest.max() > _LARGE:
            return message("report.large_inputs", largest=f"{largest.max().item():.4g}")
        if largest.max() < _SMALL:
            return message("report.small_inputs", largest=f"{largest.max().item():.2g}")
        return None

    def _mean_loss(self) -> float:
        loss = self._trainer.history[-1].loss
        is_mean = self._trainer.model.criterion.reduction == "mean"
        return loss if is_mean else loss / len(self._trainer.train)


def _classes(targets: Tensor) -> Tensor:
    return (targets > 0.5).long().flatten() if targets.is_floating_point() else targets


def _frequencies(targets: Tensor) -> list[float]:
    counts = torch.bincount(_classes(targets).cpu()).double()
    result: list[float] = (counts / counts.sum()).tolist()
    return result


@torch.no_grad()
def _predictions(trainer: Trainer, examples: Examples) -> Tensor:
    trainer.model.eval()
    output = trainer.model(examples.as_float())
    is_binary = examples.targets.is_floating_point()  # one probability of a 1
    return (output > 0.5).long().flatten() if is_binary else output.argmax(1)


@torch.no_grad()
def _flat(model: nn.Module, weights: dict[str, Tensor] | None = None) -> Tensor:
    """A copy of what the model learns, one weight after another; or of the same in ``weights``."""
    learned = dict(model.named_parameters())
    return torch.cat([(weights or learned)[name].double().flatten() for name in learned])


@torch.no_grad()
def _first_inputs(model: nn.Module, examples: Examples) -> Tensor:
    """The inputs of the first linear layer: columns that are standardized are so by then."""
    first = next(each for each in model.modules() if isinstance(each, nn.Linear))
    received: list[Tensor] = []
    hook = first.register_forward_pre_hook(lambda _, inputs: received.append(inputs[0]))
    try:
        model(examples.as_float())
    finally:
        hook.remove()
    return received[0]
