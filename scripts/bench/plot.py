"""A small drawing of measured points: panels side by side in one SVG, light and dark. No library needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 250, 170
LEFT, TOP, BOTTOM, GAP = 46, 46, 42, 22

STYLE = """\
  <style>
    svg { font: 11px system-ui, sans-serif; color: #1f2328; }
    text { fill: currentColor; }
    .title { font-weight: 600; font-size: 12.5px; }
    .quiet { opacity: .65; }
    .grid { stroke: currentColor; opacity: .13; }
    .guide { stroke: currentColor; opacity: .45; stroke-dasharray: 3 4; fill: none; }
    .line { stroke: #2f7ed8; stroke-width: 2; fill: none; stroke-linejoin: round; }
    .dot { fill: #2f7ed8; }
    @media (prefers-color-scheme: dark) { svg { color: #e6edf3; } .line { stroke: #6cb1ff; } .dot { fill: #6cb1ff; } }
  </style>"""


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, logarithmic or from zero on, with ticks at `ticks`."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve. `linear` draws, for comparison, what costs in proportion to x would look like."""

    title: str
    x_label: str
    points: Sequence[tuple[float, float]]
    logarithmic: bool = True
    linear: bool = False


def svg(panels: Sequence[Panel], caption: str) -> str:
    """The whole drawing."""
    width = len(panels) * (LEFT + WIDTH + GAP)
    height = TOP + HEIGHT + BOTTOM + 22
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">', STYLE]
    parts.append(f"  <title>{escape(caption)}</title>")
    for index, panel in enumerate(panels):
        parts.append(f'  <g transform="translate({index * (LEFT + WIDTH + GAP) + LEFT} {TOP})">')
        parts += [f"    {element}" for element in _panel(panel)]
        parts.append("  </g>")
    parts.append(f'  <text class="quiet" x="{LEFT}" y="{height - 8}">{escape(caption)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def log_axis(values: Iterable[float]) -> Axis:
    """Around all values, with ticks at powers of ten, or at 1, 2 and 5 if there are few of those."""
    low, high = _bounds(list(values))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if high / low > 300 else (1, 2, 5)
    ticks = tuple(tick for power in powers for tick in (f * 10.0**power for f in factors) if low <= tick <= high)
    return Axis(low, high, ticks, True)


def zero_axis(values: Iterable[float]) -> Axis:
    """From zero, with about four round ticks."""
    high = max(values) * 1.25
    step = min(
        (f * 10.0 ** math.floor(math.log10(high)) for f in (0.1, 0.2, 0.25, 0.5, 1)), key=lambda s: abs(high / s - 4)
    )
    return Axis(0, high, tuple(step * i for i in range(int(high / step) + 1)), False)


def _bounds(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high / low) ** 0.06 if high > low else 1.5
    return low / margin, high * margin


def _panel(panel: Panel) -> list[str]:
    x_axis = log_axis(x for x, _ in panel.points)
    y_values = [y for _, y in panel.points]
    y_axis = log_axis(y_values) if panel.logarithmic else zero_axis(y_values)
    elements = [f'<text class="title" x="0" y="-20">{escape(panel.title)}</text>']
    for tick in x_axis.ticks:
        x = x_axis.place(tick) * WIDTH
        elements.append(f'<line class="grid" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{HEIGHT}"/>')
        elements.append(
            f'<text class="quiet" text-anchor="middle" x="{x:.1f}" y="{HEIGHT + 15}">{_number(tick)}</text>'
        )
    for tick in y_axis.ticks:
        y = HEIGHT - y_axis.place(tick) * HEIGHT
        elements.append(f'<line class="grid" x1="0" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}"/>')
        elements.append(f'<text class="quiet" text-anchor="end" x="-6" y="{y + 4:.1f}">{_number(tick)}</text>')
    elements.append(f'<text x="{WIDTH / 2}" y="{HEIGHT + 32}" text-anchor="middle">{escape(panel.x_label)}</text>')
    if panel.linear:
        elements.append(_guide(panel.points, x_axis, y_axis))
    places = [(x_axis.place(x) * WIDTH, HEIGHT - y_axis.place(y) * HEIGHT) for x, y in panel.points]
    elements.append(f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
    for (x, y), (given, measured) in zip(places, panel.points, strict=True):
        tip = f"<title>{_number(given)}: {_number(measured)}</title>"
        elements.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.2">{tip}</circle>')
    return elements


def _guide(points: Sequence[tuple[float, float]], x_axis: Axis, y_axis: Axis) -> str:
    """A dashed line of slope one that ends in the last point, cut off where the panel ends."""
    last_x, last_y = points[-1]
    start = max(x_axis.low, last_x * y_axis.low / last_y)
    ends = [(x_axis.place(x) * WIDTH, HEIGHT - y_axis.place(last_y * x / last_x) * HEIGHT) for x in (start, last_x)]
    (x1, y1), (x2, y2) = ends
    return f'<line class="guide" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _number(value: float) -> str:
    """1,000 as it is, 100,000 as 100k, at most three digits otherwise."""
    for size, unit in ((1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e6 if unit == 'M' else 1e3):.3g}{unit}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
