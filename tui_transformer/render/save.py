"""A picture becomes a file; its name says of which kind."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from html import escape
from pathlib import Path

from tui_transformer.errors import InputError, UsageError
from tui_transformer.extras import require_extra
from tui_transformer.whole_file import whole_file

from .picture import Picture, drawn
from .svg import svg

SUFFIXES = (".svg", ".html", ".txt", ".tsv", ".json", ".png")
PNG_ZOOM = 2
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font-family: system-ui, sans-serif; max-width: {width}px; margin: 2em auto; padding: 0 1em }}
figure {{ margin: 1em 0 }} pre {{ overflow-x: auto }} svg {{ max-width: 100%; height: auto }}</style>
<h1>{title}</h1>
{body}
</html>
"""
_FIGURE = """<figure role="img" aria-label="{says}">
{drawing}</figure>
{sentences}"""


def check_suffix(path: Path) -> None:
    """Raise UsageError if nothing can be saved under such a name."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot save {path}: its name must end with one of {', '.join(SUFFIXES)}")


def save(picture: Picture, path: Path, width: int = 100, colour: bool | None = None) -> None:
    """Write a picture at so many columns: .svg, .html, .txt, .tsv, .json or .png; all of it or nothing.

    Without `colour` given, all but .txt have colours. Raises UsageError for another suffix, InputError if the
    place cannot be written, MissingExtraError for a .png without the extra.
    """
    write(path, content(picture, path, width, colour))


def content(picture: Picture, path: Path, width: int = 100, colour: bool | None = None) -> bytes:
    """What `save` would write to a file of this name."""
    check_suffix(path)
    suffix = path.suffix.lower()
    colours = suffix != ".txt" if colour is None else colour
    return _CONTENT[suffix](picture, width, colours)


def write(path: Path, made: bytes) -> None:
    """A file with these bytes, all of it or nothing. Raises InputError."""
    try:
        with whole_file(path) as file:
            file.write(made)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def _svg(picture: Picture, width: int, colour: bool) -> bytes:
    return svg(picture.whole(), width, colour, picture.title).encode()


def _html(picture: Picture, width: int, colour: bool) -> bytes:
    figure = _FIGURE.format(
        says=escape(" ".join(picture.says)),
        drawing=svg(picture.body, width, colour, picture.title),
        sentences="\n".join(f"<p>{escape(sentence)}</p>" for sentence in picture.says),
    )
    return PAGE.format(title=escape(picture.title), width=width * 10, body=figure).encode()


def _txt(picture: Picture, width: int, colour: bool) -> bytes:
    return drawn(picture.whole(), width, "truecolor" if colour else None).encode()


def _tsv(picture: Picture, width: int, colour: bool) -> bytes:  # noqa: ARG001
    return "".join(line + "\n" for line in picture.table.lines()).encode()


def _json(picture: Picture, width: int, colour: bool) -> bytes:  # noqa: ARG001
    return (picture.to_json() + "\n").encode()


def _png(picture: Picture, width: int, colour: bool) -> bytes:
    require_extra("png", "--save FILE.png", "resvg_py", "barcode")
    import resvg_py

    # python-barcode comes with a monospace font: pictures look the same on a machine that has none.
    font = importlib.resources.files("barcode") / "fonts" / "DejaVuSansMono.ttf"
    with importlib.resources.as_file(font) as file:
        drawing = svg(picture.whole(), width, colour, picture.title)
        return resvg_py.svg_to_bytes(svg_string=drawing, zoom=PNG_ZOOM, font_files=[str(file)])


_CONTENT: dict[str, Callable[[Picture, int, bool], bytes]] = dict(
    zip(SUFFIXES, (_svg, _html, _txt, _tsv, _json, _png), strict=True)
)
