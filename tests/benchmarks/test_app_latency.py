"""The app's latency benchmark: every figure has its samples."""

import json
import os
import subprocess
import sys

import pytest

from inkgrad_bench import app_latency


def test_summary():
    figure = app_latency.summarize([3.0, 1.0, 2.0])
    assert figure == {"median": 2.0, "p95": 3.0, "max": 3.0, "samples": 3}
    line = app_latency.table({"a drawing": figure}).splitlines()[1]
    assert line.split() == ["a", "drawing", "2.0", "3.0", "3.0", "3", "60"]


@pytest.mark.browser
def test_every_figure_is_measured(tmp_path):
    pytest.importorskip("playwright")
    path = tmp_path / "figures.json"
    run = subprocess.run(
        [sys.executable, "-m", "inkgrad_bench.app_latency", "--model", "softmax", "--repeats", "2",
         "--json", path],
        env=os.environ | {"INKGRAD_DATA": str(tmp_path)},  # the bundled digits
        capture_output=True, text=True,
    )  # fmt: skip
    if "no Chromium" in run.stderr and not os.environ.get("INKGRAD_REQUIRE_BROWSER"):
        pytest.skip("no Chromium")
    assert run.returncode == 0, run.stderr
    figures = json.loads(path.read_text())["milliseconds"]
    assert set(app_latency.TARGETS) < set(figures)
    assert all(figure["samples"] > 0 for figure in figures.values())
    # above zero, but that stop may be pressed during the last step
    assert all(figure["median"] > -1 for figure in figures.values())
