"""The Lessons page in Chromium: every lesson read, run and played with."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

pytest.importorskip("gradio")

from inkgrad.course.lessons import (
    LESSONS,
    backpropagation,
    color,
    gradient_descent,
    linear_model,
    linear_regression,
    logistic_regression,
)
from inkgrad.course.lessons.blocks import Plot, Table
from inkgrad.course.lessons.exercises import EXERCISES
from inkgrad.course.lessons.formulas import DERIVATIONS
from lesson_runs import numbers

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("short_lessons")]

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"device": "Pixel 7", "locale": "zh-CN"}


def _open(open_page: Any, number: int, **options: Any) -> Any:
    page = open_page(query=f"?tab=lessons&lesson={number}", **(options or DESKTOP))
    page.wait_for_selector(".lessons article")
    return page


def _advance(page: Any, number: int, language: str = "en") -> None:
    """To the lesson, by the link at the end of the one before."""
    page.locator(".lessons footer a").last.click()
    _expect(page, ".lessons h2", LESSONS[number].title(language))


def _expect(page: Any, selector: str, text: str) -> None:
    page.wait_for_function(
        """([selector, text]) => document.querySelector(selector)?.textContent.includes(text)""",
        arg=[selector, text],
    )


def _set(page: Any, name: str, value: float) -> None:
    page.locator(f".widget [name='{name}']").evaluate(
        """(input, value) => {
            input.value = value;
            input.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        value,
    )


def _until_answered(page: Any) -> None:
    """All requests of the widget."""
    page.wait_for_function("document.querySelector('.widget').ariaBusy === 'false'")


def _hold(page: Any, function: str = "play") -> list[Any]:
    """The requests to a function from now on, which wait for _release; the widget's are to play."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        if route.request.post_data_json["fn_name"] == function:
            held.append(route)
        else:
            route.continue_()

    page.route("**/component_server/**", hold)
    return held


def _release(page: Any, held: list[Any]) -> None:
    while not held:
        page.wait_for_timeout(20)
    page.unroute_all()  # lets the waiting ones go too
    _until_answered(page)


def _to_the_end(page: Any, player: str = ".player") -> None:
    """The steps that a widget plays."""
    page.locator(f"{player} input").first.evaluate("""input => {
        input.value = input.max;
        input.dispatchEvent(new Event("input", { bubbles: true }));
    }""")


def _results(page: Any) -> Any:
    page.locator(".results").scroll_into_view_if_needed()
    page.wait_for_selector(".parts > *")
    return page.locator(".parts")


def _as_shown(cell: str) -> str:
    """The command line's "2.01e+01" is 20.1 on the page."""
    return f"{float(cell):g}" if re.fullmatch(r"\d\.\d+e[-+]\d+", cell) else cell


def test_every_lesson_shows_its_text_its_code_and_what_it_computes(open_page) -> None:
    page = _open(open_page, 1)
    for number, lesson in LESSONS.items():
        if number > 1:
            _advance(page, number)
        assert page.locator("nav [aria-current]").inner_text().split("\n")[-1] == lesson.title("en")
        assert page.locator(".lessons .text p").count() == lesson.text("en").count("\n\n") + 1
        assert page.locator(".code textarea").input_value() == lesson.code()
        assert page.locator(".code .editor pre").text_content() == f"{lesson.code()}\n"
        assert page.locator(".exercises > ol > li").count() == len(EXERCISES[number])
        parts = list(lesson.blocks(numbers(number), "en"))
        shown = _results(page)
        captions = shown.locator("figcaption").all_text_contents()
        expected = [part.caption.split("`")[0] for part in parts if hasattr(part, "caption")]
        assert len(captions) == len(expected)  # formulas are typeset
        assert all(map(str.startswith, captions, expected))
        tables = [part for part in parts if isinstance(part, Table)]
        assert shown.locator("table").count() == len(tables)
        if number != 8:  # whose table has times in it
            cells = shown.locator("table").first.locator("tbody tr").first.locator("td")
            assert cells.all_text_contents() == list(map(_as_shown, tables[0].cells()[0]))
        assert shown.locator("img").count() == sum(isinstance(part, Plot) for part in parts)
        assert page.locator(".widget .trouble").inner_text() == ""


