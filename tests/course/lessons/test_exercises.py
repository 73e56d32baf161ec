"""The exercises: the worked answer is right, the start is not, and a mistake is explained."""

from __future__ import annotations

import pytest

from inkgrad.course.lessons import LESSONS
from inkgrad.course.lessons.exercises import (
    EXERCISES,
    CodeExercise,
    Exercise,
    NumberExercise,
    check,
    text_key,
)
from inkgrad.course.texts import CATALOGUES

ALL = [
    pytest.param(lesson, number, exercise, id=f"{lesson}-{exercise.name}")
    for lesson, exercises in EXERCISES.items()
    for number, exercise in enumerate(exercises, start=1)
]


def test_every_lesson_has_two_to_four() -> None:
    assert EXERCISES.keys() == LESSONS.keys()
    assert all(2 <= len(exercises) <= 4 for exercises in EXERCISES.values())


@pytest.mark.parametrize(("lesson", "number", "exercise"), ALL)
def test_the_worked_answer_is_right_in_every_language(
    lesson: int, number: int, exercise: Exercise
) -> None:
    trains = isinstance(exercise, CodeExercise) and exercise.goal is not None
    for language in CATALOGUES:
        if not trains or language == "en":
            verdict = check(lesson, number, exercise.worked_answer(language))
        assert verdict.is_right, str(verdict)
        assert verdict.message.texts.keys() == CATALOGUES.keys()
        for part in ("question", "hint", "answer"):
            assert text_key(lesson, exercise, part) in CATALOGUES[language]


@pytest.mark.parametrize(("lesson", "number", "exercise"), ALL)
def test_the_starting_point_is_not(lesson: int, number: int, exercise: Exercise) -> None:
    """Those that train are started by the notebooks' test."""
    if isinstance(exercise, CodeExercise) and exercise.goal is not None:
        return
    start = exercise.start("en") if isinstance(exercise, CodeExercise) else "..."
    assert not check(lesson, number, start).is_right


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [
        (14 / 3, True), ("4.667", True), (" 4,67 ", True), (4.5, False), (1, False),
        ("nan", False), ("four", False), (None, False), ("", False), (True, False),
    ],
)  # fmt: skip
def test_a_number_may_be_off_by_its_tolerance(answer: object, is_right: bool) -> None:
    assert check(2, 1, answer).is_right == is_right


@pytest.mark.parametrize("answer", ["5020", "5,020", "5 020", "5\u202f020", "５０２０", "5,020.0"])
def test_a_number_may_be_written_in_groups_and_full_width(answer: str) -> None:
    assert check(10, 4, answer).is_right


@pytest.mark.parametrize("answer", ["50,20", "5,0,2,0", "5,02", "1" * 5000, 10**400, "1e400"])
def test_no_other_comma_groups_digits(answer: object) -> None:
    assert not check(10, 4, answer).is_right


def test_a_comma_never_makes_a_number_that_is_not_there() -> None:
    assert not check(7, 1, "8,7").is_right


def test_three_dots_are_no_answer() -> None:
    assert str(check(2, 1, ...)).startswith("Not answered yet")
    exercise = EXERCISES[5][1]
    assert isinstance(exercise, CodeExercise)
    assert str(exercise.check(exercise.start("en"))).startswith("Not answered yet")


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit",
        "def softmax(z): exit()",
        "def softmax(z): return ['a', 'b', 'c']",
        "def softmax(z): return np.array([None, None, None])",
        "def softmax(z): return 10**5000",
        "def softmax(z): return torch.zeros(3, dtype=torch.bfloat16)",
        "def softmax(z): return torch.zeros(3, device='meta')",
        "def softmax(z): return torch.eye(3).to_sparse()",
        "class softmax:\n    def __init__(self, z): pass\n    def __repr__(self): raise OSError",
        "class softmax(list):\n    def __eq__(self, other): raise OSError",
    ],
)
def test_an_odd_answer_is_wrong_and_ends_no_check(code: str) -> None:
    verdict = check(9, 1, code)
    assert not verdict.is_right
    assert str(verdict)


def test_a_minus_sign_may_be_one() -> None:
    assert check(6, 2, "−0.2").is_right
    assert check(6, 2, "－０．２").is_right
    assert not check(6, 2, "0.2").is_right


def test_close_is_told_from_wrong_without_the_value() -> None:
    assert str(check(2, 1, 4.5)) == "Close, but not exact enough."
    assert str(check(2, 1, 9)) == "Not yet. Try again, or look at the hint."


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def softmax(z:", "The code does not run: SyntaxError"),
        ("1 / 0", "The code does not run: ZeroDivisionError: division by zero"),
        ("pass", "raised NameError: name 'softmax' is not defined"),
        ("def softmax(z):\n    return ...", "Not answered yet"),
        ("def softmax(z):\n    return z", "is [ 0.2 0.1 -0.1]; expected [0.3"),
        ("def softmax(z):\n    return 'z'", "is 'z'; expected"),
        ("def softmax(z):\n    raise KeyError(z[9])", "raised IndexError"),
        (
            "def softmax(z):\n    return np.exp(z) / np.exp(z).sum()",
            "softmax(np.array([1000.0, 0.0])) is [nan 0.]; expected [1. 0.]",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_mistake_is_explained(code: str, message: str) -> None:
    verdict = check(9, 1, code)
    assert not verdict.is_right
    assert message in str(verdict)


def test_another_way_to_write_it_is_right_too() -> None:
    assert check(9, 1, "import torch\ndef softmax(z): return torch.tensor(z).softmax(0)").is_right
    assert check(4, 2, {
        "add_backward": lambda a, b, grad: [grad, grad],
        "mul_backward": lambda a, b, grad: (b * grad, a * grad),
        "square_backward": lambda a, grad: a * grad + a * grad,
    }).is_right  # fmt: skip


def test_a_part_that_is_missing_is_not_answered() -> None:
    exercise = EXERCISES[4][1]
    assert isinstance(exercise, CodeExercise)
    assert str(exercise.check(exercise.start("en"))).startswith("Not answered yet")


def test_a_training_step_without_zero_grad_is_wrong() -> None:
    exercise = EXERCISES[5][1]
    code = exercise.worked_answer().replace("    optimizer.zero_grad()\n", "")
    assert "weight_after(step, 3)" in str(exercise.check(code))


def test_numbers_are_computed_by_the_lessons() -> None:
    numbers = {
        exercise.name: exercise.value()
        for exercises in EXERCISES.values()
        for exercise in exercises
        if isinstance(exercise, NumberExercise)
    }
    assert numbers == pytest.approx(
        {
            "predict_slope": 32, "predict_mse": 14 / 3, "predict_four": 8,
            "predict_step": 1 + 0.28 / 3,
            "largest_rate": 3 / 14, "predict_grad": 2, "predict_bce_grad": -0.2, "parameters": 87,
            "iterations": 16, "untrained_loss": 2.302585, "features": 320, "weights": 5020,
        }
    )  # fmt: skip
