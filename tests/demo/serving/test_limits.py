"""The limit on the body of a request, with and without a declared length."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("gradio")

import httpx

from inkgrad_demo.serving.limits import BodyLimit

LIMIT = 100


def _post(content: bytes | AsyncIterator[bytes]) -> tuple[httpx.Response, list[int]]:
    """Return the response, and how many bytes reached the application."""
    reached = []

    async def application(scope, receive, send) -> None:
        length, more = 0, True
        while more:
            message = await receive()
            length += len(message["body"])
            reached.append(length)
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"read"})

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app=BodyLimit(application, LIMIT))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/", content=content)

    return asyncio.run(post()), reached


async def _chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 10


@pytest.mark.parametrize("content", [b"", b"x" * LIMIT, _chunks(10)])
def test_a_body_within_the_limit_is_read(content: bytes | AsyncIterator[bytes]) -> None:
    response, _ = _post(content)
    assert (response.status_code, response.text) == (200, "read")


@pytest.mark.parametrize("content", [b"x" * (LIMIT + 1), _chunks(1000)])
def test_a_larger_body_is_refused_and_not_read(content: bytes | AsyncIterator[bytes]) -> None:
    response, reached = _post(content)
    assert response.status_code == 413
    assert f"at most {LIMIT} bytes" in response.json()["detail"]
    assert max(reached, default=0) <= LIMIT
