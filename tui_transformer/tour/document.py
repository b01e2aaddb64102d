"""The tour as teaching material: Markdown with pictures in a folder beside it, or one page of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from tui_transformer.errors import InputError, UsageError
from tui_transformer.render.labels import visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG
from tui_transformer.render.picture import Picture
from tui_transformer.render.save import PAGE, write
from tui_transformer.render.svg import svg

from .stops import Stop

SUFFIXES = (".md", ".html")
TITLE = "A walk through the Transformer"
_SPECIAL = "\\`*_{}[]<>#|~&"


@dataclass(frozen=True, slots=True)
class Screen:
    """A stop with its commands, as one types them, and their pictures."""

    stop: Stop
    commands: tuple[str, ...]
    pictures: tuple[Picture, ...]


def screen_text(screen: Screen, number: int, count: int) -> Group:
    """A stop, counted from 0 of so many, as it is drawn in a terminal."""
    stop = screen.stop
    parts: list[RenderableType] = [
        Text(f"{number + 1}/{count}  {stop.title}", style=STRONG), Text(),
        Text(stop.formula, style=ACCENT), Text(),
        Text(stop.tells), Text(),
    ]  # fmt: skip
    for command, picture in zip(screen.commands, screen.pictures, strict=True):
        parts += [Text(visible(f"$ {command}"), style=QUIET), Text(), picture.whole(), Text()]
    return Group(*parts)


def check_suffix(path: Path) -> None:
    """Raise UsageError if a tour cannot be saved under such a name."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot save {path}: its name must end with one of {', '.join(SUFFIXES)}")


def save(screens: Sequence[Screen], sentence: str, path: Path, width: int, colour: bool = True) -> None:
    """Write the tour, its pictures as SVG of so many columns: .html in one file, .md with a folder of its name beside.

    Raises UsageError for another suffix, InputError if the place cannot be written.
    """
    check_suffix(path)
    if path.suffix.lower() == ".html":
        write(path, _html(screens, sentence, width, colour).encode())
        return
    folder = path.with_suffix("")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from None
    for number, screen in enumerate(screens, 1):
        for name, picture in _files(number, screen):
            write(folder / name, svg(picture.whole(), width, colour, picture.title).encode())
    # Last: whoever finds it finds its pictures too.
    write(path, _markdown(screens, sentence, folder.name).encode())


def _files(number: int, screen: Screen) -> list[tuple[str, Picture]]:
    """The pictures of a stop with the names of their files."""
    several = len(screen.pictures) > 1
    return [
        (f"{number:02}-{screen.stop.name}{f'-{i}' if several else ''}.svg", picture)
        for i, picture in enumerate(screen.pictures, 1)
    ]


def _markdown(screens: Sequence[Screen], sentence: str, folder: str) -> str:
    parts = [f"# {TITLE}", f"The sentence: {_literal(visible(sentence))}"]
    for number, screen in enumerate(screens, 1):
        stop = screen.stop
        parts += [f"## {number}. {stop.title}", _fenced(stop.formula, "text"), _literal(stop.tells)]
        for command, (name, picture) in zip(screen.commands, _files(number, screen), strict=True):
            alternative = _literal(" ".join(picture.says))
            parts += [_fenced(visible(command), "sh"), f"![{alternative}](<{folder}/{name}>)"]
    return "\n\n".join(parts) + "\n"


def _fenced(text: str, language: str) -> str:
    """As it is, whatever it has in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _literal(text: str) -> str:
    """Nothing in it is taken for Markdown, and it stays on its line."""
    return "".join(f"\\{one}" if one in _SPECIAL else one for one in " ".join(text.split()))


def _html(screens: Sequence[Screen], sentence: str, width: int, colour: bool) -> str:
    parts = [f"<p>The sentence: {escape(visible(sentence))}</p>"]
    for number, screen in enumerate(screens, 1):
        stop = screen.stop
        parts += [f"<h2>{number}. {escape(stop.title)}</h2>", f"<pre>{escape(stop.formula)}</pre>",
                  f"<p>{escape(stop.tells)}</p>"]  # fmt: skip
        for command, picture in zip(screen.commands, screen.pictures, strict=True):
            said = escape(" ".join(picture.says))
            drawing = svg(picture.whole(), width, colour, picture.title)
            parts += [
                f"<pre>$ {escape(visible(command))}</pre>",
                f'<figure role="img" aria-label="{said}">\n{drawing}</figure>',
            ]
    return PAGE.format(title=TITLE, width=width * 10, body="\n".join(parts))
