"""The Train page in Chromium: runs that are watched and steered, and a model tried as it learns."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from inkgrad.course.data.datasets import digits
from inkgrad.course.settings import course_settings
from inkgrad.course.training.run import Run
from strokes import ONE, SEVEN, Stroke

pytest.importorskip("gradio")
expect = pytest.importorskip("playwright.sync_api").expect

pytestmark = pytest.mark.browser

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
SURFACES: dict[str, dict[str, Any]] = {
    "desktop": DESKTOP,
    "phone": {"device": "Pixel 7"},
    "Chinese": {**DESKTOP, "locale": "zh-CN"},
    "dark, without WebGL": {**DESKTOP, "color_scheme": "dark", "flags": ("--disable-3d-apis",)},
}
FINISHED = {"Chinese": "已完成"}
QUICK = "model=cnn&data=digits&epochs=2&augment=0"
LONG = "model=cnn&data=digits&epochs=2000&augment=0&one_cycle=0"


MOUNTED = ".ink:not([inert]) #train-start"


@pytest.fixture
def open_train(open_page: Any) -> Any:
    """Opens the Train page with settings in the address."""

    def open_one(settings: str = QUICK, **surface: Any) -> Any:
        return open_page(query=f"?tab=train&{settings}", ready="#train-start", **surface)

    return open_one


def _start(page: Any) -> None:
    page.locator("#train-start").click()


def _wait(page: Any, condition: str, argument: Any = None) -> None:
    page.wait_for_function(condition, arg=argument, timeout=60_000)


def _expect_phase(page: Any, *phases: str) -> None:
    _wait(
        page,
        "phases => phases.includes(document.querySelector('#train-phase').textContent)",
        list(phases),
    )


def _until_result(page: Any) -> None:
    _wait(page, "!document.querySelector('.train .result').hidden")


def _until_trained(page: Any) -> None:
    """Some steps are done."""
    _wait(page, "document.querySelector('#train-progress').value > 0")


def _text(page: Any, selector: str) -> str:
    return page.locator(selector).inner_text()


def _draw(page: Any, strokes: list[Stroke]) -> None:
    pad = page.locator("#train-pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for stroke in strokes:
        start, *rest = [
            (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke
        ]
        page.mouse.move(*start)
        page.mouse.down()
        for point in rest:
            page.mouse.move(*point, steps=8)
        page.mouse.up()


def _address(page: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def _curve(page: Any, chart: str) -> str:
    """The chart's description for screen readers."""
    return page.locator(f"#train-{chart} canvas").get_attribute("aria-label")


