"""A run on tiny cases: what the document holds, and what comes of it."""

import json

import pytest
import torch

from inkgrad_bench import accuracy, ceilings, environment, memory, report, session, workloads
from inkgrad_bench.accuracy import accurate, relative_rms
from inkgrad_bench.cases import BOTH, FORWARD, Case, Target
from inkgrad_bench.ceilings import Ceilings
from inkgrad_bench.measure import Effort
from inkgrad_bench.session import Plan, Watcher
from inkgrad_bench.workloads import Work

TINY = (
    Case("binary_cross_entropy", "tiny", ((8,), (8,)), {"reduction": "mean"}),
    Case("conv2d", "tiny", ((1, 2, 5, 5), (3, 2, 3, 3), (3,)), targets={FORWARD: Target(2, 4)}),
    Case("conv2d_relu_max_pool2d", "tiny half", ((1, 1, 5, 5), (2, 1, 2, 2)), dtype="bfloat16"),
    Case("linear_sigmoid", "tiny double", ((4, 3), (2, 3), (2,)), dtype="float64"),
)
CEILINGS = Ceilings(1, dict.fromkeys(("float32", "float64", "bfloat16"), 100.0), "test", 20.0, 10.0)


@pytest.fixture(autouse=True, scope="module")
def _in_no_time():
    once = Effort(sample_seconds=0.0, rounds=2, most=2, seconds=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "QUICK", once)
        patch.setattr(ceilings, "measure", lambda device, quick, dtypes: CEILINGS)
        yield


def watcher(**functions):
    quiet = dict.fromkeys(("opened", "started", "limited", "measured", "scaled"), lambda _: None)
    return Watcher(**quiet | functions)


def tiny_plan(**changes):
    return Plan(**{"cases": TINY, "threads": [1], "quick": True, "compiled": False} | changes)


@pytest.fixture(scope="module")
def document(_in_no_time):
    return session.run(tiny_plan(), watcher())


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
    assert document["ceilings"][0]["gbytes"] == 20.0


def test_every_row_has_every_figure(document):
    for row in document["results"]:
        assert set(row["seconds"]) == {"native", "ours"}
        assert row["seconds"]["ours"]["median"] > 0
        assert row["ratio"]["native"]["median"] > 0
        assert row["ceiling"]["ours"] > 0
        assert row["bound"] in ("arithmetic", "memory")
        assert (row["errors"] is None) == (row["dtype"] == "float64")
        assert row["accurate"] is not False


def test_gradients_of_pooling_in_half_types_are_not_judged(document):
    row = next(
        r for r in document["results"] if r["dtype"] == "bfloat16" and r["direction"] == BOTH
    )
    assert set(row["errors"]) == {"output"}


def test_threads_are_those_of_the_row_and_then_as_before(monkeypatch):
    seen, before = [], torch.get_num_threads()
    plan = tiny_plan(cases=TINY[:1], threads=[2, 1])
    document = session.run(plan, watcher(started=lambda _: seen.append(torch.get_num_threads())))
    assert [row["threads"] for row in document["results"]] == [2, 2, 1, 1]
    assert set(seen) == {1, 2}
    assert torch.get_num_threads() == before


def test_ctrl_c_keeps_what_was_measured():
    rows = []

    def interrupt(row):
        rows.append(row)
        if len(rows) == 3:
            raise KeyboardInterrupt

    document = session.run(tiny_plan(), watcher(measured=interrupt))
    assert not document["complete"]
    assert document["results"] == rows
    assert "Interrupted" in report.summary(document)


def test_a_case_that_fails_leaves_the_others():
    wrong = Case("conv2d", "wrong", ((1, 2, 5, 5), (3, 1, 3, 3)))
    document = session.run(tiny_plan(cases=[wrong, TINY[0]]), watcher())
    assert [row["case"] for row in document["failures"]] == ["wrong", "wrong"]
    assert [row["case"] for row in document["results"]] == ["tiny", "tiny"]
    assert "FAILED: conv2d wrong" in report.summary(document)


MAIN_CASE = TINY[1]  # has a target


def test_a_compiler_that_fails_is_skipped_with_its_reason(monkeypatch):
    def compile_(function, **options):
        def broken(*args, **kwargs):
            raise RuntimeError("\nno compiler here\nand much more")

        return broken

    monkeypatch.setattr(torch, "compile", compile_)
    document = session.run(tiny_plan(cases=[MAIN_CASE], compiled=True), watcher())
    row = document["results"][0]
    assert set(row["seconds"]) == {"native", "ours"}
    assert row["not_compiled"] == "RuntimeError: no compiler here"
    assert "torch.compile: RuntimeError: no compiler here" in document["warnings"]


def test_the_compiled_contender_is_measured(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    document = session.run(tiny_plan(cases=[MAIN_CASE], compiled=True), watcher())
    forward, both = document["results"]
    assert set(forward["ratio"]) == set(both["ratio"]) == {"native", "compiled"}


def test_cases_without_targets_are_not_compiled():
    """It would take minutes."""
    (row, *_) = session.run(tiny_plan(cases=TINY[:1], compiled=True), watcher())["results"]
    assert set(row["ratio"]) == {"native"}


def test_scaling(monkeypatch):
    monkeypatch.setattr(session.cases, "BATCHES", (1, 4))
    plan = tiny_plan(cases=[], scaling_ops=["binary_cross_entropy"])
    points = session.run(plan, watcher())["scaling"]
    assert [(p["direction"], p["batch"]) for p in points] == [
        (FORWARD, 1), (FORWARD, 4), (BOTH, 1), (BOTH, 4),
    ]  # fmt: skip
    assert all(point["seconds"]["ours"]["median"] > 0 for point in points)


def test_scaling_leaves_out_what_memory_cannot_hold(monkeypatch):
    monkeypatch.setattr(session.cases, "BATCHES", (65536,))
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**6)
    plan = tiny_plan(cases=[], scaling_ops=["conv2d_relu_max_pool2d"])
    points = session.run(plan, watcher())["scaling"]
    assert all("not enough memory" in point["skipped"] for point in points)
    assert "not enough memory" in report.scaling_line(points[0])


