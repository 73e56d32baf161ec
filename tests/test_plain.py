"""A replaced function of torch is noticed, and only a replaced one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch.nn.functional as F
from torch import nn

from inkgrad import plain


@pytest.fixture(autouse=True)
def _relu_is_restored() -> Iterator[None]:
    relu = F.relu
    yield
    F.relu = relu


def test_a_replaced_function_is_noticed_until_it_is_restored() -> None:
    relu = F.relu
    for _ in range(2):
        assert not plain.is_watched()
        F.relu = lambda *_: None
        assert plain.is_watched()
        F.relu = relu


def test_a_reordered_module_is_no_replacement() -> None:
    relu = F.relu
    assert not plain.is_watched()
    del F.relu
    F.relu = relu  # now the last in the module's dict
    assert not plain.is_watched()
    F.relu = lambda *_: None
    assert plain.is_watched()


def test_a_call_set_on_a_class_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Linear, "__call__", lambda *_: None)
    assert plain.is_watched()
