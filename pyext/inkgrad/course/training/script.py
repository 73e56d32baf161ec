"""A run as a Python script that trains the same model with the same numbers."""

from __future__ import annotations

from dataclasses import fields

import torch

from inkgrad.course.messages import message
from inkgrad.course.settings import Settings
from inkgrad.course.training.run_store import Record

_SCRIPT = '''\
"""Train {model} as run {id} did: {result}.

Needs inkgrad; gives the same numbers on the same kind of machine.
"""

from base64 import b64decode
from pathlib import Path

import torch

from inkgrad.course.data import datasets as data

from inkgrad.course.data import own_digits
from inkgrad.course.settings import Settings
from inkgrad.course.training.loop import Batch, Run

settings = Settings(
{settings}
)
# the learning rates that were set while it trained: {{step: rate}}
RATES = {rates}


def after_step(batch: Batch) -> None:
    run.lr = RATES.get(run.steps + 1, run.lr)


def source() -> data.Data:
    return {source}


if __name__ == "__main__":
    torch.set_num_threads({threads})
    run = Run(settings, source(), on_batch=after_step)
    for epoch in run.epochs():
        print(f"epoch {{epoch.epoch}}: loss {{epoch.loss:.6f}}, accuracy {{epoch.accuracy:.2%}}")
    print(run.test())
    run.save("{model}.safetensors")
'''


def script(record: Record) -> str:
    """The script of a run. ValueError where nobody knows how to load its data."""
    if not record.source:
        raise ValueError(message("problem.no_source", run=record.id))
    settings = (
        f"    {field.name}={getattr(record.settings, field.name)!r}," for field in fields(Settings)
    )
    result = f"{record.test.accuracy:.2%} of the test set right" if record.test else record.state
    return _SCRIPT.format(
        model=record.settings.model,
        id=record.id,
        result=result,
        settings="\n".join(settings),
        rates={rate.step: rate.lr for rate in record.rates},
        source=record.source,
        threads=torch.get_num_threads(),
    )
