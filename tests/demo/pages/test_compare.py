"""The Compare page in Chromium: runs laid over each other, deleted and taken along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

pytest.importorskip("gradio")

from inkgrad.course.training import confusion_images
from inkgrad.course.training.confusion_images import ConfusionImages
from saved_runs import record

pytestmark = pytest.mark.browser

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
SURFACES: dict[str, dict[str, Any]] = {
    "desktop": DESKTOP,
    "phone": {"device": "Pixel 7"},
    "dark, without WebGL": {**DESKTOP, "color_scheme": "dark", "flags": ("--disable-3d-apis",)},
}
RUNS = [record(3, lr=0.1), record(2), record(1, "diabetes")]  # the newest first


@pytest.fixture
def saved(store: Any) -> Iterator[Any]:
    """The store with these runs alone, and no others behind it."""
    _clear(store)
    for run in RUNS:
        store.save(run)
    yield store
    _clear(store)


def _clear(store: Any) -> None:
    for run in store.summaries()[0]:
        store.delete(run.id)
    store.make_room()


def _open(
    open_page: Any, ready: str = "#compare-list tbody tr", more: str = "", **options: Any
) -> Any:
    return open_page(query=f"?tab=compare{more}", ready=ready, **options)


def _wait_for_runs(page: Any, count: int) -> None:
    page.wait_for_function(
        "count => document.querySelectorAll("
        "'#compare-facts table:first-child th[scope=col]').length === count",
        arg=count,
    )


def _cells(page: Any, title: str) -> list[str]:
    row = page.locator("#compare-facts tr").filter(
        has=page.get_by_role("rowheader", name=title, exact=True)
    )
    return row.locator("td").all_inner_texts()


def _chart(page: Any, name: str) -> str:
    return page.locator(f"#compare-{name} canvas").get_attribute("aria-label")


@pytest.mark.parametrize("surface", SURFACES)
def test_the_newest_two_runs_lie_over_each_other(open_page, saved, surface: str) -> None:
    page = _open(open_page, **SURFACES[surface])
    page.wait_for_selector("#compare-facts td")
    assert page.locator("#compare-list tbody tr").count() == 3
    assert [tick.is_checked() for tick in page.locator("#compare-list tbody input").all()] == [
        True,
        True,
        False,
    ]
    names = page.locator("#compare-facts table:first-child th[scope=col]").all_inner_texts()
    assert names == ["1. Softmax MLP, Learning rate 0.1", "2. Softmax MLP, Learning rate 0.05"]
    assert _cells(page, "Learning rate") == ["0.1", "0.05"]
    assert _cells(page, "Test accuracy") == ["87.00 % of 100", "88.00 % of 100"]
    assert page.locator("#compare-facts .differs th").all_inner_texts() == ["Learning rate"]
    assert page.locator("#compare-facts .best").all_inner_texts() == ["93.00 %", "88.00 % of 100"]
    assert "Learning rate 0.1: 92.00 %" in _chart(page, "accuracy")
    assert page.locator("#compare-confusion table").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_other_runs_are_chosen_by_keyboard_and_stay_in_the_address(open_page, saved) -> None:
    page = _open(open_page, **DESKTOP)
    page.wait_for_selector("#compare-facts td")
    page.locator("#compare-list tbody input").nth(2).focus()
    page.keyboard.press("Space")
    _wait_for_runs(page, 3)
    assert page.locator("#compare-facts table").count() == 1
    page.locator("#compare-list tbody input").nth(0).focus()
    page.keyboard.press("Space")
    _wait_for_runs(page, 2)
    assert page.locator("#compare-facts table").count() == 2  # the results beside the settings
    assert _cells(page, "Model") == ["Softmax MLP", "Diabetes MLP"]
    page.reload()
    page.wait_for_selector("#compare-facts td")
    assert _cells(page, "Model") == ["Softmax MLP", "Diabetes MLP"]
    page.locator("#compare-differences").check()
    assert _cells(page, "Seed") == []
    assert _cells(page, "Model") == ["Softmax MLP", "Diabetes MLP"]


def test_curves_along_epochs_or_seconds_of_what_is_learnt_from_or_not(open_page, saved) -> None:
    page = _open(open_page, **DESKTOP)
    page.wait_for_selector("#compare-facts td")
    assert "0.0667" in _chart(page, "loss")  # the last point of the training curve
    page.get_by_text("Validation loss").click()
    assert "0.5000" in _chart(page, "loss")
    canvas = page.locator("#compare-loss canvas")
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    assert "epoch" in page.locator("#compare-loss .readout").inner_text()
    page.get_by_text("Seconds", exact=True).click()
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    assert " s\n" in page.locator("#compare-loss .readout").inner_text()


def _keep_two_ones(store: Any, run: str) -> None:
    images = torch.zeros(2, 28, 28, dtype=torch.uint8)
    images[:, 6:22, 13:16] = 255
    labels, predictions = torch.ones(2, 2, dtype=torch.uint8)
    kept = ConfusionImages(images, labels.clone(), predictions.clone())
    confusion_images.save(store.confusion_images(run), kept)


def test_images_stay_while_another_run_trains(open_page, saved) -> None:
    _keep_two_ones(saved, RUNS[0].id)
    page = _open(open_page, **DESKTOP)
    page.wait_for_selector("#compare-facts td")
    looks = []

    def train_one(route: Any) -> None:
        request = route.request.post_data_json
        if request["fn_name"] != "list_runs":
            looks.append(request["fn_name"])
            return route.continue_()
        request["data"] = {}
        response = route.fetch(post_data=json.dumps(request))
        listed = response.json()
        training = listed["ended"].pop() | {"active": True, "state": "training"}
        listed |= {"active": [training], "version": "while it trains"}
        return route.fulfill(response=response, json=listed)

    page.route("**/component_server/**", train_one)
    page.get_by_role("tab", name="Train", exact=True).click()
    page.wait_for_timeout(2500)  # it has noticed
    page.get_by_role("tab", name="Compare", exact=True).click()
    page.get_by_role("cell", name="training", exact=True).wait_for()
    page.get_by_role("button", name="1 recognized as 1, images: 9", exact=True).first.click()
    page.wait_for_selector("#compare-cells .images button")
    looks.clear()
    page.wait_for_timeout(5000)
    assert looks.count("load_runs") >= 2
    assert page.locator("#compare-cells .images button").count() == 2


def test_the_images_of_a_cell_are_shown_and_drawn(open_page, saved) -> None:
    _keep_two_ones(saved, RUNS[1].id)
    page = _open(open_page, **DESKTOP)
    ones = page.get_by_role("button", name="1 recognized as 1, images: 9", exact=True)
    ones.first.click()
    notice = page.get_by_text(
        f"run {RUNS[0].id}: the images of its confusion matrix were not saved"
    )
    notice.wait_for()
    ones.nth(1).click()
    page.get_by_text("Images of 1 recognized correctly: 2 of 9").wait_for()
    page.get_by_role("button", name="Image 2", exact=True).click()
    page.get_by_role("button", name="Open in Draw").click()
    page.wait_for_function("document.querySelector('#draw-label').textContent === '1'")


def test_a_deletion_is_undone_also_after_a_reload(open_page, saved) -> None:
    page = _open(open_page, **DESKTOP)
    page.wait_for_selector("#compare-facts td")
    page.get_by_role("button", name="Delete selected (2)").click()
    expect = page.get_by_role("status").get_by_text("2 runs deleted. Undo within 60 minutes.")
    expect.wait_for()
    page.wait_for_function("document.activeElement?.textContent === 'Undo'")
    assert [run.id for run in saved.summaries()[0]] == [RUNS[2].id]
    page.wait_for_selector("#compare-chosen", state="hidden")
    page.reload()
    page.get_by_role("button", name="Undo", exact=True).press("Enter")
    page.wait_for_function("document.querySelectorAll('#compare-list tbody tr').length === 3")
    page.wait_for_selector("#compare-undo", state="hidden")
    assert [run.id for run in saved.summaries()[0]] == [run.id for run in RUNS]


def test_a_run_gets_a_name_and_a_note(open_page, saved) -> None:
    page = _open(open_page, **DESKTOP)
    page.get_by_role("button", name="Name and note of Softmax MLP").first.press("Enter")
    page.get_by_label("Name", exact=True).fill("Bigger steps")
    page.get_by_label("Note", exact=True).fill("one\ntwo")
    page.get_by_label("Name", exact=True).press("Enter")
    page.wait_for_function(
        "document.querySelector('#compare-facts th[scope=col]')?.textContent === '1. Bigger steps'"
    )
    assert _cells(page, "Note") == ["one\ntwo", "–"]
    label = saved.label(RUNS[0].id)
    assert (label.name, label.note) == ("Bigger steps", "one\ntwo")
    page.get_by_role("button", name="Name and note of Bigger steps").click()
    page.get_by_label("Name", exact=True).fill("turned \u202e")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").get_by_text("name: expected text without control").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Train", exact=True).click()
    page.locator("#train-earlier .what", has_text="Bigger steps · Softmax MLP").wait_for()


def test_many_runs_are_sorted_filtered_and_deleted_together(open_page, store) -> None:
    _clear(store)
    for number in range(59):
        for model in ("softmax", "diabetes"):
            store.save(record(number, model))
    page = _open(open_page, **DESKTOP)
    rows = page.locator("#compare-list tbody tr")
    page.get_by_role("button", name="Show more (100 of 118 shown)").click()
    page.wait_for_function("document.querySelectorAll('#compare-list tbody tr').length === 118")
    page.get_by_role("button", name="Test accuracy").click()
    assert "90.00 % of 100" in rows.first.inner_text()
    page.get_by_role("button", name="Test accuracy").click()
    assert "32.00 % of 100" in rows.first.inner_text()
    column = page.get_by_role("columnheader", name="Test accuracy")
    assert column.get_attribute("aria-sort") == "ascending"
    page.get_by_role("combobox", name="All models").select_option("Diabetes MLP")
    page.get_by_role("searchbox").fill("diabetes-abc001")
    page.get_by_text("1 of 118 runs").wait_for()
    page.get_by_role("searchbox").fill("")
    page.get_by_role("checkbox", name="Select all 59 listed").check()
    page.get_by_text("the curves of the first 6 are shown").wait_for()
    _wait_for_runs(page, 6)
    page.get_by_role("button", name="Delete selected (59)").click()
    page.get_by_text("59 runs deleted").wait_for()
    page.get_by_text("No run matches the filter.").wait_for()
    assert {run.model for run in store.summaries()[0]} == {"softmax"}
    _clear(store)


def test_classes_are_called_by_their_names(open_page, saved) -> None:
    counts = ((3, 1, 0), (0, 4, 0), (0, 0, 5))
    named = replace(RUNS[2], confusion=counts, classes=("a", "b", "a long name of a class"))
    saved.save(named)
    page = _open(open_page, more=f"&compare={named.id}", device="Pixel 7")
    page.wait_for_selector("#compare-confusion td")
    titles = page.locator("#compare-confusion th").all_inner_texts()
    assert titles == [*named.classes, *named.classes]
    assert "test set (13 examples)" in page.locator("#compare-confusion caption").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_curve_is_read_as_far_as_it_goes(open_page, saved) -> None:
    saved.save(replace(RUNS[1], epochs=RUNS[1].epochs[:1], baseline=0.6))
    page = _open(open_page, **DESKTOP)
    page.wait_for_selector("#compare-facts td")
    assert "most frequent class: 60.00 %" in _chart(page, "accuracy")
    page.locator("#compare-accuracy canvas").focus()
    page.keyboard.press("ArrowLeft")
    read = page.locator("#compare-accuracy .readout").inner_text()
    assert "Learning rate 0.1" in read
    assert "Learning rate 0.05" not in read
    assert "most frequent class" not in read


@pytest.mark.parametrize(
    ("form", "name"),
    [("report", "inkgrad-report.html"), ("json", "inkgrad-runs.json"), ("table", ".csv")],
)
def test_runs_are_taken_along(open_page, saved, form: str, name: str) -> None:
    page = _open(open_page, **DESKTOP)
    page.wait_for_selector("#compare-facts td")
    with page.expect_download() as download:
        page.locator(f"#compare-downloads [value={form}]").click()
    assert download.value.suggested_filename.endswith(name)
    text = download.value.path().read_text(encoding="utf-8")
    if form == "json":
        assert [run["id"] for run in json.loads(text)["runs"]] == [run.id for run in RUNS[:2]]
    else:
        assert ("<svg" if form == "report" else RUNS[0].id) in text


def test_on_a_phone_what_tells_runs_apart_stays_while_the_list_is_scrolled(
    open_page, saved
) -> None:
    page = _open(open_page, device="Pixel 7")
    which = page.locator("#compare-list tbody tr").first.locator(".which")
    assert which.first.inner_text() == "Softmax MLP · Fused"
    before = which.last.bounding_box()
    scrolled = page.locator(".runs .scroll").evaluate(
        "each => { each.scrollLeft = 1000; return each.scrollLeft; }"
    )
    assert scrolled > 100
    assert which.last.bounding_box() == before
    expected = page.evaluate(
        """({ x, y, height }) =>
            document.elementFromPoint(x + 2, y + height / 2).className""",
        before,
    )
    assert expected == "which"  # nothing covers it


def test_without_runs_it_says_what_to_do(open_page, store) -> None:
    _clear(store)
    page = _open(open_page, "#compare-empty:visible", **DESKTOP)
    assert "Train a model on the Train page" in page.locator("#compare-empty").inner_text()
    assert page.locator("#compare-chosen").is_hidden()


def test_a_run_of_the_address_that_is_gone_is_not_missed(open_page, saved) -> None:
    page = _open(open_page, more=f"&compare=20200101-000000-cnn-0000,{RUNS[1].id}", **DESKTOP)
    page.wait_for_selector("#compare-facts td")
    assert page.locator("#compare-list tbody input:checked").count() == 1


@pytest.mark.parametrize("surface", [DESKTOP, {"device": "Pixel 7"}])
def test_it_speaks_chinese(open_page, saved, surface: dict[str, Any]) -> None:
    page = _open(open_page, locale="zh-CN", **surface)
    page.wait_for_selector("#compare-facts td")
    assert _cells(page, "学习率") == ["0.1", "0.05"]
    assert page.get_by_role("button", name="删除所选（2）").is_visible()


def test_damaged_runs_are_shown_and_can_be_deleted(open_page, saved: Any) -> None:
    (saved.folder / RUNS[1].id / "run.json").write_text("{")
    page = _open(open_page, **DESKTOP)
    page.wait_for_selector("#compare-list .damage")
    page.locator(f"#compare-list input[value='{RUNS[1].id}']").check()
    page.locator(f"#compare-list input[value='{RUNS[0].id}']").uncheck()
    page.locator(f"#compare-list input[value='{RUNS[2].id}']").uncheck()
    page.locator("#compare-delete").click()
    page.wait_for_selector("#compare-list .damage", state="detached")
    assert {run.id for run in saved.summaries()[0]} == {RUNS[0].id, RUNS[2].id}


def test_a_run_opens_on_the_train_page(open_page, saved: Any) -> None:
    page = _open(open_page, **DESKTOP)
    page.locator("#compare-list .actions button").first.click()
    page.wait_for_selector("#train-phase", state="visible")
    page.wait_for_function("document.querySelector('#train-phase').textContent === 'Finished'")
    page.wait_for_function("document.querySelector('#train-lr').value === '0.1'")
