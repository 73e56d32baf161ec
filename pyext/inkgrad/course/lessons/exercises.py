"""The exercises of the lessons, and one checker for the app, the command line and the notebooks.

An answer is a number, or Python code. Code is compared with the worked answer: both are run, and
expressions evaluated with each must agree. Or an expression has to reach a goal, for training.
"""

from __future__ import annotations

import contextlib
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import numpy as np
import torch

from inkgrad.course.lessons import (
    LESSONS,
    convolution,
    gradient_descent,
    linear_model,
    linear_regression,
)
from inkgrad.course.lessons.programs import in_language
from inkgrad.course.messages import Message, message

__all__ = ["EXERCISES", "Exercise", "Verdict", "check"]


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what to tell about it."""

    is_right: bool
    message: Message

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True)
class NumberExercise:
    """Predict a number.

    ``value`` computes it, by the code of the lesson where there is some; an answer may be off by
    ``tolerance``.
    """

    name: str
    value: Callable[[], float]
    tolerance: float = 0.0

    def worked_answer(self, language: str = "en") -> str:
        return f"{self.value():.6g}"

    def check(self, answer: object) -> Verdict:
        if answer is ...:
            return _wrong("unanswered")
        numbers = _numbers(answer)
        if not numbers:
            return _wrong("no_number")
        off = min(abs(number - self.value()) for number in numbers)
        if off <= self.tolerance + 1e-9:
            return _RIGHT
        near = off <= 0.1 * abs(self.value())
        return _wrong("near" if near else "wrong")


@dataclass(frozen=True)
class CodeExercise:
    """Complete the code ``starter``.

    The ``cases`` are expressions; their values must be those that the code ``solution`` gives. With
    a ``goal``, the only case must reach it instead. ``setup`` runs before the code of either.
    """

    name: str
    starter: str
    solution: str
    cases: tuple[str, ...]
    setup: str = ""
    goal: float | None = None

    def worked_answer(self, language: str = "en") -> str:
        return in_language(self.solution, language)

    def start(self, language: str) -> str:
        """The code that an answer begins with, with the imports that it needs."""
        names = {"math.": "import math", "np.": "import numpy as np", "torch.": "import torch"}
        used = [line for name, line in names.items() if name in self.solution]
        imports = "".join(f"{line}\n" for line in used) + ("\n\n" if used else "")
        return imports + in_language(self.starter, language)

    def check(self, answer: object) -> Verdict:
        """Check code, or a file's bytes, or a mapping of the names it defines (``globals()``)."""
        names: dict[str, Any] = {}
        try:
            if isinstance(answer, Mapping):
                names.update(answer)
                exec(_IMPORTS + self.setup, names)
            else:
                exec(_IMPORTS + self.setup, names)
                code = answer if isinstance(answer, bytes) else str(answer)
                exec(compile(code, "<answer>", "exec"), names)
        except _FAULTS as error:
            return _wrong("broken", error=_described(error))
        if self.goal is not None:
            return self._reached(names, self.goal)
        expected_names: dict[str, Any] = {}
        exec(_IMPORTS + self.setup + self.solution, expected_names)
        for case in self.cases:
            try:
                got = eval(case, names)
            except _FAULTS as error:
                return _wrong("raised", case=case, error=_described(error))
            if got is ... or (isinstance(got, tuple) and any(part is ... for part in got)):
                return _wrong("unanswered")
            expected = eval(case, expected_names)
            if not _agree(got, expected):
                return _wrong("differs", case=case, got=_shown(got), expected=_shown(expected))
        return _RIGHT

    def _reached(self, names: dict[str, Any], goal: float) -> Verdict:
        (case,) = self.cases
        try:
            got = float(eval(case, names))
        except _FAULTS as error:
            return _wrong("raised", case=case, error=_described(error))
        values = {"got": f"{got:.4f}", "goal": f"{goal:g}"}
        if got >= goal:
            return Verdict(True, message("exercise.reached", **values))
        return _wrong("not_reached", **values)


Exercise = NumberExercise | CodeExercise


def _wrong(key: str, **values: object) -> Verdict:
    return Verdict(False, message(f"exercise.{key}", **values))


# An answer that leaves Python would otherwise end the app's check without a word.
_FAULTS = (Exception, SystemExit)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_RIGHT = Verdict(True, message("exercise.right"))
_IMPORTS = "import math\nimport numpy as np\nimport torch\nfrom torch import nn\n"


def check(lesson: int, number: int, answer: object) -> Verdict:
    """Check the answer to an exercise, both counted from 1: a number, code, or ``globals()``.

    Code is run in this process. KeyError for an unknown lesson, IndexError for an unknown exercise.
    """
    return EXERCISES[lesson][number - 1].check(answer)


