"""The visitor who sends a request: uploads and wrong passwords are counted per visitor."""

from __future__ import annotations

from contextvars import ContextVar

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

_visitor: ContextVar[str] = ContextVar("visitor", default="")
_address: ContextVar[str] = ContextVar("address", default="")


def current() -> str:
    """The visitor whose request is being answered: user and address; "" outside of a request."""
    return _visitor.get()


def address() -> str:
    """The address that the request comes from."""
    return _address.get()


class Visitors:
    """ASGI middleware that sets :func:`current` and :func:`address`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            connection = HTTPConnection(scope)
            host = connection.client.host if connection.client else ""
            _address.set(host)
            _visitor.set(f"{_user(connection)}@{host}")
        await self.app(scope, receive, send)


def _user(connection: HTTPConnection) -> str:
    """The user that Gradio knows by a cookie; "" without a login."""
    tokens = getattr(connection.scope.get("app"), "tokens", None) or {}
    return next((tokens[each] for each in connection.cookies.values() if each in tokens), "")
