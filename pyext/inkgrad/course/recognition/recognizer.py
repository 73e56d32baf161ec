"""Recognizing a drawing: a digit, a number, or no digit; and what the network responded to."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from inkgrad.course import weights_file
from inkgrad.course.models import Backend, DigitModel
from inkgrad.course.recognition import detector as detectors
from inkgrad.course.recognition import ink, picture, reading, sheets
from inkgrad.course.recognition.detector import FEATURES
from inkgrad.course.recognition.picture import Picture
from inkgrad.course.recognition.preprocess import SIDE, fit
from inkgrad.course.recognition.reading import Part, Reading
from inkgrad.course.texts import probability_text

# The models whose trained weights are part of the package.
SHIPPED = ("strong", "cnn", "softmax")
_WEIGHTS = Path(__file__).parents[1] / "weights"

# Images that go through the network at once, which bounds the memory for long lists.
_CHUNK = 256


Kind = Literal["digit", "number", "other", "nothing"]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as fractions of the picture's width and height."""


@dataclass(frozen=True)
class Digit:
    """One digit of a picture.

    Attributes:
        label: The digit.
        probabilities: (10,) float32, of the digits 0 to 9. What is missing to 1 is the probability
            that it is no digit.
        box: Where it is.
    """

    label: int
    probabilities: np.ndarray
    box: Box

    @property
    def confidence(self) -> float:
        """The probability of the label."""
        return float(self.probabilities[self.label])


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image.

    Attributes:
        label: The digit; None if there is not exactly one.
        probabilities: (10,) float32, of the digits 0 to 9. What is missing to 1 is the probability
            that it is no digit. All zero if nothing is drawn or there are several digits, which
            have their own.
        image: (28, 28) float32 in [0, 1], the input of the network: white ink on black. With
            several digits, all of them.
        seconds: Inference time without preprocessing; for a batch, the time per image.
        kind: "digit"; "number" for several digits side by side; "other" for what does not look like
            a digit; "nothing" if nothing is drawn.
        digits: The digits from left to right: one, several, or none.
    """

    label: int | None
    probabilities: np.ndarray
    image: np.ndarray
    seconds: float
    kind: Kind
    digits: tuple[Digit, ...] = ()

    @property
    def confidence(self) -> float:
        """The probability of the label, or that of all digits of a number; else 0."""
        return float(np.prod([one.confidence for one in self.digits])) if self.digits else 0.0

    @property
    def text(self) -> str:
        """The digits from left to right, such as "2026"; empty if there are none."""
        return "".join(str(one.label) for one in self.digits)

    @property
    def nearest(self) -> int | None:
        """The most likely digit, also of what does not look like one; None of several or none."""
        return int(self.probabilities.argmax()) if self.kind in ("digit", "other") else None

    @property
    def reason(self) -> str | None:
        """Why there is no label; None if there is one."""
        if self.kind == "nothing":
            return "nothing is drawn"
        if self.kind == "number":
            return f"{len(self.digits)} digits"
        if self.kind == "other":
            return f"this does not look like a digit; the nearest is {self.nearest}"
        return None

    def as_fields(self) -> dict[str, Any]:
        """Everything but the image as JSON types."""
        return {
            "kind": self.kind,
            "label": self.label,
            "text": self.text,
            "confidence": self.confidence,
            "nearest": self.nearest,
            "reason": self.reason,
            "probabilities": self.probabilities.tolist(),
            "digits": [
                {
                    "label": digit.label,
                    "confidence": digit.confidence,
                    "probabilities": digit.probabilities.tolist(),
                    "box": list(digit.box),
                }
                for digit in self.digits
            ],
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        if self.digits:
            return f"{self.text} ({probability_text(self.confidence)})"
        return f"no digit: {self.reason}"


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
        shown: (28, 28) float32 in [0, 1], the input that the maps and the saliency belong to: the
            digit, or the last digit of a number.
    """

    prediction: Prediction
    feature_maps: tuple[FeatureMaps, ...]
    saliency: np.ndarray
    shown: np.ndarray


