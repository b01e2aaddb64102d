"""Pictures as JSON and as files."""

from __future__ import annotations

import json
import struct
import xml.etree.ElementTree as ET
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tui_transformer import extras
from tui_transformer.errors import InputError, MissingExtraError, UsageError
from tui_transformer.render.heatmap import HeatMap
from tui_transformer.render.picture import Picture, Table, jsonable
from tui_transformer.render.save import SUFFIXES, save

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def picture() -> Picture:
    values = {"weights": np.array([[0.1, np.nan]], np.float32), "n": np.int64(3), "text": "<&\x1b"}
    body = HeatMap(np.array([[0.0, 1.0], [0.5, 0.25]]), ["中<&", "b"])
    return Picture(
        "test", 'A "title" <&>', body, ("One says\x00 <this>.", "Two."), values, Table(("a", "b"), [(1, "x\ty")])
    )


def test_json_has_its_schema_and_plain_values(picture: Picture) -> None:
    content = json.loads(picture.to_json())
    assert list(content)[:2] == ["schema", "view"]
    assert content == {"schema": 1, "view": "test", "weights": [[0.1, None]], "n": 3, "text": "<&\x1b",
                       "says": ["One says\x00 <this>.", "Two."]}  # fmt: skip
    assert "\n" not in picture.to_json()


def test_what_json_has_no_words_for_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        jsonable({"x": object()})


def test_svg_is_xml_that_refers_to_nothing_outside(picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    save(picture, path, 60)
    root = ET.parse(path).getroot()
    assert root.get("width") == str(60 * 8 + 24)
    assert [text.text for text in root.iter(f"{SVG}title")] == ['A "title" <&>']
    assert "http" not in path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    letters = {text.text for text in root.iter(f"{SVG}text")}
    assert {"中", "<&", "says", "␀", "<this>."} <= letters
    assert "▀" not in "".join(str(text) for text in letters)


def test_half_blocks_are_shapes_without_seams(picture: Picture, tmp_path: Path) -> None:
    save(picture, tmp_path / "a.svg", 60)
    paths = {path.get("fill"): path.get("d") for path in ET.parse(tmp_path / "a.svg").getroot().iter(f"{SVG}path")}
    # The body is the third line; behind the label of five cells stand two cells of two rows.
    x, y = 12 + 5 * 8, 12 + 2 * 16
    drawn = " ".join(str(path) for path in paths.values())
    for column in (0, 1):
        assert f"M{x + 8 * column} {y}h8v8h-8z" in drawn
        assert f"M{x + 8 * column} {y}h8v16h-8z" in drawn


def test_png_has_its_size_and_more_than_one_colour(picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    save(picture, path, 50)
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert (width, height) == (2 * (50 * 8 + 24), 2 * (6 * 16 + 24))
    start = content.index(b"IDAT")
    (length,) = struct.unpack(">I", content[start - 4 : start])
    assert len(set(zlib.decompressobj().decompress(content[start + 4 : start + 4 + length]))) > 20


def test_png_needs_its_extra(picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tui-transformer\[png\]'"):
        save(picture, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_html_is_one_page_with_the_drawing_and_the_sentences(picture: Picture, tmp_path: Path) -> None:
    save(picture, tmp_path / "a.html", 60)
    tags: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    Parser().feed(page)
    assert {"svg", "h1", "figure"} <= set(tags)
    assert not {"script", "link", "img"} & set(tags)
    assert "<p>Two.</p>" in page


def test_text_table_and_json(picture: Picture, tmp_path: Path) -> None:
    for suffix in (".txt", ".tsv", ".json"):
        save(picture, tmp_path / f"a{suffix}", 60)
    lines = (tmp_path / "a.txt").read_text(encoding="utf-8").splitlines()
    assert lines == ['A "title" <&>', "", "中<&  █", "   b ▒·", "", "One says␀ <this>.", "Two."]
    assert (tmp_path / "a.tsv").read_text() == "a\tb\n1\tx y\n"
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == picture.to_json() + "\n"


def test_colour_can_be_had_or_left_out_of_every_kind(picture: Picture, tmp_path: Path) -> None:
    for suffix in (".txt", ".svg"):
        for colour in (True, False):
            save(picture, tmp_path / f"{colour}{suffix}", 60, colour)
    assert "\x1b[" in (tmp_path / "True.txt").read_text(encoding="utf-8")
    assert "\x1b[" not in (tmp_path / "False.txt").read_text(encoding="utf-8")
    fills = {e.get("fill") for e in ET.parse(tmp_path / "False.svg").getroot().iter() if e.get("fill")}
    assert fills == {"#ffffff", "#181a20"}


def test_an_unknown_kind_is_told_with_those_there_are(picture: Picture, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=", ".join(SUFFIXES)):
        save(picture, tmp_path / "a.gif")


@pytest.mark.parametrize("place", ["nowhere/a.svg", "taken.svg"])
def test_a_place_that_cannot_be_written(picture: Picture, tmp_path: Path, place: str) -> None:
    (tmp_path / "taken.svg").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        save(picture, tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.svg"]
