"""The benchmark of the app measures the app: every figure has its samples."""

from contextlib import closing

import pytest

from inkgrad_bench import app


def test_summary():
    figure = app.summarise([3.0, 1.0, 2.0])
    assert figure == {"median": 2.0, "p95": 3.0, "largest": 3.0, "samples": 3}
    line = app.table({"a drawing": figure}).splitlines()[1]
    assert line.split() == ["a", "drawing", "2.0", "3.0", "3.0", "3", "60"]


@pytest.mark.browser
def test_every_figure_is_measured(launch, monkeypatch, tmp_path):
    monkeypatch.setenv("INKGRAD_DATA", str(tmp_path))  # the bundled digits
    with closing(app.Server()) as server:
        found = app.measure(app.Client(launch(), server.address), server, "softmax", repeats=2)
    assert set(app.TARGETS) < set(found)
    for samples in found.values():
        assert samples
        assert min(samples) > -1  # the step before the one under way may have been the last