@pytest.mark.parametrize("surface", SURFACES)
def test_a_model_is_trained_and_judged(open_train, surface: str) -> None:
    page = open_train(**SURFACES[surface])
    _start(page)
    _expect_phase(page, FINISHED.get(surface, "Finished"))
    _until_result(page)
    assert "359" in _text(page, "#train-score")
    cells = page.locator("#train-confusion td").all_inner_texts()
    assert sum(int(cell) for cell in cells if cell) == 359
    assert "%" in _curve(page, "accuracy")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_sticks_out_at_any_width(open_train) -> None:
    page = open_train(**DESKTOP)
    _start(page)
    _draw(page, SEVEN)
    _until_result(page)
    outside = """[...document.querySelectorAll('.train *:not(.unseen)')]
        .filter(each => each.getBoundingClientRect().right > innerWidth + 0.5)
        .map(each => each.outerHTML.slice(0, 80))"""
    for width in (320, 360, 412, 768, 1024, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(outside) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_settings_sit_in_the_address(open_train) -> None:
    page = open_train("", **DESKTOP)
    page.locator("#train-model").select_option("softmax")
    page.locator("#train-activation").select_option("tanh")
    page.locator("#train-optimizer").select_option("adam")
    page.locator("#train-lr").fill("0.002")
    page.locator("#train-lr").press("Tab")
    address = _address(page)
    expected = {"model": "softmax", "activation": "tanh", "optimizer": "adam", "lr": "0.002"}
    assert expected.items() <= address.items()
    assert address["epochs"] == "10"  # the course's
    page.reload()
    page.wait_for_selector(MOUNTED)
    assert page.locator("#train-activation").input_value() == "tanh"
    assert page.locator("#train-lr").input_value() == "0.002"
    assert page.locator("#train-momentum").is_disabled()


def test_a_run_is_paused_goes_on_and_is_stopped(open_train) -> None:
    page = open_train(LONG, **DESKTOP)
    _start(page)
    _until_trained(page)
    page.locator("#train-pause").click()
    _expect_phase(page, "Paused")
    page.wait_for_timeout(300)  # the step in progress
    before = _text(page, "#train-numbers")
    page.wait_for_timeout(500)
    assert _text(page, "#train-numbers") == before
    page.get_by_role("button", name="Resume", exact=True).click()
    _expect_phase(page, "Training")
    page.locator("#train-stop").click()
    _expect_phase(page, "Stopped")
    assert page.locator("#train-pause").is_disabled()
    _until_result(page)


def test_a_reload_comes_back_to_the_run(open_train) -> None:
    page = open_train(LONG, **DESKTOP)
    _start(page)
    _until_trained(page)
    run = _address(page)["run"]
    page.reload()
    page.wait_for_selector(MOUNTED)
    _until_trained(page)
    _expect_phase(page, "Training")
    assert _address(page)["run"] == run
    page.locator("#train-stop").click()
    _expect_phase(page, "Stopped")


def test_a_run_that_is_gone_is_said(open_train) -> None:
    page = open_train(f"{QUICK}&run=20200101-000000-cnn-abcdef", **DESKTOP)
    _wait(page, "document.querySelector('#train-error').textContent !== ''")
    assert "no longer on this server" in _text(page, "#train-error")
    assert "run" not in _address(page)


def test_the_rate_is_changed_while_it_trains(open_train) -> None:
    page = open_train(LONG, **DESKTOP)
    _start(page)
    _until_trained(page)
    rate = page.locator("#train-lr-now")
    rate.fill("-1")
    rate.press("Enter")
    wrong = "Learning rate: expected a number from 1e-8 to 1,000, got -1."
    assert _text(page, "#train-message") == wrong
    rate.fill("0.001")
    rate.press("Enter")
    _wait(page, "document.querySelector('#train-message').textContent === ''")
    page.locator("#train-stop").click()
    _until_result(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Record (JSON)").click()
    (changed,) = json.loads(Path(download.value.path()).read_text())["lr_changes"]
    assert changed["lr"] == 0.001


def test_a_run_that_diverges_is_told_in_clear_words(open_train) -> None:
    page = open_train("model=softmax&data=digits&epochs=50&lr=1000&one_cycle=0", **DESKTOP)
    _start(page)
    _expect_phase(page, "Diverged")
    expected = "Training diverged in epoch 1 (learning rate 1,000). Nothing was learned: try a"
    assert _text(page, "#train-message").startswith(expected)
    assert page.locator(".train .result").is_hidden()


def test_what_the_keyboard_reaches_is_marked(open_train) -> None:
    page = open_train(**DESKTOP)
    page.locator("#train-seed").focus()
    outlines = "getComputedStyle(document.activeElement).outlineStyle"
    names = []
    for _ in range(5):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        names.append(focused.get_attribute("name") or focused.get_attribute("aria-label"))
        assert page.evaluate(outlines) == "solid"
    assert names == [
        "Help: Seed",
        "augment",
        "Help: Data augmentation",
        "Help: Standardize columns",
        "one_cycle",
    ]


@pytest.mark.parametrize("surface", ["desktop", "phone"])
def test_every_setting_explains_itself(open_train, surface: str) -> None:
    page = open_train(**SURFACES[surface])
    bubble = page.locator(".train .bubble")
    for place in page.locator("[data-help]:visible").all():
        button = place.locator(".help")
        button.tap() if surface == "phone" else button.click()
        words = bubble.inner_text()
        assert len(words) > 20
        control = place.locator("select, input:not([type=range])").first
        if place.evaluate("each => each.matches('fieldset')"):
            control = place
        described = control.get_attribute("aria-describedby")
        assert page.locator(f"#{described}").text_content() == words
        page.keyboard.press("Escape")  # it may cover the next button
        expect(bubble).to_be_hidden()
    if surface != "phone":
        page.locator("[data-help=lr] .help").hover()
        expect(bubble).to_be_visible()
        page.mouse.move(0, 0)
        expect(bubble).to_be_hidden()


def test_a_slider_moves_its_number_and_the_number_its_slider(open_train) -> None:
    page = open_train("model=cnn", **DESKTOP)
    slider = page.get_by_role("slider", name="Learning rate, slider")
    assert slider.get_attribute("aria-valuetext") == "0.05"
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#train-lr")).to_have_value("0.1")
    _wait(page, "new URLSearchParams(location.search).get('lr') === '0.1'")
    page.locator("#train-lr").fill("0.0011")
    expect(slider).to_have_attribute("aria-valuetext", "0.001")
    expect(page.locator("#train-lr")).to_have_value("0.0011")  # stays as it was typed
    page.get_by_role("slider", name="Batch size, slider").press("End")
    expect(page.locator("#train-batch")).to_have_value("0")
    page.locator("#train-optimizer").select_option("adam")
    expect(page.get_by_role("slider", name="Momentum, slider")).to_be_disabled()


def test_the_model_is_drawn_as_it_is_set(open_train) -> None:
    page = open_train("model=cnn", **DESKTOP)
    blocks = page.locator(".architecture li")
    expect(blocks).to_have_text(
        [
            "1 × 28 × 28input",
            "10 × 12 × 12conv 5×5 · max pool · ReLU260 parameters",
            "20 × 4 × 4conv 5×5 · max pool · ReLU5,020 parameters",
            "10linear3,210 parameters",
        ]
    )
    page.locator("#train-model").select_option("diabetes")
    page.locator("#train-activation").select_option("gelu")
    expect(blocks.nth(1)).to_have_text("6linear · GELU54 parameters")
    page.locator("#train-data").select_option("cancer")
    expect(blocks.nth(1)).to_have_text("6linear · GELU186 parameters")
    page.locator("#train-data").select_option("table")  # no file yet
    expect(page.locator(".architecture")).to_be_hidden()


def test_the_first_model_is_one_click_away_once(open_train) -> None:
    page = open_train("model=softmax", **DESKTOP)
    page.get_by_role("button", name="Train a first model").click()
    _wait(page, "document.querySelector('#train-phase').textContent !== ''")
    address = _address(page)
    assert {"model": "cnn", "data": "mnist", "epochs": "1"}.items() <= address.items()
    page.locator("#train-stop").click()
    _expect_phase(page, "Stopped", "Finished")
    page.goto(page.url.split("?")[0] + "?tab=train")
    page.wait_for_selector(MOUNTED)
    assert page.locator("#train-first").is_hidden()


def test_curves_are_smoothed(open_train) -> None:
    page = open_train(**DESKTOP)
    _start(page)
    _until_result(page)
    page.locator("#train-loss canvas").focus()
    page.keyboard.press("ArrowLeft")
    before = _text(page, "#train-loss .readout").split("training\n")[1]
    page.locator("#train-smoothing").fill("0.9")
    expect(page.locator(".smooth output")).to_have_text("0.90")
    page.locator("#train-loss canvas").focus()
    page.keyboard.press("ArrowLeft")
    after = _text(page, "#train-loss .readout").split("training\n")[1]
    assert before != after
    assert after.count("training") == 0  # the points below have no entry of their own


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", "0", "Epochs: expected a whole number from 1 to 2,000, got 0."),
        ("epochs", "1.5", "Epochs: expected a whole number from 1 to 2,000, got 1.5."),
        ("lr", "-3", "Learning rate: expected a number from 1e-8 to 1,000, got -3."),
        ("momentum", "", "Momentum: expected a number from 0 to 0.999, got –."),
    ],
)
def test_a_setting_out_of_range_is_told_and_starts_nothing(
    open_train, field: str, value: str, message: str
) -> None:
    page = open_train(**DESKTOP)
    page.locator(f"#train-{field}").fill(value)
    _start(page)
    assert _text(page, "#train-error") == message
    assert page.locator(f"#train-{field}").get_attribute("aria-invalid") == "true"
    assert "run" not in _address(page)


