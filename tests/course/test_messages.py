"""Messages: English strings that carry their translations."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

from inkgrad.course.data.tables import DataError, parse
from inkgrad.course.messages import Message, message, message_of, translated
from inkgrad.course.settings import DEFAULTS
from inkgrad.course.training.run_record import RunRecord, now
from inkgrad.course.training.run_store import RunStore

CATALOGUES = {
    "en": {"bad": "{where}: bad", "row": "row {row}"},
    "de": {"bad": "{where}: schlecht", "row": "Zeile {row}"},
}


def test_a_message_is_the_english_text_and_has_the_others() -> None:
    text = translated(CATALOGUES, "bad", where=translated(CATALOGUES, "row", row="{2}"))
    assert text == "row {2}: bad"
    assert text.texts == {"en": "row {2}: bad", "de": "Zeile {2}: schlecht"}
    assert json.dumps(text) == '"row {2}: bad"'


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda text: pickle.loads(pickle.dumps(text))])
def test_a_copy_has_them_too(copied) -> None:
    text = translated(CATALOGUES, "row", row=3)
    assert copied(text) == text
    assert copied(text).texts == text.texts


def test_an_exception_gives_back_its_message() -> None:
    with pytest.raises(DataError) as raised:
        parse(b"a,b,c\n1,cat,0\n2,3,1\n", "bad.csv")
    text = message_of(raised.value)
    assert isinstance(text, Message)
    assert str(raised.value) == text == "bad.csv, row 2, column 2 (b): expected a number, got 'cat'"
    assert text.texts["zh-CN"] == "bad.csv 第 2 行第 2 列 (b)：应为数字，实为 'cat'"
    assert message_of(OSError(2, "no such file")) == "[Errno 2] no such file"


def test_a_run_keeps_its_message_in_every_language(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    text = message("problem.too_long", seconds=60)
    run = RunRecord(store.new_id("cnn"), now(), "", 0, DEFAULTS["cnn"], message=text)
    store.save(run)
    kept = store.load(run.id)
    assert kept == run
    assert isinstance(kept.message, Message)
    assert kept.message.texts == text.texts
