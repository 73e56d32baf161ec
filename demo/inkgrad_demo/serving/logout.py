"""Logging out ends one's own session alone: a class may share a login."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class OwnLogout:
    """ASGI middleware: by default Gradio's ``/logout`` ends all sessions of the user."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/").endswith("/logout"):
            scope = {**scope, "query_string": b"all_session=false"}
        await self.app(scope, receive, send)
