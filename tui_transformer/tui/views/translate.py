"""The first screen: a sentence, its translation as it grows, and how sure the model is of each piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Region
from textual.message import Message
from textual.widgets import TextArea

from tui_transformer.tui.picture_view import PictureView
from tui_transformer.tui.view import View
from tui_transformer.tui.widgets.clickable import ClickableView

if TYPE_CHECKING:
    from textual.events import Click

    from tui_transformer.render.flow import Flow
    from tui_transformer.render.picture import Picture


class SourceEditor(TextArea):
    """Where one types. Escape leaves it."""

    SAYS = "The sentence to translate. Type here; escape leaves the editor."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.leave", "Leave the editor: keys are commands", id="translate.leave"),
        Binding("ctrl+q", "app.quit", "Quit", id="translate.quit"),
    ]


class Pieces(ClickableView):
    """Pieces that go on below where the width ends; what is looked at stays in sight."""

    DEFAULT_CSS = "Pieces { overflow-x: hidden; }"

    def follow(self, flow: Flow, token: int) -> None:
        """Show them, and this one."""
        self.show(flow)
        y, room = flow.y_of(token, self.virtual_size.width), self.content_region.height
        if not self.scroll_offset.y <= y <= self.scroll_offset.y + room - 2:
            # A line before it as well, where there is room for one.
            self.scroll_to(y=max(0, y - 2 * (room > 3)), animate=False)


class SourcePieces(Pieces):
    """The source, on the colours of what the newest token reads; below each piece what all tokens have read of it."""

    SAYS = "The source, coloured by what the newest token reads. Below: how much all tokens so far have read."


class TargetPieces(Pieces):
    """The translation so far, on the colours of its probabilities. Arrows and clicks move the moment."""

    SAYS = "The translation so far, coloured by how likely each piece was. Left and right, or a click, move the moment."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "app.step(-1)", "Step back", show=False),
        Binding("right,l", "app.step(1)", "Step on", show=False),
        Binding("home", "app.jump(0)", "To the start", show=False),
        Binding("end", "app.jump(-1)", "To the end", show=False),
        Binding("up", "screen.focus_previous", show=False),
        Binding("down", "screen.focus_next", show=False),
    ]  # fmt: skip


class Candidates(PictureView):
    """The likeliest pieces of the step. Up and down choose one, enter goes on with it."""

    SAYS = "The likeliest pieces of this step. Up and down choose one, enter goes on with it."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Candidate before", show=False, id="translate.candidate-before"),
        Binding("down,j", "move(1)", "Next candidate", show=False, id="translate.candidate-behind"),
        Binding("enter", "take", "Take it", id="translate.take"),
    ]  # fmt: skip

    class Moved(Message):
        """Another candidate is looked at: so many further, or the one at this place."""

        def __init__(self, by: int = 0, place: int | None = None) -> None:
            super().__init__()
            self.by, self.place = by, place

    class Taken(Message):
        """Decoding goes on with the candidate that is looked at."""

    def action_move(self, by: int) -> None:
        """Look at another candidate."""
        self.post_message(self.Moved(by))

    def action_take(self) -> None:
        """Go on with this one."""
        self.post_message(self.Taken())

    def on_click(self, event: Click) -> None:
        """Look at the candidate under the mouse; a second click takes it."""
        offset = event.get_content_offset(self)
        if offset is not None:
            self.post_message(self.Moved(place=offset.y + self.scroll_offset.y))
            if event.chain == 2:
                self.action_take()


class HeadsOfStep(PictureView):
    """What every head reads for the newest token."""

    SAYS = "What every head reads for the newest token."


class TranslateView(View):
    """Type above, watch below."""

    NAME = "translate"
    TITLE = "Translate"
    HELP: ClassVar[str] = (
        "Type a sentence: its translation appears token by token. Escape leaves the editor, i comes back.\n\n"
        "Every piece of the translation stands on the colour of its probability. The moment can be moved: , and . step "
        "back and on, < and > jump to the start and the end, space plays, + and - change the speed; a click on a token "
        "goes there. The source shows what the newest token reads (the mean of all heads above the first layer), and "
        "below it how much all tokens so far have read of each piece: ○ marks what nobody has looked at.\n\n"
        "Among the candidates of the step, up and down choose and enter goes on with another one; o goes back to the "
        "old branch. b switches between beam search, greedy search and sampling."
    )

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._candidate = 0
        self._step_shown: tuple[int, int] = (-1, -1)

    def compose(self) -> ComposeResult:
        """The editor, the source as it is read, the translation, the candidates, the heads."""
        yield SourceEditor(self.app.sitting.text, id="editor", show_line_numbers=False, compact=True)  # type: ignore[attr-defined]
        yield SourcePieces(id="source")
        yield TargetPieces(id="target")
        with Horizontal(id="below"):
            yield Candidates(id="candidates")
            yield HeadsOfStep(id="heads")

    def on_mount(self) -> None:
        """Ready to type."""
        editor = self.query_one(SourceEditor)
        editor.border_title = "source"
        editor.move_cursor(editor.document.end)
        editor.focus()
        self.query_one(TargetPieces).border_title = "translation"

    def entered(self) -> None:
        """The translation has the focus: keys are commands, until somebody writes."""
        self.query_one(TargetPieces).focus()

    def write(self) -> None:
        """Into the editor."""
        self.query_one(SourceEditor).focus()

    def set_text(self, text: str) -> None:
        """Put another text into the editor, which can be undone."""
        editor = self.query_one(SourceEditor)
        editor.replace(text, (0, 0), editor.document.end)
        editor.move_cursor(editor.document.end)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Decode what is there now."""
        self.ttx.edit(event.text_area.text)

    # -- what is drawn ---------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw the moment."""
        from tui_transformer.render.views import watch

        live, moment = self.live, self.moment
        if self._step_shown != (live.run, moment):
            self._step_shown, self._candidate = (live.run, moment), 0
            self.query_one(Candidates).scroll_home(animate=False)
        trace = live.reading.trace(moment)
        self.query_one(SourcePieces).follow(watch.source_flow(live.source, trace), watch.most_read(trace))
        self.query_one(TargetPieces).follow(*self._target())
        self.query_one(TargetPieces).border_subtitle = self._whole()
        step = live.steps[moment - 1] if 0 < moment <= len(live.steps) else None
        candidates, heads = self.query_one(Candidates), self.query_one(HeadsOfStep)
        candidates.show(watch.candidate_bars(step, self._candidate) if step else None)
        candidates.border_title = watch.step_title(step) if step else "candidates"
        off = frozenset((head.layer, head.head) for head in live.request.off if head.kind == "cross")
        if trace is not None and self.screen.has_class("-tall"):
            heads.show(watch.heads_and_all(trace, off))
        else:
            heads.show(watch.heads_of_step(step, off) if step else None)
        heads.border_title = watch.reads(step, live.source) if step else "encoder–decoder attention"

    def _target(self) -> tuple[Flow, int]:
        """The translation, and the token that is to be seen of it."""
        from tui_transformer.render.views import watch

        if not self.live.steps:
            found = self.live.search.searched()
            return watch.searched_flow(found), len(found) - 1
        return watch.target_flow(self.live.steps, self.moment), self.moment - 1

    def _whole(self) -> str:
        """What is said of the whole text where that is more than the sentence watched, or the other branch."""
        from tui_transformer.render.labels import visible

        if self.ttx.other and self.ttx.other.reading.finished:
            return visible(f"other branch (o): {self.ttx.other.reading.finished.text}")
        text = self.live.text
        finished = self.live.reading.finished
        if text is not None and finished and text.strip() != finished.text.strip():
            return visible(f"whole text: {text}".replace("\n", " ⏎ "))
        return ""

    # -- candidates ------------------------------------------------------------------------------------

    @on(TargetPieces.Clicked, "#target")
    def token_clicked(self, message: TargetPieces.Clicked) -> None:
        """Look at the moment of a token."""
        self.ttx.go_to(message.part + 1)

    def on_candidates_moved(self, message: Candidates.Moved) -> None:
        """Look at another candidate of the step."""
        if not 0 < self.moment <= len(self.live.steps):
            return
        there = len(self.live.steps[self.moment - 1].candidates)
        wanted = self._candidate + message.by if message.place is None else message.place
        self._candidate = max(0, min(wanted, there - 1))
        self.show()
        here = Region(0, self._candidate, 1, 1)
        self.query_one(Candidates).scroll_to_region(here, animate=False, force=True, immediate=True)

    def on_candidates_taken(self) -> None:
        """Go on with another piece than the model took."""
        if not 0 < self.moment <= len(self.live.steps):
            return
        step = self.live.steps[self.moment - 1]
        candidate = step.candidates[self._candidate]
        if candidate.id == step.chosen.id:
            self.notify("this is the piece that was taken: choose another one with up and down", timeout=3)
        else:
            self.ttx.take_branch(candidate.id)

    def picture(self) -> Picture | None:
        """The step that is shown, or the whole decoding at its end."""
        from tui_transformer.analysis.alignment import default_heads
        from tui_transformer.render.views.decode import Shown, decode_picture, step_picture

        trace = self.live.reading.trace(self.moment)
        if trace is None:
            return None
        heads = default_heads(*trace.steps[0].cross_attention.shape[:2])
        shown = Shown(trace, len(trace.steps[0].candidates), heads, self.live.request.mode)
        if trace.finished.complete:
            return decode_picture(shown)
        return step_picture(shown, len(trace.steps) - 1)

    def place(self) -> dict[str, Any]:
        """Nothing but what the shell remembers."""
        return {}
