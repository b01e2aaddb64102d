"""What every screen of `ttx tui` is: it shows the moment of the decoding, and can say and save what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Container, Vertical
from textual.message import Message

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture

    from .app import TtxApp
    from .live import Live


class Views(Container):
    """The place of the screens. The app hears of a window's new size before anything is laid out for it, this after."""

    class Resized(Message):
        """There is more or less room."""

    def on_resize(self) -> None:
        """Tell it."""
        self.post_message(self.Resized())


class View(Vertical):
    """One screen. Only the one in front is told what happens; each is made when it is first opened.

    Its state outlives the session if `place` gives it and `take` accepts it. Its own keys are `BINDINGS` with ids.
    """

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    HELP: ClassVar[str]
    """What one sees here and what it means, in a paragraph or two, for `?`."""

    @property
    def ttx(self) -> TtxApp:
        """The app, with its engine, its decoding and its playback."""
        from .app import TtxApp

        assert isinstance(self.app, TtxApp)
        return self.app

    @property
    def live(self) -> Live:
        """The decoding."""
        return self.ttx.live

    @property
    def moment(self) -> int:
        """How many steps of it are shown."""
        return self.ttx.playback.moment

    @property
    def no_model(self) -> str:
        """That there is no model, if none is there or to come."""
        from .app import NO_MODEL

        return NO_MODEL if self.ttx.engine is None and self.ttx.no_model else ""

    def show(self) -> None:
        """Draw the moment: called whenever it, the decoding or the size may have changed, at most once a frame."""
        raise NotImplementedError

    def entered(self) -> None:
        """The screen has come to the front: put the focus where it belongs."""

    def picture(self) -> Picture | None:
        """What is shown, for saving, copying and reading aloud; None while there is nothing."""
        return None

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """What can be asked of this screen by name, for the palette: title, what it does, how."""
        return ()

    def place(self) -> dict[str, Any]:
        """Where one is, as JSON."""
        return {}

    def take(self, place: dict[str, Any]) -> None:
        """Go back where one was. What does not fit any more is left out."""
