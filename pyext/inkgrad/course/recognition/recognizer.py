"""Recognizing a drawn digit: label and probabilities, and what the network responded to."""

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

from inkgrad.course import weights_file
from inkgrad.course.models import Backend, DigitModel
from inkgrad.course.recognition.preprocess import SIDE, Prepared, prepare
from inkgrad.course.texts import probability_text

# The models whose trained weights are part of the package.
SHIPPED = ("strong", "cnn", "softmax")
_WEIGHTS = Path(__file__).parents[1] / "weights"

# Images that go through the network at once, which bounds the memory for long lists.
_CHUNK = 256


@dataclass(frozen=True)
class Prediction:
    """The prediction of a network for one image.

    Attributes:
        label: The digit, or None if nothing is drawn.
        probabilities: (10,) float32, of the digits 0 to 9; all zero if nothing is drawn.
        image: (28, 28) float32 in [0, 1], the input of the network: white ink on black.
        seconds: Inference time without preprocessing; for a batch, the time per image.
    """

    label: int | None
    probabilities: np.ndarray
    image: np.ndarray
    seconds: float

    @property
    def confidence(self) -> float:
        """The probability of the label; 0 if nothing is drawn."""
        return float(self.probabilities.max())

    def __str__(self) -> str:
        if self.label is None:
            return "no digit: nothing is drawn"
        return f"{self.label} ({probability_text(self.confidence)})"


@dataclass(frozen=True)
class FeatureMaps:
    """The output of one layer.

    Attributes:
        layer: The layer's name in the model, such as "conv1".
        maps: (channels, height, width) float32 in [0, 1]; 1 is the layer's strongest response.
    """

    layer: str
    maps: np.ndarray


@dataclass(frozen=True)
class Explanation:
    """A prediction and what led to it.

    Attributes:
        prediction: As from :meth:`Recognizer.predict`.
        feature_maps: After each convolution, in order; empty for a network without convolutions.
        saliency: (28, 28) float32 in [0, 1]: how much each pixel changes the label's logit. This is
            the absolute gradient, divided by its maximum (Simonyan, Vedaldi and Zisserman, 2014);
            all zero if nothing is drawn.
    """

    prediction: Prediction
    feature_maps: tuple[FeatureMaps, ...]
    saliency: np.ndarray


class Recognizer:
    """A trained network that recognizes digits. Thread-safe."""

    def __init__(self, model: DigitModel, metadata: dict[str, Any], path: Path) -> None:
        self.name: str = metadata["model"]
        self.backend: Backend = model.backend
        self.metadata = metadata
        self.path = path  # of the weights file
        self._model = model.eval().requires_grad_(False)

    @classmethod
    def load(
        cls, model: str | os.PathLike[str] = "strong", backend: Backend = "fused"
    ) -> Recognizer:
        """Load ``model``: "strong", "cnn", "softmax" or a weights file.

        ``backend`` is "fused" (inkgrad's kernels) or "native" (torch's own ops).

        ValueError for another name or backend, FileNotFoundError if there is no such file,
        WeightsFileError (a ValueError) for a damaged or foreign file or a model that does not
        recognize digits.
        """
        path = _path_of(model)
        network, metadata = weights_file.load(path, backend)
        if not isinstance(network, DigitModel):
            raise weights_file.WeightsFileError(
                f"{path}: model {metadata['model']!r} does not recognize digits"
            )
        return cls(network, metadata, path)

    def warm_up(self) -> None:
        """Predict once, so that the first drawing is recognized as fast as any other."""
        self.explain(np.eye(SIDE, dtype=np.float32))

    def predict(self, image: Any) -> Prediction:
        """Recognize one image of any kind that :func:`~.preprocess.prepare` accepts."""
        return self._predict([prepare(image)])[0]

    def predict_batch(self, images: Sequence[Any]) -> list[Prediction]:
        """Recognize many images of any size: as :meth:`predict` for each, but faster.

        A ValueError names the image by its index.
        """
        prepared = []
        for number, image in enumerate(images):
            try:
                prepared.append(prepare(image))
            except ValueError as error:
                raise ValueError(f"images[{number}]: {error}") from error
        predictions: list[Prediction] = []
        for start in range(0, len(prepared), _CHUNK):
            predictions += self._predict(prepared[start : start + _CHUNK])
        return predictions

    def explain(self, image: Any) -> Explanation:
        """Recognize one image and show what led to the prediction.

        The feature maps have the same shapes for every image, even an empty one.
        """
        prepared = prepare(image)
        # Independent of the caller's grad mode; the context affects only this thread.
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

    def _predict(self, prepared: list[Prepared]) -> list[Prediction]:
        with torch.inference_mode():
            pixels = torch.from_numpy(np.array([one.image for one in prepared]))[:, None]
            start = time.perf_counter()
            logits = self._model(pixels)
            seconds = time.perf_counter() - start
        return _predictions(prepared, logits, seconds)


def _predictions(prepared: list[Prepared], logits: Tensor, seconds: float) -> list[Prediction]:
    predictions = []
    for one, probabilities in zip(prepared, torch.softmax(logits, 1).numpy(), strict=True):
        label = None if one.empty else int(probabilities.argmax())
        shown = np.zeros_like(probabilities) if one.empty else probabilities.copy()
        predictions.append(Prediction(label, shown, one.image, seconds / len(prepared)))
    return predictions


def _scaled(values: Tensor) -> np.ndarray:
    """Scale nonnegative values to a maximum of 1."""
    largest = values.max().clamp(min=torch.finfo(values.dtype).tiny)
    return (values / largest).detach().numpy()


def _path_of(model: str | os.PathLike[str]) -> Path:
    if model in SHIPPED:
        return _WEIGHTS / f"{model}.safetensors"
    path = Path(model)
    # A bare word that is not a file was meant as a name.
    if not path.exists() and path.name == str(model) and not path.suffix:
        raise ValueError(
            f"model: expected one of {', '.join(SHIPPED)} or a weights file, got {str(model)!r}"
        )
    return path
