"""A limit on what a request may carry: without one, a single request could fill the memory."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 8 * 2**20
"""Bytes of a request's body: a photograph of a phone, in base64, fits."""


class _TooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware: a request whose body is larger than ``limit`` bytes is answered with 413."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        received = 0
        answering = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        try:
            declared = dict(scope["headers"]).get(b"content-length", b"0")
            if declared.isdigit() and int(declared) > self.limit:
                raise _TooLarge
            await self.app(scope, counted, watched)
        except _TooLarge:
            if answering:
                raise
            text = f"The request is too large: at most {self.limit} bytes are read."
            await JSONResponse({"detail": text}, status_code=413)(scope, receive, send)
