"""Code of visitors: run where it is allowed, refused elsewhere, and never for other sites."""

from __future__ import annotations

import json
import re
import time
from html import unescape
from typing import Any

import pytest

pytest.importorskip("gradio")

import httpx

from inkgrad_demo.services.code_service import CodeService, colored
from inkgrad_demo.serving.exposed import call


def _followed(service: CodeService, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + 240
    while True:
        answer = call(service.follow_code, {"job": job, "after": 0})
        if answer["state"] not in ("waiting", "running"):
            return answer
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_program_is_run_and_followed() -> None:
    service = CodeService(allowed=True)
    job = call(service.run_code, {"code": "print(6 * 7)"})["job"]
    answer = _followed(service, job)
    assert answer["state"] == "done"
    assert "".join(event.get("output", "") for event in answer["events"]) == "42\n"


def test_a_program_is_stopped() -> None:
    service = CodeService(allowed=True)
    job = call(service.run_code, {"code": "while True: pass"})["job"]
    while call(service.follow_code, {"job": job})["state"] != "running":
        time.sleep(0.01)
    call(service.stop_code, {"job": job})
    assert _followed(service, job)["state"] == "stopped"


def test_a_number_is_checked_without_a_process() -> None:
    service = CodeService(allowed=False)
    asked = {"number": 2, "exercise": 1}
    for answer, is_right in (("4.667", True), ("4", False), ("", False)):
        verdict = call(service.check_answer, {**asked, "answer": answer})["verdict"]
        assert verdict["is_right"] == is_right


def test_where_it_is_not_allowed_no_code_runs(monkeypatch) -> None:
    service = CodeService(allowed=False)
    monkeypatch.setattr(service, "_jobs", None)
    with pytest.raises(ValueError, match="running code is off on this server"):
        call(service.run_code, {"code": "print(1)"})
    with pytest.raises(ValueError, match="running code is off on this server"):
        call(service.check_answer, {"number": 2, "exercise": 2, "answer": "pass"})


def test_an_exercise_that_there_is_not() -> None:
    request = {"number": 2, "exercise": 4, "answer": "1"}
    with pytest.raises(ValueError, match="exercise: expected 1 to 2, got 4"):
        call(CodeService(allowed=True).check_answer, request)


@pytest.mark.parametrize("code", ["", "\n\nx = '<b>'  # &\n\n", "def f(:\n\t\r\n"])
def test_colors_change_no_character(code: str) -> None:
    html = call(CodeService(allowed=False).color_code, {"code": code})["html"]
    assert unescape(re.sub(r"<[^>]*>", "", html)) == code.replace("\r\n", "\n")
    assert "<b>" not in html


def test_marked_lines_have_a_class() -> None:
    lines = colored("a = 1\nb = 2\nc = 3\n", [2]).splitlines()
    assert ["hll" in line for line in lines] == [False, True, False]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json"}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/json", "origin": "https://evil.example"}, 403),
        ({"content-type": "application/json", "sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "application/json", "host": "evil.example"}, 403),
    ],
)
def test_no_other_site_can_run_code(address: str, headers: dict[str, str], status: int) -> None:
    components = httpx.get(f"{address}/config").json()["components"]
    ids = [
        each["id"] for each in components if "run_code" in (each["props"].get("server_fns") or [])
    ]
    body = {"component_id": ids[0], "fn_name": "run_code", "session_hash": "s"}
    body["data"] = {"code": "print(1)"}
    url = f"{address}/gradio_api/component_server"
    answer = httpx.post(url, content=json.dumps(body), headers=headers)
    assert answer.status_code == status
    assert ("job" in answer.text) == (status == 200)
