"""Jobs of the app: one at a time, in order, stopped at once, and a failure harms no other."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.jobs import queue as jobs
from inkgrad_demo.jobs.queue import Busy, Failed, Job, Jobs

CHECK = {"kind": "check", "ops": ["linear_relu"], "dtypes": ["float32"]}
LONG = {"kind": "check", "ops": ["conv2d"] * 20, "dtypes": ["float64"]}


def _until(jobs: Jobs, job: Job, state: str, events: int = 0) -> None:
    deadline = time.monotonic() + 240
    while (found := jobs.poll(job.id, 0))["state"] != state or len(found["events"]) < events:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


def test_the_events_of_a_check_come_in_order_and_end_with_its_document() -> None:
    jobs = Jobs()
    job = jobs.start(CHECK)
    document = jobs.result(job)
    events = jobs.poll(job.id, 0)["events"]
    assert [next(iter(event)) for event in events] == ["started", "result"] * 4 + ["done"]
    assert [event["result"] for event in events if "result" in event] == document["results"]
    assert [result["status"] for result in document["results"]] == [
        "skipped",
        "skipped",
        "passed",
        "passed",
    ]
    assert jobs.poll(job.id, 7)["events"] == events[7:]


def test_later_jobs_wait_in_line_and_can_be_stopped_there() -> None:
    jobs = Jobs()
    running, waiting, last = (jobs.start(LONG) for _ in range(3))
    _until(jobs, running, "running", events=1)
    assert [jobs.poll(job.id, 0)["ahead"] for job in (waiting, last)] == [1, 2]
    jobs.stop(waiting.id)
    assert jobs.poll(waiting.id, 0)["state"] == "stopped"
    assert jobs.poll(last.id, 0)["ahead"] == 1
    jobs.stop(running.id)
    with pytest.raises(Failed, match="stopped"):
        jobs.result(running)
    _until(jobs, last, "running", events=1)
    jobs.stop(last.id)
    with pytest.raises(Failed):
        jobs.result(last)


def test_so_many_wait_and_no_more(monkeypatch) -> None:
    monkeypatch.setattr(jobs, "MAX_WAITING", 1)
    line = Jobs()
    running = line.start(LONG)
    _until(line, running, "running")
    waiting = line.start(LONG)
    with pytest.raises(Busy, match="1 jobs are already queued"):
        line.start(LONG)
    for job in (waiting, running):
        line.stop(job.id)


def test_a_failure_is_named_and_the_next_job_runs() -> None:
    jobs = Jobs()
    failing = jobs.start({"kind": "check", "ops": ["nonesuch"], "dtypes": ["float32"]})
    following = jobs.start(CHECK)
    with pytest.raises(Failed, match="KeyError: 'nonesuch'"):
        jobs.result(failing)
    assert len(jobs.result(following)["results"]) == 4


def test_a_job_that_takes_too_long_is_ended(monkeypatch) -> None:
    monkeypatch.setattr(jobs, "MAX_SECONDS", 0.5)
    line = Jobs()
    with pytest.raises(Failed, match="took longer than"):
        line.result(line.start(LONG))


def test_an_unknown_job_is_gone() -> None:
    assert Jobs().poll("nonesuch", 0)["state"] == "gone"
    assert Jobs().poll(None, 0)["state"] == "gone"
    Jobs().stop("nonesuch")
