"""Screens of several pages: one is shown, or on a wide terminal the first and another beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from .view import View
from .widgets.choices import Choice, ChoiceLine

if TYPE_CHECKING:
    from textual.events import Resize

    from tui_transformer.render.picture import Picture

    from .app import TtxApp


class Page(Vertical):
    """A part of a screen that fills it. `NAME` and `TITLE` are told on the screen's line of pages, `KEY` opens it."""

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    KEY: ClassVar[str]

    @property
    def ttx(self) -> TtxApp:
        """The app."""
        from .app import TtxApp

        assert isinstance(self.app, TtxApp)
        return self.app

    def show(self) -> None:
        """Draw what there is. Called as `View.show` is, if the page is seen."""
        raise NotImplementedError

    def entered(self) -> None:
        """The page was opened: put the focus where it belongs."""

    def picture(self) -> Picture | None:
        """As `View.picture`."""
        return None

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """As `View.commands`."""
        return ()

    def place(self) -> dict[str, Any]:
        """As `View.place`."""
        return {}

    def take(self, place: dict[str, Any]) -> None:
        """As `View.take`."""


def page_keys(view: str, pages: Iterable[type[Page]]) -> Iterator[Binding]:
    """The bindings that open the pages of a screen."""
    for page in pages:
        yield Binding(page.KEY, f"page('{page.NAME}')", page.TITLE, show=False, id=f"{view}.{page.NAME}")


class PagedView(View):
    """A screen of pages. Where there is room, the first stays on the left, beside the one that is open."""

    PAGES: ClassVar[tuple[type[Page], ...]]
    SCOPED_CSS = False
    DEFAULT_CSS = """
    PagedView Page { display: none; width: 1fr; height: 1fr; }
    PagedView Page.-chosen { display: block; }
    .-wide PagedView Page.-first, .-wide PagedView Page.-beside { display: block; }
    """

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.pages = tuple(page(id=f"{self.NAME}-{page.NAME}") for page in self.PAGES)
        self.chosen = self.pages[0]

    def compose(self) -> ComposeResult:
        """The line of pages, and the pages."""
        yield ChoiceLine(classes="pages")
        yield from self.above()
        with Horizontal():
            yield from self.pages

    def above(self) -> ComposeResult:
        """What stands above all pages."""
        yield from ()

    def on_mount(self) -> None:
        """The first page is open."""
        self.pages[0].add_class("-first")
        self.pages[1].add_class("-beside")
        self._tell()

    def _tell(self) -> None:
        for page in self.pages:
            page.set_class(page is self.chosen, "-chosen")
            if self.chosen is not self.pages[0]:
                page.set_class(page is self.chosen, "-beside")
        self.query_one(".pages", ChoiceLine).tell(
            [Choice(page.NAME, f"{page.KEY} {page.TITLE}", page.TITLE, page is self.chosen) for page in self.pages]
        )

    def open_page(self, name: str) -> None:
        """Open a page, without the focus."""
        self.chosen = next((page for page in self.pages if name == page.NAME), self.chosen)
        self._tell()
        self.call_after_refresh(self.show)

    def action_page(self, name: str) -> None:
        """Open a page."""
        self.open_page(name)
        self.chosen.entered()

    def on_choice_line_chosen(self, message: ChoiceLine.Chosen) -> None:
        """A page was clicked."""
        self.action_page(message.name)

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Another page may be seen now."""
        self.call_after_refresh(self.show)

    def show(self) -> None:
        """Draw the pages that are seen."""
        for page in self.pages:
            if page.display:
                page.show()

    def entered(self) -> None:
        """Back to the page that is open."""
        self.chosen.entered()

    def picture(self) -> Picture | None:
        """That of the page that is open."""
        return self.chosen.picture()

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Every page by name, and what can be asked of each."""
        for page in self.pages:
            yield (
                f"{self.TITLE}: {page.TITLE}",
                f"Open this page of the screen ({page.KEY})",
                partial(self.action_page, page.NAME),
            )
            yield from page.commands()

    def place(self) -> dict[str, Any]:
        """Which page is open, and where one is on each."""
        return {"page": self.chosen.NAME, **{page.NAME: page.place() for page in self.pages}}

    def take(self, place: dict[str, Any]) -> None:
        """Go back there."""
        for page in self.pages:
            if isinstance(kept := place.get(page.NAME), dict):
                page.take(kept)
        if isinstance(name := place.get("page"), str):
            self.open_page(name)
