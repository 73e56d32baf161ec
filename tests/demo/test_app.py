"""The app as it is served: MCP tools, limits, compression and the login."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

import httpx

from inkgrad_demo.serving.limits import MAX_BODY

PREDICT = "/gradio_api/run/predict"
USUAL = ["float32", 1, True]  # dtype, threads and quick of a benchmark
SERVER_FUNCTION = "/gradio_api/component_server"


def test_the_endpoints_are_tools_for_mcp_clients(free_port) -> None:
    pytest.importorskip("mcp")
    from inkgrad_demo import app

    blocks = app.build()
    served = app.serve(blocks, "127.0.0.1", free_port(), mcp=True).rstrip("/")
    try:

        def ask(method: str, **parameters: Any) -> Any:
            response = httpx.post(
                f"{served}/gradio_api/mcp/",
                json={"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters},
                headers={"Accept": "application/json, text/event-stream"},
                timeout=60,
            )
            lines = response.text.splitlines()
            data = next(line for line in lines if line.startswith("data: "))
            return json.loads(data.removeprefix("data: "))["result"]

        tools = {tool["name"]: tool for tool in ask("tools/list")["tools"]}
        assert tools.keys() >= {"predict", "train", "train_start", "check", "bench"}
        parameters = tools["train"]["inputSchema"]["properties"]
        assert parameters["lr"]["description"] == "learning rate"
        assert "adam" in str(parameters["optimizer"])
        bad = ask("tools/call", name="bench", arguments={"op": "conv2d", "dtype": "int8"})
        assert "int8" in bad["content"][0]["text"]
    finally:
        blocks.close(verbose=False)


def test_the_documentation_lists_the_endpoints(address) -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `/.*", page, re.MULTILINE)
    documented = re.findall(r"`(/\w+)`", "".join(row.split(" | ")[0] for row in rows))
    info = httpx.get(f"{address}/gradio_api/info").json()
    assert set(documented) == set(info["named_endpoints"])


def test_every_parameter_has_a_description(address) -> None:
    info = httpx.get(f"{address}/gradio_api/info").json()["named_endpoints"]
    for name, endpoint in info.items():
        for parameter in endpoint["parameters"]:
            assert parameter["python_type"]["description"], (name, parameter["parameter_name"])


@pytest.mark.browser
def test_the_page_about_the_api_says_what_parameters_mean(open_page) -> None:
    page = open_page()  # which finds 404 and 403 in the log, too
    page.locator("footer .show-api").click()
    described = page.locator(".api-docs p", has_text="the same seed gives the same run")
    described.first.wait_for(state="attached")
    page.wait_for_function("!document.querySelector('.api-docs').textContent.includes('Api')")
    assert page.locator(".api-docs li.snippet:visible", has_text="MCP").count() == 0


def test_a_request_that_is_too_large_is_refused(address) -> None:
    body = {"data": ["A" * MAX_BODY, "strong", "fused"]}
    response = httpx.post(f"{address}{PREDICT}", json=body)
    assert response.status_code == 413
    assert "too large" in response.json()["detail"]


def test_the_app_is_sent_compressed(address) -> None:
    response = httpx.get(address)
    assert response.headers["content-encoding"] == "gzip"
    assert response.num_bytes_downloaded < 150_000 < len(response.content)


def test_a_login_guards_page_and_api(free_port) -> None:
    import gradio as gr

    from inkgrad_demo import app
    from inkgrad_demo.serving import passwords

    with gr.Blocks() as blocks:
        gr.api(lambda: 1, api_name="one")
    users = {"ada": passwords.hashed("lovelace")}
    guarded = app.serve(blocks, "127.0.0.1", free_port(), lambda: users).rstrip("/")
    try:
        for path in (PREDICT, SERVER_FUNCTION):
            assert httpx.post(f"{guarded}{path}", json={"data": []}).status_code == 401
        login = {"username": "ada", "password": "lovelace"}
        assert httpx.post(f"{guarded}/login", data=login).status_code == 200
        first, second = (httpx.Client(base_url=guarded) for _ in range(2))
        for session in (first, second):
            assert session.post("/login", data=login).is_success
            assert session.get("/config").is_success
        first.get("/logout")
        assert first.get("/config").status_code == 401
        assert second.get("/config").is_success
        wrong = {"username": "ada", "password": "babbage"}
        assert httpx.post(f"{guarded}/login", data=wrong).status_code == 400
    finally:
        blocks.close(verbose=False)
