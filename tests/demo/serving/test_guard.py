"""No other web page may use the server through a visitor's browser."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("gradio")

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from inkgrad_demo.serving.guard import Guard

RUN = "/gradio_api/run/predict"
JSON = {"content-type": "application/json"}


async def answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("done")


def client(host: str = "127.0.0.1", *names: str, at: str = "127.0.0.1:7860") -> TestClient:
    everything = Route("/{path:path}", answer, methods=["GET", "POST", "DELETE"])
    app = Starlette(routes=[everything], middleware=[Middleware(Guard, host=host, names=names)])
    return TestClient(app, base_url=f"http://{at}")


@pytest.mark.parametrize(
    ("host", "names", "asked", "status"),
    [
        ("127.0.0.1", (), "127.0.0.1:7860", 200),
        ("127.0.0.1", (), "LOCALHOST:7860", 200),
        ("127.0.0.1", (), "[::1]:7860", 200),
        ("127.0.0.1", (), "localhost", 200),
        ("127.0.0.1", (), "evil.example:7860", 403),
        ("127.0.0.1", (), "[", 403),
        ("127.0.0.1", (), "localhost.evil.example", 403),
        ("127.0.0.1", (), "192.168.1.7:7860", 403),
        ("127.0.0.1", (), "", 403),
        ("127.0.0.1", (), "@localhost", 200),
        ("127.0.0.1", (), "localhost@evil.example", 403),
        ("192.168.1.7", (), "192.168.1.7:7860", 200),
        ("0.0.0.0", (), "192.168.1.7:7860", 200),
        ("0.0.0.0", (), "[fe80::1]:7860", 200),
        ("0.0.0.0", (), "evil.example", 403),
        ("::", (), "192.168.1.7", 200),
        ("127.0.0.1", ("class.example",), "class.example", 200),
        ("127.0.0.1", ("class.example",), "other.class.example", 403),
    ],
)
def test_hosts(host: str, names: tuple[str, ...], asked: str, status: int) -> None:
    response = client(host, *names).get("/", headers={"host": asked})
    assert response.status_code == status
    if status == 403:
        assert "--allow-host" in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", RUN, {}, 200),  # a program
        ("POST", RUN, {"origin": "http://127.0.0.1:7860"}, 200),
        ("POST", RUN, {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}, 200),
        ("POST", RUN, {"origin": "http://127.0.0.1:8000"}, 403),
        ("POST", RUN, {"origin": "http://evil.example"}, 403),
        ("POST", RUN, {"origin": "null"}, 403),
        ("POST", RUN, {"origin": "http://["}, 403),
        ("POST", RUN, {"sec-fetch-site": "cross-site"}, 403),
        ("POST", RUN, {"sec-fetch-site": "same-site"}, 403),
        ("GET", RUN, {"origin": "http://evil.example"}, 403),
        ("GET", "/", {"sec-fetch-site": "none"}, 200),
        ("GET", "/assets/x.js", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
    ],
)
def test_origins(method: str, path: str, headers: dict[str, str], status: int) -> None:
    response = client().request(method, path, headers={**JSON, **headers})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("path", "destination", "status"),
    [("/", "document", 200), ("/", "iframe", 403), ("/logout", "document", 403)],
)
def test_a_link_may_be_followed_but_not_out_of_the_session(
    path: str, destination: str, status: int
) -> None:
    headers = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": destination,
    }
    assert client().get(path, headers=headers).status_code == status
    assert client().post(path, headers={**JSON, **headers}).status_code == 403


def test_a_proxy_may_be_the_origin() -> None:
    headers = {**JSON, "origin": "https://class.example"}
    assert client().post(RUN, headers=headers).status_code == 403
    assert client("127.0.0.1", "class.example").post(RUN, headers=headers).status_code == 200


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data; boundary=x"])
def test_only_json_changes_something(kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    response = client().post(RUN, headers=headers, content=b"{}")
    assert (response.status_code, response.json()["detail"][:12]) == (415, "content-type")
    assert (
        client().post(RUN, headers={"content-type": "application/json; charset=utf-8"}).is_success
    )
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client().post("/login", headers=form).is_success


def test_a_client_of_mcp_ends_its_session_without_a_body() -> None:
    path = "/gradio_api/mcp/"
    assert client().delete(path).is_success
    assert client().delete(path, headers={"origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://a.example",
        "/gradio_api/stream/1", "/gradio_api/process_recording", "/gradio_api/vibe-edit",
        "/monitoring", "/gradio_api/custom_component/1/client/component/index.js", "/docs",
    ],
)  # fmt: skip
def test_routes_that_the_app_does_not_use_are_closed(path: str) -> None:
    assert client().get(path).status_code == 404
    assert client().post(path, headers=JSON).status_code == 404


def test_a_page_has_the_headers(address: str) -> None:
    for path in ("", "/gradio_api/upload"):
        headers = httpx.get(f"{address}{path}").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert "http" not in headers["content-security-policy"]


@pytest.fixture
def other_site() -> Iterator[str]:
    """A page of another origin, which the browser may open."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>other</title>")

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


ATTACKS = {
    # The browser sends the first without asking, and asks the server before the second.
    "plain": """async (url) => fetch(url, {method: "POST", mode: "no-cors", credentials: "include",
        headers: {"Content-Type": "text/plain"}, body: BODY})""",
    "json": """async (url) => fetch(url, {method: "POST", credentials: "include",
        headers: {"Content-Type": "application/json"}, body: BODY})""",
}


@pytest.mark.browser
@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_another_site_starts_no_training(
    launch: Any, address: str, other_site: str, attack: str
) -> None:
    context = launch().new_context()
    page = context.new_page()
    page.goto(other_site)
    seen: list[int] = []
    page.on("response", lambda response: seen.append(response.status))
    body = '\'{"data": ["cnn", "digits", 2000]}\''
    script = ATTACKS[attack].replace("BODY", body)
    start = f"{address}/gradio_api/run/train_start"
    page.evaluate(f"async (url) => {{ try {{ await ({script})(url) }} catch {{}} }}", start)
    context.close()
    assert seen == [403]