def test_the_values_of_a_curve_are_read_under_the_pointer(open_train) -> None:
    page = open_train(**DESKTOP)
    _start(page)
    _until_result(page)
    canvas = page.locator("#train-loss canvas")
    canvas.hover()
    readout = _text(page, "#train-loss .readout")
    assert re.match(r"epoch 0\.\d\d\ntraining\n\d\.\d{4}$", readout)
    page.mouse.move(0, 0)
    assert page.locator("#train-loss .readout").is_hidden()
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    readout = _text(page, "#train-loss .readout")
    assert readout.startswith("epoch 1.96\ntraining\n")
    assert "\nvalidation\n" in readout


def test_two_people_train_at_once_and_get_the_same_curve(open_train) -> None:
    pages = [open_train(**DESKTOP), open_train(**DESKTOP)]
    for page in pages:
        _start(page)
    for page in pages:
        _until_result(page)
    assert _address(pages[0])["run"] != _address(pages[1])["run"]
    assert _curve(pages[0], "loss") == _curve(pages[1], "loss")
    assert _text(pages[0], "#train-score") == _text(pages[1], "#train-score")


def test_both_backends_race(open_train) -> None:
    page = open_train(f"{QUICK}&backend=both", **DESKTOP)
    _start(page)
    _until_result(page)
    _wait(page, "document.querySelectorAll('#train-score span').length === 2")
    lines = page.locator("#train-score span").all_inner_texts()
    assert lines[0].startswith("Fused: ")
    assert lines[1].startswith("Native: ")
    assert page.locator("#train-axis [value=seconds]").is_checked()
    _wait(page, "!document.querySelector('#train-race .facts').hidden")
    assert re.match(r"\d+\.\d\d×$", _text(page, "#train-race .headline b"))
    lanes = page.locator("#train-race ol li").all_inner_texts()
    assert [lane.split("\n")[0] for lane in lanes] == ["Fused", "Native"]
    assert all("examples/s" in lane for lane in lanes)
    assert "Training loss: the same to 10⁻⁶" in _text(page, "#train-race .equal")
    assert "Training time" in _text(page, "#train-race .different")
    ends = page.evaluate(
        """[...document.querySelectorAll('.charts canvas')].map(
            (each) => Math.round(each.getBoundingClientRect().bottom))"""
    )
    assert ends[0] == ends[1]
    _draw(page, SEVEN)
    for reading in page.locator(".train .reading").all():
        expect(reading.locator("> b")).to_have_text(re.compile("[0-9]"))


