"""The visitor who sends a request: what belongs to whom, and what is shared fairly among whom."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Sharing = Literal["one", "browsers", "users"]
"""The persons among whom the server is shared: one person uses all of it; each browser is a person;
or each login is a person, with runs and uploads of their own."""

COOKIE = "inkgrad-browser"
_TOKEN = re.compile(r"[\w-]{22}", re.ASCII)
_KEY = "inkgrad.visitor"  # in the scope of a request


class Visitor(NamedTuple):
    """A visitor.

    Attributes:
        owner: The user whose runs and uploads these are; "" where all visitors share them.
        person: Who gets a fair share of the server; "" on a server that one person uses.
        source: User and address, for limits that a new browser must not evade.
        address: Where the request comes from.
    """

    owner: str = ""
    person: str = ""
    source: str = ""
    address: str = ""


_NOBODY = Visitor()
_visitor: ContextVar[Visitor] = ContextVar("visitor", default=_NOBODY)


def current() -> Visitor:
    """The visitor whose request is being answered; an empty one outside of a request."""
    return _visitor.get()


def of_request(request: Any) -> Visitor:
    """The visitor of a Gradio request, which Gradio's queue may answer in another context."""
    scope = getattr(request and request.request, "scope", {})
    visitor: Visitor = scope.get(_KEY, _NOBODY)
    return visitor


@contextmanager
def acting(visitor: Visitor) -> Iterator[None]:
    """Answer a request of ``visitor`` in this block."""
    token = _visitor.set(visitor)
    try:
        yield
    finally:
        _visitor.reset(token)


class Visitors:
    """ASGI middleware that sets :func:`current`. Browsers are told apart by a cookie."""

    def __init__(self, app: ASGIApp, sharing: Sharing = "one") -> None:
        self.app = app
        self._sharing = sharing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        browser = connection.cookies.get(COOKIE, "")
        scope[_KEY] = self._visitor(connection, browser)
        _visitor.set(scope[_KEY])

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    value = f"{COOKIE}={secrets.token_urlsafe(16)}; Path=/; HttpOnly; SameSite=Lax"
                    headers.append("Set-Cookie", value)
            await send(message)

        is_new = self._sharing == "browsers" and not _TOKEN.fullmatch(browser)
        await self.app(scope, receive, with_cookie if is_new else send)

    def _visitor(self, connection: HTTPConnection, browser: str) -> Visitor:
        user = _user(connection)
        address = connection.client.host if connection.client else ""
        source = f"{user}@{address}"
        if self._sharing == "users":
            return Visitor(user, user, source, address)
        if self._sharing == "browsers":
            return Visitor("", browser if _TOKEN.fullmatch(browser) else source, source, address)
        return Visitor("", "", source, address)


def _user(connection: HTTPConnection) -> str:
    """The user that Gradio knows by a cookie; "" without a login."""
    tokens = getattr(connection.scope.get("app"), "tokens", None) or {}
    return next((tokens[each] for each in connection.cookies.values() if each in tokens), "")
