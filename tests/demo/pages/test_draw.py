"""The Draw page in Chromium, used as people use it: by mouse, finger and keyboard."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import shutil
from typing import Any

import pytest
from PIL import Image

from inkgrad.course.recognition.recognizer import Recognizer
from saved_runs import record
from strokes import FOUR, ONE, SEVEN, Stroke, raster

pytest.importorskip("gradio")
expect = pytest.importorskip("playwright.sync_api").expect

pytestmark = pytest.mark.browser

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
SURFACES: dict[str, dict[str, Any]] = {
    "desktop": DESKTOP,
    "phone": {"device": "Pixel 7"},
    "dark": {**DESKTOP, "color_scheme": "dark"},
    "without WebGL": {**DESKTOP, "flags": ("--disable-3d-apis",)},
}
NONE = "–"


def _points(page: Any, stroke: Stroke) -> list[tuple[float, float]]:
    box = page.locator("#draw-pad").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]


def _draw(page: Any, strokes: list[Stroke], lift: bool = True) -> None:
    for stroke in strokes:
        start, *rest = _points(page, stroke)
        page.mouse.move(*start)
        page.mouse.down()
        for point in rest:
            page.mouse.move(*point, steps=8)
        if lift:
            page.mouse.up()


def _expect_label(page: Any, label: int | str) -> None:
    page.wait_for_function(
        "label => document.querySelector('#draw-label')?.textContent === label", arg=str(label)
    )


def _text(page: Any, selector: str) -> str:
    return page.locator(selector).inner_text()


def _strokes(page: Any) -> list[dict[str, Any]]:
    """As the page keeps them for a reload."""
    return json.loads(page.evaluate("sessionStorage.getItem('inkgrad-draw')"))["strokes"]


@pytest.mark.parametrize("surface", SURFACES)
def test_a_drawn_digit_is_read(open_page, surface: str) -> None:
    page = open_page(**SURFACES[surface])
    assert _text(page, "#draw-label") == NONE
    _draw(page, SEVEN)
    _expect_label(page, 7)
    winner = page.locator("#draw-bars .winner")
    assert winner.locator("b").inner_text() == "7"
    assert re.fullmatch(r"(> )?\d+\.\d %", winner.locator(".share").inner_text())


def test_nothing_sticks_out_at_any_width(open_page) -> None:
    page = open_page(**DESKTOP)
    _draw(page, SEVEN)
    _race(page)
    outside = """[...document.querySelectorAll('.draw *:not(.unseen)')]
        .filter(each => each.getBoundingClientRect().right > innerWidth + 0.5)
        .map(each => each.outerHTML.slice(0, 80))"""
    for width in (320, 360, 412, 768, 1024, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(outside) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_it_reads_while_one_draws(open_page) -> None:
    page = open_page(**DESKTOP)
    _draw(page, SEVEN, lift=False)
    _expect_label(page, 7)  # the pen is still down
    page.mouse.up()
    _expect_label(page, 7)


# Every reading takes 200 ms more; window.asked counts them, window.most is how many at once.
SLOW_SERVER = """
    window.asked = window.most = 0;
    let open = 0;
    const ask = window.fetch;
    window.fetch = async (url, options) => {
        if (!String(options?.body).includes('"fn_name":"recognize"')) return ask(url, options);
        window.asked += 1;
        window.most = Math.max(window.most, ++open);
        await new Promise((resolve) => setTimeout(resolve, 200));
        return ask(url, options).finally(() => (open -= 1));
    };
