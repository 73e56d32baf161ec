"""Train the strong network further, together with the detector of what is no digit.

``python -m inkgrad.course.training.reader --strong IN.safetensors --out FOLDER`` writes
``strong.safetensors`` and ``detector.safetensors``. The data are MNIST, its digits in other forms
(:mod:`..data.digit_forms`, :mod:`..data.styles`) and drawings that are no digits
(:mod:`..data.negatives`). The same seed, fonts and MNIST give the same weights.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inkgrad.course import weights_file
from inkgrad.course.data import digit_forms, glyphs
from inkgrad.course.data.augment import Augmentation
from inkgrad.course.data.datasets import Examples, mnist
from inkgrad.course.data.negatives import Negatives
from inkgrad.course.data.styles import styled_examples
from inkgrad.course.models import StrongCNN
from inkgrad.course.recognition import detector as detectors
from inkgrad.course.recognition.detector import FEATURES, Detector
from inkgrad.course.training.steps import CHUNK, evaluate

# The alphabets that are not trained on, so that they can measure: Armenian, Georgian, hiragana,
# Tifinagh and Canadian syllabics.
HELD_OUT = (
    (0x531, 0x587),
    (0x10D0, 0x10F1),
    (0x3041, 0x3097),
    (0x2D30, 0x2D66),
    (0x1401, 0x1480),
)
# Scripts related to those, which have some of their letters.
_RELATED = (
    (0x10A0, 0x1100), (0x1C90, 0x1CC0), (0x2D00, 0x2D80), (0x1480, 0x1680), (0x18B0, 0x18F6),
    (0xFB13, 0xFB18), (0x1B000, 0x1B170),
)  # fmt: skip
_VALIDATION = 5000  # of MNIST's training images
_BATCH, _LR, _DECAY = 128, 5e-4, 0.02
# Negatives of more than this logit after the first epoch look like digits to anybody.
_AMBIGUOUS = 2.0
# The share of validation digits that may be taken for something else.
_LOST = 0.003
_NONE = -1  # the target of what is no digit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--strong", type=Path, required=True, help="weights to start from")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the weights")
    parser.add_argument(
        "--fonts", type=Path, nargs="*", default=[], help="folders of fonts beside the system's"
    )
    parser.add_argument("--negatives", type=int, default=80_000, help="default: 80000")
    parser.add_argument("--epochs", type=int, default=5, help="default: 5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    start = time.perf_counter()
    data = mnist()
    if data.name != "MNIST":
        parser.exit(1, "reader: MNIST not found; set INKGRAD_DATA to its folder\n")
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(args.seed))
    validation, train = data.train.take(order[:_VALIDATION]), data.train.take(order[_VALIDATION:])
    print("drawing", flush=True)
    fonts = glyphs.fonts(args.fonts)
    examples = _examples(train, args.negatives, args.seed, fonts)
    print(f"{len(examples)} examples after {time.perf_counter() - start:.0f} s", flush=True)
    model, metadata = weights_file.load(args.strong)
    assert isinstance(model, StrongCNN)
    detector = _train(model, examples, args)
    _calibrate(model, detector, validation, _examples(validation, 4000, args.seed + 1, fonts))
    seconds = time.perf_counter() - start
    further = {
        "epochs": args.epochs,
        "negatives": args.negatives,
        "fonts": len(fonts),
        "seed": args.seed,
        "batch_size": _BATCH,
        "lr": _LR,
        "weight_decay": _DECAY,
        "threads": args.threads,
        "seconds": round(seconds),
    }
    test = evaluate(model, data.test)
    print(f"MNIST test accuracy {test.accuracy:.2%}, {seconds:.0f} s")
    metadata["reader"] = further
    metadata["results"]["test"] = {
        "loss": test.loss,
        "accuracy": test.accuracy,
        "examples": test.examples,
    }
    weights_file.save(args.out / "strong.safetensors", model, metadata)
    detectors.save(args.out / "detector.safetensors", detector, further)


def _examples(digits: Examples, negatives: int, seed: int, fonts: Sequence[Path]) -> Examples:
    """Digits in many forms, and ``negatives`` images whose target is -1, in random order."""
    random = np.random.default_rng(seed)
    share = len(digits) / 55_000
    styled = Examples(*styled_examples(round(250 * share), seed))
    parts = [
        digits,
        styled,
        digit_forms.examples(digit_forms.drawn(digits, round(16_000 * share), random)),
        digit_forms.examples(digit_forms.coarse(digits, round(14_000 * share), random)),
        digit_forms.examples(digit_forms.printed(fonts)),
    ]
    others = Negatives(
        digits.inputs[:, 0].numpy(),
        digits.targets.numpy(),
        fonts,
        (*HELD_OUT, *_RELATED),
        seed,
    ).make(negatives)[0]
    inputs = torch.cat([*(part.inputs for part in parts), torch.from_numpy(others)[:, None]])
    none = torch.full((negatives,), _NONE)
    targets = torch.cat([*(part.targets for part in parts), none])
    order = torch.from_numpy(random.permutation(len(inputs)))
    return Examples(inputs, targets).take(order)


def _train(model: StrongCNN, examples: Examples, args: Any) -> Detector:
    generator = torch.Generator().manual_seed(args.seed)
    torch.manual_seed(args.seed)
    detector = Detector()
    model.train().requires_grad_()
    weights = [*model.parameters(), *detector.parameters()]
    optimizer = torch.optim.AdamW(weights, _LR, weight_decay=_DECAY)
    steps = args.epochs * (len(examples) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LR, steps, pct_start=0.15)
    for epoch in range(args.epochs):
        start, losses = time.perf_counter(), []
        order = torch.randperm(len(examples), generator=generator)
        augmentation = Augmentation(examples.inputs.shape, generator)
        for rows in order.split(_BATCH * 8):
            some = examples.take(rows)
            images = augmentation(some.as_float(), _BATCH)
            for x, y in zip(images.split(_BATCH), some.targets.split(_BATCH), strict=True):
                if len(x) < _BATCH:
                    continue
                loss = _loss(model, detector, x, y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
        last = sum(losses[-200:]) / len(losses[-200:])
        print(f"epoch {epoch + 1}: {last:.4f}, {time.perf_counter() - start:.0f} s", flush=True)
        if epoch == 0:
            examples = _unambiguous(model, detector, examples)
    model.eval().requires_grad_(False)
    return detector.eval()


def _loss(model: StrongCNN, detector: Detector, x: Tensor, y: Tensor) -> Tensor:
    logits, maps = model.forward_with_maps(x)
    is_digit = y != _NONE
    none = F.binary_cross_entropy_with_logits(detector(maps[FEATURES]), is_digit.float())
    return F.cross_entropy(logits, y, ignore_index=_NONE) + none


@torch.no_grad()
def _outputs(model: StrongCNN, detector: Detector, examples: Examples) -> tuple[Tensor, Tensor]:
    """The logits of the digits and that of being one."""
    logits, is_digit = [], []
    for start in range(0, len(examples), CHUNK):
        digits, maps = model.forward_with_maps(examples[start : start + CHUNK].as_float())
        logits.append(digits)
        is_digit.append(detector(maps[FEATURES]))
    return torch.cat(logits), torch.cat(is_digit)


def _unambiguous(model: StrongCNN, detector: Detector, examples: Examples) -> Examples:
    """Leave out negatives that look like digits."""
    logits = _outputs(model, detector, examples)[1]
    kept = (examples.targets != _NONE) | (logits < _AMBIGUOUS)
    print(f"{int((~kept).sum())} negatives look like digits and are left out", flush=True)
    # As many as before, so that the schedule of the learning rate holds.
    rows = kept.nonzero()[:, 0]
    return examples.take(torch.cat([rows, rows[: len(examples) - len(rows)]]))


@torch.no_grad()
def _calibrate(model: StrongCNN, detector: Detector, digits: Examples, examples: Examples) -> None:
    """Fit both temperatures to held-out data, by the likelihood of their labels."""
    of_digits, _ = _outputs(model, detector, digits)
    _, is_digit = _outputs(model, detector, examples)
    present = (examples.targets != _NONE).float()
    grid = torch.logspace(-1, 1, 81).tolist()

    def of_label(temperature: float) -> float:
        return F.cross_entropy(of_digits / temperature, digits.targets).item()

    def of_presence(temperature: float) -> float:
        return F.binary_cross_entropy_with_logits(is_digit / temperature, present).item()

    detector.temperatures[0] = min(grid, key=of_label)
    detector.temperatures[1] = min(grid, key=of_presence)
    # The data have as many negatives as digits; people draw digits mostly. The prior probability of
    # a digit is such that few validation digits are lost.
    own = _outputs(model, detector, digits)[1]
    detector.linear2.bias.sub_(torch.quantile(own, _LOST))
    logits = _outputs(model, detector, examples)[1]
    for name, chosen in (("digits", present == 1), ("negatives", present == 0)):
        accepted = (logits[chosen] > 0).float().mean()
        print(f"{accepted:.2%} of {name} accepted", flush=True)


if __name__ == "__main__":
    main()