# ---------------------------------------------------------------- comparing


def _numbers(answer: object) -> list[float]:
    """Return each reading of the answer: "5,020" may be 5.02 or 5020."""
    readings = [answer]
    if isinstance(answer, str):
        # Full-width digits are normalized, and spaces between groups of digits left out.
        text = "".join(unicodedata.normalize("NFKC", answer).split())
        text = text.replace("\N{MINUS SIGN}", "-")
        readings = [text.replace(",", "."), _THOUSANDS.sub("", text)]
    numbers = []
    for reading in readings:
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            numbers.append(float(reading))  # type: ignore[arg-type]
    return [number for number in numbers if math.isfinite(number)]


def _agree(got: Any, expected: Any) -> bool:
    if isinstance(expected, (tuple, list)):
        return (
            isinstance(got, (tuple, list))
            and len(got) == len(expected)
            and all(map(_agree, got, expected))
        )
    try:
        got, expected = _array(got), _array(expected)
        return got.shape == expected.shape and np.allclose(got, expected, rtol=1e-4, atol=1e-6)
    except Exception:  # an answer may be anything, even an object that cannot be compared
        return False


def _array(value: Any) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = value.detach().to_dense().to("cpu", torch.float64)
    return np.asarray(value)


def _shown(value: Any) -> str:
    try:
        if isinstance(value, torch.Tensor):
            value = _array(value)
        elif isinstance(value, float):
            value = float(f"{value:.6g}")
        text = np.array2string(value, precision=4) if isinstance(value, np.ndarray) else repr(value)
    except Exception:
        text = type(value).__name__
    return shorten(text, 120)


def _described(error: BaseException) -> str:
    return shorten(f"{type(error).__name__}: {error}", 200).removesuffix(":")


# ---------------------------------------------------------------- the exercises


def _prediction_for_4() -> float:
    w, b = linear_regression.minimum()
    return round(4 * w + b, 6)


