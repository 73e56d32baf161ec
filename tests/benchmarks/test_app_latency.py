"""The app's latency benchmark: every figure has its samples."""

import json
import os

import pytest

from inkgrad_bench import app_latency


def test_summary():
    figure = app_latency.summarize([3.0, 1.0, 2.0])
    assert figure == {"median": 2.0, "p95": 3.0, "max": 3.0, "samples": 3}
    line = app_latency.table({"a drawing": figure}).splitlines()[1]
    assert line.split() == ["a", "drawing", "2.0", "3.0", "3.0", "3", "60"]


@pytest.mark.browser
def test_every_figure_is_measured(tmp_path, monkeypatch):
    pytest.importorskip("playwright")
    monkeypatch.setenv("INKGRAD_DATA", str(tmp_path))  # the bundled digits
    monkeypatch.setattr(app_latency, "_MILLISECONDS_OF_REST", 0)
    path = tmp_path / "figures.json"
    try:
        app_latency.main(["--model", "softmax", "--repeats", "1", "--json", str(path)])
    except SystemExit as ended:
        if "no Chromium" in str(ended) and not os.environ.get("INKGRAD_REQUIRE_BROWSER"):
            pytest.skip("no Chromium")
        raise
    figures = json.loads(path.read_text())["milliseconds"]
    assert set(app_latency.TARGETS) < set(figures)
    assert all(figure["samples"] > 0 for figure in figures.values())
    # A negative time is right here: between two steps nothing is left to stop.
    del figures["from pressing stop to the last step"]
    assert all(figure["median"] > 0 for figure in figures.values())
