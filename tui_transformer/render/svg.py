"""A renderable as an SVG that refers to nothing outside itself.

Rich's own export asks the web for fonts and leaves a gap between lines, which cuts heat maps into stripes. Here a
cell is 8 × 16 units, blocks are shapes, and only letters need a font: whatever monospace font there is, each word
stretched to its cells.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from rich.color import Color
from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme

from .labels import cell_len, graphemes, visible
from .picture import drawing_console
from .shapes import shape

CELL_WIDTH, CELL_HEIGHT, MARGIN = 8, 16, 12
FONT = "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace"
_FONT_SIZE = 13.25
_BASELINE = 12.5
# For the sixteen colours that Rich knows by name only; pictures themselves name theirs in full.
_ANSI = [(r, g, b) for b in (0, 170) for g in (0, 170) for r in (0, 170)]
DARK = TerminalTheme((16, 18, 27), (222, 226, 234), _ANSI)
LIGHT = TerminalTheme((255, 255, 255), (24, 26, 32), _ANSI)
_ASCII = re.compile(r"[!-~]+")


@dataclass(slots=True)
class Sheet:
    """Shapes by fill, backgrounds first, then foregrounds, then letters."""

    theme: TerminalTheme
    backgrounds: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    shapes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    letters: list[str] = field(default_factory=list)

    def draw(self, segment: Segment, x: int, y: int) -> int:
        """One segment at a place in units; gives the place behind it."""
        style = segment.style or Style.null()
        width = CELL_WIDTH * cell_len(segment.text)
        paint, background = self._fill(style)
        if background:
            self.backgrounds[background].append(_path(x, y, width, CELL_HEIGHT))
        for text in _runs(segment.text):
            cells = cell_len(text)
            if found := shape(text[0]):
                for i in range(len(text)):
                    self._shape(found, x + i * CELL_WIDTH, y, paint)
            elif not text.isspace():
                self.letters.append(_letters(text, x, y, cells, paint, bool(style.bold)))
            x += cells * CELL_WIDTH
        return x

    def elements(self) -> Iterator[str]:
        """Everything drawn, as SVG."""
        for layer in (self.backgrounds, self.shapes):
            for fill, paths in layer.items():
                yield f'<path shape-rendering="crispEdges" {fill} d="{"".join(paths)}"/>'
        yield from self.letters

    def _shape(self, found: tuple[tuple[tuple[float, ...], ...], float], x: int, y: int, paint: str) -> None:
        rectangles, opacity = found
        fill = paint if opacity == 1 else f'{paint} fill-opacity="{opacity}"'
        for left, top, width, height in rectangles:
            self.shapes[fill].append(
                _path(x + left * CELL_WIDTH, y + top * CELL_HEIGHT, width * CELL_WIDTH, height * CELL_HEIGHT)
            )

    def _fill(self, style: Style) -> tuple[str, str]:
        """The foreground's and the background's attributes; none for the theme's own background."""
        fore, back = self._hex(style.color, True), self._hex(style.bgcolor, False) if style.bgcolor else ""
        if style.reverse:
            fore, back = back or self._hex(None, False), fore
        dim = ' opacity="0.65"' if style.dim else ""
        return f'fill="{fore}"{dim}', f'fill="{back}"' if back else ""

    def _hex(self, colour: Color | None, foreground: bool) -> str:
        default = self.theme.foreground_color if foreground else self.theme.background_color
        return (colour.get_truecolor(self.theme, foreground) if colour else default).hex


def svg(renderable: RenderableType, width: int, colour: bool = True, title: str = "") -> str:
    """The drawing of a renderable at so many columns: light letters on dark, or black on white without colour."""
    console = drawing_console(width, "truecolor" if colour else None)
    lines = console.render_lines(renderable, pad=False)
    sheet = Sheet(DARK if colour else LIGHT)
    for number, line in enumerate(lines):
        x, y = MARGIN, MARGIN + number * CELL_HEIGHT
        for segment in line:
            x = sheet.draw(segment, x, y)
    return "\n".join(_document(sheet, 2 * MARGIN + width * CELL_WIDTH, 2 * MARGIN + len(lines) * CELL_HEIGHT, title))


def _document(sheet: Sheet, width: int, height: int, title: str) -> Iterable[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    yield f"<title>{escape(visible(title))}</title>"
    yield f'<rect width="{width}" height="{height}" rx="6" fill="{sheet.theme.background_color.hex}"/>'
    yield f'<g font-family="{FONT}" font-size="{_FONT_SIZE}">'
    yield from sheet.elements()
    yield "</g>"
    yield "</svg>\n"


def _runs(text: str) -> Iterator[str]:
    """Parts that are drawn in one go: equal shapes, spaces, ASCII words, and other words as they are."""
    run, kind_of_run = "", ""
    for grapheme in graphemes(text):
        kind = _kind(grapheme)
        if run and kind != kind_of_run:
            yield run
            run = ""
        run, kind_of_run = run + grapheme, kind
    if run:
        yield run


def _kind(grapheme: str) -> str:
    if shape(grapheme[0]) is not None:
        return grapheme
    if grapheme.isspace():
        return " "
    return "ascii" if _ASCII.fullmatch(grapheme) else f"other {cell_len(grapheme)}"


def _letters(text: str, x: int, y: int, cells: int, paint: str, bold: bool) -> str:
    stretch = "spacingAndGlyphs" if text.isascii() else "spacing"
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y + _BASELINE:g}" textLength="{cells * CELL_WIDTH}" lengthAdjust="{stretch}" {paint}'
        f"{weight}>{escape(text)}</text>"
    )


def _path(x: float, y: float, width: float, height: float) -> str:
    return f"M{x:g} {y:g}h{width:g}v{height:g}h{-width:g}z"
