"""The strokes of KanjiVG's files: SVG paths of moves and cubic curves."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import ElementTree

import numpy as np

_TOKEN = re.compile(r"[MmCcSsLl]|-?\d*\.?\d+")


def strokes(file: ElementTree[Any]) -> list[np.ndarray]:
    """One polyline, (n, 2), for each path of the file."""
    paths = file.iterfind(".//{http://www.w3.org/2000/svg}path")
    return [polyline(path.attrib["d"]) for path in paths]


def polyline(path: str) -> np.ndarray:
    """The points of a path; ValueError for a command other than M, C, S and L."""
    tokens = _TOKEN.findall(path)
    points: list[np.ndarray] = []
    here, handle, command, at = np.zeros(2), np.zeros(2), "", 0
    while at < len(tokens):
        if tokens[at].isalpha():
            command, at = tokens[at], at + 1
        count = {"m": 1, "l": 1, "s": 2, "c": 3}[command.lower()]
        values = np.array(tokens[at : at + 2 * count], float).reshape(-1, 2)
        at += 2 * count
        if command.islower():
            values = values + here
        if count == 1:
            points.append(values[0])
            here = handle = values[0]
            continue
        first = 2 * here - handle if count == 2 else values[0]
        t = np.linspace(0, 1, 9)[1:, None]
        b, c, d = first, values[-2], values[-1]
        points += list(
            (1 - t) ** 3 * here + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
        )
        here, handle = d, c
    return np.array(points)
