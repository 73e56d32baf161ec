"""The widget of lesson 4 against the lesson's own functions."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import backpropagation


@pytest.mark.parametrize("model", ["linear", "quadratic"])
def test_the_steps_end_with_torchs_gradients(play, model: str) -> None:
    values = {"linear": [1, 2, 3, 4], "quadratic": [2, 4, 1, -1, 0.5]}[model]
    answer = play({"model": model, "values": values})
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
    assert known == sorted(known)  # values stay known
    # The edges of a node turn red when it has passed its grad back, not when an operand has one.
    passed = [step["passed"] for step in answer["steps"] if step["direction"] == "backward"]
    backward = [step["active"] for step in answer["steps"] if step["direction"] == "backward"]
    assert passed == [sorted(backward[: n + 1]) for n in range(len(backward))]
    operations = sum(bool(node["operands"]) for node in answer["nodes"])
    assert len(answer["steps"]) == 2 + 2 * operations
    with pytest.raises(ValueError, match=r"values: expected a list of . to . numbers"):
        play({"model": model, "values": values[1:]})
