"""Refuse requests that pages of other sites send through a visitor's browser.

- The name that a request is addressed to must be one of this server's. Otherwise a page of another
  site could have its own name point here (DNS rebinding).
- A browser's request must come from a page of this server, unless a visitor follows a link to it.
- A POST has a body of JSON, which an HTML form of another site cannot send.
- Routes of Gradio that the app does not use do not exist.
"""

from __future__ import annotations

import ipaddress
import socket
import traceback
from collections.abc import Iterable
from urllib.parse import urlsplit

from gradio.route_utils import FnIndexInferError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ANY_ADDRESS = ("0.0.0.0", "::")

_LOGIN, _LOGOUT = "/login", "/logout"
_PAGES = frozenset(
    ("/", "/config", "/theme.css", "/robots.txt", "/favicon.ico", "/manifest.json", _LOGIN, _LOGOUT)
)
_FOLDERS = ("/assets/", "/static/", "/modules/", "/pwa_icon/")
_API = "/gradio_api/"
_API_ROUTES = frozenset(
    (
        *(
            "api",
            "app_id",
            "call",
            "cancel",
            "component_server",
            "heartbeat",
            "info",
            "login_check",
        ),
        *("mcp", "openapi.json", "queue", "reset", "run", "startup-events", "theme.css", "token"),
        "user",
    )
)

# Gradio's page has inline scripts and styles, and compiles templates.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}


class Guard:
    """ASGI middleware: answers what is not allowed with 403, 404 or 415, in JSON with ``detail``.

    ``host`` is the address that the server listens on, ``names`` further names that it has, such as
    that of a reverse proxy.
    """

    def __init__(self, app: ASGIApp, host: str, names: Iterable[str] = ()) -> None:
        self.app = app
        self._names = {name.lower() for name in names}
        self._hosts = {*_LOOPBACK, host.strip("[]").lower(), *self._names}
        self._any_address = host.strip("[]") in _ANY_ADDRESS
        if self._any_address:
            own = socket.gethostname().lower()
            self._hosts |= {own, f"{own}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope["method"], _path(scope), Headers(scope=scope))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self.app if refused is None else refused
        try:
            await answer(scope, receive, with_headers)
        except (FnIndexInferError, KeyError) as error:
            if not _is_of_gradio(error):
                raise
            await _refuse(404, "not found")(scope, receive, with_headers)

    def _refusal(self, method: str, path: str, headers: Headers) -> JSONResponse | None:
        asked = headers.get("host", "")
        name = _name(asked)
        if not self._is_ours(name):
            why = f"host: {name!r} is not a name of this server; inkgrad demo --allow-host adds it"
            return _refuse(403, why)
        if not _exists(path):
            return _refuse(404, "not found")
        if not self._comes_from_us(method, path, headers, asked):
            return _refuse(403, "origin: the request comes from a page of another site")
        is_json = headers.get("content-type", "").partition(";")[0].strip() == "application/json"
        if method == "POST" and path.rstrip("/") != _LOGIN and not is_json:
            return _refuse(415, "content-type: expected application/json")
        return None

    def _is_ours(self, name: str) -> bool:
        # A page of another site has a name; it can never be at a bare address of this machine.
        return name in self._hosts or (self._any_address and _is_address(name))

    def _comes_from_us(self, method: str, path: str, headers: Headers, asked: str) -> bool:
        """Programs other than browsers send neither header."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site in ("cross-site", "same-site"):  # the same site is another port, or a sister domain
            follows_a_link = (
                method in ("GET", "HEAD")
                and headers.get("sec-fetch-mode") == "navigate"
                and headers.get("sec-fetch-dest") == "document"
            )
            return follows_a_link and path.rstrip("/") != _LOGOUT
        if origin is None:
            return True
        place = origin.partition("://")[2].lower()
        return place == asked.lower() or _name(place) in self._names


def _path(scope: Scope) -> str:
    """The path below the one that the app is served at."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _exists(path: str) -> bool:
    if path.startswith(_API):
        return path.removeprefix(_API).split("/")[0] in _API_ROUTES
    return path in _PAGES or path.rstrip("/") in _PAGES or path.startswith(_FOLDERS)


def _name(host: str) -> str:
    """The host's name without its port; empty if it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_of_gradio(error: Exception) -> bool:
    """Whether Gradio looked for a function or component that does not exist."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals["__name__"]).startswith("gradio.")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _refuse(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=status)
