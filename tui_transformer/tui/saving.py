"""`s`: the picture of the screen in front as a file; in a browser it is downloaded."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from tui_transformer.errors import TtxError

from .paths import typed_path

if TYPE_CHECKING:
    from textual.app import App

    from tui_transformer.render.picture import Picture

SAVED_WIDTH = 120


class SaveScreen(ModalScreen[Path | None]):
    """Asks for the file's name, whose end says of which kind it is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Do not save")]

    def __init__(self, suggested: str) -> None:
        super().__init__()
        self._suggested = suggested
        self._warned = ""

    def compose(self) -> ComposeResult:
        """A name to be changed or taken."""
        with Vertical(id="save"):
            yield Label("Save as .svg .html .png .txt .tsv .json — escape leaves")
            yield Input(self._suggested, id="name")
            yield Label("", id="warning", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Done, unless the name will not do or is taken: that is said, and enter again overwrites."""
        from tui_transformer.render.save import check_suffix

        try:
            path = typed_path(event.value)
            check_suffix(path)
        except TtxError as error:
            self.query_one("#warning", Label).update(str(error))
            return
        if path.exists() and not self.app.is_web and self._warned != str(path):
            self._warned = str(path)
            self.query_one("#warning", Label).update(f"there is such a file: enter again to overwrite {path}")
            return
        self.dismiss(path)


def keep(app: App[None], picture: Picture, path: Path) -> None:
    """Write the picture, or let the browser download it. Raises a TtxError for what cannot be written."""
    from tui_transformer.render.save import content, save

    if app.is_web:
        app.deliver_binary(io.BytesIO(content(picture, path, SAVED_WIDTH)), save_filename=path.name)
        return
    save(picture, path, SAVED_WIDTH)
    app.notify(f"saved {path}", timeout=4)
