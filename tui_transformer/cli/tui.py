"""`ttx tui`: the application."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.errors import UsageError

from .parameters import DeviceName, DeviceOption, ModelOption, as_text

if TYPE_CHECKING:
    from tui_transformer.tui.engine import Engine
    from tui_transformer.tui.sitting import Sitting


def tui(
    text: Annotated[
        str | None, typer.Argument(help="Text to translate; the last text if not given.", show_default=False)
    ] = None,
    model: ModelOption = "en-de",
    device: DeviceOption = DeviceName.auto,
    replay: Annotated[
        Path | None, typer.Option(help="Replay a saved decoding; needs no model.", show_default=False)
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Save the last decoding to this file, for --replay.", show_default=False)
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Open the Training screen on this run folder.", show_default=False),
    ] = None,
    theme: Annotated[
        str | None,
        typer.Option(help="ttx-dark, ttx-light, ansi-dark (the terminal's own colours) …", show_default=False),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help='Rebind an action: ID=KEYS, such as "play=p"; ? shows the ids. Repeatable.',
            show_default=False,
        ),
    ] = None,
    screen_reader: Annotated[bool, typer.Option("--screen-reader", help="Show sentences instead of pictures.")] = False,
    inline: Annotated[
        bool, typer.Option("--inline", help="A small live view below the prompt, which stays in the scrollback.")
    ] = False,
    serve: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, metavar="PORT", help="Serve it to a browser at http://127.0.0.1:PORT.", show_default=False
        ),
    ] = None,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="Measure first frame, key to paint and frames; print the times at the end."),
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Neither restore nor save the session.")] = False,
) -> None:
    """Watch it think: type a sentence, see it translated token by token while every head lights up.

    The text, the branch and the screen are restored at the next start.

    Example:  ttx tui "The old man gave the girl a beautiful red rose."
    """  # fmt: skip
    from tui_transformer.tui.app import TtxApp
    from tui_transformer.tui.keys import keymap
    from tui_transformer.tui.profile import Profile
    from tui_transformer.tui.sitting import Sitting, load_sitting, save_sitting, sitting_path

    # A tab that is served is a terminal itself, whatever variables and the config file say.
    if serve is not None and "TEXTUAL_DRIVER" not in os.environ:
        _serve(serve)
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()) and "TEXTUAL_DRIVER" not in os.environ:
        raise UsageError("ttx tui needs a terminal: in pipes use ttx translate or ttx inspect")
    if replay and (text is not None or record):
        raise UsageError("--replay plays a saved decoding: it takes neither TEXT nor --record")
    if run is not None and inline:
        raise UsageError("--run opens the Training screen, for which --inline has no room")
    keys = keymap(key or [])
    path = sitting_path()
    sitting = Sitting() if fresh or replay else load_sitting(path)
    if text is not None:
        text = as_text(text)
    if text is not None and text != sitting.text:
        sitting.text, sitting.sentence, sitting.prefix, sitting.off = text, 0, [], []
    if run is not None:
        _open_run(sitting, run)
    sitting.theme = theme or sitting.theme
    sitting.spoken = sitting.spoken or screen_reader
    measured = Profile() if profile else None
    kept = _replayed(replay) if replay else None
    app = TtxApp(
        lambda: kept or _loaded(model, device.value),
        sitting,
        keys,
        record,
        None if fresh or replay else lambda now: save_sitting(now, path),
        measured,
        device.value,
    )
    if theme and theme not in app.available_themes:
        raise UsageError(f"there is no theme {theme!r}: choose one of {', '.join(sorted(app.available_themes))}")
    # What was seen last stays in the scrollback.
    app.run(inline=inline, inline_no_clear=inline)
    if app.engine is None and app.not_loaded:
        raise app.not_loaded
    for line in measured.lines() if measured else ():
        typer.echo(line)


def _open_run(sitting: Sitting, run: Path) -> None:
    """Begin with the Training screen, at this run's newest evaluation. Raises InputError if it is not a run."""
    from tui_transformer.training_log import LogReader

    reader = LogReader(run)
    reader.read()
    sitting.screen = "training"
    kept = sitting.places.get("training", {})
    sitting.places["training"] = {**kept, "run": str(reader.path.absolute()), "at": None}


def _serve(port: int) -> None:
    """The same command for each browser tab, without the option that asks for it."""
    from tui_transformer.tui.serve import serve

    arguments, kept = iter(sys.argv[sys.argv.index("tui") + 1 :]), []
    for argument in arguments:
        if argument == "--serve":
            next(arguments)
        elif not argument.startswith("--serve="):
            kept.append(argument)
    serve(kept, port)


def _loaded(model: str, device: str) -> Engine:
    from tui_transformer.translator import Translator
    from tui_transformer.tui.engine import ModelEngine

    return ModelEngine(Translator.load(model, device))  # type: ignore[arg-type]


def _replayed(path: Path) -> Engine:
    from tui_transformer.traces import as_recording, load_trace
    from tui_transformer.tui.engine import ReplayEngine

    return ReplayEngine(as_recording(load_trace(path), path), path)
