"""Augmented digits are the same digits, lightly changed; chance comes from the generator alone."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from inkgrad.course.data.augment import Augmentation, augment
from inkgrad.course.data.datasets import digits


@pytest.fixture(scope="module")
def images() -> Tensor:
    return digits().train[:400].as_float()


def test_shape_type_and_range_stay(images: Tensor) -> None:
    new = augment(images, Generator().manual_seed(0))
    assert new.shape == images.shape
    assert new.dtype == images.dtype
    assert new.min() >= 0
    assert new.max() <= 1


def test_the_same_generator_state_gives_the_same_images_and_the_global_one_is_not_used(
    images: Tensor,
) -> None:
    before = torch.get_rng_state()
    first, again, other = (augment(images, Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_images_given_are_left_alone(images: Tensor) -> None:
    before = images.clone()
    augment(images, Generator().manual_seed(0))
    assert torch.equal(images, before)


def test_batches_are_repeated_by_the_same_state_and_differ_from_each_other(images: Tensor) -> None:
    same = images[:1].expand(64, -1, -1, -1)
    first, again = (Augmentation((100, 1, 28, 28), Generator().manual_seed(0)) for _ in range(2))
    batches = [first(same, 64), first(same[:36], 64)]
    for batch in batches:
        assert torch.equal(batch, again(same[: len(batch)], 64))
    assert len(torch.cat(batches).flatten(1).unique(dim=0)) == 100


def test_several_batches_at_once_are_what_they_are_one_by_one(images: Tensor) -> None:
    size = 120  # of which all shares of pens are whole numbers: none is rounded by chance
    at_once, one_by_one = (
        Augmentation((300, 1, 28, 28), Generator().manual_seed(0)) for _ in range(2)
    )
    new = at_once(images[:300], size)
    parts = [one_by_one(part, size) for part in images[:300].split(size)]
    assert torch.equal(new[: 2 * size], torch.cat(parts[:2]))
    assert len(new) == 300
    assert torch.equal(at_once(images[:0], size), images[:0])


def test_every_image_is_changed_in_its_own_way_and_only_a_little(images: Tensor) -> None:
    copies = images[:1].expand(200, -1, -1, -1)
    new = augment(copies, Generator().manual_seed(0))
    assert len(new.flatten(1).unique(dim=0)) == 200
    ink = new.sum((1, 2, 3)) / images[0].sum()
    assert ink.min() < 0.9 < 1.1 < ink.max()  # thinner and wider pens
    assert 0.3 < ink.min() < ink.max() < 2.5
    # On average it is still that digit, where it was.
    overlap = torch.cosine_similarity(new.mean(0).flatten(), images[0].flatten(), dim=0)
    assert overlap > 0.85


def test_ink_stays_bright(images: Tensor) -> None:
    brightest = augment(images, Generator().manual_seed(0)).amax((1, 2, 3))
    assert brightest.median() > 0.95
