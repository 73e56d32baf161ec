"""Messages: a text like any other, which knows itself in the other languages."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

from inkgrad.course.data.table import DataError, parse_table
from inkgrad.course.messages import Message, filled, message, message_of
from inkgrad.course.settings import DEFAULTS
from inkgrad.course.training.run_store import Record, RunStore

CATALOGUES = {
    "en": {"bad": "{where}: bad", "row": "row {row}"},
    "de": {"bad": "{where}: schlecht", "row": "Zeile {row}"},
}


def test_it_is_the_english_text_and_knows_the_others() -> None:
    told = filled(CATALOGUES, "bad", where=filled(CATALOGUES, "row", row="{2}"))
    assert told == "row {2}: bad"
    assert told.texts == {"en": "row {2}: bad", "de": "Zeile {2}: schlecht"}
    assert json.dumps(told) == '"row {2}: bad"'


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda told: pickle.loads(pickle.dumps(told))])
def test_a_copy_knows_them_too(copied) -> None:
    told = filled(CATALOGUES, "row", row=3)
    assert copied(told) == told
    assert copied(told).texts == told.texts


def test_an_exception_gives_back_what_it_was_raised_with() -> None:
    with pytest.raises(DataError) as raised:
        parse_table(b"a,b\n1,cat\n", "bad.csv")
    told = message_of(raised.value)
    assert isinstance(told, Message)
    assert str(raised.value) == told == "bad.csv, row 2, column 2 (b): expected a number, got 'cat'"
    assert told.texts["zh-CN"] == "bad.csv 第 2 行第 2 列 (b)：应为数字，实为 'cat'"
    assert message_of(OSError(2, "no such file")) == "[Errno 2] no such file"


def test_a_run_keeps_its_message_in_every_language(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    told = message("problem.too_long", seconds=60)
    run = Record(store.new_id("cnn"), "", "", 0, DEFAULTS["cnn"], message=told)
    store.save(run)
    kept = store.load(run.id)
    assert kept == run
    assert isinstance(kept.message, Message)
    assert kept.message.texts == told.texts
