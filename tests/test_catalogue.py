"""Finding a model: by name in the places where models live, or by its path."""

from __future__ import annotations

from pathlib import Path

import pytest

import tui_transformer
from tui_transformer import catalogue
from tui_transformer.catalogue import find_model, installed_models, model_folders
from tui_transformer.errors import BundleError


def put_model(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "manifest.json").write_text("{}")
    return folder / name


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """TTX_MODELS and the user's data folder; the shipped models are out of sight, the current folder is empty."""
    chosen, data = tmp_path / "chosen", tmp_path / "data"
    monkeypatch.setenv("TTX_MODELS", str(chosen))
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    monkeypatch.setattr(catalogue, "__file__", str(tmp_path / "site" / "tui_transformer" / "catalogue.py"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return chosen, data / "ttx" / "models"


def test_nearest_first(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    site = tmp_path / "site"
    assert list(model_folders()) == [*folders, site / "tui_transformer" / "models", site / "models"]


@pytest.mark.parametrize("value", [None, ""])
def test_without_settings_models_are_looked_for_in_the_home_folder(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("TTX_MODELS", "XDG_DATA_HOME"):
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    package = Path(tui_transformer.__file__).parent
    assert list(model_folders()) == [
        tmp_path / ".local" / "share" / "ttx" / "models",
        package / "models",
        package.parent / "models",
    ]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TTX_MODELS", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, "")


def test_every_model_is_listed_once_and_the_nearest_wins(folders: tuple[Path, Path]) -> None:
    chosen, data = folders
    near = put_model(chosen, "en-de")
    put_model(data, "en-de")
    far = put_model(data, "en-es")
    (chosen / "unfinished").mkdir()
    (chosen / "notes.txt").write_text("no model")
    assert installed_models() == {"en-de": near, "en-es": far}
    assert find_model("en-de") == near
    assert find_model("en-es") == far


def test_places_that_cannot_be_read_hold_no_models(folders: tuple[Path, Path]) -> None:
    chosen, data = folders
    chosen.write_text("a file where a folder should be")
    model = put_model(data, "en-de")
    assert installed_models() == {"en-de": model}


def test_a_path_is_taken_as_it_is(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    model = put_model(tmp_path, "mine")
    assert find_model(str(model)) == model
    assert find_model("../mine") == Path("../mine")
    assert find_model("./nothing/here") == Path("nothing/here")  # reading it says what is missing


def test_a_model_in_the_current_folder_needs_no_slash(folders: tuple[Path, Path]) -> None:
    put_model(folders[0], "en-de")
    put_model(Path.cwd(), "en-de")
    assert find_model("en-de") == Path("en-de")


@pytest.mark.parametrize("name", ["fr-it", "", "x" * 5000, "a\0b", "two\nlines"])
def test_an_unknown_model_is_one_clear_error_that_lists_the_known_ones(name: str, folders: tuple[Path, Path]) -> None:
    for known in ("en-es", "en-de"):
        put_model(folders[0], known)
    with pytest.raises(BundleError) as caught:
        find_model(name)
    message = str(caught.value)
    assert message.startswith(f"no model {name!r}: ")
    assert message.endswith("(en-de, en-es)")
    assert "\n" not in message


def test_an_unknown_model_where_there_is_none(folders: tuple[Path, Path]) -> None:
    with pytest.raises(BundleError, match=r"\(none\)$"):
        find_model("en-de")
