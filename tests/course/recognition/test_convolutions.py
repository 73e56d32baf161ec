"""The computation of a number of a feature map, and the images that excite a map."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from inkgrad.course.models import StrongCNN
from inkgrad.course.recognition.convolutions import (
    Convolution,
    convolutions,
    map_details,
    strongest,
)
from inkgrad.course.recognition.recognizer import Recognizer

BACKENDS = ("fused", "native")


@pytest.fixture
def image() -> Tensor:
    """A bar with soft edges, on the gray levels of an image."""
    levels = torch.zeros(28, 28)
    levels[4:24, 12:16] = 255
    levels[4:24, 11] = levels[4:24, 16] = 90
    return levels / 255


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["cnn", "strong"])
def test_the_map_is_the_models_own_and_follows_from_inputs_kernel_and_bias(
    name: str, backend: str, image: Tensor
) -> None:
    model = Recognizer.load(name, backend).model
    _, maps = model.forward_with_maps(image[None, None])
    known = convolutions(model)
    assert [each.name for each in known] == list(maps)
    for each in known:
        channel = each.layer.out_channels - 1
        details = map_details(model, image, each.name, channel)
        assert torch.equal(details.map, maps[each.name][0, channel])
        padded = F.pad(details.inputs.double(), [int(each.layer.padding[0])] * 4)
        side = each.layer.kernel_size[0]
        patches = padded.unfold(1, side, 1).unfold(2, side, 1)
        sums = torch.einsum("cyxij,cij->yx", patches, details.weight.double()) + details.bias
        torch.testing.assert_close(details.sums.double(), sums, atol=1e-4, rtol=1e-5)
        pooled = F.max_pool2d(details.sums[None, None], each.pool)[0, 0]
        torch.testing.assert_close(details.map, pooled.relu(), atol=1e-4, rtol=1e-5)


def _seen(convolution: Convolution, row: int, column: int) -> tuple[slice, slice]:
    start, step, size = convolution.field
    top, left = start + row * step, start + column * step
    return slice(max(top, 0), top + size), slice(max(left, 0), left + size)


@pytest.mark.parametrize("name", ["cnn", "strong"])
def test_a_number_depends_on_its_field_and_on_nothing_else(name: str) -> None:
    model = Recognizer.load(name).model
    image = torch.rand(28, 28, generator=Generator().manual_seed(1))
    row, column = 1, 2
    for each in convolutions(model):
        rows, columns = _seen(each, row, column)
        before = model.forward_with_maps(image[None, None])[1][each.name][0, :, row, column]
        outside = 1 - image
        outside[rows, columns] = image[rows, columns]
        after = model.forward_with_maps(outside[None, None])[1][each.name][0, :, row, column]
        torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)
        inside = image.clone()
        inside[rows, columns] = 1 - image[rows, columns]
        other = model.forward_with_maps(inside[None, None])[1][each.name][0, :, row, column]
        assert (other - before).abs().max() > 0.1


def test_the_images_that_excite_a_map_are_found() -> None:
    model = StrongCNN().requires_grad_(False)
    images = torch.randint(0, 256, (230, 1, 28, 28), dtype=torch.uint8)
    found = strongest(model, images, 7)
    _, maps = model.forward_with_maps(images.float() / 255)
    assert list(found) == list(maps)
    for name, each in maps.items():
        images_of, values, rows, columns = found[name]
        assert values.shape == (each.shape[1], 7)
        peaks = each.flatten(2).amax(2)
        torch.testing.assert_close(values, peaks.topk(7, dim=0).values.T, atol=1e-5, rtol=1e-5)
        channels = torch.arange(each.shape[1])[:, None].expand_as(rows)
        at = each[images_of, channels, rows, columns]
        torch.testing.assert_close(values, at, atol=1e-5, rtol=1e-5)


def test_fewer_images_than_asked_for() -> None:
    images = torch.zeros(3, 1, 28, 28, dtype=torch.uint8)
    assert strongest(StrongCNN(), images, 7)["conv1"].values.shape == (32, 3)


def test_a_network_without_convolutions_has_none() -> None:
    assert convolutions(Recognizer.load("softmax").model) == []
    assert strongest(Recognizer.load("softmax").model, torch.zeros(2, 1, 28, 28), 1) == {}