def test_pictures_are_drawn_in_the_end(open_page) -> None:
    pytest.importorskip("matplotlib")
    page = _open(open_page, 2)
    images = _results(page).locator("img")
    page.wait_for_function("!document.querySelector('.parts .waiting')")
    widths = images.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(widths) == 4
    assert all(width > 200 for width in widths)


# Elements beyond the page's width; those in places that scroll on their own are left out.
_OUTSIDE = """width => [...document.querySelectorAll(".lessons *:not(.unseen)")]
    .filter(each => !each.closest("nav, .scroller, .symbols, pre, .editor, .formula, [hidden]"))
    .filter(each => each.getBoundingClientRect().right > width + 0.5)
    .map(each => each.outerHTML.slice(0, 80))"""


def test_a_phone_shows_every_lesson_in_its_width_and_in_chinese(open_page) -> None:
    page = _open(open_page, 1, **PHONE)
    width = page.viewport_size["width"]  # innerWidth would grow with what is outside
    assert width < 500
    for number, lesson in LESSONS.items():
        if number > 1:
            _advance(page, number, "zh-CN")
        shown = page.locator(".lessons .text").inner_text()
        assert shown.startswith(lesson.text("zh-CN").split("`")[0][:20])
        assert page.locator(".try h3").inner_text() == "动手试试"
        _until_answered(page)
        assert page.evaluate(_OUTSIDE, width) == [], number


def test_a_link_opens_the_lesson_and_the_way_back_works(open_page) -> None:
    page = _open(open_page, 3)
    assert page.get_by_role("tab", name="Lessons").get_attribute("aria-selected") == "true"
    _expect(page, ".lessons h2", "Gradient descent")
    page.get_by_role("navigation", name="Lessons").get_by_role("link", name="Softmax").click()
    _expect(page, ".lessons h2", "Softmax")
    assert page.url.endswith("/?tab=lessons&lesson=9")
    page.go_back()
    _expect(page, ".lessons h2", "Gradient descent")
    page.go_forward()
    _expect(page, ".lessons h2", "Softmax")
    page.get_by_role("tab", name="Draw").click()
    page.wait_for_function("location.search.includes('tab=draw')")
    page.go_back()  # from another tab
    page.locator(".lessons h2").wait_for()
    _expect(page, ".lessons h2", "Softmax")
    assert page.get_by_role("tab", name="Lessons").get_attribute("aria-selected") == "true"
    page.get_by_role("tab", name="Draw").click()
    page.wait_for_function("location.search.includes('tab=draw')")
    page.reload()
    page.locator("#draw-pad").wait_for()
    page.get_by_role("tab", name="Lessons").click()
    _expect(page, ".lessons h2", "Softmax")


def test_an_address_without_a_tab_or_with_an_unknown_one_opens_the_first(open_page) -> None:
    for query in ("", "?tab=nothing&lesson=99"):
        page = open_page(query=query, **DESKTOP)
        assert page.locator("#draw-pad").is_visible()
    page.get_by_role("tab", name="Lessons").click()
    _expect(page, ".lessons h2", "Overview")


def test_the_language_of_an_open_lesson_can_be_changed(open_page) -> None:
    page = _open(open_page, 2)
    _results(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("combobox", name="Language").click()
    page.get_by_role("option", name="简体中文").click()
    _expect(page, ".lessons h2", LESSONS[2].title("zh-CN"))
    assert page.locator(".try h3").text_content() == "动手试试"


# ---- the program and the exercises


def _edit(page: Any, area: Any, code: str) -> None:
    area.focus()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)


