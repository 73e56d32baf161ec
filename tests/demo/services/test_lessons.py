"""What the Lessons page asks: the lessons as they are, playthings with the lessons' own numbers."""

from __future__ import annotations

import base64
import re
import time
from html import unescape
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("gradio")

from inkgrad.course.data.datasets import DataError
from inkgrad.course.lessons import (
    LESSONS,
    Lesson,
    backpropagation,
    convolution,
    data_loader,
    gradient_descent,
    linear_model,
    linear_regression,
    logistic_regression,
    many_features,
    overview,
    softmax,
)
from inkgrad.course.lessons.parts import Picture, Table
from inkgrad.course.texts import CATALOGUES
from inkgrad_demo.services.lessons import Lectures
from lesson_runs import numbers

pytestmark = pytest.mark.usefixtures("short_lessons")


@pytest.fixture(scope="module")
def lectures() -> Lectures:
    return Lectures()


def _results(lectures: Lectures, number: int, language: str = "en") -> dict[str, Any]:
    while True:
        answer = lectures.results({"number": number, "language": language})
        if answer["state"] != "computing":
            return answer
        time.sleep(0.02)


# ---- reading


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_comes_with_its_text_its_very_code_and_a_plaything(lectures, number: int) -> None:
    for language in CATALOGUES:
        answer = lectures.lesson({"number": number, "language": language})
        assert answer["text"] == LESSONS[number].text(language)
        code = unescape(re.sub(r"<[^>]+>", "", answer["code"]))
        assert code.strip() == LESSONS[number].code().strip()
        plaything = answer["plaything"]
        assert "createControls" in plaything["script"]
        assert 'class="toy"' in plaything["html"]
        assert plaything["catalogues"].keys() == CATALOGUES.keys()


@pytest.mark.parametrize("number", [1, 5])
def test_results_are_the_lessons_parts_in_the_language_asked_for(lectures, number: int) -> None:
    for language in CATALOGUES:
        answer = _results(lectures, number, language)
        parts = list(LESSONS[number].parts(numbers(number), language))
        assert [part["caption"] for part in answer["parts"]] == [part.caption for part in parts]
        for described, part in zip(answer["parts"], parts, strict=True):
            if isinstance(part, Table):
                assert described["columns"] == list(part.columns)
                assert described["rows"] == part.cells()
            else:
                assert (described["kind"], described["name"]) == ("picture", part.name)


def test_a_picture_is_drawn_once_in_each_language(lectures) -> None:
    pytest.importorskip("matplotlib")
    _results(lectures, 2)
    names = [p.name for p in LESSONS[2].parts(numbers(2), "en") if isinstance(p, Picture)]
    for name in names:
        drawn = set()
        for language in CATALOGUES:
            question = {"number": 2, "name": name, "language": language}
            svg = lectures.picture(question)["svg"]
            assert svg.startswith(f'<svg lang="{language}"')
            assert lectures.picture(question)["svg"] is svg
            drawn.add(svg.partition(">")[2])
        assert len(drawn) == len(CATALOGUES)
    with pytest.raises(ValueError, match=f"name: expected one of {', '.join(names)}, got 'none'"):
        lectures.picture({"number": 2, "name": "none", "language": "en"})


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    fresh = Lectures()
    with pytest.raises(ValueError, match="results of lesson 3 are not computed yet"):
        fresh.picture({"number": 3, "name": "paths", "language": "en"})
    with pytest.raises(ValueError, match="not trained yet"):
        fresh.play({"number": 9, "about": "confusion"})


def test_a_failure_is_told_and_the_next_question_tries_again(monkeypatch, capsys) -> None:
    def fail(lesson: Lesson, **_: Any) -> None:
        raise DataError("MNIST is damaged")

    fresh = Lectures()
    with monkeypatch.context() as patch:
        patch.setattr(Lesson, "run", fail)
        assert _results(fresh, 2) == {"state": "failed", "error": "MNIST is damaged"}
    assert _results(fresh, 2)["state"] == "ready"
    assert "DataError: MNIST is damaged" in capsys.readouterr().err


