"""The command palette: every key by name, and what the screen in front offers besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from .live import MODES, Mode

if TYPE_CHECKING:
    from .app import TtxApp

SEARCHES: dict[Mode, str] = {"beam": "beam search", "greedy": "greedy search", "sample": "sampling"}
Command = tuple[str, str, Callable[[], object]]


class TtxCommands(Provider):
    """Searches titles; without a word typed, all are listed."""

    async def discover(self) -> Hits:
        """All commands."""
        for title, told, run in self._commands():
            yield DiscoveryHit(title, run, help=told)

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for title, told, run in self._commands():
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), run, help=told)

    def _commands(self) -> Iterator[Command]:
        app: TtxApp = self.app  # type: ignore[assignment]
        yield from app.front.commands()
        for mode in MODES:
            yield f"Decode by {SEARCHES[mode]}", "the mode of all screens", partial(app.choose_mode, mode)
        seen = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            # The shell refuses its first keys while the palette is open, which closes before it does anything.
            enabled = active.enabled or binding.priority
            if binding.id and binding.id not in seen and binding.description and enabled:
                seen.add(binding.id)
                run = partial(app.run_action, binding.action, active.node)
                yield binding.description, f"key {app.get_key_display(binding)}", run