def test_a_program_is_changed_run_stopped_and_reset(open_page) -> None:
    page = _open(open_page, 6)
    page.set_default_timeout(60_000)  # processes are started
    page.locator(".code").scroll_into_view_if_needed()
    area = page.get_by_role("textbox", name="Program, in Python")
    area.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("if True:\nprint(6 * 7)")  # the second line is indented
    assert area.input_value() == "if True:\n    print(6 * 7)"
    page.wait_for_selector(".code .editor .nb")  # the server has colored it
    page.keyboard.press("Control+Enter")
    _expect(page, ".code .output", "42")
    _expect(page, ".code .status", "Finished")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")  # leaves the editor
    page.wait_for_function("document.activeElement.tagName !== 'TEXTAREA'")
    _edit(page, area, "while True: pass")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="Stop", exact=True).click()
    _expect(page, ".code .status", "Stopped")
    _edit(page, area, "1 / 0")
    page.keyboard.press("Control+Enter")
    _expect(page, ".code .status", "Ended with an error")
    _expect(page, ".code .output", "ZeroDivisionError")
    page.get_by_text("With inkgrad", exact=True).click()
    assert area.input_value() == LESSONS[6].code(fused=True)
    assert page.locator(".code .hll").count() == 4
    # The colored text lies behind the text that is edited, line by line.
    lines = page.locator(".code .editor pre").evaluate("pre => (pre.clientHeight - 24) / 19.5")
    assert round(lines, 1) == LESSONS[6].code(fused=True).count("\n") + 1
    page.get_by_text("PyTorch", exact=True).last.click()
    assert area.input_value() == "1 / 0"  # it is kept
    page.get_by_role("button", name="Reset", exact=True).click()
    assert area.input_value() == LESSONS[6].code()
    assert page.locator(".code .output").is_hidden()


def test_exercises_are_checked_and_remembered(open_page) -> None:
    page = _open(open_page, 2)
    page.set_default_timeout(60_000)  # processes are started
    first, second = page.locator(".exercises > ol > li").all()
    first.get_by_role("textbox").fill("3")
    first.get_by_role("textbox").press("Enter")
    _expect(page, ".exercises .verdict", "Not yet")
    first.get_by_role("button", name="Hint").click()
    assert "Square each" in first.locator(".hint-text").inner_text()
    first.get_by_role("textbox").fill("4.667")
    first.get_by_role("button", name="Check").click()
    _expect(page, ".exercises .right .verdict", "Correct.")
    area = second.get_by_role("textbox")
    _edit(page, area, "def mse(w, b):\n    return w")
    page.keyboard.press("Control+Enter")
    _expect(page, ".exercises li:nth-child(2) .verdict", "expected 0")
    _edit(page, area, EXERCISES[2][1].worked_answer())
    page.keyboard.press("Control+Enter")
    _expect(page, ".exercises li:nth-child(2) .verdict", "Correct.")
    _expect(page, ".lessons nav li:nth-child(2) small", "✓ 2/2")
    page.goto(page.url.partition("?")[0] + "?tab=lessons")  # where one left off
    _expect(page, ".lessons h2", "Linear model")
    _expect(page, ".lessons nav li:nth-child(2) small", "✓ 2/2")
    page.wait_for_function("document.querySelectorAll('.exercises .solved').length === 2")


def test_indices_are_lower_than_their_letters(open_page) -> None:
    page = _open(open_page, 7)
    lowered = """() => [...document.querySelectorAll(".text msub")].map(({ children }) => {
        const [base, index] = [...children].map((each) => each.getBoundingClientRect().bottom);
        return index - base > 1;
    })"""
    for rule in ("/* as it is */", ".lessons .text math { font-family: sans-serif }"):
        page.add_style_tag(content=rule)
        found = page.evaluate(lowered)
        assert found
        assert all(found)


@pytest.mark.parametrize("lesson", [4, 6])
def test_a_phone_shows_graph_and_derivation_whole(open_page, lesson: int) -> None:
    page = _open(open_page, lesson, **PHONE)
    page.locator(".derivation .all").click()
    hidden = """() => [...document.querySelectorAll(".derivation .scroller, .network")]
        .filter((each) => each.scrollWidth > each.clientWidth + 1).map(({ className }) => className)
    """
    if lesson == 4:
        page.wait_for_selector(".network .node")
    assert page.evaluate(hidden) == []


def test_controls_of_a_widget_keep_to_their_column(open_page) -> None:
    page = _open(open_page, 8)
    page.wait_for_selector(".batch")
    assert page.evaluate("""() => {
        const left = document.querySelector(".exercise .shown").getBoundingClientRect().left;
        return [...document.querySelectorAll(".exercise .controls *")].every(
            (each) => each.getBoundingClientRect().right <= left);
    }""")


