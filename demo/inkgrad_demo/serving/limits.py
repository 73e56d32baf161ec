"""A limit on the size of requests: without one, a single request could fill the memory."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 8 * 2**20
"""Bytes of a request's body: enough for a phone's photograph in base64."""


class _TooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware: answers a request whose body exceeds ``limit`` bytes with status 413."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        received = 0
        responding = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal responding
            responding = True
            await send(message)

        try:
            declared = dict(scope["headers"]).get(b"content-length", b"0")
            if declared.isdigit() and int(declared) > self.limit:
                raise _TooLarge
            await self.app(scope, counted, watched)
        except _TooLarge:
            if responding:
                raise
            text = f"The request is too large: expected at most {self.limit} bytes."
            await JSONResponse({"detail": text}, status_code=413)(scope, receive, send)
