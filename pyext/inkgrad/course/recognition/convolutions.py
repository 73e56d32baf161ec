"""The convolutions of a network: how one number of a map is computed, and what excites a map."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inkgrad.course.models import DigitModel

_CHUNK = 100  # images at once: short steps leave the processor to drawings in between


class Field(NamedTuple):
    """The square of the input that the number at (row, column) of a map depends on.

    Its top is ``start + row * step``, its left ``start + column * step``, its side ``size``, all in
    pixels. With padding it sticks out of the input.
    """

    start: int
    step: int
    size: int


class Convolution(NamedTuple):
    """A convolution of a network, with ReLU, and max pooling of ``pool`` x ``pool`` (1: none)."""

    name: str
    layer: nn.Conv2d
    pool: int
    field: Field


class MapDetails(NamedTuple):
    """One feature map and what it is computed from.

    Attributes:
        inputs: (C, H, W), the maps before the layer; of the first layer, the standardized image.
        weight: (C, K, K), the kernel for each input map.
        bias: Of this map.
        sums: (H', W'), the convolution with its bias, before pooling and ReLU.
        map: (H' / pool, W' / pool), the model's own.
    """

    inputs: Tensor
    weight: Tensor
    bias: float
    sums: Tensor
    map: Tensor


class Strongest(NamedTuple):
    """For each of C maps the images that excite it most, the strongest first, each (C, count).

    Attributes:
        images: Indices of the images.
        values: The largest value of the map for that image.
        rows: Where in the map that value is.
        columns: Where in the map that value is.
    """

    images: Tensor
    values: Tensor
    rows: Tensor
    columns: Tensor


def convolutions(model: DigitModel) -> list[Convolution]:
    """Return the convolutions of a model in order; empty for one without.

    Each reads the maps of the one before it (:meth:`.DigitModel.forward_with_maps`).
    """
    found = []
    start, step, size = 0, 1, 1
    for name, layer in model.named_children():
        if not isinstance(layer, nn.Conv2d):
            continue
        pool = int(getattr(layer, "pool", 1))
        start -= int(layer.padding[0]) * step
        size += (layer.kernel_size[0] - 1 + pool - 1) * step
        step *= pool
        found.append(Convolution(name, layer, pool, Field(start, step, size)))
    return found


@torch.inference_mode()
def map_details(model: DigitModel, image: Tensor, name: str, channel: int) -> MapDetails:
    """Return how one map of an image, (28, 28) in [0, 1], is computed.

    Raises ValueError for another name than those of :func:`convolutions`, and IndexError for a
    channel that the layer does not have.
    """
    names = [each.name for each in convolutions(model)]
    number = names.index(name)
    _, maps = model.forward_with_maps(image[None, None])
    before = maps[names[number - 1]] if number else model.standardize(image[None, None])
    layer = model.get_submodule(name)
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    own = maps[name][0, channel]
    weight, bias = layer.weight[channel], layer.bias[channel]
    sums = F.conv2d(before, weight[None], bias[None], padding=layer.padding)
    return MapDetails(before[0], weight, float(bias), sums[0, 0], own)


@torch.inference_mode()
def strongest(model: DigitModel, images: Tensor, count: int) -> dict[str, Strongest]:
    """Find the images, uint8 (N, 1, 28, 28), that excite each map most, by layer.

    There are ``count`` for each map, or N if that is less.
    """
    peaks: dict[str, list[tuple[Tensor, Tensor]]] = {}
    widths = {}
    for chunk in images.split(_CHUNK):
        _, maps = model.forward_with_maps(chunk.float() / 255)
        for name, each in maps.items():
            widths[name] = each.shape[-1]
            peaks.setdefault(name, []).append(each.flatten(2).max(2))
    found = {}
    for name, chunks in peaks.items():
        values, places = (torch.cat(parts) for parts in zip(*chunks, strict=True))  # (N, C)
        top = values.topk(min(count, len(values)), dim=0)
        places = places.gather(0, top.indices)
        rows, columns = places // widths[name], places % widths[name]
        found[name] = Strongest(*(each.T for each in (top.indices, top.values, rows, columns)))
    return found