def test_one_run_is_no_race(open_train) -> None:
    page = open_train(QUICK, **DESKTOP)
    _start(page)
    _until_result(page)
    assert page.locator("#train-race").is_hidden()
    assert page.locator(".train .rival").is_hidden()


def test_the_model_reads_a_drawing_while_it_learns_and_at_moments_before(open_train) -> None:
    page = open_train(LONG, **DESKTOP)
    _draw(page, SEVEN)
    assert _text(page, "#train-label") == "–"
    _start(page)
    _wait(page, "document.querySelector('#train-label').textContent !== '–'")
    _wait(page, "document.querySelector('#train-time').max > 12")
    page.locator("#train-stop").click()
    _until_result(page)
    sure = "parseFloat(document.querySelector('#train-try-out-note').textContent)"
    page.locator("#train-time").focus()
    page.keyboard.press("Home")
    assert _text(page, "#train-moment") == "epoch 0.00, step 0"
    _wait(page, f"{sure} < 20")  # it knows nothing yet
    page.keyboard.press("End")
    assert _text(page, "#train-moment") == "now"
    _wait(page, f"!({sure} < 20)")
    assert "7" in page.locator("#train-history canvas").get_attribute("aria-label")


def test_the_past_of_a_run_before_the_restart_is_gone_through(open_train, store) -> None:
    settings = course_settings("cnn", epochs=3, augment=False)
    kept = Run(settings, lambda report: digits(), store)  # in no memory of the app's
    kept.start()
    assert kept.wait(60)
    page = open_train(f"run={kept.id}", **DESKTOP)
    _until_result(page)
    _draw(page, SEVEN)
    _wait(page, "document.querySelector('#train-label').textContent !== '–'")
    label = _text(page, "#train-label")
    page.locator("#train-time").focus()
    page.keyboard.press("Home")
    assert _text(page, "#train-moment") == "epoch 0.00, step 0"
    sure = "parseFloat(document.querySelector('#train-try-out-note').textContent)"
    _wait(page, f"{sure} < 30")
    _wait(
        page,
        "label => document.querySelector('#train-history canvas').ariaLabel.includes(label)",
        label,
    )
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert re.match(r"epoch 2\.\d\d, step", _text(page, "#train-moment"))


