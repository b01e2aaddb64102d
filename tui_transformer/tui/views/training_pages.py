"""The curves of a run, and its samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui_transformer.tui.paging import Page
from tui_transformer.tui.picture_view import PictureView

if TYPE_CHECKING:
    from textual.events import Click

    from tui_transformer.render.picture import Picture
    from tui_transformer.training_log import TrainingLog
    from tui_transformer.tui.views.training import TrainingView

LEAST_LOSS, LEAST_OTHER = 7, 4


class RunPicture(PictureView):
    """Left and right go through the evaluations instead of scrolling."""

    SAYS = "This page of the run. Left and right go through its evaluations."

    DEFAULT_CSS = "RunPicture { scrollbar-gutter: stable; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "evaluation(-1)", show=False),
        Binding("right,l", "evaluation(1)", show=False),
        Binding("home", "evaluation(-1000000)", show=False),
        Binding("end", "evaluation(1000000)", show=False),
    ]

    class Scrubbed(Message):
        """So many evaluations on or back."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def action_evaluation(self, by: int) -> None:
        """Go on or back."""
        self.post_message(self.Scrubbed(by))


class RunPage(Page):
    """A page of the Training screen."""

    @property
    def view(self) -> TrainingView:
        """The screen, with its run and the evaluation that is looked at."""
        from tui_transformer.tui.views.training import TrainingView

        return next(view for view in self.ancestors if isinstance(view, TrainingView))

    @property
    def log_now(self) -> TrainingLog | None:
        """What is known of the run; None if there is nothing to draw."""
        log = self.view.run_log
        return log if log and (log.updates or log.evaluations) else None

    def opened(self) -> None:
        """Another run was opened."""

    def entered(self) -> None:
        """Keys go to the picture."""
        self.query_one(RunPicture).focus()

    def on_run_picture_scrubbed(self, message: RunPicture.Scrubbed) -> None:
        """Look at another evaluation."""
        self.view.action_evaluation(message.by)


class CurvesPicture(RunPicture):
    """A click goes to the nearest evaluation."""

    class Clicked(Message):
        """A column was clicked."""

        def __init__(self, column: int) -> None:
            super().__init__()
            self.column = column

    def on_click(self, event: Click) -> None:
        """Which column it was."""
        offset = event.get_content_offset(self)
        if offset is not None:
            self.post_message(self.Clicked(offset.x + self.scroll_offset.x))


class CurvesPage(RunPage):
    """Loss and perplexity, learning rate, BLEU."""

    NAME = "curves"
    TITLE = "Curves"
    KEY = "c"

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        """One picture."""
        yield CurvesPicture(id="curves")

    def show(self) -> None:
        """Anew if there is more, another evaluation, or another size."""
        from rich.console import Group
        from rich.text import Text

        from tui_transformer.render.views.training import training_curves

        view, log = self.query_one(CurvesPicture), self.log_now
        wanted = (log, self.view.at, view.size)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        if log is None:
            view.border_title = "curves"
            view.show(Text("nothing to draw yet" if self.view.run_log else "", style="dim"))
            return
        picture = self.picture()
        assert picture
        at = self.view.at
        here = log.evaluations[at].step if at is not None else None
        view.border_title = picture.title
        lines = _lines(view.scrollable_content_region.height, any(bleu(log)))
        view.show(Group(training_curves(log, *lines, here), Text(), picture.words()))

    def on_curves_picture_clicked(self, message: CurvesPicture.Clicked) -> None:
        """Look at the evaluation that is nearest to this column."""
        from tui_transformer.render.views.training import step_at

        log = self.log_now
        if log and log.evaluations:
            width = self.query_one(CurvesPicture).scrollable_content_region.width
            step = step_at(log, message.column, width)
            places = range(len(log.evaluations))
            self.view.go_to(min(places, key=lambda place: abs(log.evaluations[place].step - step)))

    def picture(self) -> Picture | None:
        """What `ttx train --plot` draws."""
        from tui_transformer.render.views.training import training_picture

        return training_picture(self.log_now) if self.log_now else None


def bleu(log: TrainingLog) -> list[float]:
    """All BLEU scores of a run."""
    return [score.bleu for one in log.evaluations for score in one.dev.values() if score.bleu is not None]


def _lines(height: int, with_bleu: bool) -> tuple[int, int]:
    """The lines of the loss and of each other box, so that all is seen at once if that is possible."""
    boxes = 2 if with_bleu else 1
    # A legend, an axis with two rows of ticks and a note; of each other box an empty line, a name, an axis, a row.
    left = height - 5 - 4 * boxes - 6
    other = max(LEAST_OTHER, left // (3 + boxes))
    loss = left - boxes * other
    return (loss, other) if loss >= LEAST_LOSS + 2 else (max(LEAST_LOSS, height - 5), LEAST_OTHER)


class SamplesPage(RunPage):
    """What became of each sample."""

    NAME = "samples"
    TITLE = "Translations"
    KEY = "t"

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        """One picture."""
        yield RunPicture(id="samples")

    def show(self) -> None:
        """Anew if there is more, or another evaluation."""
        view = self.query_one(RunPicture)
        view.border_title = "sample translations"
        wanted = (self.view.run_log, self.view.at)
        if wanted != self._drawn:
            self._drawn = wanted
            picture = self.picture()
            view.show(picture.body if picture else None)

    def picture(self) -> Picture | None:
        """The samples at this evaluation."""
        from tui_transformer.render.views.evaluation import samples_picture

        at = self.view.at
        return samples_picture(self.view.run_log, at) if self.view.run_log and at is not None else None
