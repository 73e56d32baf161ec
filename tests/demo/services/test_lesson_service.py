"""Lessons for the page: text, code, results and pictures are those of the course."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("gradio")

from inkgrad.course.data.datasets import DataError
from inkgrad.course.lessons import LESSONS, Lesson
from inkgrad.course.lessons.blocks import Plot, Table
from inkgrad.course.lessons.exercises import EXERCISES
from inkgrad.course.lessons.formulas import DERIVATIONS
from inkgrad.course.texts import CATALOGUES
from inkgrad.course.texts import CATALOGUES as CATALOGUES_OF_COURSE
from inkgrad_demo.services.lesson_service import TRAIN_SETTINGS, LessonService
from inkgrad_demo.services.request_validation import parse
from inkgrad_demo.services.training_requests import StartRequest
from inkgrad_demo.serving.exposed import call
from lesson_runs import numbers

pytestmark = pytest.mark.usefixtures("short_lessons")


@pytest.fixture(scope="module")
def lessons() -> LessonService:
    return LessonService()


def _results(lessons: LessonService, number: int, language: str = "en") -> dict[str, Any]:
    while True:
        answer = call(lessons.results, {"number": number, "language": language})
        if answer["state"] != "computing":
            return answer
        time.sleep(0.02)


def _plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_has_its_text_its_programs_and_a_widget(lessons, number: int) -> None:
    lesson = LESSONS[number]
    for language in CATALOGUES:
        answer = call(lessons.lesson, {"number": number, "language": language})
        for word in ("text", "goal", "see", "summary"):
            assert answer[word] == CATALOGUES_OF_COURSE[language][f"{lesson.name}.{word}"]
        expected = ["native", "fused"] if number >= 6 else ["native"]
        assert list(answer["programs"]) == expected
        for name, program in answer["programs"].items():
            assert program["code"] == lesson.code(language, fused=name == "fused")
            assert _plain(program["html"]) == program["code"]
            assert ("hll" in program["html"]) == (number >= 6)
        assert answer["terms"]
        widget = answer["widget"]
        assert widget["name"] == lesson.name
        assert 'class="exercise"' in widget["html"]
        assert widget["catalogues"].keys() == CATALOGUES.keys()


@pytest.mark.parametrize("number", LESSONS)
def test_formulas_are_mathml(lessons, number: int) -> None:
    answer = call(lessons.lesson, {"number": number, "language": "en"})
    assert all(f"`{text}`" in str(CATALOGUES_OF_COURSE["en"]) for text in answer["formulas"])
    derivation = answer["derivation"]
    assert (derivation is None) == (LESSONS[number].name not in DERIVATIONS)
    steps = derivation["steps"] if derivation else []
    derived = (each for step in steps for each in step["math"])
    for mathml in (*answer["formulas"].values(), *derived):
        assert ElementTree.fromstring(mathml).tag.endswith("math")
        assert "\\" not in mathml  # LaTeX that was not understood


def test_exercises_have_a_question_a_hint_and_a_worked_answer(lessons) -> None:
    for number, exercises in EXERCISES.items():
        answer = call(lessons.lesson, {"number": number, "language": "zh-CN"})
        assert [each["name"] for each in answer["exercises"]] == [each.name for each in exercises]
        for each in answer["exercises"]:
            assert all(each[part] for part in ("question", "hint", "answer", "worked"))
            assert _plain(each["html"]) == each["start"]
            assert bool(each["start"]) == each["is_code"]


FLAGS = ("one_cycle", "augment", "standardize")  # 0 or 1 in an address


def test_the_settings_for_the_train_page_are_settings() -> None:
    for number, settings in TRAIN_SETTINGS.items():
        flags = {name: bool(settings[name]) for name in FLAGS if name in settings}
        (parsed,) = parse(StartRequest, {**settings, **flags}).settings()
        shown = {**vars(parsed), "batch_size": parsed.batch_size or 0}
        assert {name: shown[name] for name in settings} == settings, number


@pytest.mark.parametrize("number", [1, 5])
def test_results_are_the_parts_of_the_lesson_in_its_language(lessons, number: int) -> None:
    for language in CATALOGUES:
        answer = _results(lessons, number, language)
        parts = list(LESSONS[number].blocks(numbers(number), language))
        assert [part["caption"] for part in answer["parts"]] == [part.caption for part in parts]
        for described, part in zip(answer["parts"], parts, strict=True):
            if isinstance(part, Table):
                assert described["columns"] == list(part.columns)
                assert described["rows"] == part.cells()
            else:
                assert (described["kind"], described["name"]) == ("picture", part.name)


def test_a_picture_is_drawn_once_in_each_language(lessons) -> None:
    pytest.importorskip("matplotlib")
    _results(lessons, 2)
    names = [p.name for p in LESSONS[2].blocks(numbers(2), "en") if isinstance(p, Plot)]
    for name in names:
        drawn = set()
        for language in CATALOGUES:
            question = {"number": 2, "name": name, "language": language}
            svg = call(lessons.picture, question)["svg"]
            assert svg.startswith(f'<svg lang="{language}"')
            assert call(lessons.picture, question)["svg"] is svg
            drawn.add(svg.partition(">")[2])
            narrow = call(lessons.picture, question | {"narrow": True})["svg"]
            width, height = (
                [float(re.search(rf'{side}="([\d.]+)pt"', each)[1]) for each in (svg, narrow)]
                for side in ("width", "height")
            )
            assert width[1] <= min(width[0], 6 * 72)
            assert (width[1] < width[0]) == (height[1] > height[0])
        assert len(drawn) == len(CATALOGUES)
    with pytest.raises(ValueError, match=f"name: expected one of {', '.join(names)}, got 'none'"):
        call(lessons.picture, {"number": 2, "name": "none", "language": "en"})


def test_pictures_and_the_confusion_matrix_need_results() -> None:
    fresh = LessonService()
    with pytest.raises(ValueError, match="results of lesson 3 are not computed yet"):
        call(fresh.picture, {"number": 3, "name": "paths", "language": "en"})
    with pytest.raises(ValueError, match="not trained yet"):
        call(fresh.play, {"number": 9, "about": "confusion"})


def test_a_failure_is_reported_once_and_then_retried(monkeypatch, capsys) -> None:
    def fail(lesson: Lesson, **_: Any) -> None:
        raise DataError("MNIST is damaged")

    fresh = LessonService()
    with monkeypatch.context() as patch:
        patch.setattr(Lesson, "run", fail)
        assert _results(fresh, 2) == {"state": "failed", "problem": "MNIST is damaged"}
    assert _results(fresh, 2)["state"] == "ready"
    assert "DataError: MNIST is damaged" in capsys.readouterr().err


def test_training_reports_its_progress() -> None:
    seen = []
    fresh = LessonService()
    while (answer := call(fresh.results, {"number": 9, "language": "en"}))["state"] == "computing":
        seen.append(answer["batch"])
        time.sleep(0.005)
    assert answer["state"] == "ready"
    steps = [(batch["epoch"], batch["number"], batch["count"]) for batch in seen if batch]
    assert steps
    assert steps == sorted(steps)
    assert all(1 <= number <= count for _, number, count in steps)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"number": 0, "language": "en"}, "number: expected a whole number from 1 to 10, got 0"),
        ({"number": "3", "language": "en"}, "number: expected a whole number"),
        ({"number": 3, "language": "fr"}, "language: expected one of en, zh-CN, got 'fr'"),
        ("3", "expected an object"),
    ],
)
def test_a_bad_request_is_refused(lessons, request_: Any, error: str) -> None:
    for method in (lessons.lesson, lessons.results):
        with pytest.raises(ValueError, match=error):
            call(method, request_)