_CUT_TICKS = """
    window.cutWords = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (words, x, ...rest) {
        const isCut = x + this.measureText(words).width / 2 > this.canvas.clientWidth + 0.5;
        if (this.textAlign === "center" && isCut) cutWords.push(words);
        return fillText.call(this, words, x, ...rest);
    };
"""


def test_the_last_tick_of_a_chart_is_not_cut(open_page) -> None:
    page = _open(open_page, 1, script=_CUT_TICKS, **DESKTOP)
    page.wait_for_function("document.querySelectorAll('.widget canvas').length >= 2")
    page.wait_for_selector(".widget[aria-busy='false']", state="attached")
    assert page.evaluate("cutWords") == []


def test_numbers_of_results_are_written_as_in_the_widgets(open_page) -> None:
    page = _open(open_page, 5)
    page.locator(".results").scroll_into_view_if_needed()
    page.wait_for_selector(".results table")
    tables = page.locator(".results tbody").all_inner_texts()
    assert "× 10⁻" in "".join(tables)
    assert not re.search(r"\de[-+]", "".join(tables))


def test_a_derivation_is_stepped_and_typeset(open_page) -> None:
    page = _open(open_page, 9)
    steps = page.locator(".derivation li")
    visible = "count => [...document.querySelectorAll('.derivation li:not([hidden])')].length"
    page.wait_for_function(f"({visible})() === 1")
    page.get_by_role("button", name="Next step").click()
    page.wait_for_function(f"({visible})() === 2")
    page.get_by_role("button", name="All steps").click()
    page.wait_for_function(f"({visible})() === {len(DERIVATIONS['softmax'])}")
    # Formulas side by side are elements of their own, so that they go below each other on a phone.
    formulas = sum(len(latex.split(r"\quad")) for latex in DERIVATIONS["softmax"])
    assert steps.locator("math").count() == formulas
    assert page.locator(".text math").count() == 2


_MARKED = """() => ["math", ".editor", ".widget"].map(
    (place) => [...document.querySelectorAll(`.lessons ${place} .symbol-marked`)].length)"""
_ALL_MARKED = f"({_MARKED})().every((count) => count > 0)"
_NONE_MARKED = f"({_MARKED})().every((count) => count === 0)"


def test_a_symbol_is_marked_in_formula_code_and_widget(open_page) -> None:
    page = open_page(query="?tab=lessons&lesson=2", ready=".symbols button", **DESKTOP)
    page.wait_for_selector(".lessons .editor pre span")
    page.wait_for_function(_NONE_MARKED)
    page.locator(".lessons .text math mi", has_text="w").first.hover()
    page.wait_for_function(_ALL_MARKED)
    page.mouse.move(0, 0)
    page.wait_for_function(_NONE_MARKED)
    page.locator(".lessons .widget label", has=page.locator("[name=w]")).hover()
    page.wait_for_function(_ALL_MARKED)
    code = page.locator(".lessons .code .editor pre span", has_text=re.compile("^y_pred$")).first
    code.scroll_into_view_if_needed()
    box = code.bounding_box()  # it lies below the text area
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function(_ALL_MARKED)
    marked = page.locator(".lessons .text math .symbol-marked").first
    assert marked.evaluate("each => each.localName") == "mover"


def test_symbols_are_chosen_by_keyboard_and_stay(open_page) -> None:
    page = open_page(query="?tab=lessons&lesson=6", ready=".symbols button", **DESKTOP)
    page.wait_for_selector(".lessons .editor pre span")
    button = page.get_by_role("button", name="z before the activation")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_function("document.querySelectorAll('.lessons math .symbol-marked').length > 0")
    button.focus()
    page.keyboard.press("Escape")
    page.wait_for_function(_NONE_MARKED)
    assert button.get_attribute("aria-pressed") == "false"