def test_training_tells_how_far_it_is() -> None:
    seen = []
    fresh = Lectures()
    while (answer := fresh.results({"number": 9, "language": "en"}))["state"] == "computing":
        seen.append(answer["batch"])
        time.sleep(0.005)
    assert answer["state"] == "ready"
    steps = [(batch["epoch"], batch["number"], batch["count"]) for batch in seen if batch]
    assert steps
    assert steps == sorted(steps)
    assert all(1 <= number <= count for _, number, count in steps)


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ({"number": 0, "language": "en"}, "number: expected a whole number from 1 to 10, got 0"),
        ({"number": "3", "language": "en"}, "number: expected a whole number"),
        ({"number": 3, "language": "fr"}, "language: expected one of en, zh-CN, got 'fr'"),
        ("3", "expected an object"),
    ],
)
def test_a_bad_question_is_told_what_was_expected(lectures, question: Any, why: str) -> None:
    for ask in (lectures.lesson, lectures.results):
        with pytest.raises(ValueError, match=why):
            ask(question)


# ---- playing: every number is what the lesson's own functions give


def test_1_the_graph_the_slopes_and_the_dice(lectures) -> None:
    question = {"number": 1, "x": 2.0, "limit": 100, "rolls": 1000, "seed": 3, "at": 1.5}
    answer = lectures.play(question)
    expected = overview.growth(2.0, 100)
    assert answer["operations"] == expected.operations == ["MulBackward0"] * 6
    assert (answer["y"], answer["grad"]) == (expected.y, expected.grad) == (128, 448)
    slopes = [answer["chain"][f"by_{way}"] for way in ("rule", "difference", "autograd")]
    assert slopes == pytest.approx([overview.chain(1.5)[1]] * 3, rel=1e-6)
    assert answer["chain"]["y"] == overview.chain(1.5)[0]
    means = overview.means_of_dice(1000, 3)
    assert answer["rolls"][-1] == 1000
    assert answer["means"] == [means[n - 1].item() for n in answer["rolls"]]


def test_2_the_line_and_the_polynomial(lectures) -> None:
    line = lectures.play({"number": 2, "about": "line", "w": 2.5, "b": -1})
    assert line["mse"] == linear_model.mse(2.5, -1)
    assert sum(line["losses"]) / 3 == pytest.approx(line["mse"])
    surface = lectures.play({"number": 2, "about": "surface"})["surface"]
    assert surface["values"] == linear_model.loss_surface()[2].tolist()
    fit = linear_model.overfit().fits[4]
    polynomial = lectures.play({"number": 2, "about": "polynomial", "degree": 4})
    assert polynomial["losses"][4] == [4, fit.train, fit.validation]
    assert polynomial["curve"][0] == [-1, pytest.approx(np.polyval(fit.weights, -1))]


def test_3_a_walk_is_that_of_the_lesson_until_it_runs_away(lectures) -> None:
    question = {"number": 3, "about": "walk", "lr": 0.05, "batch_size": 10, "epochs": 12}
    question |= {"w": -1, "b": 3}
    x, y = gradient_descent.noisy_line()
    answer = lectures.play(question)
    path = gradient_descent.walk(x, y, 10).path
    assert answer["path"] == path.tolist()
    assert answer["losses"][-1] == pytest.approx(np.mean((x * path[-1, 0] + path[-1, 1] - y) ** 2))
    assert answer["diverged"] is False
    wild = lectures.play(question | {"lr": 1, "batch_size": 1, "epochs": 30})
    assert wild["diverged"] is True
    assert np.isfinite(wild["losses"]).all()
    assert wild["losses"][-1] > 1000
    ends = [lectures.play({"number": 3, "about": "valleys", "from": w}) for w in (2, -2)]
    assert [end["path"][-1][0] for end in ends] == pytest.approx([1.13, -1.30], abs=0.01)


