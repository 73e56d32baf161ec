"""The result of an image does not depend on the others of its batch: alone, in lanes with others,
or in the remainder of a batch. Where Winograd convolves the batch, but not a single image or the
remainder, the results differ in their rounding.
"""

import pytest
import torch

from comparing import assert_equal, every_float, needs_extension
from inkgrad import functional, kernels

SIZES = (1, 6, 8, 11, 12, 13, 16, 17, 28, 33)
GEOMETRIES = {
    "course first layer": ((1, 28, 28), (10, 1, 5, 5), {}),
    "course second layer": ((10, 12, 12), (20, 10, 5, 5), {}),
    "rows that fill no vector": ((6, 7, 13), (7, 6, 3, 3), {"padding": 1}),
    "more taps than an accumulation block": ((12, 9, 11), (6, 12, 5, 5), {"padding": (0, 2)}),
    "channels that fill a vector": ((6, 7, 13), (16, 6, 3, 3), {"padding": 1}),
    "all but one of two vectors": ((12, 9, 11), (31, 12, 5, 5), {"padding": (0, 2)}),
    "several blocks of vectors": ((20, 5, 6), (80, 20, 3, 3), {}),
    "dilated, of any width": ((3, 20, 18), (48, 3, 3, 4), {"dilation": 2}),
}
# Those of which Winograd convolves batches.
WINOGRAD = {
    "course second layer", "channels that fill a vector", "all but one of two vectors",
    "several blocks of vectors",
}  # fmt: skip
every_geometry = pytest.mark.parametrize("geometry", GEOMETRIES)


def tensors(geometry, dtype):
    image, weight, settings = GEOMETRIES[geometry]
    generator = torch.Generator().manual_seed(0)

    def draw(shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    return draw((max(SIZES), *image)), draw(weight), draw(weight[:1]), settings


@needs_extension
@pytest.mark.core
@every_float
@every_geometry
@pytest.mark.parametrize("name", ["conv2d", "conv2d_relu_max_pool2d"])
def test_an_image_alone_and_in_a_batch(name, geometry, dtype):
    images, weight, bias, settings = tensors(geometry, dtype)
    function = getattr(functional, name)
    alone = torch.cat([function(image, weight, bias, **settings) for image in images.split(1)])
    for size in SIZES:
        with kernels.record() as calls:
            together = function(images[:size], weight, bias, **settings)
        uses_winograd = "winograd" in [call.kernel for call in calls]
        if size >= 12:  # fills the vectors of every instruction set
            assert uses_winograd == (geometry in WINOGRAD)
        if not uses_winograd:
            assert_equal(together, alone[:size])
            continue
        rounding = 8 * torch.finfo(dtype).eps * float(alone.abs().max())
        torch.testing.assert_close(together, alone[:size], rtol=0, atol=rounding)
        if size >= 12:
            assert_equal(together[:1], function(images, weight, bias, **settings)[:1])


@needs_extension
@pytest.mark.core
@every_geometry
def test_special_values_stay_in_their_image(geometry):
    images, weight, bias, settings = tensors(geometry, torch.float32)
    clean = functional.conv2d_relu_max_pool2d(images[:16], weight, bias, **settings)
    for value in (float("nan"), float("inf"), -float("inf")):
        spoilt = images[:16].clone()
        spoilt[5, 0, 2, 3] = value
        output = functional.conv2d_relu_max_pool2d(spoilt, weight, bias, **settings)
        others = [n for n in range(16) if n != 5]
        assert_equal(output[others], clean[others])
        native = torch.relu(
            torch.nn.functional.max_pool2d(
                torch.nn.functional.conv2d(spoilt[5:6], weight, bias, **settings), 2
            )
        )
        assert_equal(output[5:6].isnan(), native.isnan())
        assert_equal(output[5:6].isinf(), native.isinf())
