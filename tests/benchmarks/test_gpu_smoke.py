"""The calls that compute-sanitizer watches, on the CPU."""

from inkgrad_bench import gpu_smoke


def test_smoke_runs_every_op():
    assert gpu_smoke.run("cpu") >= 5 * 4 * 2
