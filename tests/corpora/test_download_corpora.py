"""The whole way, from a site on loopback to files that a recipe reads; and the table of the real sites."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.corpora import build, fluent, po, sidebyside
from scripts.corpora.clean import key, normalised
from scripts.corpora.command import run
from scripts.corpora.formats import FORMATS
from scripts.corpora.table import HELD_OUT, Part, read_table

from .conftest import Site

ROOT = Path(__file__).parents[2]
TATOEBA = (
    "Hello.\tHallo.\tCC-BY 2.0\nHello!\tGuten Tag.\tCC-BY 2.0\nThe  cat sleeps.\tDie Katze schläft.\tCC-BY\n"
    "The cat sleeps.\tDie Katze schla\u0308ft.\tCC-BY\nno tab\nOnly <b>bold</b>.\tNur <b>fett</b>.\n\tLeer.\n"
    "Rain is wet.\tRegen ist nass.\n"
)
PO = r"""
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\n"

#: a.xhp
msgctxt "x"
msgid "<ahelp hid=\".\">Opens the <emph>File</emph> menu.</ahelp>"
msgstr "<ahelp hid=\".\">Öffnet das "
"Menü <emph>Datei</emph>.</ahelp>"

#, fuzzy
msgid "Doubtful"
msgstr "Zweifelhaft"

msgid "Empty"
msgstr ""

