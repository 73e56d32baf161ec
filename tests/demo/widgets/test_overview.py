"""The widget of lesson 1 against the lesson's own functions."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import overview


def test_the_graph_the_slopes_and_the_dice(play) -> None:
    request = {"x": 2.0, "limit": 100, "rolls": 1000, "seed": 3, "at": 1.5}
    answer = play(request)
    expected = overview.growth(2.0, 100)
    assert answer["nodes"] == [node._asdict() for node in expected.nodes]
    assert [node["name"] for node in answer["nodes"][1:]] == ["MulBackward0"] * 6
    assert answer["nodes"][1]["operands"] == [0, 0]
    assert sorted(answer["nodes"][2]["operands"]) == [0, 1]
    assert (answer["y"], answer["grad"]) == (expected.y, expected.grad) == (128, 448)
    slopes = [answer["chain"][f"by_{way}"] for way in ("rule", "difference", "autograd")]
    assert slopes == pytest.approx([overview.chain(1.5)[1]] * 3, rel=1e-6)
    assert answer["chain"]["y"] == overview.chain(1.5)[0]
    means = overview.means_of_dice(1000, 3)
    assert answer["rolls"][-1] == 1000
    assert answer["means"] == [means[n - 1].item() for n in answer["rolls"]]