@pytest.mark.parametrize("model", ["diabetes", "cnn", "softmax"])
def test_training_steps(model):
    """Both backends go through the very training of ``inkgrad train``."""
    case = Case("train", "tiny", (), {"model": model, "batch_size": 8, "examples": 16})
    load = workloads.build(case, "epoch", "cpu", compiled=False)
    native, ours = load.steps["native"](), load.steps["ours"]()
    assert native.epoch == ours.epoch == 1
    assert ours.loss == pytest.approx(native.loss, rel=1e-4)
    assert load.steps["ours"]().epoch == 2


@pytest.mark.parametrize("whole", [False, True])
def test_predictions(whole):
    case = Case("predict", "", (), {"whole": whole})
    load = workloads.build(case, FORWARD, "cpu", compiled=False)
    native, ours = load.steps["native"](), load.steps["ours"]()
    if whole:
        native, ours = (torch.from_numpy(result.probabilities) for result in (native, ours))
    torch.testing.assert_close(ours, native, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- accuracy


def test_relative_rms():
    exact = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert relative_rms(torch.tensor([3.0, 4.5]), exact) == pytest.approx(0.1)
    assert relative_rms(torch.tensor([float("nan"), 4.0]), exact) > 1e300


def test_errors_are_against_float64(monkeypatch):
    """A wrong result of ours is seen, in the tensor that is wrong."""
    from inkgrad import functional

    right = functional.conv2d
    monkeypatch.setattr(functional, "conv2d", lambda *args, **kw: right(*args, **kw) * 1.01)
    problem = workloads.make_problem(TINY[1], BOTH, "cpu")
    found = accuracy.errors(problem)
    assert set(found) == {"output", "grad 0", "grad 1", "grad 2"}
    assert found["output"]["ours"] == pytest.approx(0.01, rel=1e-3)
    assert found["output"]["native"] < 1e-6
    assert not accurate(found, "float32", singles=())
    assert accuracy.single_elements(problem) == set()


@pytest.mark.parametrize(
    ("dtype", "ours", "single", "expected"),
    [
        ("float32", 1e-6, False, True),
        ("float32", 1.05e-6, False, True),  # chance
        ("float32", 1.2e-6, False, False),
        ("bfloat16", 1.9e-6, False, True),
        ("bfloat16", 1e-2, False, False),
        ("float32", 1.2e-6, True, False),
        ("float32", float("nan"), False, False),
    ],
)
def test_what_counts_as_accurate(dtype, ours, single, expected):
    found = {"output": {"native": 1e-6, "ours": ours}}
    assert accurate(found, dtype, ["output"] if single else []) is expected


def test_a_lucky_scalar_of_native_is_no_reproach():
    found = {"grad 2": {"native": 0.0, "ours": 3e-8}}
    assert accurate(found, "float32", singles=["grad 2"])
    assert not accurate(found, "float32", singles=["output"])


def test_which_tensors_are_single_numbers():
    case = Case("linear_sigmoid", "", ((5, 3), (1, 3), (1,)))
    problem = workloads.make_problem(case, BOTH, "cpu")
    assert accuracy.single_elements(problem) == {"grad 2"}
    case = Case("binary_cross_entropy", "", ((5,), (5,)))
    assert accuracy.single_elements(workloads.make_problem(case, BOTH, "cpu")) == {"output"}


# ---------------------------------------------------------------- the machine


def test_bound_is_the_ceiling_that_takes_longer():
    assert CEILINGS.bound(Work(flops=10**9, bytes=8), "float32") == (0.01, "arithmetic")
    assert CEILINGS.bound(Work(flops=8, bytes=10**9), "float32") == (0.05, "memory")


@pytest.mark.skipif(memory.peak_bytes(lambda: None, "cpu") is None, reason="not told here")
def test_peak_memory_is_of_the_call_alone():
    kept = torch.ones(2**22)

    def step():
        return (kept + 1).sum()  # 16 MB for a moment

    assert 2**24 <= memory.peak_bytes(step, "cpu") < 2**24 + 2**23


def test_other_work_is_what_is_left_of_the_busy_time(monkeypatch):
    busy, own, now = iter([100.0, 118.0]), iter([5.0, 14.0]), iter([0.0, 10.0])
    monkeypatch.setattr(environment, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(environment, "_own_seconds", lambda: next(own))
    monkeypatch.setattr(environment.time, "perf_counter", lambda: next(now))
    assert environment.OtherWork().processors() == pytest.approx(0.9)


@pytest.mark.parametrize(("others", "said"), [(None, False), (0.05, False), (0.9, True)])
def test_a_busy_machine_is_noticed(monkeypatch, others, said):
    monkeypatch.setattr(environment.OtherWork, "processors", lambda self: others)
    assert (environment.OtherWork().warning() is not None) is said


def test_missing_kernels_are_told(monkeypatch):
    build = {"cpu_library_loaded": "reference", "cpu_library_reason": "no compiler", "torch": "1"}
    monkeypatch.setattr(environment.inkgrad, "build_config", lambda: build)
    document = session.run(tiny_plan(cases=TINY[1:2]), watcher())
    assert all(row["verdict"] is None for row in document["results"])
    assert any("kernels are not loaded" in warning for warning in document["warnings"])
