"""A run of `ttx translate`: translations become lines of output, and anything else goes to stderr."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tui_transformer.quality import Flag
    from tui_transformer.translation import Translation

    from .formats import Formatter


@dataclass(slots=True)
class Run:
    """Counts lines and, with `checks`, those that look wrong."""

    formatter: Formatter
    checks: bool
    verbose: bool
    number: int = 0
    flagged: int = 0

    def lines(self, translations: Iterator[Translation]) -> Iterator[str]:
        """The lines of output."""
        for self.number, translation in enumerate(translations, 1):
            self._tell_parts(translation)
            yield from self.formatter.lines(self.number, translation, self._check(translation))

    def _check(self, translation: Translation) -> list[Flag]:
        if not self.checks:
            return []
        from tui_transformer.analysis.alignment import default_heads
        from tui_transformer.quality import suspicions

        translator = self.formatter.translator
        architecture = translator.runtime.architecture
        heads = default_heads(architecture.decoder_layers, architecture.heads)
        flags = suspicions(translation.parts, translator.source, translator.target, heads)
        self.flagged += bool(flags)
        if flags and self.formatter.shown.report:
            said = "; ".join(f"{flag.kind}: {flag.detail}" for flag in flags)
            typer.echo(f"ttx: line {self.number}: {said}", err=True)
        return flags

    def _tell_parts(self, translation: Translation) -> None:
        parts = sum(bool(part.source.ids) for part in translation.parts)
        if self.verbose and parts > 1:
            typer.echo(f"ttx: line {self.number}: translated in {parts} parts", err=True)