def test_drawings_are_labelled_kept_and_trained_on(open_train) -> None:
    page = open_train(
        "model=cnn&data=drawings&epochs=40&augment=0&optimizer=adam&lr=0.01", **DESKTOP
    )
    _start(page)
    _wait(page, "document.querySelector('#train-error').textContent !== ''")
    for strokes, label in ((ONE, 4), (SEVEN, 2)):  # it learns what it is taught, right or wrong
        _draw(page, strokes)
        page.get_by_role("button", name=f"Save this drawing as a {label}").click()
        _wait(page, "!document.querySelector('.try-out').matches(':not(.untouched)')")
    page.reload()
    page.wait_for_selector(MOUNTED)
    _wait(page, "document.querySelector('.train .kept').textContent.includes('drawings: 2')")
    _start(page)
    _until_result(page)
    _draw(page, SEVEN)
    _wait(page, "document.querySelector('#train-label').textContent === '2'")


def test_a_file_of_ones_own_is_sent_and_a_bad_one_is_told(open_train, tmp_path: Path) -> None:
    page = open_train("model=diabetes&data=table&epochs=5", **DESKTOP)
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text("a,b,label\n1,cat,0\n2,3,1\n")
    good.write_text("a,b,label\n" + "1,2,0\n3,4,1\n" * 20)
    page.locator("#train-file").set_input_files(bad)
    _wait(page, "document.querySelector('#train-error').textContent !== ''")
    assert (
        _text(page, "#train-error") == "bad.csv, row 2, column 2 (b): expected a number, got 'cat'"
    )
    page.locator("#train-file").set_input_files(good)
    _wait(
        page, "document.querySelector('#train-file-note').textContent === 'good.csv: 40 examples'"
    )
    assert _text(page, "#train-error") == ""
    _start(page)
    _until_result(page)


