"""A question with one line for the answer, above any screen: what fits is listed while one types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList

from tui_transformer.errors import TtxError


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, an answer to begin with, and what is known of answers.

    `matches` are what fits what is typed, as (what is shown, what is answered); one of them must be taken, if it is
    given. Otherwise `check` raises a TtxError for what is no answer.
    """

    text: str
    answer: str = ""
    example: str = ""
    matches: Callable[[str], Sequence[tuple[str, str]]] | None = None
    check: Callable[[str], object] | None = None


class AskScreen(ModalScreen[str | None]):
    """Enter answers, up and down choose among what fits, escape leaves."""

    DEFAULT_CSS = """
    AskScreen { align: center middle; }
    AskScreen #ask { width: 70; max-width: 90%; height: auto; max-height: 90%; padding: 0 1; border: round $primary;
        background: $surface; }
    AskScreen OptionList { height: auto; max-height: 12; border: none; background: $surface; }
    AskScreen Label { width: 100%; }
    AskScreen #wrong { color: $error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Leave"),
        Binding("down", "move('cursor_down')", "Next", show=False),
        Binding("up", "move('cursor_up')", "Before", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question
        self._answers: list[str] = []

    def compose(self) -> ComposeResult:
        """The question, the line, what fits or what is wrong."""
        with Vertical(id="ask"):
            yield Label(Text(self.question.text))
            yield Input(self.question.answer, placeholder=self.question.example, compact=True)
            if self.question.matches:
                yield OptionList()
            yield Label("", id="wrong")

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one(Input).focus()
        self._match(self.question.answer)

    def on_input_changed(self, event: Input.Changed) -> None:
        """List what fits."""
        self.query_one("#wrong", Label).update("")
        self._match(event.value)

    def _match(self, typed: str) -> None:
        if self.question.matches is None:
            return
        found, options = self.question.matches(typed), self.query_one(OptionList)
        self._answers = [answer for _, answer in found]
        options.clear_options()
        options.add_options([Text(label, no_wrap=True) for label, _ in found])
        options.highlighted = 0 if found else None
        if not found:
            self.query_one("#wrong", Label).update("nothing like it")

    def action_move(self, where: str) -> None:
        """Another one of what fits."""
        if self._answers:
            getattr(self.query_one(OptionList), f"action_{where}")()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """It was clicked."""
        self.dismiss(self._answers[event.option_index])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what is highlighted, or what was typed if there is nothing wrong with it."""
        if self.question.matches:
            place = self.query_one(OptionList).highlighted
            if place is not None:
                self.dismiss(self._answers[place])
            return
        try:
            if self.question.check:
                self.question.check(event.value)
        except TtxError as error:
            self.query_one("#wrong", Label).update(Text(str(error)))
            return
        self.dismiss(event.value)