"""


def test_the_newest_drawing_wins_and_none_waits_in_line(open_page) -> None:
    page = open_page(**DESKTOP, script=SLOW_SERVER)
    _draw(page, FOUR)
    _draw(page, SEVEN)
    page.locator("#draw-clear").click()
    page.evaluate("window.asked = 0")
    _draw(page, SEVEN)
    moves = 16
    _expect_label(page, 7)
    assert page.evaluate("window.most") == 1
    assert 0 < page.evaluate("window.asked") < moves / 2


def test_clearing_drops_the_answer_that_is_under_way(open_page) -> None:
    page = open_page(**DESKTOP, script=SLOW_SERVER)
    _draw(page, SEVEN)
    page.locator("#draw-clear").click()
    assert _text(page, "#draw-label") == NONE
    page.wait_for_timeout(600)  # longer than the answer takes
    assert _text(page, "#draw-label") == NONE
    assert page.locator("#draw-bars .winner").count() == 0


def _race(page: Any) -> None:
    page.locator("#draw-race-start").click()
    page.wait_for_function("document.querySelector('#draw-race').textContent !== ''")


def _shares(page: Any) -> list[float]:
    """The probabilities as the bars show them, once the drawing has been read."""
    _race(page)  # after the last stroke has been sent
    return page.locator("#draw-bars li").evaluate_all(
        "bars => bars.map((bar) => Number(bar.style.getPropertyValue('--share')))"
    )


def test_undo_takes_back_a_stroke_and_clear_all(open_page) -> None:
    page = open_page(**DESKTOP)
    _draw(page, FOUR)
    before = _shares(page)
    for undo in (page.locator("#draw-undo").click, lambda: page.keyboard.press("Control+z")):
        _draw(page, [[(0.1, 0.95), (0.9, 0.95)]])
        assert _shares(page) != before
        undo()
        assert _shares(page) == before
    page.locator("#draw-clear").click()
    _expect_label(page, NONE)
    assert page.locator(".invitation").is_visible()
    _draw(page, FOUR)
    assert _shares(page) == pytest.approx(before, abs=1e-3)  # the mouse's steps differ


def test_what_was_undone_comes_back_and_so_does_what_was_cleared(open_page) -> None:
    page = open_page(**DESKTOP)
    undo, redo = page.locator("#draw-undo"), page.locator("#draw-redo")
    expect(undo).to_have_attribute("aria-disabled", "true")
    _draw(page, FOUR)
    before = _shares(page)
    expect(redo).to_have_attribute("aria-disabled", "true")
    page.locator("#draw-clear").click()
    _expect_label(page, NONE)
    undo.click()
    assert _shares(page) == before
    for keys in (("Control+z", "Control+Shift+Z"), ("Control+z", "Control+y")):
        page.keyboard.press(keys[0])
        assert _shares(page) != before
        page.keyboard.press(keys[1])
        assert _shares(page) == before
    redo.click()  # the clearing
    _expect_label(page, NONE)
    undo.click()
    _draw(page, [[(0.1, 0.95), (0.9, 0.95)]])
    expect(redo).to_have_attribute("aria-disabled", "true")  # another future
    page.reload()
    for count in (2, 1, 0):
        undo.click()
        page.wait_for_function(
            "count => JSON.parse(sessionStorage['inkgrad-draw']).strokes.length === count",
            arg=count,
        )


def test_one_draws_with_the_keyboard_and_hears_what_is_read(open_page) -> None:
    page = open_page(viewport={"width": 1280, "height": 500})  # there would be something to scroll
    pad = page.get_by_role("application", name="Drawing pad")
    pad.focus()
    page.keyboard.press("ArrowLeft")
    assert _text(page, "#draw-place") == "Column 7, row 4, pen up"
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    assert _text(page, "#draw-place") == "Column 7, row 12, pen down"
    page.keyboard.press("Space")
    _expect_label(page, 1)
    page.wait_for_function(
        "document.querySelector('#draw-announcement').textContent.startsWith('1: ')"
    )
    assert page.evaluate("scrollY") == 0
    page.keyboard.press("Backspace")
    _expect_label(page, NONE)
    page.keyboard.press("Tab")  # the pad is no trap
    assert page.evaluate("document.activeElement.id") == "draw-undo"


def test_leaving_the_pad_lifts_the_keyboards_pen(open_page) -> None:
    page = open_page(**DESKTOP)
    page.locator("#draw-pad").focus()
    for key in ("Space", "PageDown", "Tab"):
        page.keyboard.press(key)
    page.locator("#draw-pad").focus()
    page.keyboard.press("ArrowDown")
    (stroke,) = _strokes(page)
    assert len(stroke["points"]) == 4


class _Fingers:
    """Touches by number: ``fingers("touchMove", (x, y), ...)``, in pixels of the page."""

    def __init__(self, page: Any) -> None:
        self._session = page.context.new_cdp_session(page)

    def __call__(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def test_one_finger_draws_and_others_are_ignored(open_page) -> None:
    page = open_page(device="Pixel 7")
    fingers = _Fingers(page)
    down, *moves = _points(page, [(0.5, 0.15), (0.5, 0.3), (0.5, 0.5), (0.5, 0.7), (0.5, 0.85)])
    (second,) = _points(page, [(0.1, 0.9)])
    fingers("touchStart", down)
    for place in moves[:2]:
        fingers("touchMove", place)
    fingers("touchStart", moves[1], second)
    for place in moves[2:]:
        fingers("touchMove", place, second)
    fingers("touchEnd")
    _expect_label(page, 1)
    (stroke,) = _strokes(page)
    assert max(stroke["points"][::2]) - min(stroke["points"][::2]) < 0.05
    assert page.evaluate("scrollY") == 0


def test_a_finger_beside_the_pad_scrolls(open_page) -> None:
    page = open_page(device="Pixel 7")
    fingers = _Fingers(page)
    box = page.locator(".verdict").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 100
    fingers("touchStart", (x, y))
    for step in range(1, 11):
        fingers("touchMove", (x, y - 30 * step))
    fingers("touchEnd")
    page.wait_for_function("scrollY > 100")


def test_turning_the_phone_keeps_the_drawing(open_page) -> None:
    page = open_page(device="Pixel 7")
    width = page.viewport_size["width"]
    _draw(page, ONE, lift=False)
    page.set_viewport_size({"width": 800, "height": width})
    canvas = "document.querySelector('#draw-pad')"
    page.wait_for_function(
        f"{canvas}.width === Math.round({canvas}.clientWidth * devicePixelRatio)"
    )
    page.mouse.move(*_points(page, [(0.5, 0.9)])[0])
    page.mouse.up()
    _expect_label(page, 1)
    (stroke,) = _strokes(page)
    xs = stroke["points"][::2]
    assert max(xs) - min(xs) < 0.01
    ink = (
        f"{canvas}.getContext('2d').getImageData({canvas}.width / 2, {canvas}.width / 2, 1, 1).data"
    )
    assert page.evaluate(f"{ink}[3]") == 255


def test_a_reload_keeps_drawing_and_choices(open_page) -> None:
    page = open_page(**DESKTOP)
    page.get_by_role("radio", name="Course CNN").check()
    page.get_by_role("radio", name="Native").check()
    _draw(page, SEVEN)
    _expect_label(page, 7)
    page.reload()
    _expect_label(page, 7)
    assert page.get_by_role("radio", name="Course CNN").is_checked()
    assert page.get_by_role("radio", name="Native").is_checked()


def _sees(page: Any, canvas: str) -> int:
    """How many different colours a canvas shows."""
    return page.evaluate(
        """canvas => {
            const { width, height } = canvas;
            const context = new OffscreenCanvas(width, height).getContext("2d");
            context.drawImage(canvas, 0, 0);
            const { data } = context.getImageData(0, 0, width, height);
            return new Set(new Uint32Array(data.buffer)).size;
        }""",
        page.locator(canvas).element_handle(),
    )


def test_the_film_shows_input_saliency_and_the_layers_of_the_network(open_page) -> None:
    page = open_page(**DESKTOP)
    assert _sees(page, "#draw-picture") == 1  # black
    _draw(page, SEVEN)
    _expect_label(page, 7)
    _shares(page)  # no longer the picture of half a stroke
    for canvas in ("#draw-picture", "#draw-saliency", ".layer >> nth=0 >> canvas"):
        assert _sees(page, canvas) > 10
    assert _text(page, ".layer >> nth=0 >> figcaption").split("\n") == ["conv1", "32 × 14 × 14"]
    page.get_by_role("radio", name="Course CNN").check()
    page.wait_for_function("document.querySelectorAll('.layer').length === 2")
    assert "10 × 12 × 12" in _text(page, ".layer >> nth=0 >> figcaption")
    page.get_by_role("radio", name="Softmax").check()
    page.get_by_text("no feature maps").wait_for()


# The numbers that the page shows for an opened map.
SUMS = """() => {
    const numbers = (words) => words.match(/-?\\d+\\.\\d+/g).map(Number);
    const bars = [...document.querySelectorAll("#draw-map-channels b")];
    return {
        summary: numbers(document.querySelector("#draw-map-summary").textContent),
        parts: bars.map((bar) => Number(bar.textContent)),
        rest: document.querySelector("#draw-map-channels p")?.textContent ?? "",
        products: [...document.querySelectorAll("#draw-map-terms .matrix:last-of-type span")]
            .map((each) => Number(each.textContent)),
        total: Number(document.querySelector("#draw-map-terms .total").textContent),
    };
}"""


def _open_map(page: Any, layer: int) -> None:
    """Opens a map of a layer by keyboard: its strongest, at its largest number."""
    page.locator(".maps").nth(layer).press("Enter")
    expect(page.locator("#draw-map-summary")).to_contain_text("ReLU keeps it")


def test_a_feature_map_opens_and_its_sums_add_up(open_page) -> None:
    page = open_page(**DESKTOP)
    _draw(page, SEVEN)
    _shares(page)
    page.locator(".maps").nth(0).click(position={"x": 40, "y": 30})
    expect(page.locator("#draw-map-title")).to_have_text(re.compile(r"Map \d of layer conv1"))
    expect(page.locator("#draw-map-terms .matrix")).to_have_count(3)
    _open_map(page, 0)
    shown = page.evaluate(SUMS)
    summed, bias, before, *pooled, value = shown["summary"]
    assert sum(shown["products"]) == pytest.approx(shown["total"], abs=0.13)  # 25 rounded numbers
    assert shown["total"] == summed
    assert summed + bias == pytest.approx(before, abs=2e-3)
    assert len(pooled) == 4
    assert max(pooled) == before == value
    _open_map(page, 3)
    shown = page.evaluate(SUMS)
    summed, bias, before, value = shown["summary"]
    rest = float(re.search(r"-?\d+\.\d+", shown["rest"]).group())
    assert len(shown["parts"]) == 8
    assert sum(shown["parts"]) + rest == pytest.approx(summed, abs=0.02)
    assert summed + bias == pytest.approx(before, abs=0.02)
    assert before == value
    part = page.locator("#draw-map-channels button").nth(2)
    part.click()
    assert page.evaluate(SUMS)["total"] == pytest.approx(float(part.locator("b").inner_text()))


def test_an_opened_map_is_gone_through_by_keyboard_and_follows_the_drawing(open_page) -> None:
    page = open_page(**DESKTOP)
    _draw(page, SEVEN)
    _shares(page)
    _open_map(page, 1)
    title = page.locator("#draw-map-title")
    expect(title).to_be_focused()
    first = title.inner_text()
    page.keyboard.press("Tab")  # the button that closes it
    page.keyboard.press("Tab")  # the selected map of the list, which is the strongest
    assert page.locator("#draw-map-list button").first.get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    expect(title).not_to_have_text(first)
    page.locator("#draw-map-own").focus()
    summary = page.locator("#draw-map-summary")
    for _ in range(14):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
    expect(summary).to_contain_text("Row 1, column 1:")
    page.keyboard.press("ArrowRight")
    expect(summary).to_contain_text("Row 1, column 2:")
    page.get_by_role("radio", name="Course CNN").check()
    expect(title).to_contain_text("of layer conv2")
    expect(page.locator("#draw-map-inputs-size")).to_have_text("10 × 12 × 12")
    page.locator("#draw-clear").click()
    expect(page.locator("#draw-map-empty")).to_be_visible()
    page.locator("#draw-map-close").press("Escape")
    expect(page.locator("#draw-map")).to_be_hidden()


def test_the_digits_that_excite_a_map_are_shown(open_page) -> None:
    page = open_page(**DESKTOP)
    _draw(page, SEVEN)
    _shares(page)
    _open_map(page, 3)
    images = page.locator("#draw-map-exciting canvas")
    expect(images.first).to_be_visible()
    values = page.locator("#draw-map-exciting li span").all_inner_texts()
    assert sorted(map(float, values), reverse=True) == list(map(float, values))
    assert re.match(r"A \d, largest number", images.first.get_attribute("aria-label"))


def test_both_backends_are_timed_on_the_drawing_when_asked_for(open_page) -> None:
    page = open_page(**DESKTOP)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    expect(page.locator("#draw-race-start")).to_be_disabled()  # nothing is drawn
    _draw(page, SEVEN)
    _expect_label(page, 7)
    page.wait_for_function("document.querySelector('#draw-announcement').textContent !== ''")
    assert not [each for each in sent if '"fn_name":"race"' in each]
    _race(page)
    times = page.locator("#draw-backend .value").all_inner_texts()
    assert len(times) == 2
    assert all(re.fullmatch(r"\d+\.\d\d ms", time) for time in times)
    assert re.search(
        r"differ by at most (0|\d\.\d × 10⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+)\.$", _text(page, "#draw-race")
    )
    _draw(page, ONE)  # the times were those of another drawing
    assert page.locator("#draw-backend .value").all_inner_texts() == ["", ""]
    assert _text(page, "#draw-race") == ""
    page.locator("#draw-clear").click()
    expect(page.locator("#draw-race-start")).to_be_disabled()


def test_the_api_gives_the_pages_prediction(open_page, address) -> None:
    httpx = pytest.importorskip("httpx")
    page = open_page(**DESKTOP)
    with page.expect_request(
        lambda request: '"fn_name":"race"' in (request.post_data or "")
    ) as race:
        _draw(page, SEVEN)
        _race(page)
    _expect_label(page, 7)
    shown = _shares(page)
    pixels = base64.b64decode(race.value.post_data_json["data"]["pixels"])
    image = Image.frombytes("L", (140, 140), pixels)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    text = base64.b64encode(stream.getvalue()).decode()
    response = httpx.post(
        f"{address}/gradio_api/run/predict", json={"data": [text, "strong", "fused"]}
    )
    answer = response.json()["data"][0]
    assert answer["label"] == 7
    assert answer["probabilities"] == pytest.approx(shown, abs=1e-6)


def test_two_people_draw_at_once(open_page) -> None:
    people = [(open_page(**DESKTOP), FOUR, 4), (open_page(**DESKTOP), SEVEN * 2, 7)]
    for number in range(2):  # a stroke each in turn
        for page, strokes, _ in people:
            _draw(page, [strokes[number]])
    for page, _, label in people:
        _expect_label(page, label)


def test_it_says_so_when_the_server_is_gone_and_goes_on_when_it_is_back(open_page) -> None:
    page = open_page(
        **DESKTOP,
        script="""
        const ask = window.fetch;
        window.fetch = (url, options) =>
            window.gone && String(url).includes("component_server")
                ? Promise.reject(new TypeError("gone"))
                : ask(url, options);
    """,
    )
    _draw(page, SEVEN)
    _expect_label(page, 7)
    page.evaluate("window.gone = true")
    page.get_by_role("radio", name="Course CNN").check()
    page.get_by_role("alert").filter(has_text="does not respond").wait_for()
    page.evaluate("window.gone = false")
    page.wait_for_function("document.querySelectorAll('.layer').length === 2")
    assert _text(page, "#draw-notice") == ""
    assert all("gone" in complaint for complaint in open_page.complaints)
    open_page.complaints.clear()


def test_it_speaks_chinese_to_a_chinese_browser(open_page) -> None:
    page = open_page(**DESKTOP, locale="zh-CN")
    assert page.get_by_role("tab", name="手写识别", exact=True).is_visible()
    assert _text(page, "#draw-clear") == "清空"
    assert page.get_by_role("application", name="画板").is_visible()
    _draw(page, SEVEN)
    _expect_label(page, 7)
    assert _text(page, "#draw-sentence").startswith("把握")


def test_the_language_can_be_changed_in_the_settings(open_page) -> None:
    page = open_page(**DESKTOP)
    _draw(page, SEVEN)
    _expect_label(page, 7)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("combobox", name="Language").click()
    page.get_by_role("option", name="简体中文").click()
    page.get_by_role("button", name="清空").wait_for(state="attached")
    assert _text(page, "#draw-label") == "7"
    assert _text(page, "#draw-sentence").startswith("把握")


def _send_run(page: Any, store: Any) -> str:
    """As the Train page sends the model of a run here."""
    run = record(7, "cnn")
    store.save(run)
    shutil.copy(Recognizer.load("cnn").path, store.weights(run.id))
    sent = {"model": run.id, "name": "Mine", "note": "MNIST", "accuracy": 0.5}
    page.evaluate("sent => dispatchEvent(new CustomEvent('inkgrad:model', {detail: sent}))", sent)
    page.wait_for_function("document.querySelectorAll('.film .layer').length === 2")
    return run.id


def test_the_model_of_a_deleted_run_is_replaced_and_missed(open_page, store) -> None:
    page = open_page(**DESKTOP)
    run = _send_run(page, store)
    assert page.locator("input[name=draw-model]:checked").input_value() == run
    store.delete(run)
    _draw(page, SEVEN)
    _expect_label(page, 7)
    assert _text(page, "#draw-notice") == "Mine was deleted. Strong CNN is used instead."
    assert page.locator("input[name=draw-model]:checked").input_value() == "strong"
    assert page.locator(f"input[value='{run}']").count() == 0
    page.reload()
    _expect_label(page, 7)
    assert page.locator("input[name=draw-model]").count() == 3
    page.get_by_role("radio", name="Course CNN").check()
    assert _text(page, "#draw-notice") == ""


def test_a_run_that_is_deleted_on_the_compare_page_reads_again_when_restored(
    open_page, store
) -> None:
    store.make_room()  # one deletion to undo
    page = open_page(**DESKTOP)
    run = _send_run(page, store)
    page.get_by_role("tab", name="Compare", exact=True).click()
    page.wait_for_selector("#compare-list input")
    for tick in page.locator("#compare-list tbody input").all():
        tick.set_checked(tick.input_value() == run)
    page.locator("#compare-delete").click()
    page.wait_for_function("run => !document.querySelector(`[value='${run}']`)", arg=run)
    page.get_by_role("tab", name="Draw", exact=True).click()
    expect(page.locator("#draw-notice")).to_have_text(
        "Mine was deleted. Strong CNN is used instead."
    )
    expect(page).not_to_have_url(re.compile("tab=compare"))  # Gradio has changed the tab
    page.reload()
    expect(page.get_by_role("radio", name="Strong CNN")).to_be_checked()
    page.get_by_role("tab", name="Compare", exact=True).click()
    page.get_by_role("button", name="Undo", exact=True).click()
    page.wait_for_selector("#compare-undo", state="hidden")
    page.get_by_role("tab", name="Draw", exact=True).click()
    expect(page.get_by_role("radio", name="Mine")).to_be_checked()
    expect(page.locator(".film .layer")).to_have_count(2)
    assert _text(page, "#draw-notice") == ""


@pytest.mark.parametrize(("scheme", "light_ink"), [("light", False), ("dark", True)])
def test_the_ink_stands_out_in_light_and_dark(open_page, scheme: str, light_ink: bool) -> None:
    page = open_page(**DESKTOP, color_scheme=scheme, device_scale_factor=3)
    _draw(page, ONE)
    _expect_label(page, 1)
    red, green, blue, opacity = page.evaluate("""() => {
        const canvas = document.querySelector("#draw-pad");
        if (canvas.width !== 3 * canvas.clientWidth) throw new Error("not in the screen's pixels");
        const middle = canvas.width / 2;
        return [...canvas.getContext("2d").getImageData(middle, middle, 1, 1).data];
    }""")
    assert opacity == 255
    assert (red + green + blue > 3 * 128) == light_ink


A = [[(0.2, 0.9), (0.5, 0.1), (0.8, 0.9)], [(0.32, 0.6), (0.68, 0.6)]]


def _moved(strokes: list[Stroke], x: float, y: float, scale: float) -> list[Stroke]:
    return [[(x + scale * a, y + scale * b) for a, b in stroke] for stroke in strokes]


def test_a_letter_does_not_look_like_a_digit(open_page) -> None:
    page = open_page(**DESKTOP)
    _draw(page, A)
    page.locator("#draw-sentence").filter(has_text="does not look like a digit").wait_for()
    _expect_label(page, "?")
    assert page.locator("#draw-bars .winner").count() == 0
    assert page.locator("#draw-bars li").count() == 10


def test_a_number_is_read_with_a_box_around_each_digit(open_page) -> None:
    page = open_page(**DESKTOP)
    page.locator("#draw-width").fill("4")
    _draw(page, _moved(FOUR, 0.02, 0.3, 0.4) + _moved(SEVEN, 0.5, 0.3, 0.4))
    _expect_label(page, "47")
    boxes = page.locator("#draw-boxes .box")
    expect(boxes).to_have_count(2)
    assert boxes.all_inner_texts() == ["4", "7"]
    winner = page.locator("#draw-bars .winner b")
    expect(winner).to_have_text("7")  # the last digit
    page.get_by_role("button", name="Digit 1 of 2").press("Enter")
    expect(winner).to_have_text("4")
    page.locator("#draw-clear").click()
    expect(boxes).to_have_count(0)


def test_a_ring_around_a_digit_does_not_hide_it(open_page) -> None:
    page = open_page(**DESKTOP)
    page.locator("#draw-width").fill("3")
    ring = [
        (0.5 + 0.45 * math.cos(turn / 8 * math.pi), 0.5 + 0.45 * math.sin(turn / 8 * math.pi))
        for turn in range(17)
    ]
    _draw(page, [*_moved(SEVEN, 0.2, 0.2, 0.6), ring])
    _expect_label(page, 7)


def test_a_slip_of_the_pen_is_nothing(open_page) -> None:
    page = open_page(**DESKTOP)
    _draw(page, [[(0.5, 0.5), (0.505, 0.5)]])
    page.wait_for_timeout(300)
    _expect_label(page, NONE)


def _photograph() -> bytes:
    """A sheet with a 7 on a dark table."""
    image = Image.new("RGB", (600, 420), (90, 60, 40))
    image.paste((240, 238, 230), (150, 40, 520, 400))
    image.paste((30, 30, 90), (190, 70), Image.fromarray(raster(SEVEN, 280, 0.05)))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


DROP = """([event, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(bytes)], "photo.png", { type: "image/png" }));
    const options = { bubbles: true, cancelable: true };
    const fired = event === "drop"
        ? new DragEvent("drop", { ...options, dataTransfer: data })
        : new ClipboardEvent("paste", { ...options, clipboardData: data });
    document.querySelector("#draw-pad").dispatchEvent(fired);
}"""


@pytest.mark.parametrize("way", ["file", "drop", "paste"])
def test_a_picture_is_read_and_shows_what_was_found(open_page, way: str) -> None:
    page = open_page(**DESKTOP)
    _draw(page, FOUR)
    if way == "file":
        photo = {"name": "photo.png", "mimeType": "image/png", "buffer": _photograph()}
        page.locator("#draw-file").set_input_files(photo)
    else:
        page.evaluate(DROP, [way, list(_photograph())])
    _expect_label(page, 7)
    expect(page.locator("#draw-photo")).to_be_visible()
    expect(page.locator("#draw-boxes .box")).to_have_count(1)
    _draw(page, FOUR)  # takes the picture's place
    _expect_label(page, 4)
    expect(page.locator("#draw-photo")).to_be_hidden()
    for _ in FOUR:
        page.locator("#draw-undo").click()
    expect(page.locator("#draw-photo")).to_be_visible()
    _expect_label(page, 7)
    page.locator("#draw-undo").click()
    _expect_label(page, 4)  # the drawing before the picture


def test_a_file_that_is_no_picture_is_refused_with_the_reason(open_page) -> None:
    page = open_page(**DESKTOP)
    page.locator("#draw-file").set_input_files(
        {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 nothing"}
    )
    page.get_by_role("alert").filter(has_text="a PDF document is not an image").wait_for()
    _draw(page, SEVEN)
    _expect_label(page, 7)
    assert _text(page, "#draw-notice") == ""


def _store(page: Any) -> list[int]:
    """The labels of the own drawings."""
    kept = json.loads(page.evaluate("localStorage.getItem('inkgrad-drawings')"))
    return [each["label"] for each in kept]


def test_own_drawings_are_labeled_looked_through_relabeled_and_deleted(open_page) -> None:
    page = open_page(**DESKTOP)
    save = page.get_by_role("button", name="Save this drawing as a 4")
    expect(save).to_be_disabled()
    _draw(page, FOUR)
    _shares(page)
    save.click()
    page.get_by_role("button", name="Save this drawing as a 9").click()
    page.get_by_role("button", name="Save this drawing as a 9").click()  # once is enough
    kept = page.locator(".draw .kept")
    expect(kept).to_have_text(re.compile("^Saved drawings: 2"))
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("button", name="Drawing 2, labeled 9").click()
    page.get_by_role("button", name="Label it 1").click()
    expect(page.get_by_role("button", name="Drawing 2, labeled 1")).to_be_visible()
    page.get_by_role("button", name="Delete this drawing").click()
    assert _store(page) == [4]
    page.keyboard.press("Control+z")  # in that part of the page: the drawing on the pad stays
    assert _store(page) == [4, 1]
    _expect_label(page, 4)
    page.get_by_role("button", name="Delete all").click()
    expect(kept).to_have_text(re.compile("^No drawings saved yet"))
    page.get_by_role("button", name="Undo change").click()
    assert _store(page) == [4, 1]
    page.get_by_role("button", name="Redo change").click()
    assert _store(page) == []


@pytest.mark.parametrize(
    ("width", "height"), [(640, 400), (863, 360)], ids=["200 % zoom", "landscape"]
)
def test_the_pad_fits_on_a_low_screen(open_page, width: int, height: int) -> None:
    page = open_page(viewport={"width": width, "height": height})
    box = page.locator("#draw-pad").bounding_box()
    assert 200 < box["height"] < height
    assert abs(box["width"] - box["height"]) < 1
