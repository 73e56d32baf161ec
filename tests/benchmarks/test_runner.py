"""A run on tiny cases: what its document holds, its targets and its warnings."""

import json

import pytest
import torch

from inkgrad_bench import console, environment, memory, roofline, runner
from inkgrad_bench.roofline import Roofline
from inkgrad_bench.runner import Callbacks, Plan, cliffs, scaled, summarize, verdict
from inkgrad_bench.suite import BOTH, FORWARD, NEVER_SLOWER, Case, Target
from inkgrad_bench.timing import Effort, quartiles

TINY = (
    Case("binary_cross_entropy", "tiny", ((8,), (8,)), {"reduction": "mean"}),
    Case("conv2d", "tiny", ((1, 2, 5, 5), (3, 2, 3, 3), (3,)), targets={FORWARD: Target(2, 4)}),
    Case("conv2d_relu_max_pool2d", "tiny half", ((1, 1, 5, 5), (2, 1, 2, 2)), dtype="bfloat16"),
    Case("linear_sigmoid", "tiny double", ((4, 3), (2, 3), (2,)), dtype="float64"),
)
ROOF = Roofline(1, dict.fromkeys(("float32", "float64", "bfloat16"), 100.0), "test", 20.0, 10.0)


@pytest.fixture(autouse=True, scope="module")
def _in_no_time():
    once = Effort(sample_seconds=0.0, min_rounds=2, max_rounds=2, seconds=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "QUICK", once)
        patch.setattr(roofline, "measure", lambda device, quick, dtypes: ROOF)
        yield


def callbacks(**functions):
    quiet = dict.fromkeys(("begun", "step", "roofline", "result", "scaling"), lambda _: None)
    return Callbacks(**quiet | functions)


def tiny_plan(**changes):
    return Plan(**{"cases": TINY, "threads": [1], "quick": True, "compiled": False} | changes)


@pytest.fixture(scope="module")
def document(_in_no_time):
    return runner.run(tiny_plan(), callbacks())


def test_document_is_complete_and_plain(document):
    assert document["complete"]
    assert document["failures"] == []
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    measured = [(row["op"], row["direction"]) for row in document["results"]]
    assert measured == [(case.op, way) for case in TINY for way in (FORWARD, BOTH)]


def test_document_tells_of_its_machine(document):
    where = document["environment"]
    assert where["processor"]
    assert where["build"]["torch"] == torch.__version__
    assert document["rooflines"][0]["gbytes"] == 20.0


def test_every_row_has_every_figure(document):
    for row in document["results"]:
        assert set(row["seconds"]) == {"native", "ours"}
        assert row["seconds"]["ours"]["median"] > 0
        assert row["ratio"]["native"]["median"] > 0
        assert row["roofline"]["ours"] > 0
        assert row["bound"] in ("arithmetic", "memory")
        assert (row["errors"] is None) == (row["dtype"] == "float64")
        assert row["accurate"] is not False


def test_gradients_of_pooling_in_half_types_are_not_compared(document):
    row = next(
        r for r in document["results"] if r["dtype"] == "bfloat16" and r["direction"] == BOTH
    )
    assert set(row["errors"]) == {"output"}


def test_threads_are_those_of_the_row_and_then_as_before(monkeypatch):
    seen, before = [], torch.get_num_threads()
    plan = tiny_plan(cases=TINY[:1], threads=[2, 1])
    document = runner.run(plan, callbacks(step=lambda _: seen.append(torch.get_num_threads())))
    assert [row["threads"] for row in document["results"]] == [2, 2, 1, 1]
    assert set(seen) == {1, 2}
    assert torch.get_num_threads() == before


def test_ctrl_c_keeps_what_was_measured():
    rows = []

    def interrupt(row):
        rows.append(row)
        if len(rows) == 3:
            raise KeyboardInterrupt

    document = runner.run(tiny_plan(), callbacks(result=interrupt))
    assert not document["complete"]
    assert document["results"] == rows
    assert "Interrupted" in console.summary(document)


def test_a_case_that_fails_leaves_the_others():
    wrong = Case("conv2d", "wrong", ((1, 2, 5, 5), (3, 1, 3, 3)))
    document = runner.run(tiny_plan(cases=[wrong, TINY[0]]), callbacks())
    assert [row["case"] for row in document["failures"]] == ["wrong", "wrong"]
    assert [row["case"] for row in document["results"]] == ["tiny", "tiny"]
    assert "FAILED: conv2d wrong" in console.summary(document)


MAIN_CASE = TINY[1]  # has a target


