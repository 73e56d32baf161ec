"""The detector's weights survive saving in half precision, and are those of the shipped network."""

from __future__ import annotations

from pathlib import Path

import torch

from inkgrad.course.recognition import detector as detectors


def test_saving_and_loading_keeps_the_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    detector = detectors.Detector(hidden=8)
    detectors.save(tmp_path / "mine.safetensors", detector, {"seed": 0})
    loaded = detectors.load(tmp_path / "mine.safetensors")
    maps = torch.rand(3, 96, 5, 5)
    with torch.no_grad():
        torch.testing.assert_close(loaded(maps), detector(maps), atol=1e-2, rtol=1e-2)


def test_the_shipped_detector_gives_one_logit_per_image() -> None:
    assert detectors.load()(torch.zeros(2, 96, 5, 5)).shape == (2,)