def test_the_way_to_train_has_the_settings_of_the_lesson(open_page) -> None:
    page = _open(open_page, 8)
    page.locator(".ending .button").click()
    page.wait_for_selector(".train:not([inert])")
    field = page.locator("#train-form [name=optimizer]")
    page.wait_for_function("document.querySelector('#train-form [name=batch_size]').value === '32'")
    assert field.input_value() == "adam"


def test_on_a_shared_server_code_is_read_but_not_run(open_page, free_port, tmp_path) -> None:
    from inkgrad.course.training.run_store import RunStore
    from inkgrad_demo import app

    blocks = app.build(RunStore(tmp_path))
    shared = app.serve(blocks, "127.0.0.1", free_port())
    try:
        page = _open(open_page, 2)
        page.goto(f"{shared}?tab=lessons&lesson=2")
        page.wait_for_selector(".lessons .exercises li")
        assert page.locator(".code .shared").is_visible()
        assert page.locator(".code .run").is_hidden()
        assert page.locator(".code textarea").get_attribute("readonly") is not None
        assert page.locator(".exercises .check-answer:visible").count() == 1  # that of the number
    finally:
        blocks.close(verbose=False)


# ---- the widgets: what the page shows is what the lesson's functions give


def test_2_the_loss_follows_the_weights(open_page) -> None:
    page = _open(open_page, 2)
    _set(page, "w", 2.5)
    _expect(page, "[data-value=mse]", f"{linear_model.mse(2.5):.4f}")
    surface = page.locator(".surface canvas")
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    w, b = (float(page.locator(f"[name={name}]").input_value()) for name in "wb")
    assert (w, b) != (2.5, 0)
    _expect(page, "[data-value=mse]", f"{linear_model.mse(w, b):.4f}")


def test_3_a_walk_ends_where_the_lessons_does_and_a_long_step_runs_away(open_page) -> None:
    page = _open(open_page, 3)
    w, b = gradient_descent.walk(*gradient_descent.noisy_line(), 10).path[-1]
    page.wait_for_function("document.querySelector('.player input').max === '72'")
    _to_the_end(page)
    _expect(page, ".summary", f"After step 72: w = {w:.3f}, b = {b:.3f}")
    _set(page, "lr", 0)  # 10⁰
    page.wait_for_function("document.querySelector('.player input').max !== '72'")
    _to_the_end(page)
    _expect(page, ".summary", "Training diverged")


def test_3_a_descent_starts_where_one_taps_and_leaves_the_saddle_or_not(open_page) -> None:
    page = _open(open_page, 3)
    page.wait_for_function("document.querySelector('.saddle-steps input').max === '100'")
    _to_the_end(page, ".saddle-steps")
    _expect(page, ".saddle-end", "It is stuck: after step 100")
    surface = page.locator(".saddle canvas")
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.4 * box["height"])
    w, v = (float(page.locator(f"[name=saddle_{name}]").input_value()) for name in "wv")
    assert 0.3 < w < 0.8
    assert 0.05 < v < 0.4
    page.wait_for_function("document.querySelector('.saddle-steps input').max !== '100'")
    _to_the_end(page, ".saddle-steps")
    _expect(page, ".saddle-end", "It escapes")
    _set(page, "saddle_v", 0)
    page.get_by_role("radio", name="Momentum").check()
    page.get_by_role("checkbox", name="Noise").press("Space")
    page.wait_for_function("document.querySelector('.saddle-steps input').max < 60")
    _to_the_end(page, ".saddle-steps")
    _expect(page, ".saddle-end", "It escapes")


def test_4_the_graph_is_stepped_by_keyboard_until_it_agrees_with_torch(open_page) -> None:
    page = _open(open_page, 4)
    _until_answered(page)
    held = _hold(page)
    page.reload()
    _set(page, "leaf-x", 11)
    _expect(page, ".trouble", "x: expected a number from -10 to 10.")
    _release(page, held)
    _expect(page, ".trouble", "x: expected a number from -10 to 10.")
    _set(page, "leaf-y", 2)  # the request still has the 11: the server's message is shown
    _expect(page, ".trouble", "values[0]: expected a number from -10 to 10, got 11")
    _set(page, "leaf-x", 1)
    _set(page, "leaf-y", -3)
    _expect(page, ".check", "12")
    forward = page.get_by_role("button", name="Step forward")
    forward.focus()
    while forward.is_enabled():
        page.keyboard.press("Enter")
    loss = backpropagation.linear(**backpropagation.leaves(x=1, y=-3, w=1, b=2))
    states = {state.name: state for state in backpropagation.states(loss)}
    rows = page.locator(".check tbody tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        [name, f"{states[name].grad:g}", f"{states[name].grad:g}", "✓"]
        for name in ("x", "w", "b", "y")
    ]
    page.get_by_role("button", name="Step back").click()
    assert page.locator(".check").inner_text().count("✓") < 4