def test_a_compiler_that_fails_is_skipped_with_its_reason(monkeypatch):
    def compile_(function, **options):
        def broken(*args, **kwargs):
            raise RuntimeError("\nno compiler here\nand much more")

        return broken

    monkeypatch.setattr(torch, "compile", compile_)
    document = runner.run(tiny_plan(cases=[MAIN_CASE], compiled=True), callbacks())
    row = document["results"][0]
    assert set(row["seconds"]) == {"native", "ours"}
    assert row["not_compiled"] == "RuntimeError: no compiler here"
    assert "torch.compile: RuntimeError: no compiler here" in document["warnings"]


def test_the_compiled_contender_is_measured(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    document = runner.run(tiny_plan(cases=[MAIN_CASE], compiled=True), callbacks())
    forward, both = document["results"]
    assert set(forward["ratio"]) == set(both["ratio"]) == {"native", "compiled"}


def test_cases_without_targets_are_not_compiled():
    """It would take minutes."""
    (row, *_) = runner.run(tiny_plan(cases=TINY[:1], compiled=True), callbacks())["results"]
    assert set(row["ratio"]) == {"native"}


def test_scaling(monkeypatch):
    monkeypatch.setattr(runner.suite, "BATCHES", (1, 4))
    plan = tiny_plan(cases=[], scaling_ops=["binary_cross_entropy"])
    points = runner.run(plan, callbacks())["scaling"]
    assert [(p["direction"], p["batch"]) for p in points] == [
        (FORWARD, 1), (FORWARD, 4), (BOTH, 1), (BOTH, 4),
    ]  # fmt: skip
    assert all(point["seconds"]["ours"]["median"] > 0 for point in points)


def test_scaling_leaves_out_what_memory_cannot_hold(monkeypatch):
    monkeypatch.setattr(runner.suite, "BATCHES", (65536,))
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**6)
    plan = tiny_plan(cases=[], scaling_ops=["conv2d_relu_max_pool2d"])
    points = runner.run(plan, callbacks())["scaling"]
    assert all("not enough memory" in point["skipped"] for point in points)
    assert "not enough memory" in console.scaling_line(points[0])


def test_missing_kernels_are_reported(monkeypatch):
    build = {"cpu_library_loaded": "reference", "cpu_library_reason": "no compiler", "torch": "1"}
    monkeypatch.setattr(environment.inkgrad, "build_config", lambda: build)
    document = runner.run(tiny_plan(cases=TINY[1:2]), callbacks())
    assert all(row["verdict"] is None for row in document["results"])
    assert any("kernels are not loaded" in warning for warning in document["warnings"])


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(1.99, "missed"), (2.0, "reached"), (3.9, "reached"), (4.0, "stretch"), (50.0, "stretch")],
)
def test_verdict(ratio, expected):
    assert verdict(quartiles([ratio]), Target(2, 4)) == expected


def test_no_verdict_without_a_target():
    assert verdict(quartiles([1.0]), None) is None
    assert verdict(None, Target(2, 4)) is None


@pytest.mark.parametrize(
    ("target", "fraction", "expected"),
    [
        (Target(30, 50), 1.0, Target(30, 50)),
        (Target(30, 50), 0.7, Target(21, 35)),
        (Target(1.1, 1.2), 0.7, Target(0.97, 0.97)),  # no kernel may be slower
        (NEVER_SLOWER, 0.7, Target(0.97, 0.97)),
        (Target(30, 50), None, None),  # no targets for other kernels and devices
        (None, 1.0, None),
    ],
)
def test_targets_of_lesser_kernels(target, fraction, expected):
    found = scaled(target, fraction)
    if expected is None:
        assert found is None
    else:
        assert found.ratio == pytest.approx(expected.ratio)
        assert found.stretch == pytest.approx(expected.stretch)


def test_summary_of_given_samples():
    case = Case("conv2d", "x", targets={"forward": Target(2, 4)}, compiled_target=Target(3, 5))
    samples = {"native": [6.0, 9.0, 6.0], "compiled": [4.0, 6.0, 4.0], "ours": [2.0, 3.0, 2.0]}
    row = summarize(samples, case, "forward", 1.0)
    assert row["ratio"]["native"]["median"] == 3.0
    assert row["ratio"]["compiled"]["median"] == 2.0
    assert (row["verdict"], row["compiled_verdict"]) == ("reached", "missed")
    assert row["seconds"]["ours"]["median"] == 2.0


def scaling_points(seconds_by_batch):
    return [
        {
            "op": "conv2d",
            "direction": "forward",
            "threads": 1,
            "batch": batch,
            "seconds": None if seconds is None else {"ours": {"median": seconds}},
        }
        for batch, seconds in seconds_by_batch.items()
    ]


def test_linear_growth_is_no_cliff():
    assert cliffs(scaling_points({1: 2e-6, 4: 3e-6, 16: 12e-6, 64: 50e-6})) == []


def test_a_jump_is_a_cliff():
    (found,) = cliffs(scaling_points({1: 1e-6, 4: 4e-6, 16: 32e-6, 64: None}))
    assert "batch 16 takes 8.0 times as long as 4" in found
