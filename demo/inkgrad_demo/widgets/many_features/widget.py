"""Lesson 7: the network 8-6-4-1 with an activation of one's choice, on a table of one's own."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Any

from torch import optim

from inkgrad.course.data.datasets import Data, DataError, diabetes, parsed_table
from inkgrad.course.lessons.many_features import ACTIVATIONS, train
from inkgrad.course.messages import message_of
from inkgrad_demo.services.data_choices import shown_name
from inkgrad_demo.services.request_validation import Asked, decode
from inkgrad_demo.texts import message

# Of an uploaded file: with more, an answer would take too long to be waited for.
_MOST_BYTES = 500_000
_OPTIMIZERS = {"SGD": optim.SGD, "Adam": optim.Adam}

_diabetes = cache(diabetes)


def answer(asked: Asked, _numbers: Any) -> dict[str, Any]:
    activation = asked.choice("activation", ACTIVATIONS)
    optimizer = _OPTIMIZERS[asked.choice("optimizer", _OPTIMIZERS)]
    lr = asked.number("lr", 1e-3, 10)
    epochs = asked.whole("epochs", 1, 500)
    try:
        data = _table(asked) if asked.has("csv") else _diabetes()
    except DataError as error:
        return {"problem": message_of(error)}
    found = train(data, activation, partial(optimizer, lr=lr), epochs)
    if not all(map(math.isfinite, found.losses)):
        return {"diverged": True}
    ones = data.train.targets.mean().item()
    return {
        "data": shown_name(data.name),
        "stand_in": data.stand_in,
        "train": len(data.train),
        "test": len(data.test),
        "features": data.train.inputs.shape[1],
        "majority": max(ones, 1 - ones),
        "losses": found.losses,
        "train_accuracy": found.train_accuracy,
        "test_accuracy": found.test_accuracy,
    }


def _table(asked: Asked) -> Data:
    """The file that was sent; DataError where it is no table to learn from."""
    name = asked.text("file", 200)
    content = decode("csv", asked.text("csv", 8_000_000))
    if len(content) > _MOST_BYTES:
        raise DataError(message("problem.bytes", file=name, most=_MOST_BYTES, got=len(content)))
    if content.startswith(b"\x1f\x8b"):  # who knows how large it becomes
        raise DataError(message("problem.gzip", file=name))
    data = parsed_table(content, name)
    if len(data.test) == 0:
        raise DataError(message("problem.few_rows", file=name))
    return data
