"""The job queue: one job at a time, in order, stopped at once, and a failure affects no other."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.jobs import job_queue
from inkgrad_demo.jobs.job_queue import Job, JobFailed, JobQueue, QueueFull

CHECK = {"kind": "check", "ops": ["linear_relu"], "dtypes": ["float32"]}
LONG = {"kind": "check", "ops": ["conv2d"] * 20, "dtypes": ["float64"]}


def checks(max_seconds: float = 600) -> JobQueue:
    return JobQueue("inkgrad_demo.jobs.worker", max_seconds)


def _until(jobs: JobQueue, job: Job, state: str, events: int = 0) -> None:
    deadline = time.monotonic() + 240
    while (found := jobs.poll(job.id, 0))["state"] != state or len(found["events"]) < events:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


def test_the_events_of_a_check_come_in_order_and_end_with_its_document() -> None:
    jobs = checks()
    job = jobs.submit(CHECK)
    document = jobs.wait_for(job)
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


def test_waiting_jobs_can_be_stopped() -> None:
    jobs = checks()
    running, waiting, last = (jobs.submit(LONG) for _ in range(3))
    _until(jobs, running, "running", events=1)
    assert [jobs.poll(job.id, 0)["ahead"] for job in (waiting, last)] == [1, 2]
    jobs.stop(waiting.id)
    assert jobs.poll(waiting.id, 0)["state"] == "stopped"
    assert jobs.poll(last.id, 0)["ahead"] == 1
    jobs.stop(running.id)
    with pytest.raises(JobFailed, match="stopped"):
        jobs.wait_for(running)
    _until(jobs, last, "running", events=1)
    jobs.stop(last.id)
    with pytest.raises(JobFailed):
        jobs.wait_for(last)


def test_a_full_queue_refuses_jobs(monkeypatch) -> None:
    monkeypatch.setattr(job_queue, "MAX_WAITING", 1)
    jobs = checks()
    running = jobs.submit(LONG)
    _until(jobs, running, "running")
    waiting = jobs.submit(LONG)
    with pytest.raises(QueueFull, match="1 job is already queued"):
        jobs.submit(LONG)
    for job in (waiting, running):
        jobs.stop(job.id)


def test_a_failure_is_reported_and_the_next_job_runs() -> None:
    jobs = checks()
    failing = jobs.submit({"kind": "check", "ops": ["nonesuch"], "dtypes": ["float32"]})
    following = jobs.submit(CHECK)
    with pytest.raises(JobFailed, match="KeyError: 'nonesuch'"):
        jobs.wait_for(failing)
    assert len(jobs.wait_for(following)["results"]) == 4


def test_a_job_that_takes_too_long_is_killed(monkeypatch) -> None:
    jobs = checks(max_seconds=0.5)
    with pytest.raises(JobFailed, match="took longer than"):
        jobs.wait_for(jobs.submit(LONG))


def test_an_unknown_job_is_gone() -> None:
    assert checks().poll("nonesuch", 0)["state"] == "gone"
    checks().stop("nonesuch")
