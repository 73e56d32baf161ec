"""The settings that a request asks for, within what the app trains at most. No Gradio in here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inkgrad.course.models import MODELS
from inkgrad.course.settings import OPTIMIZERS, Settings, course_settings
from inkgrad_demo.services.recognition import BACKENDS
from inkgrad_demo.services.request_validation import choice, number, whole

MOST_EPOCHS = 2000
MOST_BATCH = 4096
MOST_LR = 1000
MOST_WEIGHT_DECAY = 10
MOST_SEED = 2**31 - 1


def settings_of(asked: dict[str, Any]) -> Settings:
    """What is left out is the course's own; a batch size of 0 is all examples at once.

    ValueError for what makes no sense, or is too much.
    """
    model = choice("model", asked.get("model"), tuple(MODELS))
    given = {name: value for name, value in asked.items() if value not in (None, "")}
    changes: dict[str, Any] = {"styles": False}
    if "epochs" in given:
        changes["epochs"] = whole("epochs", given["epochs"], 1, MOST_EPOCHS)
    if "seed" in given:
        changes["seed"] = whole("seed", given["seed"], 0, MOST_SEED)
    for name, most in (("lr", MOST_LR), ("momentum", 1), ("weight_decay", MOST_WEIGHT_DECAY)):
        if name in given:
            changes[name] = number(name, given[name], 0, most)
    for name in ("augment", "one_cycle"):
        if name in given:
            changes[name] = bool(given[name])
    for name in ("optimizer", "activation", "backend"):
        if name in given:
            changes[name] = given[name]
    choice("optimizer", changes.get("optimizer", "sgd"), tuple(OPTIMIZERS))
    choice("backend", changes.get("backend", "fused"), BACKENDS)
    settings = course_settings(model, **changes)
    if "batch_size" in given:
        size = whole("batch_size", given["batch_size"], 0, MOST_BATCH)
        settings = replace(settings, batch_size=size or None)
    return settings
