"""`?`: what the screen in front shows, and every key that does something just now."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from .view import View


class HelpScreen(ModalScreen[None]):
    """Closed by escape, enter or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,question_mark,q,enter", "dismiss", "Close")]

    def __init__(self, view: View, focused: DOMNode | None, keys: list[tuple[str, str, str]]) -> None:
        super().__init__()
        self._view, self._focused, self._keys = view, focused, keys

    def compose(self) -> ComposeResult:
        """The screen's own words, those of the focused thing, the keys."""
        with VerticalScroll(id="help"):
            yield Static(Text(f"{self._view.TITLE}\n", style="bold"))
            yield Static(Text(self._view.HELP + "\n"))
            # Widgets that have something to tell the user have it in `SAYS`; Textual's own have not.
            if says := getattr(self._focused, "SAYS", ""):
                yield Static(Text(f"Here: {says}\n"))
            yield Static(_table(self._keys))

    def on_mount(self) -> None:
        """Scrollable at once."""
        self.query_one(VerticalScroll).focus()


def keys_of(screen: Screen[object]) -> list[tuple[str, str, str]]:
    """Every key that does something now: as it is written, what it does, and its id for the config file."""
    found: dict[tuple[str, str], list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if active.enabled and binding.description and not binding.system:
            keys = found.setdefault((binding.description, binding.id or ""), [])
            keys.append(screen.app.get_key_display(binding))
    return [(" ".join(dict.fromkeys(keys)), description, name) for (description, name), keys in found.items()]


def _table(keys: list[tuple[str, str, str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for key, description, name in keys:
        table.add_row(Text(key, style="bold"), Text(description), Text(name, style="dim"))
    return table
