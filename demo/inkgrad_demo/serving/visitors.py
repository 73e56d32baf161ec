"""Who sends a request: what visitors may keep on the server is counted for each."""

from __future__ import annotations

from contextvars import ContextVar

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

_visitor: ContextVar[str] = ContextVar("visitor", default="")


def current() -> str:
    """The visitor whose request is being answered: a login, else an address; "" outside of one."""
    return _visitor.get()


class Visitors:
    """ASGI middleware that sets :func:`current`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            _visitor.set(_name(HTTPConnection(scope)))
        await self.app(scope, receive, send)


def _name(connection: HTTPConnection) -> str:
    logins = [
        value for name, value in connection.cookies.items() if name.startswith("access-token")
    ]
    if logins:
        return logins[0][:100]
    return connection.client.host if connection.client else ""
