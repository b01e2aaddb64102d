"""Any Rich renderable as lines of a Textual widget that scrolls: only what is seen is painted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.strip import Strip

from .plain import PlainTitles

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.events import Resize
    from textual.scroll_view import ScrollView

    from tui_transformer.render.picture import ColourSystem


class PictureView(PlainTitles, can_focus=True):
    """Draws what `show` is given, at the width of the widget, or at `least` if that is more; then it scrolls sideways.

    Pictures choose between colours and glyphs by the console they are drawn on: it is one of ours, which follows
    NO_COLOR and terminals of 16 colours (`colours_of`), and not Textual's, which knows greys only.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", show=False), Binding("j", "scroll_down", show=False),
        Binding("h", "scroll_left", show=False), Binding("l", "scroll_right", show=False),
        Binding("g", "scroll_home", show=False), Binding("G", "scroll_end", show=False),
    ]  # fmt: skip

    def __init__(self, least: int = 0, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._least = least
        self._renderable: RenderableType | None = None
        self._strips: list[Strip] = []

    def show(self, renderable: RenderableType | None) -> None:
        """Draw this from now on; nothing for None."""
        self._renderable = renderable
        self._draw()

    @property
    def renderable(self) -> RenderableType | None:
        """What is shown."""
        return self._renderable

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Pictures adapt themselves to the width."""
        self._draw()

    def _draw(self) -> None:
        bar = self.show_vertical_scrollbar
        self._draw_beside(bar)
        # That bar may be the one of another size, or of another picture.
        wanted = len(self._strips) > self.content_region.height and self.styles.overflow_y == "auto"
        if wanted != bar:
            self._draw_beside(wanted)
        self.refresh()

    def _draw_beside(self, bar: bool) -> None:
        kept = self.styles.scrollbar_size_vertical * (bar or self.styles.scrollbar_gutter == "stable")
        width = max(self._least, self.content_region.width - kept)
        if self._renderable is None or width <= 0:
            self._strips = []
        else:
            self._strips = strips(self._renderable, width, colours_of(self))
        self.virtual_size = Size(max(0, width), len(self._strips))

    def render_line(self, y: int) -> Strip:
        """A line of the picture, as far as it has been scrolled to."""
        x, top = self.scroll_offset
        width = self.size.width
        if not top + y < len(self._strips):
            return Strip.blank(width, self.rich_style)
        return self._strips[top + y].crop_extend(x, x + width, self.rich_style).apply_style(self.rich_style)


def strips(renderable: RenderableType, width: int, colours: ColourSystem | None) -> list[Strip]:
    """The lines of a renderable, drawn like a saved picture."""
    from tui_transformer.render.picture import drawing_console

    console = drawing_console(width, colours)
    lines = console.render_lines(renderable, console.options.update(height=None), pad=False)
    return [Strip(Segment.simplify(line)) for line in lines]


def colours_of(widget: ScrollView) -> ColourSystem | None:
    """All colours; none with NO_COLOR, or where 16 are too few for a scale."""
    app = widget.app
    return None if app.no_color or app.console.color_system in (None, "standard", "windows") else "truecolor"