def test_5_the_race_ends_as_in_the_lesson(open_page) -> None:
    page = _open(open_page, 5)
    page.wait_for_selector(".racers label")
    _to_the_end(page)
    for name in ("SGD", "Adam"):
        loss = linear_regression.race(linear_regression.RACERS[name]).losses[60]
        shown = page.locator(f"[data-racer={name}]").inner_text()
        assert float(shown) == pytest.approx(loss, abs=1e-4)


def test_6_another_student_changes_what_is_learnt(open_page) -> None:
    page = _open(open_page, 6)
    page.wait_for_function("document.querySelector('.player input').max === '1000'")
    _to_the_end(page)
    before = logistic_regression.train()
    _expect(page, ".summary", f"loss {before.losses[-1]:.3f}")
    page.locator("[name=new-hours]").fill("4")
    page.get_by_role("button", name="Failed", exact=True).click()
    x, y = torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([[0.0], [0.0], [1.0], [0.0]])
    after = logistic_regression.train(x=x, y=y)
    page.wait_for_function("document.querySelectorAll('.list button').length === 4")
    _until_answered(page)
    _to_the_end(page)
    _expect(page, ".summary", f"loss {after.losses[-1]:.3f}")
    page.get_by_role("button", name="Failed", exact=True).click()  # another one
    page.wait_for_function("document.querySelectorAll('.list button').length === 5")


def test_6_an_answer_leaves_the_trouble_with_an_input(open_page) -> None:
    page = _open(open_page, 6)
    _until_answered(page)
    held = _hold(page)
    page.get_by_role("button", name="Failed", exact=True).click()
    page.locator("[name=new-hours]").fill("11")
    page.get_by_role("button", name="Passed", exact=True).click()
    trouble = "hours of study: expected a number from 0 to 10."
    _expect(page, ".trouble", trouble)
    _release(page, held)
    assert page.locator(".trouble").inner_text() == trouble
    assert page.locator(".list button").count() == 4
    page.locator("[name=new-hours]").fill("10")
    page.wait_for_function("document.querySelector('.trouble').textContent === ''")


def test_7_a_file_of_one_s_own_is_learnt_or_told_what_is_wrong_with_it(open_page, tmp_path) -> None:
    page = _open(open_page, 7)
    page.wait_for_selector(".runs tbody tr")
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("\n".join(f"{n % 7},{n % 3},{int(n % 7 > 3)}" for n in range(50)))
    bad.write_text("1,0\n2,1\n3,2\n" * 9)
    page.set_input_files(".widget [type=file]", bad)
    _expect(page, ".problem", "bad.csv: expected two classes, got 3")
    page.set_input_files(".widget [type=file]", good)
    _expect(page, ".table-of", "good.csv: 40 training examples, 10 test examples, 2 features")
    assert page.locator(".problem").inner_text() == ""
    page.locator("[name=activation][value=ReLU]").check()
    page.wait_for_function("document.querySelectorAll('.runs tbody tr').length === 2")


