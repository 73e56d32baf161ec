"""Reading a drawn digit: label and probabilities, and what the network looked at."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inkgrad.course.models import Backend, DigitModel
from inkgrad.course.recognition.preprocess import SIDE, Prepared, prepare
from inkgrad.course.training import weights_file as checkpoint

# The models whose trained weights come with the package.
SHIPPED = ("strong", "cnn", "softmax")
_WEIGHTS = Path(__file__).parents[1] / "weights"

# So many images go through the network at once: a long list takes no more memory than that.
_CHUNK = 256


@dataclass(frozen=True)
class Prediction:
    """What a network reads.

    Attributes:
        label: The digit, or None where nothing is drawn.
        probabilities: (10,) float32, of the digits 0 to 9; all zero where nothing is drawn.
        image: (28, 28) float32 in [0, 1], what the network sees: white ink on black.
        seconds: The network's own time, without the preparation; of a batch, an image's share.
    """

    label: int | None
    probabilities: np.ndarray
    image: np.ndarray
    seconds: float

    @property
    def confidence(self) -> float:
        """The probability of the label; 0 where nothing is drawn."""
        return float(self.probabilities.max())

    def __str__(self) -> str:
        if self.label is None:
            return "no digit: nothing is drawn"
        return f"{self.label} ({self.confidence:.1%})"


@dataclass(frozen=True)
class FeatureMaps:
    """What one layer made of the image.

    Attributes:
        layer: The layer's name in the model, as "conv1".
        maps: (channels, height, width) float32 in [0, 1], 1 being the layer's strongest response.
    """

    layer: str
    maps: np.ndarray


@dataclass(frozen=True)
class Explanation:
    """A prediction and how it came about.

    Attributes:
        prediction: As :meth:`Recognizer.predict` gives it.
        feature_maps: After each convolution, in order; none for a network without any.
        saliency: (28, 28) float32 in [0, 1]: how much each pixel moves the label's logit, the
            gradient's absolute value over its largest one (Simonyan, Vedaldi and Zisserman, 2014);
            all zero where nothing is drawn.
    """

    prediction: Prediction
    feature_maps: tuple[FeatureMaps, ...]
    saliency: np.ndarray


class Recognizer:
    """A trained network that reads drawings. Any number of threads may use one at once."""

    def __init__(self, model: DigitModel, metadata: dict[str, Any], path: Path) -> None:
        self.name: str = metadata["model"]
        self.backend: Backend = model.backend
        self.metadata = metadata
        self.path = path  # of the checkpoint
        self._model = model.eval().requires_grad_(False)

    @classmethod
    def load(
        cls, model: str | os.PathLike[str] = "strong", backend: Backend = "fused"
    ) -> Recognizer:
        """The recognizer of ``model``: "strong", "cnn", "softmax" or a checkpoint file.

        ``backend`` is "fused" (inkgrad's kernels) or "native" (torch's own ops).

        ValueError for another name or backend, FileNotFoundError where there is no such file,
        CheckpointError (a ValueError) for a damaged or foreign file or one that does not read
        digits.
        """
        path = _path_of(model)
        network, metadata = checkpoint.load(path, backend)
        if not isinstance(network, DigitModel):
            raise checkpoint.CheckpointError(
                f"{path}: model {metadata['model']!r} does not read digits"
            )
        return cls(network, metadata, path)

    def warm_up(self) -> None:
        """Do once what is slow the first time, so that the first drawing is read as fast as any."""
        self.explain(np.eye(SIDE, dtype=np.float32))

    def predict(self, image: Any) -> Prediction:
        """Read one image, of any kind that :func:`~.preprocess.prepare` takes."""
        return self._read([prepare(image)])[0]

    def predict_batch(self, images: Sequence[Any]) -> list[Prediction]:
        """Read many images, each of any size; as :meth:`predict` of each, but faster.

        The ValueError of an image that cannot be read says which it is.
        """
        prepared = []
        for number, image in enumerate(images):
            try:
                prepared.append(prepare(image))
            except ValueError as error:
                raise ValueError(f"images[{number}]: {error}") from error
        predictions: list[Prediction] = []
        for start in range(0, len(prepared), _CHUNK):
            predictions += self._read(prepared[start : start + _CHUNK])
        return predictions

    def explain(self, image: Any) -> Explanation:
        """Read one image and show what led to it.

        The feature maps have the same shapes for every drawing, also for none at all.
        """
        prepared = prepare(image)
        # Whatever the caller's grad mode is: the context belongs to this thread alone.
        with torch.inference_mode(False), torch.enable_grad():
            pixels = torch.from_numpy(prepared.image)[None, None].requires_grad_()
            start = time.perf_counter()
            logits, maps = self._model.forward_with_maps(pixels)
            seconds = time.perf_counter() - start
            label = int(logits.argmax())
            (gradient,) = torch.autograd.grad(logits[0, label], pixels)
        saliency = gradient[0, 0].abs() * (not prepared.empty)
        return Explanation(
            _predictions([prepared], logits.detach(), seconds)[0],
            tuple(FeatureMaps(name, _scaled(maps[0])) for name, maps in maps.items()),
            _scaled(saliency),
        )

    def _read(self, prepared: list[Prepared]) -> list[Prediction]:
        with torch.inference_mode():
            pixels = torch.from_numpy(np.array([one.image for one in prepared]))[:, None]
            start = time.perf_counter()
            logits = self._model(pixels)
            seconds = time.perf_counter() - start
        return _predictions(prepared, logits, seconds)


def _predictions(prepared: list[Prepared], logits: Tensor, seconds: float) -> list[Prediction]:
    answers = []
    for one, chances in zip(prepared, torch.softmax(logits, 1).numpy(), strict=True):
        label = None if one.empty else int(chances.argmax())
        chances = np.zeros_like(chances) if one.empty else chances.copy()
        answers.append(Prediction(label, chances, one.image, seconds / len(prepared)))
    return answers


def _scaled(values: Tensor) -> np.ndarray:
    """From 0 to its largest value, made 0 to 1."""
    largest = values.max().clamp(min=torch.finfo(values.dtype).tiny)
    return (values / largest).detach().numpy()


def _path_of(model: str | os.PathLike[str]) -> Path:
    if model in SHIPPED:
        return _WEIGHTS / f"{model}.safetensors"
    path = Path(model)
    # A bare word that is no file was meant as a name.
    if not path.exists() and path.name == str(model) and not path.suffix:
        raise ValueError(
            f"model: expected one of {', '.join(SHIPPED)} or a checkpoint file, got {str(model)!r}"
        )
    return path
