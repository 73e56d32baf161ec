"""Digits among other things: with a ring, a box or a line, in screenshots and in photographs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from inkgrad.course.data.glyphs import fonts
from inkgrad_bench.photographs import photograph

Random = np.random.Generator
Scene = Callable[[np.ndarray, Random], Image.Image]
"""From a drawing, (side, side) uint8, white on black, to a picture."""

_TEXT = "Please write one number into the field below and send the form back"


def _ink_box(drawing: np.ndarray) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(drawing > 100)
    return int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())


def _pen(drawing: np.ndarray) -> int:
    """About the width of the pen: twice the area divided by the length of the outline."""
    inked = drawing > 100
    inner = inked[1:-1, 1:-1] & inked[:-2, 1:-1] & inked[2:, 1:-1] & inked[1:-1, :-2]
    outline = inked.sum() - (inner & inked[1:-1, 2:]).sum()
    return max(2, round(2 * inked.sum() / max(1, outline)))


def _with(drawing: np.ndarray, paint: Callable[[ImageDraw.ImageDraw], None]) -> Image.Image:
    image = Image.fromarray(drawing)
    paint(ImageDraw.Draw(image))
    return image


# -- marks beside or around a drawing --


def ring(drawing: np.ndarray, random: Random) -> Image.Image:
    left, top, right, bottom = _ink_box(drawing)
    radius = np.hypot(right - left, bottom - top) / 2 * random.uniform(1.15, 1.4)
    x, y = (left + right) / 2, (top + bottom) / 2
    box = [x - radius, y - radius, x + radius, y + radius]
    return _with(drawing, lambda pad: pad.ellipse(box, outline=255, width=_pen(drawing)))


def box(drawing: np.ndarray, random: Random) -> Image.Image:
    left, top, right, bottom = _ink_box(drawing)
    margin = random.uniform(0.15, 0.4) * (bottom - top)
    corners = [left - margin, top - margin, right + margin, bottom + margin]
    return _with(drawing, lambda pad: pad.rectangle(corners, outline=255, width=_pen(drawing)))


def underline(drawing: np.ndarray, random: Random) -> Image.Image:
    left, top, right, bottom = _ink_box(drawing)
    y = bottom + random.uniform(0.1, 0.25) * (bottom - top) + _pen(drawing)
    reach = random.uniform(0, 0.3) * (bottom - top)
    tilt = random.uniform(-0.06, 0.06) * (right - left + 2 * reach)
    line = [left - reach, y, right + reach, y + tilt]
    return _with(drawing, lambda pad: pad.line(line, fill=255, width=_pen(drawing)))


def struck_through(drawing: np.ndarray, random: Random) -> Image.Image:
    left, top, right, bottom = _ink_box(drawing)
    size = bottom - top
    y = (top + bottom) / 2 + random.uniform(-0.12, 0.12) * size
    reach = random.uniform(0.15, 0.35) * size
    line = [left - reach, y, right + reach, y + random.uniform(-0.1, 0.1) * size]
    return _with(drawing, lambda pad: pad.line(line, fill=255, width=_pen(drawing)))


def stray_dot(drawing: np.ndarray, random: Random) -> Image.Image:
    _left, top, right, bottom = _ink_box(drawing)
    radius = _pen(drawing) * random.uniform(0.5, 0.9)
    x = right + (bottom - top) * random.uniform(0.25, 0.45)
    y = random.uniform(top, bottom)
    dot = [x - radius, y - radius, x + radius, y + radius]
    return _with(drawing, lambda pad: pad.ellipse(dot, fill=255))


def stray_slip(drawing: np.ndarray, random: Random) -> Image.Image:
    left, top, _right, bottom = _ink_box(drawing)
    x, y = left - (bottom - top) * random.uniform(0.25, 0.4), random.uniform(top, bottom)
    length, angle = (bottom - top) * random.uniform(0.12, 0.25), random.uniform(0, np.pi)
    end = x - length * abs(np.cos(angle)), y + length * np.sin(angle)
    return _with(drawing, lambda pad: pad.line([x, y, *end], fill=255, width=_pen(drawing)))


MARKS: dict[str, Scene] = {
    "ring": ring,
    "box": box,
    "underline": underline,
    "struck through": struck_through,
    "stray dot": stray_dot,
    "slip beside it": stray_slip,
}

# -- screenshots --


def _pasted(
    drawing: np.ndarray, size: tuple[int, int], place: tuple[int, int], paper: str, ink: str
) -> Image.Image:
    image = Image.new("RGB", size, paper)
    image.paste(Image.new("RGB", drawing.shape[::-1], ink), place, Image.fromarray(drawing))
    return image


def _font(size: int) -> ImageFont.FreeTypeFont:
    known = [file for file in fonts() if file.name in ("DejaVuSans.ttf", "LiberationSans-Regular")]
    return ImageFont.truetype(known[0], size)


def _small(drawing: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(drawing).resize((side, side), Image.Resampling.BOX))


def title_bar(drawing: np.ndarray, random: Random) -> Image.Image:
    place = int(random.integers(60, 340)), int(random.integers(100, 200))
    image = _pasted(_small(drawing, 380), (800, 600), place, "white", "black")
    pad = ImageDraw.Draw(image)
    pad.rectangle([0, 0, 800, 36], fill=random.choice(["#2b579a", "#dddddd", "#333333"]))
    pad.text((12, 8), "Untitled - Paint", fill="white", font=_font(16))
    pad.rectangle([0, 36, 800, 70], fill="#f3f3f3", outline="#c8c8c8")
    for x in range(14, 300, 34):
        pad.rectangle([x, 44, x + 20, 62], outline="#777777")
    return image


def frame(drawing: np.ndarray, random: Random) -> Image.Image:
    image = _pasted(_small(drawing, 380), (600, 520), (110, 70), "white", "#222222")
    inset, width = int(random.integers(6, 30)), int(random.integers(2, 12))
    box = [inset, inset, 599 - inset, 519 - inset]
    ImageDraw.Draw(image).rectangle(box, outline="#444444", width=width)
    return image


def other_writing(drawing: np.ndarray, random: Random) -> Image.Image:
    place = int(random.integers(60, 300)), int(random.integers(110, 160))
    image = _pasted(_small(drawing, 360), (760, 600), place, "white", "#1a1a80")
    pad = ImageDraw.Draw(image)
    words = _TEXT.split()
    for line, y in ((" ".join(words[:6]), 24), (" ".join(words[6:]), 54)):
        pad.text((30, y), line, fill="black", font=_font(20))
    pad.text((30, 560), "Thank you", fill="black", font=_font(18))
    return image


def canvas_in_page(drawing: np.ndarray, random: Random) -> Image.Image:
    dark = random.random() < 0.5
    page, canvas, ink = ("#fafafa", "#111111", "white") if dark else ("#15181e", "white", "black")
    inner = _pasted(_small(drawing, 360), (420, 420), (30, 30), canvas, ink)
    image = Image.new("RGB", (900, 640), page)
    image.paste(inner, (int(random.integers(30, 440)), int(random.integers(80, 200))))
    text = "#444444" if dark else "#bbbbbb"
    ImageDraw.Draw(image).text((30, 20), "Draw a digit", fill=text, font=_font(22))
    return image


def color_only(drawing: np.ndarray, random: Random) -> Image.Image:
    """Red on green of the same lightness, and other such pairs."""
    pairs = [("#d02020", "#007f2f"), ("#c04000", "#2f6f4f"), ("#b000b0", "#106c8c")]
    paper, ink = pairs[int(random.integers(len(pairs)))]
    light = [np.array(Image.new("RGB", (1, 1), c).convert("L"))[0, 0] for c in (paper, ink)]
    colors = np.array([Image.new("RGB", (1, 1), c).getpixel((0, 0)) for c in (paper, ink)], float)
    colors[1] *= light[0] / light[1]
    share = _small(drawing, 400)[..., None] / 255
    levels = colors[0] * (1 - share) + colors[1].clip(0, 255) * share
    return Image.fromarray(levels.round().astype(np.uint8))


# -- photographs --


def ruled(drawing: np.ndarray, random: Random) -> Image.Image:
    image = _pasted(_small(drawing, 400), (700, 560), (150, 80), "#f4f1e8", "#202040")
    lines = Image.new("L", (700, 560))
    for y in range(int(random.integers(10, 40)), 560, int(random.integers(38, 60))):
        ImageDraw.Draw(lines).line([0, y, 700, y + random.uniform(-3, 3)], fill=255, width=2)
    image.paste(Image.new("RGB", image.size, "#8aa4cc"), mask=lines)
    return _taken(image, random)


def sheet_on_table(drawing: np.ndarray, random: Random) -> Image.Image:
    """A light sheet on a dark table, or a dark one on a light table, seen at an angle."""
    dark = random.random() < 0.25
    paper, ink, table = (
        ("#2a2d30", "#f0f0e8", "#c9b79c") if dark else ("#efece4", "#25253c", "#4a3423")
    )
    sheet = _pasted(_small(drawing, 340), (420, 420), (40, 40), paper, ink)
    width, height = 900, 675
    x, y, side = random.uniform(150, 330), random.uniform(90, 160), random.uniform(380, 460)
    corners = np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]])
    corners += random.normal(0, 28, (4, 2))
    coefficients = _perspective(corners, np.array([[0, 0], [420, 0], [420, 420], [0, 420]]))
    moved = sheet.transform(
        (width, height), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
    )
    mask = Image.new("L", sheet.size, 255).transform(
        (width, height), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
    )
    image = Image.new("RGB", (width, height), table)
    image.paste(moved, mask=mask)
    return _taken(image, random)


def shadow_edge(drawing: np.ndarray, random: Random) -> Image.Image:
    """Paper with the hard edge of a shadow across it."""
    image = _pasted(_small(drawing, 400), (720, 560), (160, 80), "#e9e6dc", "#2b2b38")
    y, x = np.mgrid[-0.5:0.5:560j, -0.5:0.5:720j]
    angle = random.uniform(0, 2 * np.pi)
    beyond = x * np.cos(angle) + y * np.sin(angle) - random.uniform(-0.3, 0.3)
    light = 1 - random.uniform(0.3, 0.55) / (1 + np.exp(-beyond * random.uniform(30, 150)))
    return _taken(Image.fromarray((np.asarray(image) * light[..., None]).astype(np.uint8)), random)


def uneven_light(drawing: np.ndarray, random: Random) -> Image.Image:
    return photograph(_small(drawing, 400), random, board=bool(random.random() < 0.3))


def _taken(image: Image.Image, random: Random) -> Image.Image:
    """Slightly out of focus, with noise and uneven light."""
    blurred = image.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 1.3)))
    levels = np.asarray(blurred, np.float32)
    height, width, _ = levels.shape
    y, x = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
    light = 1 + random.uniform(-0.25, 0.25) * x + random.uniform(-0.25, 0.25) * y
    noise = random.normal(0, random.uniform(1, 5), levels.shape)
    return Image.fromarray((levels * light[..., None] + noise).clip(0, 255).astype(np.uint8))


def _perspective(to: np.ndarray, source: np.ndarray) -> list[float]:
    """The coefficients of PIL's transform that takes the corners ``to`` from ``source``."""
    rows = []
    for (x, y), (u, v) in zip(to, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.linalg.solve(np.array(rows), source.reshape(-1)).tolist()


PICTURES: dict[str, Scene] = {
    "title bar": title_bar,
    "frame": frame,
    "other writing": other_writing,
    "canvas in a page": canvas_in_page,
    "color only": color_only,
    "ruled paper": ruled,
    "sheet on a table": sheet_on_table,
    "edge of a shadow": shadow_edge,
    "uneven light": uneven_light,
}

# -- nothing --


def empty(random: Random) -> Image.Image:
    """Paper without ink: blank, with a soft shadow or the edge of one, ruled, or on a table."""
    blank = np.zeros((400, 400), np.uint8)
    kind = int(random.integers(5))
    if kind == 0:
        return uneven_light(blank, random)
    if kind == 1:
        return shadow_edge(blank, random)
    if kind == 2:
        return ruled(blank, random)
    if kind == 3:
        return sheet_on_table(blank, random)
    paper = np.full((500, 640), 225.0)
    y, x = np.mgrid[-1:1:500j, -1:1:640j]
    for _ in range(int(random.integers(1, 4))):
        place, size = random.uniform(-0.8, 0.8, 2), random.uniform(0.08, 0.6, 2)
        spot = np.exp(-(((x - place[0]) / size[0]) ** 2) - ((y - place[1]) / size[1]) ** 2)
        paper -= random.uniform(10, 90) * spot
    return Image.fromarray((paper + random.normal(0, 2, paper.shape)).clip(0, 255).astype(np.uint8))


def slip(random: Random) -> Image.Image:
    """A pad that the pen has touched by mistake."""
    image = Image.new("L", (280, 280))
    x, y = random.uniform(40, 240, 2)
    width = int(random.integers(6, 26))
    length = width * random.uniform(0, 1.2)
    angle = random.uniform(0, 2 * np.pi)
    end = x + length * np.cos(angle), y + length * np.sin(angle)
    pad = ImageDraw.Draw(image)
    pad.line([x, y, *end], fill=255, width=width)
    for a, b in ((x, y), end):
        pad.ellipse([a - width / 2, b - width / 2, a + width / 2, b + width / 2], fill=255)
    return image