def test_7_a_boundary_moves_while_the_network_learns(open_page) -> None:
    page = _open(open_page, 7, reduced_motion="reduce", **DESKTOP)
    page.wait_for_function("document.querySelector('.plane-steps input').max === '50'")
    _to_the_end(page, ".plane-steps")
    _expect(page, ".plane-summary", "After epoch 300:")
    plane = page.locator(".plane canvas")
    after = plane.screenshot()
    page.get_by_role("button", name="Reset to the start").press("Enter")
    _expect(page, ".plane-summary", "After epoch 0:")
    page.get_by_role("button", name="Step forward").press("Enter")
    _expect(page, ".plane-summary", "After epoch 6:")
    assert plane.screenshot() != after
    assert page.locator(".neurons line").count() == 2 * 6 + 6 * 4 + 4
    page.get_by_role("button", name="Layer 1, neuron 3", exact=True).press("Enter")
    _expect(page, ".neuron-formula", "h₃ = sigmoid(")
    _expect(page, ".plane b", "Layer 1, neuron 3")
    _set(page, "plane_second", 1)
    page.wait_for_function("document.querySelectorAll('.neurons button').length === 6 + 1 + 1")
    _expect(page, ".neuron-formula", "h₃ = sigmoid(")  # it stays chosen
    page.get_by_role("button", name="Output ŷ").press("Enter")
    _expect(page, ".neuron-formula", "ŷ = sigmoid(")
    page.get_by_role("combobox", name="Points").select_option("two clusters")
    page.get_by_role("button", name="New initial weights").press("Enter")
    _until_answered(page)
    _to_the_end(page, ".plane-steps")
    page.get_by_role("group", name="Neurons and weights").wait_for()


def test_8_the_loader_takes_batch_after_batch(open_page) -> None:
    page = _open(open_page, 8)
    page.wait_for_selector(".batch")
    _set(page, "count", 10)
    _set(page, "batch_size", 4)
    page.wait_for_function("document.querySelectorAll('.batch').length === 9")
    _to_the_end(page)
    _expect(page, ".summary", "Epoch 3, iteration 3 of 3: 2 examples")
    assert page.locator(".examples .now").count() == 2
    assert page.locator(".examples .seen").count() == 10


def test_9_a_cell_of_the_confusion_matrix_opens_its_images(open_page) -> None:
    page = _open(open_page, 9)
    _until_answered(page)
    held = _hold(page, "results")  # else they hide the button once it is scrolled into view
    page.reload()
    _expect(page, ".summary", "Loss = -ln 0.5585 = 0.5824")
    train = page.get_by_role("button", name="Train the network")
    train.click()
    assert train.is_disabled()
    _release(page, held)
    cell = page.get_by_role("button", name=re.compile(r"^0 recognized as 0, images: \d+$"))
    cell.focus()
    page.keyboard.press("ArrowDown")  # to another that counts anything, and back
    other = page.locator(".matrix button:focus")
    assert re.match(r"[1-9] recognized as 0", other.get_attribute("aria-label"))
    assert page.locator(".matrix [tabindex='0']").count() == 1
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    count = int(cell.inner_text())
    assert count == numbers(9).confusion[0, 0]
    page.wait_for_selector(".images canvas")
    assert page.locator(".images canvas").count() == min(count, 40)
    told = page.locator(".cells .message").inner_text()
    assert told == f"Images of 0 recognized correctly: {min(count, 40)} of {count}"
    page.get_by_role("button", name="Image 2", exact=True).press("Enter")
    page.get_by_role("button", name="Open in Draw").press("Enter")
    page.wait_for_selector("#draw-pad", state="visible")
    page.wait_for_function("document.querySelector('#draw-label').textContent === '0'")
    assert page.evaluate("document.activeElement.id") == "draw-pad"


def test_9_the_likeliest_class_and_its_loss_are_told(open_page) -> None:
    page = _open(open_page, 9)
    for k in range(5):
        _set(page, f"z{k}", 0)
    page.get_by_label("3 is the correct class").check()
    _expect(
        page,
        ".summary",
        "another class is as likely as the correct class 3. Loss = -ln 0.2000 = 1.6094.",
    )
    _set(page, "z3", 5)
    _expect(page, ".summary", "the correct class 3 is the most likely.")
    for k in range(5):
        _set(page, f"z{k}", 5)
    _set(page, "z3", -5)
    _expect(page, ".summary", "another class is more likely than 3.")
    _expect(page, ".summary", " = 11.3863.")
    assert "-ln 0.0000" not in page.locator(".summary").inner_text()