def test_what_was_understood_of_a_table_is_shown_and_can_be_changed(
    open_train, tmp_path: Path
) -> None:
    page = open_train("model=logistic&epochs=5", **DESKTOP)
    mine = tmp_path / "mine.csv"
    rows = "".join(f"{i};{i % 7},5;{'' if i % 9 else i};{i % 3};{i % 2}\n" for i in range(40))
    mine.write_text("id;size;gaps;kind;label\n" + rows)

    def wait_for(words: str) -> None:
        _wait(
            page,
            "words => document.querySelector('#train-understood').textContent.includes(words)",
            words,
        )

    page.locator("#train-file").set_input_files(mine)
    wait_for("separated by semicolons, titles in the first row, decimal commas: 40 rows")
    wait_for("35 rows with missing values dropped")
    assert page.locator("#train-data").input_value() == "table"
    head = page.locator("#train-columns th")
    assert head.nth(0).inner_text().split("\n") == ["id", "row number or name"]
    assert head.nth(2).inner_text().split("\n") == ["gaps", "number, 35 missing"]
    assert page.locator("#train-columns td").nth(1).inner_text() == "0.5"
    page.locator("#train-missing").select_option("fill")
    wait_for("Missing values in 35 rows filled")
    head.nth(2).locator("input").uncheck()
    wait_for("Left out by choice: id, gaps")
    page.locator("#train-label-column").select_option(label="kind")
    wait_for("Label kind: 0 (14), 1 (13), 2 (13)")
    page.locator("#train-label-column").select_option(label="size")
    wait_for("Label size: 0.5 (6)")
    page.locator("#train-header").uncheck()
    _wait(page, "document.querySelector('#train-error').textContent !== ''")
    assert page.locator("#train-header").is_checked()  # as it was read last
    _start(page)
    _until_result(page)
    assert page.locator("#train-confusion tr").count() == 8


def test_the_encoding_of_a_table_can_be_changed(open_train, tmp_path: Path) -> None:
    page = open_train("model=logistic", **DESKTOP)
    mine = tmp_path / "mine.csv"
    rows = "".join(f"{i / 7:.2f},{('ναι', 'όχι')[i % 2]}\n" for i in range(40))
    mine.write_bytes(f"ύψος,κλάση\n{rows}".encode("cp1253"))
    page.locator("#train-file").set_input_files(mine)
    encoding = page.locator("#train-encoding")
    encoding.wait_for()
    assert encoding.input_value() == "cp1251"
    encoding.select_option("cp1253")
    page.locator("#train-understood", has_text="Label κλάση: ναι (20), όχι (20)").wait_for()
    assert encoding.input_value() == "cp1253"


def test_the_courses_settings_are_a_click_away(open_train) -> None:
    page = open_train("model=diabetes", **DESKTOP)
    lr, standardize = page.locator("#train-lr"), page.locator("input[name=standardize]")
    assert (lr.input_value(), standardize.is_checked()) == ("0.5", True)
    page.get_by_role("button", name="Course settings").click()
    assert (lr.input_value(), standardize.is_checked()) == ("0.1", False)
    page.get_by_role("button", name="Default settings").click()
    assert (lr.input_value(), standardize.is_checked()) == ("0.5", True)


def test_what_the_server_complains_of_is_told_in_the_language_of_the_page(
    open_train, tmp_path: Path
) -> None:
    page = open_train("model=diabetes&data=table", locale="zh-CN", **DESKTOP)
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b,label\n1,cat,0\n2,3,1\n")
    page.locator("#train-file").set_input_files(bad)
    _wait(page, "document.querySelector('#train-error').textContent !== ''")
    assert _text(page, "#train-error") == "bad.csv 第 2 行第 2 列 (b)：应为数字，实为 'cat'"
    page.locator("#train-weights").set_input_files(__file__)
    _wait(page, "document.querySelector('#train-load-error').textContent !== ''")
    assert "不是 safetensors 文件" in _text(page, "#train-load-error")


