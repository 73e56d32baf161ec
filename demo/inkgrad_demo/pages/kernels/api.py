"""Checks and benchmarks over the API, with the results of the Kernels page and the command line."""

from __future__ import annotations

from inkgrad_demo.jobs.waiting_line import MAX_WAITING_OF_PERSON
from inkgrad_demo.services.kernel_service import KernelService
from inkgrad_demo.serving.exposed import to_api


def build(kernels: KernelService) -> None:
    """Add the endpoints to the app."""
    # Queued: a call that takes a minute would time out as a plain request.
    to_api(kernels.check, "check", concurrency_limit=MAX_WAITING_OF_PERSON)
    to_api(kernels.bench, "bench", concurrency_limit=MAX_WAITING_OF_PERSON)
