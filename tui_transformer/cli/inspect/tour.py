"""`ttx inspect tour`: a guided walk through the Transformer with a sentence of your choice."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_transformer.cli.parameters import typed
from tui_transformer.tour.stops import SENTENCE, STOPS

from .options import ColorName, Keeper, Options, with_drawing_options
from .show import SAVED_WIDTH, given, print_lines

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture
    from tui_transformer.tour.document import Screen
    from tui_transformer.tour.stops import View


@with_drawing_options
def tour(
    options: Options,
    text: Annotated[str, typer.Argument(help="The sentence to follow.")] = SENTENCE,
    all_: Annotated[
        bool, typer.Option("--all", help="Print all screens one after the other, as without a terminal.")
    ] = False,
    save: Annotated[
        list[Path] | None,
        typer.Option(help="Save to a .html file, or a .md file with a folder of pictures, instead; repeatable.",
                     show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Walk through the Transformer: each screen has a formula, a picture, and the command that makes it.

    On a terminal: space or → goes on, b or ← back, ↑ ↓ scroll, a number goes to a screen, q quits.

    Example:  ttx inspect tour "The weather is fine."
    """
    guide = Guide(options, given(text))
    if save:
        _save(guide, save)
    elif all_ or not (sys.stdin.isatty() and sys.stdout.isatty()):
        print_lines(line for number in range(len(STOPS)) for line in guide.lines(number))
    else:
        from .walking import walk

        walk(guide)


@dataclass
class Guide:
    """The screens of a tour, each made when it is first wanted."""

    options: Options
    sentence: str
    _made: dict[int, Screen] = field(default_factory=dict)

    def screen(self, number: int) -> Screen:
        """A stop, counted from 0, with its commands and pictures. Raises what its commands raise."""
        from tui_transformer.tour.document import Screen

        if number not in self._made:
            stop = STOPS[number]
            calls = [self._arguments(view) for view in stop.views]
            typed = [[call[0], *self._model(shown=True), *call[1:]] for call in calls]
            commands = tuple(shlex.join(["ttx", "inspect", *words]) for words in typed)
            self._made[number] = Screen(stop, commands, tuple(map(self._picture, calls)))
        return self._made[number]

    def lines(self, number: int, columns: int | None = None) -> list[str]:
        """A screen as it is printed: at the width asked for, else `columns`, else the terminal's."""
        import shutil

        from tui_transformer.render.picture import drawn
        from tui_transformer.tour.document import screen_text

        from .show import colours

        width = self.options.width or columns or shutil.get_terminal_size().columns
        whole = screen_text(self.screen(number), number, len(STOPS))
        return drawn(whole, width, colours(self.options.color)).splitlines()

    def _arguments(self, view: View) -> list[str]:
        """What is typed after `ttx inspect`."""
        # Only where a head is asked for: it takes a translation to find it.
        found = self._head if any("{" in option for option in view.options) else {}
        options = [option.format_map(found) for option in view.options]
        if not view.of_sentence:
            return [view.name, *options]
        if self.sentence.startswith("-"):
            return [view.name, *options, "--", self.sentence]
        return [view.name, self.sentence, *options]

    def _model(self, shown: bool = False) -> list[str]:
        """The choice of the model; to be `shown` only if the user made it."""
        return [] if shown and "--model" not in typed(self.options.context) else ["--model", self.options.model]

    def _picture(self, call: Sequence[str]) -> Picture:
        """What the command shows, run as if it had been typed, on the tour's model."""
        name, *arguments = call
        context: Any = self.options.context
        keeper = Keeper(self.options)
        command = context.parent.command.commands[name]
        with command.make_context(name, [*self._model(), *arguments], parent=context.parent, obj=keeper) as its:
            command.invoke(its)
        (picture,) = keeper.pictures
        return picture

    @cached_property
    def _head(self) -> dict[str, int]:
        """Layer and head, from 1, of the encoder–decoder attention that agrees best with all others."""
        from tui_transformer.analysis.aligners import rank_aligners
        from tui_transformer.comparing import attention_of
        from tui_transformer.decoding import Options as Decoding

        trace = self.options.decoding(self.sentence, Decoding(beam=1))
        best = rank_aligners(attention_of(trace, "cross").by_words())[0]
        return {"layer": best.layer + 1, "head": best.head + 1}


def _save(guide: Guide, paths: Sequence[Path]) -> None:
    from tui_transformer.tour.document import check_suffix, save

    for path in paths:
        check_suffix(path)
    screens = [guide.screen(number) for number in range(len(STOPS))]
    colour = guide.options.color is not ColorName.never
    for path in paths:
        save(screens, guide.sentence, path, guide.options.width or SAVED_WIDTH, colour)
