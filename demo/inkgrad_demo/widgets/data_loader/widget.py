"""Lesson 8: which examples come in which batch, and how many iterations make an epoch."""

from __future__ import annotations

from typing import Annotated, Any

from inkgrad.course.lessons.data_loader import batches_of, iterations
from inkgrad_demo.services.request_fields import Whole
from inkgrad_demo.services.request_validation import FormRequest


class Values(FormRequest):
    count: Annotated[int, Whole(1, 60)]
    batch_size: Annotated[int, Whole(1, 60)]
    epochs: Annotated[int, Whole(1, 5)]
    seed: Annotated[int, Whole(0, 2**31)]
    shuffle: bool


def answer(request: Values, _results: Any) -> dict[str, Any]:
    count, batch_size, epochs = request.count, request.batch_size, request.epochs
    return {
        "epochs": batches_of(count, batch_size, epochs, shuffle=request.shuffle, seed=request.seed),
        "iterations": iterations(count, batch_size),
    }


ANSWERS = {"values": answer}
