"""Training in several processes at once, data-parallel: each takes its part of every batch.

``torchrun --nproc-per-node N -m inkgrad train ...`` starts them. Every process has all the data and
draws the same random numbers, so that all agree on what is in a batch; their gradients are averaged
in every step. The result is that of one process with the same batches, but for rounding.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from inkgrad.course.data.datasets import Examples
from inkgrad.course.models import CourseModel
from inkgrad.course.settings import Settings
from inkgrad.course.training.steps import CHUNK, EagerSteps, finite, set_lr, share


def size() -> int:
    """How many processes train together: 1, unless torchrun started this one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that talks and saves."""
    return int(os.environ.get("RANK", "0")) == 0


def check_gpus() -> None:
    """ValueError unless there is a GPU for every process of this machine."""
    processes, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if processes > gpus:
        raise ValueError(f"device: expected a GPU for each of {processes} processes, got {gpus}")


@contextmanager
def joined(device: str) -> Iterator[None]:
    """The block runs together with the other processes, if there are any."""
    if size() == 1:
        yield
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def anyone(holds: bool) -> bool:
    """Whether it holds in any process; all have to ask, and get the same answer."""
    return _sum(float(holds)) > 0 if distributed.is_initialized() else holds


class ParallelSteps(EagerSteps):
    """Steps of a model that every process has, each by its part of the batch."""

    def __init__(self, model: CourseModel, settings: Settings) -> None:
        super().__init__(model, settings)
        self._parallel = DistributedDataParallel(model)

    def step(self, examples: Examples, rows: Tensor | None, lr: float) -> float:
        batch = examples if rows is None else examples.take(rows.to(examples.targets.device))
        inputs, targets = batch.as_float(), batch.targets
        parts = zip(inputs.tensor_split(size()), targets.tensor_split(size()), strict=True)
        x, y = list(parts)[distributed.get_rank()]
        # Averaging divides by the number of processes, which a sum does not want.
        weight = float(size())
        if len(y) == 0:  # the others need this process to average with: an example that counts 0
            x, y, weight = inputs[:1], targets[:1], 0.0

        def loss_and_gradient() -> float:
            self._optimizer.zero_grad()
            total = 0.0
            pieces = list(zip(x.split(CHUNK), y.split(CHUNK), strict=True))
            for number, (inputs, labels) in enumerate(pieces, start=1):
                is_last = number == len(pieces)  # then gradients are averaged, once a step
                with nullcontext() if is_last else self._parallel.no_sync():
                    loss = self._loss(inputs, labels)
                    loss = loss * (weight * share(self._model.criterion, len(labels), len(targets)))
                    loss.backward()
                total += loss.item() / size()
            return finite(_sum(total))

        self._parallel.train()
        set_lr(self._optimizer, lr)
        result: float = self._optimizer.step(loss_and_gradient)
        return result

    def _loss(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """The loss, also where it is no number: nobody may leave while the others wait for it."""
        output = self._parallel(inputs)
        if not output.isfinite().all():  # asked first, because BCE refuses what is no probability
            return output.sum() * math.nan
        loss: Tensor = self._model.criterion(output, labels)
        return loss


def _sum(value: float) -> float:
    """The sum of the values of all processes."""
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    total = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return total.item()
