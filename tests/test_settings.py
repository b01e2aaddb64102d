"""Settings: who wins, what is refused, and where a value is said to come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.errors import SettingsError
from tui_transformer.settings import ConfigFile, Setting, config_path, read_config, settle, variable

COMMANDS = {"translate": ["beam", "model"], "score": ["model"], "models.verify": [], "models.list": ["json"]}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("TTX_CONFIG", str(path))
    return path


def settled(config: Path, text: str, **environment: str) -> dict[str, dict[str, list[Setting]]]:
    config.write_text(text, encoding="utf-8")
    return settle(COMMANDS, read_config(), environment)


def test_the_file_is_found_by_xdg_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TTX_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path() == tmp_path / "ttx" / "config.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert config_path() == Path.home() / ".config" / "ttx" / "config.toml"


def test_without_a_file_nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TTX_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settle(COMMANDS, read_config(), {}) == {command: {} for command in COMMANDS}


def test_a_table_wins_over_the_top_and_a_variable_over_both(config: Path) -> None:
    text = 'model = "top"\nbeam = 2\n\n[translate]\nmodel = "own"\n[models.list]\njson = true\n'
    assert settled(config, text) == {
        "translate": {
            "model": [Setting("own", f"{config}:5"), Setting("top", f"{config}:1")],
            "beam": [Setting(2, f"{config}:2")],
        },
        "score": {"model": [Setting("top", f"{config}:1")]},
        "models.verify": {},
        "models.list": {"json": [Setting(True, f"{config}:7")]},
    }
    found = settled(config, text, TTX_MODEL="mine", TTX_BEAM="")
    assert found["translate"]["model"][0] == Setting("mine", "TTX_MODEL")
    assert found["translate"]["beam"] == [Setting(2, f"{config}:2")]


def test_rare_ways_to_write_toml_are_read_too(config: Path) -> None:
    found = settled(config, 'translate = {beam = 3}\n"model" = "x"\n')
    assert found["translate"] == {"beam": [Setting(3, str(config))], "model": [Setting("x", str(config))]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("baem = 1", ":1: unknown key baem; the nearest is beam"),
        ("\n[score]\nmodle = 'x'", ":3: unknown key modle in [score]; the nearest is model"),
        ("[translat]", ":1: unknown table [translat]; the nearest is [translate]"),
        ("[models.verfy]\nx = 1", ":1: unknown table [models.verfy]; the nearest is [models.verify]"),
        ("[models.verify]\nx = 1", ":2: unknown key x in [models.verify]: it has no options"),
        ("[models]\nx = 1", ":2: unknown key x in [models]: it has no options"),
        ("beam = ", " is not TOML: "),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(config: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settled(config, text)
    assert f"{config}{message}" in str(refused.value)
    assert refused.value.exit_code == 2


def test_unreadable_files(config: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        read_config()
    config.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_config()
    config.unlink()
    config.mkdir()
    with pytest.raises(SettingsError, match="cannot read"):
        read_config()


def test_variables_are_named_after_options() -> None:
    assert variable("length-penalty") == "TTX_LENGTH_PENALTY"


@given(
    st.dictionaries(st.sampled_from(["beam", "model"]), st.integers()),
    st.dictionaries(st.sampled_from(["beam", "model"]), st.integers()),
    st.dictionaries(st.sampled_from(["TTX_BEAM", "TTX_MODEL"]), st.sampled_from(["", "1"])),
)
def test_precedence(top: dict[str, int], own: dict[str, int], environment: dict[str, str]) -> None:
    found = settle(COMMANDS, ConfigFile(Path("f"), {**top, "translate": own}), environment)["translate"]
    for key in ("beam", "model"):
        winner = environment.get(variable(key)) or own.get(key, top.get(key))
        assert (found[key][0].value if key in found else None) == winner