EXERCISES: dict[int, list[Exercise]] = {
    1: [
        NumberExercise("predict_slope", lambda: 32.0),
        CodeExercise(
            "chain_rule",
            "def slope(x):  # dy/dx of y = sin(x²)\n    return ...\n",
            "def slope(x):\n    return math.cos(x**2) * 2 * x\n",
            ("slope(0.5)", "slope(1.0)", "slope(2.0)"),
        ),
    ],
    2: [
        NumberExercise("predict_mse", lambda: linear_model.mse(3.0), 0.01),
        CodeExercise(
            "mse",
            "def mse(w, b):\n    return ...\n",
            "def mse(w, b):\n"
            "    losses = [(x * w + b - y) ** 2 for x, y in zip(x_data, y_data)]\n"
            "    return sum(losses) / len(losses)\n",
            ("mse(2, 0)", "mse(3, 0)", "mse(1.5, 1)"),
            setup="x_data, y_data = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]\n",
        ),
    ],
    3: [
        NumberExercise(
            "predict_step", lambda: gradient_descent.descend(w=1.0, lr=0.01, epochs=1)[-1], 0.001
        ),
        CodeExercise(
            "gradient",
            "def gradient(w):  # d(cost)/dw\n    return ...\n",
            "def gradient(w):\n"
            "    slopes = [2 * x * (x * w - y) for x, y in zip(x_data, y_data)]\n"
            "    return sum(slopes) / len(slopes)\n",
            ("gradient(1.0)", "gradient(2.0)", "gradient(-1.0)"),
            setup="x_data, y_data = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]\n",
        ),
        NumberExercise(
            "largest_rate",
            lambda: 2 / (2 * sum(x * x for x in gradient_descent.x_data) / 3),
            0.005,
        ),
    ],
    4: [
        NumberExercise("predict_grad", lambda: 2.0),
        CodeExercise(
            "backward_rules",
            "def add_backward(a, b, grad):  # of a + b: the grads of a and b\n"
            "    return ..., ...\n\n\n"
            "def mul_backward(a, b, grad):  # of a × b\n"
            "    return ..., ...\n\n\n"
            "def square_backward(a, grad):  # of a²\n"
            "    return ...\n",
            "def add_backward(a, b, grad):\n    return grad, grad\n\n\n"
            "def mul_backward(a, b, grad):\n    return grad * b, grad * a\n\n\n"
            "def square_backward(a, grad):\n    return grad * 2 * a\n",
            (
                "add_backward(2.0, 3.0, 5.0)",
                "mul_backward(2.0, 3.0, 5.0)",
                "square_backward(3.0, 5.0)",
                "mul_backward(-1.0, 0.5, 1.0)",
            ),
        ),
    ],
    5: [
        NumberExercise("predict_four", _prediction_for_4, 0.1),
        CodeExercise(
            "training_step",
            "def step(model, criterion, optimizer, x, y):\n    loss = ...\n    return loss\n",
            "def step(model, criterion, optimizer, x, y):\n"
            "    loss = criterion(model(x), y)\n"
            "    optimizer.zero_grad()\n"
            "    loss.backward()\n"
            "    optimizer.step()\n"
            "    return loss\n",
            ("loss_of(step)", "weight_after(step, 1)", "weight_after(step, 3)"),
            setup=(
                "x_data = torch.tensor([[1.0], [2.0], [3.0]])\n"
                "def _run(step, steps):\n"
                "    model = nn.Linear(1, 1)\n"
                "    nn.init.constant_(model.weight, 0.5)\n"
                "    nn.init.constant_(model.bias, 0.0)\n"
                "    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)\n"
                "    criterion = nn.MSELoss(reduction='sum')\n"
                "    for _ in range(steps):\n"
                "        loss = step(model, criterion, optimizer, x_data, 2 * x_data)\n"
                "    return model, loss\n"
                "def weight_after(step, steps):\n"
                "    return _run(step, steps)[0].weight.item()\n"
                "def loss_of(step):\n"
                "    loss = _run(step, 1)[1]\n"
                "    return loss if loss is ... else loss.item()\n"
            ),
        ),
    ],
    6: [
        CodeExercise(
            "bce",
            "def bce(y_pred, y):\n    return ...\n",
            "def bce(y_pred, y):\n"
            "    return -(y * math.log(y_pred) + (1 - y) * math.log(1 - y_pred))\n",
            ("bce(0.5, 1)", "bce(0.9, 1)", "bce(0.9, 0)"),
        ),
        NumberExercise("predict_bce_grad", lambda: 0.8 - 1.0, 0.001),
        CodeExercise(
            "bce_backward",
            "def grad_z(z, y):  # d(BCE)/dz, where the prediction is sigmoid(z)\n    return ...\n",
            "def grad_z(z, y):\n    return 1 / (1 + math.exp(-z)) - y\n",
            ("grad_z(0.0, 1)", "grad_z(2.0, 1)", "grad_z(2.0, 0)"),
        ),
    ],
    7: [
        NumberExercise("parameters", lambda: (8 * 6 + 6) + (6 * 4 + 4) + (4 * 1 + 1)),
        CodeExercise(
            "layer",
            "def layer(X, W, b):  # X (N, 8), W (6, 8), b (6,); the result is (N, 6)\n"
            "    return ...\n",
            "def layer(X, W, b):\n    return torch.sigmoid(X @ W.T + b)\n",
            ("layer(X, W, b)", "layer(X[:1], W, b)"),
            setup=(
                "torch.manual_seed(0)\n"
                "X, W, b = torch.randn(4, 8), torch.randn(6, 8), torch.randn(6)\n"
            ),
        ),
        CodeExercise(
            "beat_the_baseline",
            'activation = "sigmoid"  # "ReLU", "tanh", "GELU"\n'
            'optimizer = "SGD"  # "Adam", "RMSprop", ...\n'
            "lr = 0.1\n"
            "epochs = 100\n",
            'activation = "sigmoid"\noptimizer = "Adam"\nlr = 0.1\nepochs = 100\n',
            ("gain(activation, optimizer, lr, epochs)",),
            setup=(
                "from inkgrad.course.data.datasets import diabetes\n"
                "from inkgrad.course.lessons import many_features\n"
                "def gain(activation, optimizer, lr, epochs):\n"
                "    data = diabetes()\n"
                "    setting = many_features.Setting(activation, optimizer, lr)\n"
                "    trained = many_features.train_with(data, setting, min(epochs, 2000))\n"
                "    return trained.test_accuracy - many_features.baseline(data)[1]\n"
            ),
            goal=0.05,
        ),
    ],
    8: [
        NumberExercise("iterations", lambda: float(math.ceil(1000 / 64))),
        CodeExercise(
            "dataset",
            "from torch.utils.data import Dataset\n\n\n"
            "class Squares(Dataset):  # the pairs (0, 0), (1, 1), (2, 4), ... of count numbers\n"
            "    def __init__(self, count):\n"
            "        self.count = count\n\n"
            "    def __getitem__(self, index):\n"
            "        return ...\n\n"
            "    def __len__(self):\n"
            "        return 0\n",
            "from torch.utils.data import Dataset\n\n\n"
            "class Squares(Dataset):\n"
            "    def __init__(self, count):\n"
            "        self.count = count\n\n"
            "    def __getitem__(self, index):\n"
            "        return index, index**2\n\n"
            "    def __len__(self):\n"
            "        return self.count\n",
            (
                "Squares(10)[3]",
                "len(Squares(10))",
                "[len(x) for x, _ in DataLoader(Squares(10), batch_size=4)]",
                "next(iter(DataLoader(Squares(10), batch_size=4)))[1]",
            ),
            setup="from torch.utils.data import DataLoader\n",
        ),
    ],
    9: [
        CodeExercise(
            "softmax",
            "def softmax(z):  # z: a NumPy array of numbers\n    return ...\n",
            "def softmax(z):\n"
            "    powers = np.exp(z - z.max())  # prevents overflow\n"
            "    return powers / powers.sum()\n",
            (
                "softmax(np.array([0.2, 0.1, -0.1]))",
                "softmax(np.array([1.0, 1.0]))",
                "softmax(np.array([1000.0, 0.0]))",
            ),
        ),
        NumberExercise("untrained_loss", lambda: math.log(10), 0.01),
        CodeExercise(
            "softmax_backward",
            "def grad_z(z, k):  # d(loss)/dz; k is the index of the correct class\n"
            "    return ...\n",
            "def grad_z(z, k):\n"
            "    powers = np.exp(z - z.max())\n"
            "    gradient = powers / powers.sum()\n"
            "    gradient[k] -= 1\n"
            "    return gradient\n",
            ("grad_z(np.array([0.2, 0.1, -0.1]), 0)", "grad_z(np.array([1.0, 2.0, 3.0]), 2)"),
        ),
        CodeExercise(
            "reach_accuracy",
            "lr = 0.001\nmomentum = 0.0\n",
            "lr = 0.05\nmomentum = 0.9\n",
            ("test_accuracy(lr, momentum)",),
            setup=(
                "def test_accuracy(lr, momentum):\n"
                "    from torch.utils.data import DataLoader\n"
                "    from inkgrad.course.lessons import softmax as lesson\n"
                "    data = lesson.digits_for(False, None)\n"
                "    torch.manual_seed(0)\n"
                "    model = lesson.Net()\n"
                "    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)\n"
                "    train = DataLoader(lesson.standardized(data.train), 64, shuffle=True)\n"
                "    for epoch in range(20_000 // len(data.train)):\n"
                "        lesson.train_epoch(model, train, optimizer, epoch, lambda _: None)\n"
                "    test = DataLoader(lesson.standardized(data.test), 1000)\n"
                "    return lesson.test(model, test)[0]\n"
            ),
            goal=0.9,
        ),
    ],
    10: [
        CodeExercise(
            "output_size",
            "def output_size(n, kernel, stride=1, padding=0):\n    return ...\n",
            "def output_size(n, kernel, stride=1, padding=0):\n"
            "    return (n + 2 * padding - kernel) // stride + 1\n",
            (
                "output_size(28, 5)",
                "output_size(28, 3, padding=1)",
                "output_size(5, 3, stride=2)",
                "output_size(224, 7, stride=2, padding=3)",
            ),
        ),
        NumberExercise(
            "features", lambda: float(20 * (convolution.output_size(12, kernel=5) // 2) ** 2)
        ),
        CodeExercise(
            "convolve",
            "def convolve(picture, kernel):  # NumPy arrays; stride 1, no padding\n"
            "    size = len(kernel)\n"
            "    height, width = picture.shape[0] - size + 1, picture.shape[1] - size + 1\n"
            "    result = np.zeros((height, width))\n"
            "    for row in range(height):\n"
            "        for column in range(width):\n"
            "            result[row, column] = 0  # change this line\n"
            "    return result\n",
            "def convolve(picture, kernel):\n"
            "    size = len(kernel)\n"
            "    height, width = picture.shape[0] - size + 1, picture.shape[1] - size + 1\n"
            "    result = np.zeros((height, width))\n"
            "    for row in range(height):\n"
            "        for column in range(width):\n"
            "            window = picture[row : row + size, column : column + size]\n"
            "            result[row, column] = (window * kernel).sum()\n"
            "    return result\n",
            ("convolve(PICTURE, KERNEL)", "convolve(np.eye(4), np.ones((2, 2)))"),
            setup="from inkgrad.course.lessons.convolution import KERNEL, PICTURE\n",
        ),
        NumberExercise("weights", lambda: float(10 * 20 * 5 * 5 + 20)),
    ],
}


def text_key(lesson: int, exercise: Exercise, part: str) -> str:
    """The key of a text of an exercise; ``part`` is "question", "hint" or "answer"."""
    return f"{LESSONS[lesson].name}.{exercise.name}.{part}"
