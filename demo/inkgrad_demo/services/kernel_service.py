"""Checks, benchmarks and source files of the kernels. No Gradio in here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from inkgrad.check import CHECKS, DTYPES, OPS
from inkgrad.course.messages import message_of
from inkgrad_bench import environment, user_cases
from inkgrad_bench.suite import CASES
from inkgrad_bench.user_cases import SIZES
from inkgrad_demo.jobs.job_queue import JobFailed, JobQueue
from inkgrad_demo.services.committed_results import committed_results
from inkgrad_demo.services.kernel_requests import BenchRequest, CheckRequest
from inkgrad_demo.services.op_documentation import KERNEL_FILE, source_text
from inkgrad_demo.services.request_fields import Whole
from inkgrad_demo.services.request_validation import EmptyRequest, Request
from inkgrad_demo.texts import message

MAX_SECONDS = 600
"""A check or benchmark that runs longer is killed."""


class StopRequest(Request):
    job: str = Field(max_length=60)


class PollRequest(StopRequest):
    after: Annotated[int, Whole(0, 10**6)] = 0


class SourceRequest(Request):
    file: Annotated[str, KERNEL_FILE]


class KernelService:
    """Runs checks and benchmarks as jobs."""

    def __init__(self) -> None:
        # One at a time: two would distort each other's timings.
        self._jobs = JobQueue("inkgrad_demo.jobs.worker", MAX_SECONDS)

    def start_check(self, request: CheckRequest) -> dict[str, Any]:
        """Queue a check; return the ``job`` to poll."""
        return {"job": self._jobs.submit(request.job()).id}

    def start_bench(self, request: BenchRequest) -> dict[str, Any]:
        """Queue a benchmark; return the ``job`` to poll."""
        return {"job": self._jobs.submit(request.job()).id}

    def poll(self, request: PollRequest) -> dict[str, Any]:
        """Return a job's state and its events from number ``after`` on; see JobQueue.poll."""
        return self._jobs.poll(request.job, request.after)

    def stop(self, request: StopRequest) -> dict[str, Any]:
        """End a job now."""
        self._jobs.stop(request.job)
        return {}

    def committed(self, request: EmptyRequest) -> dict[str, Any]:
        """Return the benchmark results that come with inkgrad."""
        return committed_results()

    def source(self, request: SourceRequest) -> dict[str, Any]:
        """Return the ``code`` of a source file of the kernels; None outside a checkout."""
        return {"code": source_text(request.file)}

    def check(self, request: CheckRequest) -> dict[str, Any]:
        """Check the kernels: gradcheck, gradgradcheck, opcheck and parity with torch.

        Returns:
            the document of `inkgrad check --json`: build, device and results, each with op, dtype,
            check, status (passed, failed or skipped), error and message.
        """
        return self._result(request.job())

    def bench(self, request: BenchRequest) -> dict[str, Any]:
        """Time an op of inkgrad against torch's own, forward and with gradients.

        Returns:
            the document of `inkgrad bench --json`: environment, rooflines and results, each with
            seconds and ratio (native's time over ours).
        """
        return self._result(request.job())

    def _result(self, job: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._jobs.wait_for(self._jobs.submit(job))
        except JobFailed as error:
            raise ValueError(
                message("problem.job", kind=job["kind"], error=message_of(error))
            ) from None


def choices() -> dict[str, Any]:
    """Return what the page offers to choose from."""
    return {
        "ops": list(OPS),
        "dtypes": list(DTYPES),
        "checks": list(CHECKS),
        "threads": environment.processors(),
        "sizes": {op: [vars(size) for size in sizes] for op, sizes in SIZES.items()},
        "presets": _presets(),
    }


def _presets() -> list[dict[str, Any]]:
    presets = ((case, user_cases.sizes_of(case)) for case in CASES)
    return [
        {"op": case.op, "case": case.name, "dtype": case.dtype, "sizes": sizes}
        for case, sizes in presets
        if sizes is not None
    ]
