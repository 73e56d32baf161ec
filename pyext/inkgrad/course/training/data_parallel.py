"""Data-parallel training in several processes, each of which computes its part of every batch.

``torchrun --nproc-per-node N -m inkgrad train ...`` starts them. Every process has all the data and
draws the same random numbers, so all of them agree on the contents of a batch; gradients are
averaged in every step. The result equals that of one process with the same batches up to rounding.
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
    """The number of processes that train together: 1 unless torchrun started this one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that prints and saves."""
    return int(os.environ.get("RANK", "0")) == 0


def check_gpus() -> None:
    """Raise ValueError unless there is a GPU for every process of this machine."""
    processes, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if processes > gpus:
        raise ValueError(f"device: expected a GPU for each of {processes} processes, got {gpus}")


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Run the block together with the other processes, if there are any."""
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


def anyone(condition: bool) -> bool:
    """Whether the condition holds in any process. All must call it, and get the same answer."""
    return _sum(float(condition)) > 0 if distributed.is_initialized() else condition


class ParallelSteps(EagerSteps):
    """Steps of a model that every process has, each with its part of the batch."""

    def __init__(self, model: CourseModel, settings: Settings) -> None:
        super().__init__(model, settings)
        self._parallel = DistributedDataParallel(model)

    def step(self, examples: Examples, rows: Tensor | None, lr: float) -> float:
        batch = examples if rows is None else examples.take(rows.to(examples.targets.device))
        inputs, targets = batch.as_float(), batch.targets
        parts = zip(inputs.tensor_split(size()), targets.tensor_split(size()), strict=True)
        x, y = list(parts)[distributed.get_rank()]
        # Undoes the division by the number of processes in the averaging.
        weight = float(size())
        if len(y) == 0:  # averaging needs this process: an example with weight 0
            x, y, weight = inputs[:1], targets[:1], 0.0

        def loss_and_gradient() -> float:
            self._optimizer.zero_grad()
            total = 0.0
            chunks = list(zip(x.split(CHUNK), y.split(CHUNK), strict=True))
            for number, (inputs, labels) in enumerate(chunks, start=1):
                is_last = number == len(chunks)  # gradients are averaged once a step
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
        """The loss, even if it is NaN: no process may raise while the others wait for it."""
        output = self._parallel(inputs)
        if not output.isfinite().all():  # checked first: BCE rejects what is not a probability
            return output.sum() * math.nan
        loss: Tensor = self._model.criterion(output, labels)
        return loss


def _sum(value: float) -> float:
    """The sum of the values of all processes."""
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    total = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return total.item()
