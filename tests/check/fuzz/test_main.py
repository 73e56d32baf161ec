"""The fuzzer finds nothing here, and would say so if it did."""

from __future__ import annotations

import json
import sys

import pytest

from inkgrad.check.fuzz import __main__ as fuzz
from shapes import FUZZED


def test_some_cases_of_every_kind(capfd, monkeypatch):
    argv = ["fuzz", "--cases", "300", "--seconds", "100", "--seed", "16"]
    monkeypatch.setattr(sys, "argv", argv)
    status = fuzz.main()
    output = capfd.readouterr().out
    assert (status, output) == (0, "300 cases, 0 findings\n")


@pytest.mark.core
@pytest.mark.parametrize("why", FUZZED)
def test_what_was_found_once(why):
    case = json.loads(json.dumps(FUZZED[why]))
    assert fuzz.run(case, lambda: None) is None


def test_a_case_that_differs(monkeypatch, capsys):
    case = {"kind": "call", "threads": 1, "seed": 1}
    monkeypatch.setitem(fuzz._KINDS, "call", (None, lambda case, after_ours: "off by one"))
    monkeypatch.setattr(sys, "argv", ["fuzz", "--case", json.dumps(case)])
    assert fuzz.main() == 1
    assert capsys.readouterr().out == "off by one\n"


CASE = '{"kind": "call"}'


@pytest.mark.parametrize(
    ("child", "reported"),
    [
        (f"print('{CASE}'); print('ours'); print('null')", []),
        (f"print('{CASE}'); print('ours'); print('\"off by one\"')", ["off by one"]),
        (f"print('{CASE}', flush=True); os.abort()", ["Aborted"]),
        (f"print('{CASE}', flush=True); print('ours', flush=True); os.abort()", []),  # native's
    ],
    ids=["as native", "differs", "crash", "crash of native"],
)
def test_what_the_child_does(child, reported, monkeypatch, capsys):
    children = iter([child, ""])
    monkeypatch.setattr(
        fuzz, "_command", lambda *_: [sys.executable, "-c", f"import os; {next(children)}"]
    )
    assert fuzz._parent(0, 60, 9, ["call"]) == bool(reported)
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [line for name in reported for line in (name, f"  --case '{CASE}'")]
    assert last == f"1 cases, {len(reported)} findings"


def test_a_child_that_does_not_start(monkeypatch, capsys):
    monkeypatch.setattr(fuzz, "_command", lambda *_: [sys.executable, "-c", "raise SystemExit(3)"])
    assert fuzz._parent(0, 60, 9, ["call"]) == 2
    assert "ended with status 3" in capsys.readouterr().err


def test_a_case_that_hangs(monkeypatch, capsys):
    children = iter([f"import time; print('{CASE}', flush=True); time.sleep(60)", ""])
    monkeypatch.setattr(fuzz, "_TIMEOUT", 1.0)
    monkeypatch.setattr(fuzz, "_command", lambda *_: [sys.executable, "-c", next(children)])
    assert fuzz._parent(0, 60, 9, ["call"]) == 1
    assert "Killed" in capsys.readouterr().out