def test_an_input_out_of_range_is_told_its_range(open_page) -> None:
    page = _open(open_page, 4)
    page.locator(".leaves input").first.fill("11")
    _expect(page, ".trouble", "expected a number from -10 to 10")
    page.locator(".leaves input").first.fill("")
    _expect(page, ".trouble", "expected a number from -10 to 10")
    page.locator(".leaves input").first.fill("10")
    page.wait_for_function("document.querySelector('.trouble').textContent === ''")
    page = _open(open_page, 10)
    page.locator(".kernel input").first.fill("1e9")
    _expect(page, ".trouble", "expected a number from -100 to 100")


def test_10_the_kernel_slides_over_one_s_own_drawing(open_page) -> None:
    page = _open(open_page, 10)
    _expect(page, ".sizes", "⌊(28 + 2 · 1 − 3) / 1⌋ + 1 = 28")
    page.get_by_role("button", name="Clear").click()
    _expect(page, ".total", "0.0000")
    pad = page.locator("canvas.pad")
    pad.scroll_into_view_if_needed()
    pad.focus()
    for key in ("Delete", "Space", "ArrowDown", "ArrowDown", "ArrowDown", "Space"):
        page.keyboard.press(key)
    page.locator("[name=filter]").select_option("blur")
    _until_answered(page)
    page.locator("canvas.result").click()
    assert 0 < float(page.locator(".total").first.inner_text()) <= 1
    _set(page, "stride", 2)
    _expect(page, "[data-value=result_size]", "14 × 14")
    _expect(page, "[data-value=pooled_size]", "7 × 7")


def test_10_a_color_picture_is_summed_over_its_channels(open_page) -> None:
    page = _open(open_page, 10)
    picture, kernel = color.PICTURES["landscape"](), color.KERNELS["red"]
    result = color.convolve_color(picture, kernel, 0.0)

    def expect_at(row: int, column: int) -> None:
        where = f"Row {row + 1}, column {column + 1} of the result"
        _expect(page, ".rgb-summary", f"{where}: the sums of red, green and blue")
        window = picture[:, row : row + 3, column : column + 3]
        shown = page.locator(".rgb-terms .total").all_text_contents()
        sums = (window * kernel).sum(axis=(1, 2))
        assert list(map(float, shown)) == pytest.approx(sums, abs=1e-3)
        total = page.locator(".rgb-summary").inner_text().rpartition("= ")[2].rstrip(".")
        assert float(total) == pytest.approx(result[row, column], abs=1e-3)

    expect_at(6, 8)
    canvas = page.locator("canvas.rgb-result")
    canvas.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect_at(7, 7)
    box = canvas.bounding_box()
    cell = box["width"] / 22
    page.mouse.move(box["x"] + 2.5 * cell, box["y"] + 3.5 * cell)
    expect_at(3, 2)
    page.locator("[name=rgb_picture]").select_option("raster")
    _expect(page, "[data-value=rgb_size]", "3 × 5 × 5")
    _expect(page, ".rgb-summary", "Row 3, column 3 of the result")  # the nearest there is


def test_10_the_drawing_goes_through_the_network(open_page) -> None:
    page = _open(open_page, 10)
    _expect(page, ".network-answer .right", "7")
    _expect(page, ".network-summary", "Convolution 2, map ")
    page.locator(".stage-conv2 canvas").focus()
    page.keyboard.press("ArrowRight")
    _expect(page, ".network-summary", "the sums over the input channels, plus the bias")
    assert page.locator(".stage-pool1 .window").count() == 10  # of every channel
    words, _, value = page.locator(".network-summary").inner_text().rpartition(" = ")
    sums = [float(each) for each in re.findall(r"-?\d+\.\d+", words)]
    assert len(sums) == 10 + 1
    assert sum(sums) == pytest.approx(float(value), abs=0.06)  # they are rounded
    page.locator(".stage-pool2 canvas").focus()
    page.keyboard.press("ArrowDown")
    _expect(page, ".network-summary", "the largest of four numbers")
    assert page.locator(".stage-conv2 .window").count() == 1
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function(
        "!document.querySelector('.network-answer .right').innerText.includes('7')"
    )
