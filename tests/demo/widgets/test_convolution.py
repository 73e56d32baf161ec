"""The widget of lesson 10 against the lesson's own functions."""

from __future__ import annotations

import base64

import numpy as np
import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import color, convolution


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


@pytest.mark.parametrize("kernel", color.KERNELS)
def test_a_color_picture_is_summed_over_its_channels(play, kernel: str) -> None:
    request = {"about": "channels", "rgb_picture": "landscape", "rgb_kernel": kernel}
    answer = play(request | {"rgb_bias": 0.5})
    picture, layers = np.array(answer["picture"]), np.array(answer["kernel"])
    sums = [convolution.convolve(*pair) for pair in zip(picture, layers, strict=True)]
    np.testing.assert_allclose(answer["result"], sum(sums) + 0.5, atol=1e-12)
    with pytest.raises(ValueError, match="rgb_bias: expected a number from -10 to 10"):
        play(request | {"rgb_bias": 11})


def test_the_drawing_goes_through_the_network(play) -> None:
    drawing = np.zeros((28, 28), np.uint8)
    drawing[6:22, 13:16] = 255
    encoded = base64.b64encode(drawing.tobytes()).decode()
    answer = play({"about": "network", "picture": encoded})
    layers = play({"about": "network weights"})["layers"]

    def array(text: str, *shape: int) -> np.ndarray:
        return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)

    stages = [
        array(each["values"], each["channels"], each["height"], each["width"])
        for each in answer["maps"]
    ]
    assert [each.shape for each in stages] == [
        (1, 28, 28), (10, 24, 24), (10, 12, 12), (20, 8, 8), (20, 4, 4),
    ]  # fmt: skip
    for number, layer in enumerate(layers):
        before, convolved, pooled = stages[2 * number : 2 * number + 3]
        weights = array(layer["weight"], len(convolved), len(before), 5, 5)
        expected = convolution.convolve_channels(before, weights)
        np.testing.assert_allclose(
            convolved, expected + np.array(layer["bias"])[:, None, None], atol=1e-4
        )
        maxima = np.stack([convolution.max_pool(each) for each in convolved])
        np.testing.assert_array_equal(pooled, np.maximum(maxima, 0))
    assert np.argmax(answer["probabilities"]) == 1
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
