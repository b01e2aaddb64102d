"""The one colour scale of all pictures, and the glyphs that say the same without colour.

`sequential` 0…1 runs from dark blue through teal to pale yellow, `diverging` −1…1 from blue through near-black to
amber. Both change in lightness evenly in OKLab (Ottosson 2020, "A perceptual color space for image processing"), so
that they read the same for every kind of colour vision, in grey, and on paper.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from rich.color import Color
from rich.console import Console
from rich.style import Style

Floats = npt.NDArray[np.floating]
Levels = npt.NDArray[np.int64]

RAMP = " ·░▒▓█"
NEGATIVE_RAMP = " -~=%#"
LEVELS = 256
ACCENT = Style(color="#bf7118", bold=True)
"""An amber that can be read on black and on white (5.5 and 3.8 times as light or dark, WCAG 2)."""
QUIET = Style(dim=True)
STRONG = Style(bold=True)

_ZERO_LIGHTNESS, _FULL_LIGHTNESS = 0.20, 0.94
# Value, chroma and hue in degrees of OKLCh; between them, a straight line.
_SEQUENTIAL = (
    (0.0, 0.045, 275.0),
    (0.25, 0.100, 258.0),
    (0.5, 0.085, 205.0),
    (0.75, 0.140, 150.0),
    (1.0, 0.130, 105.0),
)
_NEGATIVE = ((0.0, 0.010, 255.0), (0.5, 0.125, 252.0), (1.0, 0.050, 225.0))
_POSITIVE = ((0.0, 0.010, 60.0), (0.5, 0.110, 55.0), (1.0, 0.075, 90.0))


def has_colour(console: Console) -> bool:
    """Whether values can be told by colour on this console; otherwise glyphs and digits tell them.

    Sixteen colours cannot tell plus from minus.
    """
    return console.color_system not in (None, "standard", "windows") and not console.no_color


def levels(values: Floats, signed: bool = False) -> Levels:
    """Values 0…1 (or −1…1 if `signed`) → level of the scale 0…255, of the same shape.

    What lies beyond is drawn as the end of the scale, and what is no number as zero.
    """
    known = np.nan_to_num(np.asarray(values, np.float64), nan=0.0, posinf=1.0, neginf=-1.0)
    share = (known + 1) / 2 if signed else known
    return np.rint(np.clip(share, 0, 1) * (LEVELS - 1)).astype(np.int64)


@cache
def scale(signed: bool = False) -> tuple[tuple[int, int, int], ...]:
    """Red, green and blue (0…255) of each level."""
    if not signed:
        return tuple(_srgb(_lightness(v), *_between(_SEQUENTIAL, v)) for v in np.linspace(0, 1, LEVELS))
    arms = ((_NEGATIVE if v < 0 else _POSITIVE, abs(v)) for v in np.linspace(-1, 1, LEVELS))
    return tuple(_srgb(_lightness(v), *_between(arm, v)) for arm, v in arms)


@cache
def colour(level: int, signed: bool = False) -> Color:
    """The colour of a level."""
    return Color.from_rgb(*scale(signed)[level])


@cache
def foreground(level: int, signed: bool = False) -> Style:
    """Something drawn in the colour of a level."""
    return Style(color=colour(level, signed))


@cache
def half_blocks(upper: int, lower: int, signed: bool = False) -> Style:
    """The style of ▀ that shows one level above another."""
    return Style(color=colour(upper, signed), bgcolor=colour(lower, signed))


@cache
def cell(level: int, signed: bool = False) -> Style:
    """Readable text on the colour of a level."""
    luminance = np.dot([0.2126, 0.7152, 0.0722], (np.array(scale(signed)[level]) / 255) ** 2.2)
    # Where black and white have the same contrast by WCAG 2, (lighter + 0.05) / (darker + 0.05).
    return Style(color="#000000" if luminance > 0.179 else "#ffffff", bgcolor=colour(level, signed))


def glyph(level: int, signed: bool = False) -> str:
    """One of the six glyphs of the ramp for a level; a negative value has a ramp of its own."""
    share = level / (LEVELS - 1)
    if signed:
        share = 2 * share - 1
    steps = len(RAMP) - 1
    return (NEGATIVE_RAMP if share < 0 else RAMP)[int(abs(share) * steps + 0.5)]


def _lightness(share: float) -> float:
    return _ZERO_LIGHTNESS + (_FULL_LIGHTNESS - _ZERO_LIGHTNESS) * share


def _between(anchors: tuple[tuple[float, float, float], ...], share: float) -> tuple[float, float]:
    places, chromas, hues = zip(*anchors, strict=True)
    return float(np.interp(share, places, chromas)), float(np.interp(share, places, hues))


def _srgb(lightness: float, chroma: float, hue: float) -> tuple[int, int, int]:
    """OKLCh → sRGB, clipped to what a screen can show."""
    a, b = chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.clip(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        0,
        1,
    )
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(255 * float(value)) for value in curved)
    return red, green, blue
