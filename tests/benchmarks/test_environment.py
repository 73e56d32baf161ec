"""How busy other programs keep the machine."""

import pytest

from inkgrad_bench import environment
from inkgrad_bench.environment import BackgroundLoad


def test_background_load_is_busy_time_less_our_own(monkeypatch):
    busy, own, now = iter([100.0, 118.0]), iter([5.0, 14.0]), iter([0.0, 10.0])
    monkeypatch.setattr(environment, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(environment, "_own_seconds", lambda: next(own))
    monkeypatch.setattr(environment.time, "perf_counter", lambda: next(now))
    assert BackgroundLoad().processors() == pytest.approx(0.9)


@pytest.mark.parametrize(("others", "warns"), [(None, False), (0.05, False), (0.9, True)])
def test_a_busy_machine_is_noticed(monkeypatch, others, warns):
    monkeypatch.setattr(BackgroundLoad, "processors", lambda self: others)
    assert (BackgroundLoad().warning() is not None) is warns
