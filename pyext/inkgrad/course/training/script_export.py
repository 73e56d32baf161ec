"""Export of a run as a Python script that trains the same model to the same numbers."""

from __future__ import annotations

from dataclasses import fields

import torch

from inkgrad.course.messages import message
from inkgrad.course.settings import Settings
from inkgrad.course.texts import percent
from inkgrad.course.training.run_record import RunRecord

_SCRIPT = '''\
"""Train {model} as run {id} did: {result}.

Needs inkgrad; gives the same numbers on the same kind of machine.
"""

from base64 import b64decode
from pathlib import Path

import torch

from inkgrad.course.data import datasets, own_digits
from inkgrad.course.settings import Settings
from inkgrad.course.training.trainer import Batch, Trainer

settings = Settings(
{settings}
)
# the learning rates that were set during training: {{step: learning rate}}
LR_CHANGES = {lr_changes}


def after_step(batch: Batch) -> None:
    trainer.lr = LR_CHANGES.get(trainer.steps + 1, trainer.lr)


def load_data() -> datasets.Data:
    return {source}


if __name__ == "__main__":
    torch.set_num_threads({threads})
    trainer = Trainer(settings, load_data(), on_batch=after_step)
    for epoch in trainer.epochs():
        accuracy = f"{{100 * epoch.accuracy:.2f}} %"
        print(f"epoch {{epoch.epoch}}: loss {{epoch.loss:.6f}}, accuracy {{accuracy}}")
    print(trainer.test())
    trainer.save("{model}.safetensors")
'''


def script(record: RunRecord) -> str:
    """The script that repeats a run. ValueError if the source of its data is unknown."""
    if not record.source:
        raise ValueError(message("problem.no_source", run=record.id))
    settings = (
        f"    {field.name}={getattr(record.settings, field.name)!r}," for field in fields(Settings)
    )
    accuracy = record.test and f"{percent(record.test.accuracy, 2)} accuracy on the test set"
    return _SCRIPT.format(
        model=record.settings.model,
        id=record.id,
        result=accuracy or record.state,
        settings="\n".join(settings),
        lr_changes={change.step: change.lr for change in record.lr_changes},
        source=record.source,
        threads=torch.get_num_threads(),
    )