class Recognizer:
    """A trained network that recognizes digits. Thread-safe."""

    def __init__(self, model: DigitModel, metadata: dict[str, Any], path: Path) -> None:
        self.name: str = metadata["model"]
        self.backend: Backend = model.backend
        self.metadata = metadata
        self.path = path  # of the weights file
        self._model = model.eval().requires_grad_(False)
        # Only the shipped strong network was trained together with the detector. Others ask it.
        self._has_features = path == _path_of("strong")

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

    @property
    def model(self) -> DigitModel:
        """The network, in eval mode and without gradients. It is shared: do not change it."""
        return self._model

    def warm_up(self) -> None:
        """Predict once, so that the first drawing is recognized as fast as any other."""
        self.explain(np.eye(SIDE, dtype=np.float32))

    def predict(self, image: Any) -> Prediction:
        """Recognize one image of any kind that :func:`~.preprocess.prepare` accepts."""
        return self._predict([picture.read(image)])[0]

    def predict_batch(self, images: Sequence[Any]) -> list[Prediction]:
        """Recognize many images of any size: as :meth:`predict` for each, but faster.

        A ValueError names the image by its index.
        """
        predictions: list[Prediction] = []
        pictures: list[Picture] = []
        for number, image in enumerate(images):
            try:
                pictures.append(picture.read(image))
            except ValueError as error:
                raise ValueError(f"images[{number}]: {error}") from error
            if len(pictures) == _CHUNK or number == len(images) - 1:
                predictions += self._predict(pictures)
                pictures = []
        return predictions

    def explain(self, image: Any, *, is_prepared: bool = False) -> Explanation:
        """Recognize one image and show what led to the prediction.

        The feature maps have the same shapes for every image, even an empty one. ``is_prepared``:
        the image, (28, 28) float32 in [0, 1], is the network's input as it stands, such as an image
        of MNIST. Fitting it once more would change its pixels, and some predictions.
        """
        read = picture.read(image)
        found = ink.find(read)
        pixels = _EMPTY if found is None else image if is_prepared else fit(found.values)
        explained = self._explained(pixels)
        first = None
        if found is not None:
            first = reading.whole(found, explained.probabilities, pixels)
        best = first if is_prepared else self._best(first, read)
        prediction = _prediction(read, best, explained.seconds, pixels)
        if best is not None and best is not first:
            explained = self._explained(best.parts[-1].image)
        shown = pixels if best is None else best.parts[-1].image
        saliency = explained.saliency * (best is not None)
        return Explanation(prediction, explained.maps, saliency, shown)

    def _explained(self, image: np.ndarray) -> _Explained:
        # Independent of the caller's grad mode; the context affects only this thread.
        with torch.inference_mode(False), torch.enable_grad():
            pixels = torch.from_numpy(image)[None, None].requires_grad_()
            start = time.perf_counter()
            logits, maps = self._model.forward_with_maps(pixels)
            seconds = time.perf_counter() - start
            (gradient,) = torch.autograd.grad(logits[0, int(logits.argmax())], pixels)
        with torch.inference_mode():
            probabilities = self._probabilities(pixels.detach(), logits.detach(), maps)
        scaled = tuple(FeatureMaps(name, _scaled(each[0])) for name, each in maps.items())
        return _Explained(scaled, _scaled(gradient[0, 0].abs()), probabilities[0], seconds)

    def _predict(self, pictures: list[Picture]) -> list[Prediction]:
        inks = [ink.find(each) for each in pictures]
        images = np.array([_EMPTY if each is None else fit(each.values) for each in inks])
        start = time.perf_counter()
        probabilities = self._evaluate(images)
        seconds = (time.perf_counter() - start) / len(pictures)
        predictions = []
        for read, found, image, row in zip(pictures, inks, images, probabilities, strict=True):
            first = None if found is None else reading.whole(found, row, image)
            best = self._best(first, read)
            predictions.append(_prediction(read, best, seconds, image))
        return predictions

    def _best(self, first: Reading | None, read: Picture) -> Reading | None:
        """The best reading of a picture; ``first`` is that of all the ink found, if there is any.

        None if nothing is drawn.
        """
        # A drawing, whose background is known, and a cropped digit show nothing else.
        is_picture = read.background is None and max(read.gray.size) > ink.CUT_OUT
        photographed = first is not None and first.parts[0].ink.photographed
        if first is not None:
            first = reading.best(first, self._evaluate, is_picture=is_picture)
        inks: Iterable[ink.Ink] = sheets.inks(read) if is_picture else ()
        if first is not None and first.is_digits >= reading.SURE:
            if not photographed:
                return first
            # The edge of a sheet may look like a digit; then the ink on the sheet is other ink.
            inks = [one for one in inks if not first.parts[0].ink.holds(one)]
        return reading.better(first, reading.among(inks, self._evaluate))

    def _evaluate(self, images: np.ndarray) -> np.ndarray:
        """The probabilities (n, 10) of images (n, 28, 28); see :data:`.reading.Evaluate`."""
        with torch.inference_mode():
            pixels = torch.from_numpy(images)[:, None]
            logits, maps = self._model.forward_with_maps(pixels)
            return self._probabilities(pixels, logits, maps)

    def _probabilities(self, pixels: Tensor, logits: Tensor, maps: dict[str, Tensor]) -> np.ndarray:
        detector = detectors.load()
        if not self._has_features:
            _, maps = _shipped_strong(self.backend).forward_with_maps(pixels)
        is_digit = torch.sigmoid(detector(maps[FEATURES]) / detector.temperatures[1])
        temperature = detector.temperatures[0] if self._has_features else 1.0
        return (is_digit[:, None] * torch.softmax(logits / temperature, 1)).numpy()


_EMPTY = np.zeros((SIDE, SIDE), np.float32)


@dataclass(frozen=True)
class _Explained:
    maps: tuple[FeatureMaps, ...]
    saliency: np.ndarray
    probabilities: np.ndarray
    seconds: float


@lru_cache(maxsize=2)
def _shipped_strong(backend: Backend) -> DigitModel:
    network, _ = weights_file.load(_path_of("strong"), backend)
    assert isinstance(network, DigitModel)
    return network.requires_grad_(False)


def _prediction(
    read: Picture, best: Reading | None, seconds: float, image: np.ndarray
) -> Prediction:
    """``image`` is that of all the ink."""
    none = np.zeros(10, np.float32)
    if best is None:
        return Prediction(None, none, image, seconds, "nothing")
    if not best.accepted:
        return Prediction(None, best.parts[0].probabilities.copy(), image, seconds, "other")
    digits = tuple(_digit(part, read) for part in best.parts)
    if len(digits) > 1:
        return Prediction(None, none, image, seconds, "number", digits)
    (one,) = digits
    shown = best.parts[0].image
    return Prediction(one.label, one.probabilities, shown, seconds, "digit", digits)


def _digit(part: Part, read: Picture) -> Digit:
    left, top, right, bottom = part.ink.box
    width, height = read.gray.size
    box = left / width, top / height, min(right / width, 1.0), min(bottom / height, 1.0)
    return Digit(part.label, part.probabilities.copy(), box)


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
