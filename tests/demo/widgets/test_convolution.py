"""The widget of lesson 10 against the lesson's own functions."""

from __future__ import annotations

import base64

import numpy as np
import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import convolution


def test_the_kernel_slides_over_the_drawing(play) -> None:
    rng = np.random.default_rng(0)
    drawing = rng.integers(0, 256, (28, 28), dtype=np.uint8)
    kernel = rng.normal(size=9)
    request = {
        "about": "convolution",
        "picture": base64.b64encode(drawing.tobytes()).decode(),
        "kernel": kernel.tolist(),
        "side": 3,
        "stride": 2,
        "padding": 1,
        "pool": 2,
    }
    answer = play(request)
    expected = convolution.convolve(drawing / 255, kernel.reshape(3, 3), 2, 1)
    assert answer["result"] == expected.tolist()
    assert answer["pooled"] == convolution.max_pool(expected, 2).tolist()
    assert (answer["size"], answer["pooled_size"]) == (14, 7)
    with pytest.raises(ValueError, match="picture: expected 28 x 28 bytes, got 3"):
        play(request | {"picture": "AAAA"})
    with pytest.raises(ValueError, match="kernel: expected a list of 9 to 9 numbers"):
        play(request | {"kernel": [1, 2]})
