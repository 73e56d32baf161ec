"""Lesson 8: which examples come in which batch, and how many iterations make an epoch."""

from __future__ import annotations

from typing import Any

from inkgrad.course.lessons.data_loader import batches_of, iterations
from inkgrad_demo.services.request_validation import Asked


def answer(asked: Asked, _numbers: Any) -> dict[str, Any]:
    count, batch_size = asked.whole("count", 1, 60), asked.whole("batch_size", 1, 60)
    epochs, seed = asked.whole("epochs", 1, 5), asked.whole("seed", 0, 2**31)
    shuffle = asked.flag("shuffle")
    return {
        "epochs": batches_of(count, batch_size, epochs, shuffle=shuffle, seed=seed),
        "iterations": iterations(count, batch_size),
    }