def test_3_a_saddle_holds_who_stays_on_the_ridge(lectures) -> None:
    question = {"number": 3, "about": "saddle", "optimizer": "SGD", "saddle_lr": 0.1}
    question |= {"saddle_w": 1, "saddle_v": 0.01, "noise": False}
    escaped = lectures.play(question)
    steps = len(escaped["path"]) - 1
    expected = gradient_descent.cross_saddle(0.01, steps=steps)
    np.testing.assert_allclose(escaped["path"], expected)
    assert escaped["end"] == "escaped"
    assert expected[-2, 1] < 1.25 <= expected[-1, 1]
    assert escaped["heights"][-1] == pytest.approx(expected[-1, 0] ** 2 - expected[-1, 1] ** 2)
    ends = {}
    for optimizer in ("SGD", "Momentum", "Adam"):
        on_the_ridge = question | {"optimizer": optimizer, "saddle_v": 0}
        ends[optimizer] = [
            lectures.play(on_the_ridge | {"noise": noise})["end"] for noise in (False, True)
        ]
    assert ends == {name: ["stuck", "escaped"] for name in ends}
    assert lectures.play(question | {"saddle_lr": 0.001})["end"] == "slow"


@pytest.mark.parametrize("model", ["linear", "quadratic"])
def test_4_the_steps_end_with_torchs_gradients(lectures, model: str) -> None:
    values = {"linear": [1, 2, 3, 4], "quadratic": [2, 4, 1, -1, 0.5]}[model]
    answer = lectures.play({"number": 4, "model": model, "values": values})
    names = [node["name"] for node in answer["nodes"]]
    first, *_, last = answer["steps"]
    assert [name for name, data in zip(names, first["data"], strict=True) if data is not None] == [
        node["name"] for node in answer["nodes"] if not node["operands"]
    ]
    assert first["grads"] == [None] * len(names)
    found = dict(zip(names, last["grads"], strict=True))
    assert {name: found[name] for name in answer["by_torch"]} == pytest.approx(answer["by_torch"])
    build = getattr(backpropagation, model)
    leaves = dict(zip(answer["by_torch"], values, strict=True))
    expected = backpropagation.states(build(**backpropagation.leaves(**leaves)))
    assert last["data"] == [state.data for state in expected]
    assert last["grads"] == [state.grad for state in expected]
    known = [sum(value is not None for value in s["data"] + s["grads"]) for s in answer["steps"]]
    assert known == sorted(known)  # nothing is forgotten on the way
    operations = sum(bool(node["operands"]) for node in answer["nodes"])
    assert len(answer["steps"]) == 2 + 2 * operations


def test_5_the_race_is_that_of_the_lesson(lectures) -> None:
    question = {"number": 5, "about": "races", "steps": 60, "w": -1, "b": 3, "factor": 1}
    answer = lectures.play(question)
    for racer in answer["racers"]:
        expected = linear_regression.race(linear_regression.RACERS[racer["name"]])
        assert racer["losses"] == pytest.approx(expected.losses, rel=1e-6)
        assert racer["path"] == expected.path.tolist()
    wild = {r["name"]: r for r in lectures.play(question | {"factor": 8})["racers"]}
    assert wild["SGD"]["diverged"]
    assert np.isfinite(wild["SGD"]["losses"]).all()


def test_6_hours_of_study_are_learnt_as_in_the_lesson(lectures) -> None:
    question = {"number": 6, "about": "training", "epochs": 300, "lr": 0.01}
    answer = lectures.play(question | {"hours": [1, 2, 3], "passed": [0, 0, 1]})
    expected = logistic_regression.train(300)
    assert answer["losses"] == expected.losses
    assert answer["weights"][-1] == (expected.w, expected.b)
    assert len(answer["weights"]) == 301
    other = lectures.play(question | {"hours": [1, 2, 3, 4], "passed": [1, 1, 0, 0]})
    assert other["weights"][-1][0] < 0 < answer["weights"][-1][0]
    by_hand = lectures.play({"number": 6, "about": "formulas", "z": 0, "y_pred": 0.2, "y": 1})
    assert by_hand["value"] == 0.5
    assert by_hand["loss"] == pytest.approx(by_hand["by_kernel"]) == pytest.approx(1.6094, abs=1e-4)


def _file(content: bytes) -> dict[str, Any]:
    return {"file": "mine.csv", "csv": base64.b64encode(content).decode()}


TABLE = {"number": 7, "activation": "ReLU", "optimizer": "Adam", "lr": 0.01, "epochs": 5}


