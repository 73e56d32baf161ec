"""Images that are no digits, to train and to measure the recognition of those.

Characters of fonts, drawn with a pen or filled, things, characters that do not exist, scrawls,
blots, pieces of digits, digits side by side or one on another, digits in a ring or a box, and
digits that are turned or mirrored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from inkgrad.course.data import doodles
from inkgrad.course.data.glyphs import characters, glyph, is_icon, script
from inkgrad.course.data.skeleton import trace
from inkgrad.course.data.strokes import Pen, Strokes, draw
from inkgrad.course.recognition.preprocess import Prepared, prepare

_PAD = 112
_POOL, _ICONS = 9000, 2500  # different characters of fonts, and icons
_COMMON = 0.35  # the share of those on a keyboard
_COARSE = 0.35  # the share of drawings as coarse as MNIST's
# Digits that are none after a quarter turn, a half turn and mirroring.
_QUARTER, _HALF, _MIRRORED = (2, 3, 4, 5, 6, 7, 9), (3, 4, 7), (3, 4, 6, 7, 9)


_Glyph = tuple[Path, str]  # a font and a character


class Negatives:
    """Draws images that are no digits.

    ``digits``: (n, 28, 28) uint8, white on black, and their ``labels``; what is made of digits is
    made of these. ``fonts``: see :mod:`.glyphs`. ``held_out``: ranges of code points that are not
    drawn. The same seed gives the same images.
    """

    def __init__(
        self,
        digits: np.ndarray,
        labels: np.ndarray,
        fonts: Sequence[Path],
        held_out: Iterable[tuple[int, int]],
        seed: int,
    ) -> None:
        self._digits, self._labels = digits, labels
        self._random = np.random.default_rng(seed)
        self._scripts: dict[str, list[_Glyph]] = defaultdict(list)
        ranges = tuple(held_out)
        self._icons: list[_Glyph] = []
        for font in fonts:
            for one in characters(font):
                if not any(first <= ord(one) < end for first, end in ranges):
                    among = self._icons if is_icon(one) else self._scripts[script(one)]
                    among.append((font, one))
        self._common = [one for each in self._scripts.values() for one in each if one[1].isascii()]
        counts = np.array([len(each) for each in self._scripts.values()])
        # Large scripts have more shapes, but not in proportion.
        self._shares = np.sqrt(counts) / np.sqrt(counts).sum()
        # Tracing takes longer than all the rest.
        self._traces: list[Strokes] = []
        self._traced_icons: list[Strokes] = []
        self.kinds: dict[str, tuple[float, Callable[[], np.ndarray]]] = {
            "character": (0.34, self.character),
            "icon": (0.08 if self._icons else 0, self.icon),
            "printed character": (0.07, self.printed),
            "invented character": (0.18, lambda: self._drawn(doodles.character(self._random))),
            "thing": (0.10, lambda: self._drawn(doodles.thing(self._random))),
            "scrawl": (0.03, self.scrawl),
            "blot": (0.03, self.blot),
            "slip": (0.03, self.slip),
            "piece": (0.02, self.piece),
            "digits": (0.09, self.side_by_side),
            "overlaid": (0.01, self.overlaid),
            "enclosed": (0.03, self.enclosed),
            "turned": (0.05, self.turned),
        }

    def make(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw and preprocess: (count, 28, 28) uint8, and the kind of each by its index."""
        shares = np.array([share for share, _ in self.kinds.values()])
        kinds = self._random.choice(len(shares), count, p=shares / shares.sum())
        makers = [maker for _, maker in self.kinds.values()]
        images = np.zeros((count, 28, 28), np.uint8)
        for n, kind in enumerate(kinds):
            prepared = self._prepared(makers[kind])
            while prepared.empty:
                prepared = self._prepared(makers[kind])
            images[n] = np.rint(prepared.image * 255)
        return images, kinds

    def _prepared(self, maker: Callable[[], np.ndarray]) -> Prepared:
        drawing = maker()
        if self._random.random() < _COARSE:
            image = Image.fromarray(drawing)
            image.thumbnail((28, 28), Image.Resampling.BOX)
            drawing = np.pad(np.asarray(image), 2)
        return prepare(drawing)

    # -- characters --

    def character(self) -> np.ndarray:
        """A character of a font, drawn with a pen along the middle of its strokes."""
        return self._pen(self._trace(self._traces, _POOL, self._glyph))

    def icon(self) -> np.ndarray:
        """A thing, drawn with a pen."""
        return self._pen(self._trace(self._traced_icons, _ICONS, lambda: self._one(self._icons)))

    def _trace(
        self, pool: list[Strokes], size: int, make: Callable[[], np.ndarray | None]
    ) -> Strokes:
        """A new one until there are ``size``; then one of those."""
        if len(pool) == size:
            return pool[int(self._random.integers(size))]
        while True:
            image = make()
            strokes = None if image is None else traced(image)
            if strokes is not None:
                pool.append(strokes)
                return strokes

    def printed(self) -> np.ndarray:
        return np.pad(self._glyph(), 10)

    def _glyph(self) -> np.ndarray:
        scripts = list(self._scripts.values())
        while True:
            among = self._common
            if not among or self._random.random() > _COMMON:
                among = scripts[int(self._random.choice(len(scripts), p=self._shares))]
            image = self._one(among)
            if image is not None:
                return image

    def _one(self, among: list[_Glyph]) -> np.ndarray | None:
        return glyph(*among[int(self._random.integers(len(among)))])

    # -- drawings --

    def _drawn(self, lines: doodles.Lines) -> np.ndarray:
        return self._pen(Strokes.of_lines(lines))

    def _pen(self, strokes: Strokes) -> np.ndarray:
        random = self._random
        points = strokes.points - strokes.points.min(0)
        points = points / max(points.max(), 1e-6)
        points = points + _wobble(points, random) * random.uniform(0, 0.06)
        pen = Pen(
            side=_PAD,
            width=random.choice([random.uniform(0.02, 0.06), random.uniform(0.04, 0.15)]),
            height=random.uniform(0.5, 0.8),
            center=(0.5, 0.5),
            angle=random.normal(0, 0.12),
            slant=random.uniform(-0.25, 0.15),
        )
        return draw(Strokes(points * [random.uniform(0.7, 1.1), 1], strokes.segments), pen)

    def scrawl(self) -> np.ndarray:
        while True:
            lines = doodles.scrawl(self._random)
            low, high = np.linalg.eigvalsh(np.cov(lines[0].T))
            if low > 0.03 * high:  # not a straight stroke, which is a 1
                return self._drawn(lines)

    def slip(self) -> np.ndarray:
        """A very short stroke of a thick pen."""
        random = self._random
        points = np.cumsum(random.normal(0, 1, (int(random.integers(2, 6)), 2)), 0)
        strokes = Strokes.of_lines([points])
        height = random.uniform(0.15, 0.4)
        return draw(strokes, Pen(_PAD, height * random.uniform(0.5, 1.2), height, (0.5, 0.5)))

    def blot(self) -> np.ndarray:
        """Shapes of shadows and stains: a smooth random field, above some level."""
        random = self._random
        field = ndimage.gaussian_filter(random.normal(0, 1, (_PAD, _PAD)), random.uniform(6, 22))
        level = np.quantile(field, random.uniform(0.6, 0.93))
        soft = (field - level) / (field.max() - level) * random.uniform(1, 8)
        return (soft.clip(0, 1) * 255).astype(np.uint8)

    # -- made of digits --

    def _digit(self, among: Sequence[int] = tuple(range(10))) -> np.ndarray:
        while True:
            n = int(self._random.integers(len(self._digits)))
            if self._labels[n] in among:
                return self._digits[n]

    def piece(self) -> np.ndarray:
        """A part of a digit that is a stroke or two: cut off at most of its height or width."""
        digit = self._digit((2, 3, 4, 5, 6, 8, 9, 0))
        cut = int(self._random.integers(11, 15))
        half = (np.s_[:, :cut], np.s_[:, -cut:])[int(self._random.integers(2))]
        return np.pad(np.kron(digit[half], np.ones((3, 3), np.uint8)), 20)

    def side_by_side(self) -> np.ndarray:
        """Two to five digits in a row, which may touch."""
        random = self._random
        digits = [self._digit() for _ in range(random.choice([2, 3, 4, 5], p=[0.6, 0.2, 0.1, 0.1]))]
        columns = [np.flatnonzero(one.any(0)) for one in digits]
        row = [one[:, c[0] : c[-1] + 1] for one, c in zip(digits, columns, strict=True)]
        gap = int(random.integers(-2, 7))
        width = sum(one.shape[1] + gap for one in row) + 14
        canvas = np.zeros((36, width), np.uint8)
        left = 6
        for one in row:
            top = int(random.integers(2, 7))
            part = canvas[top : top + 28, left : left + one.shape[1]]
            np.maximum(part, one, out=part)
            left += one.shape[1] + gap
        return np.kron(canvas, np.ones((3, 3), np.uint8))

    def overlaid(self) -> np.ndarray:
        shift = self._random.integers(3, 7, 2) * self._random.choice([-1, 1], 2)
        one, other = (np.pad(self._digit(), 6) for _ in range(2))
        both = np.maximum(one, np.roll(other, shift, (0, 1)))
        return np.kron(both, np.ones((2, 2), np.uint8))

    def enclosed(self) -> np.ndarray:
        """A digit in a ring or a box."""
        random = self._random
        lines = doodles.THINGS["square"](random)
        if random.random() < 0.5:
            lines = [doodles.ring()]
        pen = Pen(_PAD, random.uniform(0.02, 0.07), random.uniform(0.75, 0.9), (0.5, 0.5))
        frame = draw(Strokes.of_lines(lines), pen)
        digit = Image.fromarray(self._digit()).resize((70, 70), Image.Resampling.BICUBIC)
        frame = frame.copy()
        part = frame[21:91, 21:91]
        np.maximum(part, np.asarray(digit), out=part)
        return frame

    def turned(self) -> np.ndarray:
        """Turned by a quarter or a half, or mirrored."""
        kind = self._random.random()
        if kind < 0.6:
            digit = np.rot90(self._digit(_QUARTER), self._random.choice([1, 3]))
        elif kind < 0.75:
            digit = np.rot90(self._digit(_HALF), 2)
        else:
            digit = self._digit(_MIRRORED)[:, ::-1]
        return np.kron(np.pad(digit, 4), np.ones((3, 3), np.uint8))


def traced(image: np.ndarray) -> Strokes | None:
    """The middle of a glyph's strokes; None if it has too few."""
    if (image > 128).mean() > 0.6:
        return None
    small = Image.fromarray(np.pad(image, 8))
    small.thumbnail((26, 26), Image.Resampling.BOX)
    try:
        strokes = trace(np.asarray(small) / 255)
    except ValueError:  # lines too thin to be traced
        return None
    return strokes if len(strokes.segments) > 4 else None


def _wobble(points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A smooth displacement of each point."""
    phases = random.uniform(0, 2 * np.pi, (2, 2))
    waves = random.uniform(2, 9, (2, 2))
    return np.stack([np.sin(points @ waves[i] + phases[i, 0]) for i in range(2)], 1)
