"""The options that every view shares: `with_options` gives them to a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_transformer.cli.parameters import DeviceName, DeviceOption, ModelOption, as_text
from tui_transformer.errors import UsageError

if TYPE_CHECKING:
    from tui_transformer.decoding import Options as Decoding
    from tui_transformer.events import Trace
    from tui_transformer.render.picture import Picture
    from tui_transformer.traces import Inside, Kept
    from tui_transformer.translator import Translator

Text = Annotated[
    str | None,
    typer.Argument(
        help="A sentence; without it, sentences from standard input, one JSON object each.", show_default=False
    ),
]


class ColorName(StrEnum):
    """When to use colour."""

    auto = "auto"
    always = "always"
    never = "never"


class FormatName(StrEnum):
    """What goes to standard output."""

    text = "text"
    tsv = "tsv"
    json = "json"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How a picture is drawn, and where it goes."""

    color: ColorName
    width: int | None
    output_format: FormatName | None = None
    save: list[Path] | None = None
    no_pager: bool = False
    context: typer.Context | None = None

    @property
    def keeper(self) -> Keeper | None:
        """Who keeps the picture, if it is not to be shown yet."""
        return self.context.obj if self.context and isinstance(self.context.obj, Keeper) else None


@dataclass(frozen=True, kw_only=True)
class Options(Drawing):
    """The options of every view. The model is loaded when a view first needs it."""

    model: str
    device: DeviceName
    threads: int | None
    trace: Path | None = None
    from_trace: Path | None = None

    def __post_init__(self) -> None:
        if self.trace and self.from_trace:
            raise UsageError("--from-trace shows a saved decoding: there is nothing to save with --trace")

    @property
    def chosen_model(self) -> bool:
        """Whether somebody chose the model, by option, variable or config file."""
        source: Any = self.context.get_parameter_source("model") if self.context else None
        return source is not None and source.name != "DEFAULT"

    @cached_property
    def translator(self) -> Translator:
        """The model. Raises BundleError or DeviceError."""
        if self.keeper:
            return self.keeper.options.translator
        from tui_transformer.translator import Translator

        # One sentence's operators are too small to share: a second thread makes them slower (measured: 2×).
        return Translator.load(self.model, self.device.value, self.threads or 1)

    @cached_property
    def target_pieces(self) -> tuple[str, ...]:
        """What the model calls each target id."""
        target = self.translator.target
        return target.pieces(range(target.size))

    @cached_property
    def kept(self) -> Kept | None:
        """What `--from-trace` names, None without it. Raises InputError."""
        from tui_transformer.traces import load_trace

        return load_trace(self.from_trace) if self.from_trace else None

    @property
    def read_trace(self) -> Trace | None:
        """The decoding that `--from-trace` names, None without it. Raises InputError."""
        from tui_transformer.traces import as_decoding

        return as_decoding(self.kept, self.from_trace) if self.kept and self.from_trace else None

    @property
    def read_inside(self) -> Inside | None:
        """What happened inside, as `--from-trace` keeps it, None without it. Raises InputError."""
        from tui_transformer.traces import as_inside

        return as_inside(self.kept, self.from_trace) if self.kept and self.from_trace else None

    @property
    def kept_text(self) -> str | None:
        """The sentence of what `--from-trace` names, None without it. Raises InputError."""
        from tui_transformer.traces import Inside, as_decoding

        if self.kept is None or self.from_trace is None:
            return None
        if isinstance(self.kept, Inside):
            return self.kept.probed.text
        return as_decoding(self.kept, self.from_trace).encoded.text

    def decoding(self, text: str, how: Decoding) -> Trace:
        """The decoding of a sentence: read from `--from-trace`, or done now and kept in `--trace`."""
        from tui_transformer.events import Trace
        from tui_transformer.traces import save_trace

        if self.read_trace:
            return self.read_trace
        trace = Trace.of(self.translator.stream(text, how))
        if self.trace:
            save_trace(trace, self.trace)
        return trace


@dataclass(slots=True)
class Keeper:
    """Keeps the pictures that a view would show. A command gets it as its context's object; the model is shared."""

    options: Options
    pictures: list[Picture] = field(default_factory=list)


def _computing(
    model: ModelOption = "en-de",
    device: DeviceOption = DeviceName.auto,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads per operator; 1 if not given.", show_default=False, envvar="TTX_THREADS"),
    ] = None,
) -> None:
    """The options of all that need a model: only their signature is used."""


def _drawing(
    color: Annotated[
        ColorName, typer.Option(help="auto: on a terminal, unless NO_COLOR is set or TERM is dumb.")
    ] = ColorName.auto,
    width: Annotated[
        int | None,
        typer.Option(min=20, max=1000, help="Width in columns; the terminal's if not given.", show_default=False),
    ] = None,
) -> None:
    """The options of all that draw: only their signature is used."""


def _output(
    output_format: Annotated[
        FormatName | None, typer.Option("--format", help="tsv and json give the values.", show_default=False)
    ] = None,
    save: Annotated[
        list[Path] | None,
        typer.Option(
            help="Save to a .svg, .html, .txt, .tsv, .json or .png file instead; repeatable.", show_default=False
        ),
    ] = None,
    no_pager: Annotated[bool, typer.Option("--no-pager", help="Do not page output taller than the terminal.")] = False,
) -> None:
    """Where the picture of a view goes: only their signature is used."""


def _traces(
    trace: Annotated[
        Path | None, typer.Option(help="Save the whole decoding to this file.", show_default=False)
    ] = None,
    from_trace: Annotated[
        Path | None, typer.Option(help="Show a saved decoding; needs no model.", show_default=False)
    ] = None,
) -> None:
    """The options of views that show a decoding: only their signature is used."""


View = Callable[..., None]


def with_options(view: View) -> View:
    """A command from `view(options: Options, …)`: the view's own parameters, and those that all views share."""
    return _with(view, Options, _computing, _drawing, _output)


def with_options_and_traces(view: View) -> View:
    """The same for a view that shows a decoding, which can be saved and read back: `options.decoding`."""
    return _with(view, Options, _computing, _drawing, _output, _traces)


def with_drawing_options(command: View) -> View:
    """The same for a command with its own way of showing or saving: which model, how wide, in what colours."""
    return _with(command, Options, _computing, _drawing)


def with_picture_options(command: View) -> View:
    """A command from `command(drawing: Drawing, …)` that shows a picture without needing a model."""
    return _with(command, Drawing, _drawing, _output)


def _with(view: View, kind: type[Drawing], *sources: View) -> View:
    shared = [parameter for source in sources for parameter in _parameters(source)]

    def command(context: typer.Context, **arguments: Any) -> None:
        given = {parameter.name: arguments.pop(parameter.name) for parameter in shared}
        if issubclass(kind, Options):
            arguments = {name: _readable(value) for name, value in arguments.items()}
        view(kind(**given, context=context), **arguments)

    command.__name__, command.__doc__, command.__module__ = view.__name__, view.__doc__, view.__module__
    # Typer reads its parameters from here.
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    command.__signature__ = inspect.Signature([context, *_parameters(view)[1:], *shared])  # type: ignore[attr-defined]
    command.__annotations__ = {}
    return command


def _readable(value: Any) -> Any:
    """What a view was given: texts, with invalid bytes replaced; or something else."""
    if isinstance(value, list):
        return [_readable(one) for one in value]
    return as_text(value) if type(value) is str else value


def _parameters(function: View) -> list[inspect.Parameter]:
    """With annotations evaluated, all by keyword."""
    found = inspect.signature(function, eval_str=True).parameters.values()
    return [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in found]