def test_7_one_s_own_table_is_learnt_as_in_the_lesson(lectures, tmp_path) -> None:
    rows = [f"{n % 7},{n % 3},{int(n % 7 > 3)}" for n in range(50)]
    path = tmp_path / "mine.csv"
    path.write_text("a,b,label\n" + "\n".join(rows) + "\n")
    answer = lectures.play(TABLE | _file(path.read_bytes()))
    expected = many_features.train(
        many_features.diabetes(path), "ReLU", lambda weights: torch.optim.Adam(weights, lr=0.01), 5
    )
    assert answer["losses"] == expected.losses
    assert (answer["train"], answer["test"], answer["features"]) == (40, 10, 2)
    assert answer["test_accuracy"] == expected.test_accuracy
    assert answer["data"] == "mine.csv"


def test_7_the_lesson_s_own_table_has_a_name_in_every_language(lectures) -> None:
    name = lectures.play(TABLE)["data"]
    assert len(set(name.texts.values())) == len(CATALOGUES)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,b\n1,2\n", "mine.csv, row 2, column 2 (b): expected a label of 0 or 1, got '2'"),
        (b"1,0\n2,1\n", "mine.csv: expected at least 5 rows"),
        (b"", "mine.csv: expected rows of numbers"),
        (b"1,0\n" * 200_000, "mine.csv: expected at most 500000 bytes, got 800000"),
        (b"\x1f\x8b\x08", "mine.csv: expected a CSV file, got a gzip file"),
    ],
)
def test_7_a_file_that_is_no_table_is_told_where(lectures, content: bytes, why: str) -> None:
    assert lectures.play(TABLE | _file(content))["problem"].startswith(why)


def test_8_batches_are_the_loaders(lectures) -> None:
    question = {"number": 8, "count": 10, "batch_size": 4, "epochs": 3, "seed": 5, "shuffle": True}
    answer = lectures.play(question)
    assert answer["epochs"] == data_loader.batches_of(10, 4, 3, seed=5)
    assert answer["iterations"] == 3
    in_order = lectures.play(question | {"shuffle": False})["epochs"][0]
    assert in_order == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_9_softmax_by_hand_and_the_images_of_a_cell(lectures) -> None:
    z = [0.2, 0.1, -0.1]
    answer = lectures.play({"number": 9, "about": "loss", "z": z, "right": 0})
    assert answer["probabilities"] == softmax.softmax(np.array(z)).tolist()
    assert answer["loss"] == pytest.approx(answer["by_torch"]) == pytest.approx(0.9729, abs=1e-4)
    assert _results(lectures, 9)["state"] == "ready"
    counts = lectures.play({"number": 9, "about": "confusion"})["counts"]
    expected = numbers(9)
    assert counts == expected.confusion.tolist()
    cell = lectures.play({"number": 9, "about": "cell", "row": 0, "column": 0})
    assert cell["shown"] == min(counts[0][0], 40) > 0
    found = softmax.images_in_cell(expected.data.test.targets, expected.training.predicted, 0, 0)
    first = np.frombuffer(base64.b64decode(cell["images"]), np.uint8)[:784]
    assert first.tolist() == expected.data.test.inputs[found[0], 0].ravel().tolist()


def test_10_the_kernel_slides_over_the_drawing(lectures) -> None:
    rng = np.random.default_rng(0)
    drawing = rng.integers(0, 256, (28, 28), dtype=np.uint8)
    kernel = rng.normal(size=9)
    question = {
        "number": 10,
        "about": "convolution",
        "picture": base64.b64encode(drawing.tobytes()).decode(),
        "kernel": kernel.tolist(),
        "side": 3,
        "stride": 2,
        "padding": 1,
        "pool": 2,
    }
    answer = lectures.play(question)
    expected = convolution.convolve(drawing / 255, kernel.reshape(3, 3), 2, 1)
    assert answer["result"] == expected.tolist()
    assert answer["pooled"] == convolution.max_pool(expected, 2).tolist()
    assert (answer["size"], answer["pooled_size"]) == (14, 7)
    with pytest.raises(ValueError, match="picture: expected 28 x 28 bytes, got 3"):
        lectures.play(question | {"picture": "AAAA"})
    with pytest.raises(ValueError, match="kernel: expected a list of 9 to 9 numbers"):
        lectures.play(question | {"kernel": [1, 2]})