def test_downloads_and_reading_on_the_draw_page(open_train) -> None:
    page = open_train(**DESKTOP)
    _start(page)
    _until_result(page)
    run = _address(page)["run"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Record (JSON)").click()
    record = json.loads(Path(download.value.path()).read_text())
    assert record["id"] == run
    assert len(record["epochs"]) == 2
    with page.expect_download() as download:
        page.get_by_role("button", name="Python script").click()
    assert download.value.suggested_filename.endswith(".py")
    page.get_by_role("button", name="Use it on the Draw page").click()
    chosen = page.locator("input[name=draw-model]:checked")
    assert chosen.input_value() == run
    page.wait_for_selector("#draw-pad", state="visible")
    _wait(page, "document.querySelectorAll('.film .layer').length === 2")  # the course's CNN
    page.reload()
    page.wait_for_selector(f"input[name=draw-model][value='{run}']:checked", state="attached")


def test_an_image_of_the_confusion_matrix_is_opened_on_the_draw_page(open_train) -> None:
    page = open_train(**DESKTOP)
    _start(page)
    _until_result(page)
    page.get_by_role("button", name=re.compile(r"^3 recognized as 3, images")).click()
    page.get_by_role("button", name="Image 1", exact=True).click()
    page.get_by_role("button", name="Open in Draw").click()
    page.wait_for_selector("#draw-pad", state="visible")
    _wait(page, "document.querySelector('#draw-label').textContent === '3'")
    page.reload()
    _wait(page, "document.querySelector('#draw-label')?.textContent === '3'")
    page.locator("#draw-undo").click()
    _wait(page, "document.querySelector('#draw-label').textContent === '–'")


def test_an_earlier_run_and_weights_from_a_file_are_opened(open_train) -> None:
    page = open_train("model=softmax&data=digits&epochs=1&seed=5", **DESKTOP)
    _start(page)
    _until_result(page)
    score = _text(page, "#train-score")
    with page.expect_download() as download:
        page.get_by_role("button", name="Weights", exact=True).click()
    page = open_train(**DESKTOP)
    page.locator("#train-earlier .open").first.click()
    _until_result(page)
    assert _text(page, "#train-score") == score
    _wait(page, "document.querySelector('#train-model').value === 'softmax'")
    assert page.locator("#train-seed").input_value() == "5"
    page = open_train(**DESKTOP)
    page.locator("#train-weights").set_input_files(download.value.path())
    _until_result(page)
    assert _text(page, "#train-score") == score
    _draw(page, SEVEN)
    _wait(page, "document.querySelector('#train-label').textContent !== '–'")
    page.locator("#train-weights").set_input_files(__file__)
    _wait(page, "document.querySelector('#train-load-error').textContent !== ''")
    assert "not a safetensors file" in _text(page, "#train-load-error")


def test_a_run_without_a_page_is_found_stopped_and_resumed(open_train) -> None:
    page = open_train(LONG, **DESKTOP)
    _start(page)
    _until_trained(page)
    run = _address(page)["run"]
    page = open_train(**DESKTOP)  # another window, which knows nothing of it
    row = page.locator("#train-running li").first
    row.get_by_role("button", name="Stop Course CNN").click()
    _wait(page, "document.querySelector('#train-running').hidden")
    page.locator("#train-earlier .open").first.click()
    _expect_phase(page, "Stopped")
    assert _address(page)["run"] == run
    _wait(page, "document.querySelector('#train-epochs').value === '2000'")
    assert page.locator("#train-data").input_value() == "digits"
    page.get_by_role("button", name="Resume", exact=True).click()
    _expect_phase(page, "Training")
    page.locator("#train-stop").click()
    _expect_phase(page, "Stopped")


def test_a_file_is_known_in_another_window(open_train, tmp_path: Path) -> None:
    page = open_train("model=diabetes&data=table&epochs=5", **DESKTOP)
    table = tmp_path / "theirs.csv"
    table.write_text("a,b,label\n" + "1,2,0\n3,4,1\n" * 30)
    page.locator("#train-file").set_input_files(table)
    note = "document.querySelector('#train-file-note').textContent === 'theirs.csv: 60 examples'"
    _wait(page, note)
    upload = _address(page)["upload"]
    page = open_train(f"model=diabetes&data=table&epochs=5&upload={upload}", **DESKTOP)
    _wait(page, note)
    _start(page)
    _until_result(page)


def test_a_run_that_does_not_learn_says_so(open_train) -> None:
    page = open_train("model=diabetes&data=cancer&epochs=3&lr=0.0000001", **DESKTOP)
    _start(page)
    _expect_phase(page, "Finished, not learning")
    _wait(page, "document.querySelector('#train-message').textContent.includes('Not learning:')")
    assert "a larger learning rate" in _text(page, "#train-message")
    assert "most frequent class" in _curve(page, "accuracy")
