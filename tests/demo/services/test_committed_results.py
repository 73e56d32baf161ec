"""The committed benchmark results: those of the file, or none."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.services import committed_results


def test_the_committed_results_are_those_of_the_file() -> None:
    document = json.loads(committed_results._FILE.read_text(encoding="utf-8"))
    shown = committed_results.committed_results()
    assert shown["environment"] == document["environment"]
    ratios = {
        (row["op"], row["case"], row["direction"], row["dtype"], row["threads"]): row["ratio"]
        for row in document["results"]
    }
    assert len(shown["results"]) > 100
    for row in shown["results"]:
        key = (row["op"], row["case"], row["direction"], row["dtype"], row["threads"])
        assert row["ratio"]["native"] == ratios[key]["native"]


def test_an_installation_without_results_has_no_environment(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(committed_results, "_FILE", tmp_path / "latest.json")
    committed_results.committed_results.cache_clear()
    assert committed_results.committed_results()["environment"] is None
    committed_results.committed_results.cache_clear()
