"""The Kernels page in Chromium: checks that fill a table, benchmarks, and the code of the ops."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import inkgrad_bench

pytest.importorskip("gradio")

pytestmark = pytest.mark.browser

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
LONG = 240_000  # milliseconds that a job may take on a busy machine


def _open(open_page: Any, **options: Any) -> Any:
    return open_page(query="?tab=kernels", ready="#kernels-check-ops input", **options)


def _choose(page: Any, ops: set[str], dtypes: set[str]) -> None:
    for group, wanted in (("ops", ops), ("dtypes", dtypes)):
        for tick in page.locator(f"#kernels-check-{group} input").all():
            tick.set_checked(tick.get_attribute("value") in wanted)


def _cells(page: Any) -> list[str]:
    return page.locator("#kernels-checks tbody td").all_inner_texts()


@pytest.mark.parametrize(
    "surface", [{**DESKTOP, "flags": ("--disable-3d-apis",)}, {"device": "Pixel 7"}]
)
def test_a_check_fills_its_table(open_page, surface: dict[str, Any]) -> None:
    page = _open(open_page, **surface)
    _choose(page, {"linear_relu"}, {"float64", "float32"})
    assert page.locator("#kernels-checked").is_hidden()
    page.locator("#kernels-check .start").click()
    page.get_by_text("6 passed, 0 failed, 2 skipped").wait_for(timeout=LONG)
    cells = _cells(page)
    assert all(re.fullmatch(r"ok\s+(0|\d\.\d × 10⁻\S+)", cells[i]) for i in (0, 1, 3, 7))
    assert (cells[2].strip(), cells[6].strip(), cells[4:6]) == ("ok", "ok", ["–", "–"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_check_is_stopped_and_started_again_by_keyboard(open_page) -> None:
    page = _open(open_page, **DESKTOP)
    _choose(page, {"conv2d"}, {"float64"})
    page.locator("#kernels-check .start").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#kernels-checks td.now", timeout=LONG)
    page.locator("#kernels-check .stop").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Stopped.").wait_for()
    assert page.locator("#kernels-checks td.now").count() == 0
    assert page.locator("#kernels-check .start").is_enabled()


def test_a_reload_comes_back_to_the_check(open_page) -> None:
    page = _open(open_page, **DESKTOP)
    _choose(page, {"linear_relu"}, {"float32"})
    page.locator("#kernels-check .start").click()
    page.wait_for_selector("#kernels-check .stop:enabled")
    page.reload()
    page.get_by_text("2 passed, 0 failed, 2 skipped").wait_for(timeout=LONG)
    assert len(_cells(page)) == 4


def test_a_failed_check_says_why_and_how_to_repeat_it(open_page) -> None:
    page = _open(open_page, **DESKTOP)
    _choose(page, {"linear_relu"}, {"float32"})
    failed = {"op": "linear_relu", "dtype": "float32", "check": "parity", "status": "failed"}
    failed |= {"error": 0.25, "message": "bias: output differs"}
    skipped = {**failed, "check": "gradcheck", "status": "skipped", "error": None}
    told = {"state": "failed", "ahead": 0, "error": "ended with code 1"}

    def answer(route: Any) -> None:
        function = route.request.post_data_json["fn_name"]
        if function == "start_check":
            route.fulfill(json={"job": "made up"})
        elif function == "poll":
            route.fulfill(json={**told, "events": [{"result": skipped}, {"result": failed}]})
        else:
            route.continue_()

    page.route("**/component_server/**", answer)
    page.locator("#kernels-check .start").click()
    page.get_by_text("Failed: ended with code 1").wait_for()
    assert _cells(page) == ["–", "", "", "failed 2.5 × 10⁻¹"]
    (reason,) = page.locator("#kernels-failures li").all_inner_texts()
    assert "linear_relu float32 parity: bias: output differs" in reason
    assert "inkgrad check --op linear_relu --dtype float32" in reason


def test_charts_and_what_is_left_out_speak_the_language_of_the_page(open_page) -> None:
    page = _open(open_page, **DESKTOP, locale="zh-CN")
    assert page.locator("#kernels-speedup-key").inner_text().startswith("■ 前向")
    page.locator('#kernels-speedup canvas[aria-label*="64x784->512, 前向+反向传播: "]').wait_for()
    _choose(page, {"linear_relu"}, {"float32"})
    page.locator("#kernels-check .start").click()
    left_out = page.locator("#kernels-checks td.skipped").first
    left_out.wait_for(timeout=LONG)
    assert left_out.get_attribute("title") == "有限差分需要 float64"


def test_a_check_of_nothing_is_refused(open_page) -> None:
    page = _open(open_page, **DESKTOP)
    _choose(page, set(), {"float64"})
    page.locator("#kernels-check .start").click()
    page.get_by_role("alert").filter(has_text="at least one op").wait_for()


def test_a_benchmark_is_measured_beside_the_committed_one(open_page) -> None:
    page = _open(open_page, **DESKTOP)
    page.wait_for_function("document.querySelector('#kernels-committed').textContent !== ''")
    page.locator("#kernels-op").select_option("linear_relu")
    page.locator("#kernels-case").select_option("759x8->6")
    assert page.locator("[name=rows]").input_value() == "759"
    page.locator("#kernels-bench .start").click()
    page.wait_for_function(
        "document.querySelectorAll('#kernels-rows tbody tr').length === 2", timeout=LONG
    )
    rows = page.locator("#kernels-rows tbody tr").all_inner_texts()
    for row, direction in zip(rows, ("forward+backward", "forward"), strict=True):
        assert "759x8->6 · threads: 1" in row
        assert direction in row
        # times of both, how many times as fast, and the committed ratio
        assert len(re.findall(r"\d (?:ns|µs|ms)", row)) == 2
        assert len(re.findall(r"\d×", row)) == 2
        assert "narrow" in row  # the kernel that ran
    label = page.locator("#kernels-speedup canvas").get_attribute("aria-label")
    assert "759x8->6, forward: " in label
    for canvas in ("#kernels-speedup canvas", "#kernels-roofline canvas"):
        assert page.evaluate(
            """canvas => {
                const { width, height } = canvas;
                const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
                return new Set(new Uint32Array(data.buffer)).size;
            }""",
            page.locator(canvas).element_handle(),
        ) > 20  # fmt: skip


def test_peaks_measured_too_low_are_called_unreliable(open_page) -> None:
    page = _open(open_page, **DESKTOP)
    committed = json.loads((Path(inkgrad_bench.__file__).parent / "latest.json").read_text())
    row = next(row for row in committed["results"] if row["roofline"])
    sound = {**row, "roofline": {"native": 0.5, "ours": 2.0}}
    unsound = {**row, "roofline": {"native": 1.5, "ours": 5.3}}
    ended = {"state": "done", "ahead": 0, "error": None}

    def answer(route: Any) -> None:
        function = route.request.post_data_json["fn_name"]
        if function == "start_bench":
            route.fulfill(json={"job": "made up"})
        elif function == "poll":
            events = [{"result": sound}, {"result": unsound}, {"done": {"failures": []}}]
            route.fulfill(json={**ended, "events": events})
        else:
            route.continue_()

    from playwright.sync_api import expect

    page.route("**/component_server/**", answer)
    page.locator("#kernels-bench .start").click()
    rows = page.locator("#kernels-rows tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("unreliable")
    expect(rows.nth(1)).to_contain_text("50 → 200 %")
    expect(page.locator("#kernels-noisy")).to_be_visible()


def test_sizes_that_cannot_be_are_named(open_page) -> None:
    page = _open(open_page, **DESKTOP)
    trouble, start = page.locator("#kernels-bench .trouble"), page.locator("#kernels-bench .start")
    page.locator("[name=rows]").fill("0")
    assert page.locator("#kernels-case").input_value() == ""  # sizes of my own
    start.click()
    assert trouble.inner_text() == "Rows: expected a whole number from 1 to 65536."
    for name, value in (("rows", 65536), ("inputs", 8192), ("outputs", 8192)):
        page.locator(f"[name={name}]").fill(str(value))
    start.click()
    page.get_by_text(re.compile(r"need .* GFLOP; at most 100\.0 are allowed")).wait_for()
    page.locator("#kernels-op").select_option("conv2d")
    page.locator("[name=height]").fill("3")
    start.click()
    page.get_by_text("Height and width must be at least 5").wait_for()


def test_the_code_of_an_op_is_shown(open_page) -> None:
    page = _open(open_page, **DESKTOP)
    page.locator("#kernels-about summary").filter(has_text="binary_cross_entropy").click()
    shown = page.locator("#kernels-about details[open] pre")
    page.locator("details[open]").get_by_role("button", name="reference.py").click()
    page.wait_for_selector("#kernels-about pre:visible")
    assert "def binary_cross_entropy(" in shown.inner_text()
    page.locator("details[open]").get_by_role("button", name="csrc/cpu/kernels/bce.cpp").click()
    page.wait_for_function(
        "document.querySelector('#kernels-about [open] pre').textContent.includes('#include')"
    )


def test_one_draws_and_another_waits_while_a_check_runs(open_page) -> None:
    page, other = _open(open_page, **DESKTOP), open_page(**DESKTOP)
    _choose(page, {"conv2d"}, {"float64"})
    page.locator("#kernels-check .start").click()
    page.wait_for_selector("#kernels-checks td.now", timeout=LONG)
    box = other.locator("#draw-pad").bounding_box()
    other.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 5)
    other.mouse.down()
    other.mouse.move(box["x"] + box["width"] / 2, box["y"] + 4 * box["height"] / 5, steps=8)
    other.mouse.up()
    other.wait_for_function("document.querySelector('#draw-label').textContent === '1'")
    assert page.locator("#kernels-check .stop").is_enabled()  # still under way
    third = _open(open_page, **DESKTOP)
    third.locator("#kernels-bench .start").click()
    third.get_by_text("Queued: 1 ahead").wait_for()
    third.locator("#kernels-bench .stop").click()
    third.get_by_text("Stopped.").wait_for()
    page.locator("#kernels-check .stop").click()
    page.get_by_text("Stopped.").wait_for()


@pytest.mark.parametrize("surface", [DESKTOP, {"device": "Pixel 7"}])
def test_it_speaks_chinese(open_page, surface: dict[str, Any]) -> None:
    page = _open(open_page, locale="zh-CN", **surface)
    assert page.get_by_role("heading", name="正确性").is_visible()
    _choose(page, set(), set())
    page.get_by_role("button", name="开始检验").click()
    page.get_by_text("请至少选择一个算子和一种数值类型。").wait_for()