msgid "~Save \"all\""
msgstr "Alles _speichern"
"""
FTL = {
    "site-1/en/brands.ftl": "-brand = Firefox\n",
    "site-1/de/brands.ftl": "-brand = Firefox\n",
    "site-1/en/a.ftl": "# note\none = Get { -brand } <a href='x'>now</a>\n    and be happy.\n    .title = Tip\n"
    "two = { $n }\n",
    "site-1/de/a.ftl": "one = Hol dir { -brand } <a href='x'>jetzt</a> und sei froh.\ntwo = { $n }\nthree = Mehr\n",
}
SPANS = (
    '<span data-ttu-id="1-103">Wählen Sie **OK**.</span><span class="sxs-lookup"><span data-stu-id="1-103">Select '
    '**OK**.</span></span> <span data-ttu-id="1-104">[Hilfe](a.md)</span><span class="sxs-lookup">'
    '<span data-stu-id="1-104">[Help](a.md)</span></span>\n<span data-ttu-id="1-105">[!INCLUDE[x](y)] ist da</span>'
    '<span class="sxs-lookup"><span data-stu-id="1-105">[!INCLUDE[x](y)] is here</span></span>'
)
NEWS = '<refset>\n<doc>\n<seg id="1">{}</seg>\n<seg id="2">{}</seg>\n</doc>\n</refset>\n'
TABLE = """
[[download]]
file = "deu-eng.zip"
urls = ["{0}/deu-eng.zip"]
licence = "CC-BY-2.0-FR"
attribution = "Tatoeba"
[[download]]
file = "office.tar.xz"
urls = ["{0}/office.tar.xz"]
licence = "MPL-2.0"
attribution = "LibreOffice"
[[download]]
file = "news.tgz"
urls = ["{0}/news.tgz"]
licence = "free for research"
attribution = "WMT"
[[download]]
file = "train.en.gz"
urls = ["{0}/train.en.gz"]
licence = "research"
attribution = "Captions"
[[download]]
file = "train.de.gz"
urls = ["{0}/train.de.gz"]
licence = "research"
attribution = "Captions"
[[set]]
file = "en-de/dev.news.tsv"
[[set.part]]
downloads = ["news.tgz"]
members = ["*news-src.en.sgm", "*news-ref.de.sgm"]
format = "sgm"
languages = ["en", "de"]
[[set]]
file = "en-de/dev.held.tsv"
held_out = "list.txt"
[[set.part]]
downloads = ["deu-eng.zip"]
members = ["*deu.txt"]
format = "columns"
[[set]]
file = "en-de/train.tsv.gz"
apart_from = ["en-de/dev.news.tsv", "en-de/dev.held.tsv"]
[[set.part]]
corpus = "tatoeba"
downloads = ["deu-eng.zip"]
members = ["*deu.txt"]
format = "columns"
[[set.part]]
corpus = "office"
downloads = ["office.tar.xz"]
members = ["*/de/*.po", "!*/ui/*"]
format = "po"
[[set]]
file = "en-de/captions.tsv"
[[set.part]]
downloads = ["train.en.gz", "train.de.gz"]
members = ["*"]
format = "moses"
languages = ["en", "de"]
first = 2
"""


def packed(files: dict[str, str], mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def command(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    site.files = {
        "deu-eng.zip": zipped({"_about.txt": "About\tthis", "deu.txt": TATOEBA}),
        "office.tar.xz": packed(
            {"o/source/de/help.po": PO, "o/source/de/ui/no.po": PO, "o/source/es/help.po": PO}, "w:xz"
        ),
        "news.tgz": packed(
            {
                "t/news-src.en.sgm": NEWS.format("Q &amp; A", "It rains."),
                "t/news-ref.de.sgm": NEWS.format("Fragen &amp; Antworten", "Regen ist nass."),
            },
            "w:gz",
        ),
        "train.en.gz": gzip.compress(b"A dog.\nA\xe2\x80\xa8cat.\nA cow.\n"),
        "train.de.gz": gzip.compress(b"Ein Hund.\nEine Katze.\nEine Kuh.\n"),
    }
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "list.txt").write_text(f"{key(('Gone.', 'Weg.'))}\n{key(('Hello.', 'Hallo.'))}\n")
    monkeypatch.setattr(build, "HELD_OUT", tmp_path / "held")
    monkeypatch.setattr("scripts.corpora.fetch.time.sleep", lambda _: None)
    (tmp_path / "table.toml").write_text(TABLE.format(site.address))

    def go(*arguments: str) -> int:
        return run(["--sources", str(tmp_path / "table.toml"), "--out", str(tmp_path / "data"), *arguments])

    return go


def test_downloads_become_the_files_that_recipes_read(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--yes") == 0
    data = tmp_path / "data" / "en-de"
    out, err = capsys.readouterr()
    assert out.split() == [
        str(data / name) for name in ("dev.news.tsv", "dev.held.tsv", "train.tsv.gz", "captions.tsv")
    ]
    assert (data / "dev.news.tsv").read_text("utf-8") == "Q & A\tFragen & Antworten\nIt rains.\tRegen ist nass.\n"
    assert (data / "dev.held.tsv").read_text("utf-8") == "Hello.\tHallo.\n"
    assert (data / "captions.tsv").read_text("utf-8") == "A dog.\tEin Hund.\nA cat.\tEine Katze.\n"
    with gzip.open(data / "train.tsv.gz", "rt", encoding="utf-8") as lines:
        assert lines.read().splitlines() == [
            "The cat sleeps.\tDie Katze schläft.\ttatoeba",  # once, in NFC; "Hello!" and rain are in other sets
            "Opens the File menu.\tÖffnet das Menü Datei .\toffice",
            'Save "all"\tAlles speichern\toffice',
        ]
    assert "3 pairs (tatoeba 1, office 2)" in err
    assert "shared with a development or test set 3" in err
    assert "no longer at the site 1" in err
    assert err.index("CC-BY-2.0-FR") < err.index("1/5 ")


def test_the_same_downloads_give_the_same_bytes(command: Callable[..., int], site: Site, tmp_path: Path) -> None:
    train = tmp_path / "data" / "en-de" / "train.tsv.gz"
    assert command("--yes", "en-de/train.tsv.gz") == 0
    before, asked = train.read_bytes(), len(site.asked)
    train.unlink()
    assert command("--yes", "en-de/train.tsv.gz") == 0
    assert train.read_bytes() == before
    assert len(site.asked) == asked == 3  # what it needs, once


def test_licences_are_shown_and_nothing_is_downloaded(
    command: Callable[..., int], site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--list", "en-de/dev.held.tsv") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "deu-eng.zip: CC-BY-2.0-FR" in out
    assert "MPL" not in out
    assert site.asked == []


def test_without_a_yes_nothing_is_downloaded(
    command: Callable[..., int], site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    assert command() == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("give --yes")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert command("en-de/dev.held.tsv") == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    site.asked.clear()
    assert command() == 2
    assert site.asked == []


def cut_short(site: Site) -> None:
    site.files["deu-eng.zip"] = site.files["deu-eng.zip"][:100]


def lost(site: Site) -> None:
    del site.files["deu-eng.zip"]


def half_a_pair(site: Site) -> None:
    site.files["news.tgz"] = packed({"t/news-src.en.sgm": NEWS.format("One", "Two")}, "w:gz")


def uneven(site: Site) -> None:
    files = {"t/news-src.en.sgm": NEWS.format("One", "Two"), "t/news-ref.de.sgm": '<seg id="1">Eins</seg>'}
    site.files["news.tgz"] = packed(files, "w:gz")


def not_utf8(site: Site) -> None:
    site.files["train.de.gz"] = gzip.compress(b"M\xfche\n")


@pytest.mark.parametrize(
    ("harm", "code", "said"),
    [
        (lost, 1, "404"),
        (cut_short, 5, "deu-eng.zip cannot be unpacked"),
        (half_a_pair, 5, "news.tgz lacks a member"),
        (uneven, 5, "2 lines on one side, 1 on the other"),
        (not_utf8, 5, "train.de.gz: not UTF-8"),
    ],
)
def test_a_site_that_gives_something_else(
    command: Callable[..., int],
    site: Site,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[Site], None],
    code: int,
    said: str,
) -> None:
    harm(site)
    assert command("--yes") == code
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("download_corpora: ")
    assert said in last
    assert not list((tmp_path / "data").rglob("*.partial"))


@pytest.mark.parametrize(
    "arguments", [("--yes", "en-de/nothing.tsv"), ("--no-such-option",), ("--sources", "nowhere.toml")], ids=" ".join
)
def test_wrong_usage_is_one_line(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert command(*arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("old", "new"), [('"news.tgz"]', '"x.tgz"]'), ("http://", "file://"), ("licence", "license")])
def test_a_table_that_cannot_be_used(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    path = tmp_path / "table.toml"
    path.write_text(path.read_text().replace(old, new))
    assert command("--list") == 2
    assert capsys.readouterr().err.count("\n") == 1


# -- formats ------------------------------------------------------------------------------------------


def members(files: dict[str, str]) -> list[tuple[str, io.BytesIO]]:
    return [(name, io.BytesIO(text.encode())) for name, text in files.items()]


def test_fluent_messages_of_two_languages_are_paired_by_name() -> None:
    part = Part("fluent", (), (), languages=("en", "de"))
    assert list(fluent.read(iter(members(FTL)), part)) == [
        ("Get Firefox now and be happy.", "Hol dir Firefox jetzt und sei froh.")
    ]


def test_gettext_messages_nobody_doubts() -> None:
    assert [source for source, _ in po.messages(PO)] == [
        '<ahelp hid=".">Opens the <emph>File</emph> menu.</ahelp>',
        '~Save "all"',
    ]


@pytest.mark.parametrize(("kind", "found"), [("HT", [("Select OK.", "Wählen Sie OK."), ("Help", "Hilfe")]), ("MT", [])])
def test_side_by_side_pages_of_human_translators(kind: str, found: list[tuple[str, str]]) -> None:
    page = f"---\ntitle: x\nms.translationtype: {kind}\n---\n{SPANS}"
    assert list(sidebyside.read(iter(members({"a.md": page})), Part("side by side", (), ()))) == found


def test_sentences_are_the_same_whatever_their_case_and_punctuation() -> None:
    assert normalised("„Hallo“, Ｔom!") == normalised("hallo tom") == "hallo tom"
    assert normalised("Tom 1") != normalised("Tom 2")


# -- the real table -------------------------------------------------------------------------------------


def test_the_table_names_the_corpora_of_the_published_recipe() -> None:
    table = read_table()
    recipe = tomllib.loads((ROOT / "export" / "recipes" / "en-de.toml").read_text(encoding="utf-8"))
    train = table.sets[recipe["data"]["train"][0]]
    assert {part.corpus for part in train.parts} == {corpus["name"] for corpus in recipe["data"]["corpora"]}
    assert set(recipe["data"]["dev"].values()) <= set(train.apart_from)
    assert all(download.licence and download.attribution for download in table.downloads.values())
    assert {part.format for one in table.sets.values() for part in one.parts} <= FORMATS.keys()
    for one in table.sets.values():
        assert not one.held_out or len(set((HELD_OUT / one.held_out).read_text().split())) == 2000


def test_the_script_runs_from_anywhere(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "download_corpora.py"
    done = subprocess.run(
        [sys.executable, "-I", script, "--list", "en-es/dev.tatoeba.tsv"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "spa-eng.zip: CC-BY-2.0-FR" in done.stdout
