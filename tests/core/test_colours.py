"""The report's colours, as people with any colour vision see them: computed, not looked at."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

ASSETS = Path(__file__).parents[2] / "gridrun" / "report" / "page" / "assets"

VISIONS = {
    "all colours": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Linear RGB as it is seen: Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113."""

TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / np.array([[0.95047], [1.0], [1.08883]])
"""Of sRGB (IEC 61966-2-1), with its white as 1."""

LEAST_DISTANCE, LEAST_CONTRAST, LEAST_RANGE = 10, 3, 40
"""CIE 1976 distance of two colours, contrast of one with the page (WCAG 2.2,
1.4.11), lightness of a ramp's ends."""


def linear(colour):
    share = np.asarray(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(colour, vision):
    """CIELAB of a colour of sRGB as it is seen."""
    seen = np.clip(np.asarray(vision) @ linear(colour), 0, 1)
    part = TO_XYZ @ seen
    root = np.where(part > (6 / 29) ** 3, np.cbrt(part), part / 3 / (6 / 29) ** 2 + 4 / 29)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def contrast(one, other):
    """By WCAG 2: from 1 to 21."""
    light, dark = sorted((0.2126, 0.7152, 0.0722) @ linear(c) for c in (one, other))[::-1]
    return (light + 0.05) / (dark + 0.05)


def colours(is_dark):
    """Names of the page's colours to their numbers."""
    css = (ASSETS / "page.css").read_text("utf-8")
    light, dark = css.split("@media (prefers-color-scheme: dark)")[:2]
    found = re.findall(r"--(\w+): #([0-9a-f]{6}|[0-9a-f]{3});", light + (dark if is_dark else ""))
    return {
        name: [int((text if len(text) == 6 else "".join(s * 2 for s in text))[at : at + 2], 16)
               for at in (0, 2, 4)]
        for name, text in found
    }  # fmt: skip


def ramp(is_dark):
    """The colours of ribbons, from worst to best."""
    source = (ASSETS / "explorer.js").read_text("utf-8")
    (found,) = re.findall(r"isDark \? \[\[(.*?)\], \[(.*?)\]\] : \[\[(.*?)\], \[(.*?)\]\]", source)
    ends = [[int(part) for part in text.split(",")] for text in found]
    worst, best = ends[:2] if is_dark else ends[2:]
    return [
        np.round(np.add(worst, np.subtract(best, worst) * share)) for share in np.linspace(0, 1, 9)
    ]


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("vision", VISIONS)
def test_ribbons_are_read_by_lightness_alone(vision, is_dark):
    """From worst to best lightness runs one way, in steps that are seen, and apart from grey."""
    shades = [lab(colour, VISIONS[vision]) for colour in ramp(is_dark)]
    steps = np.diff([shade[0] for shade in shades])
    assert (np.sign(steps) == (1 if is_dark else -1)).all()
    assert np.abs(steps).min() >= LEAST_RANGE / 16
    assert abs(shades[0][0] - shades[-1][0]) >= LEAST_RANGE


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("vision", VISIONS)
def test_classifiers_have_colours_that_differ(vision, is_dark):
    """Any two of the six differ, and each stands out from the page."""
    found = colours(is_dark)
    own = {name: colour for name, colour in found.items() if re.fullmatch(r"c\d", name)}
    assert len(own) == 6
    for one, other in combinations(own, 2):
        seen = [lab(own[name], VISIONS[vision]) for name in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) >= LEAST_DISTANCE, (one, other)
    for name, colour in own.items():
        assert contrast(colour, found["paper"]) >= LEAST_CONTRAST, name
