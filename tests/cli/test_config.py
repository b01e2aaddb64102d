"""Settings on the command line: flags > environment > file > default, for every command alike."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import Ttx, refused


@pytest.fixture
def config() -> Path:
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "ttx" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def shown(ttx: Ttx) -> dict[str, tuple[str, str]]:
    done = ttx("config", "show")
    assert (done.code, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    return {option: (value, origin) for option, value, origin in rows}


def test_without_settings_all_is_default(ttx: Ttx) -> None:
    rows = shown(ttx)
    assert {origin for _, origin in rows.values()} == {"default"}
    assert rows["translate.beam"] == ("", "default")  # the model's own
    assert rows["score.format"] == ("tsv", "default")
    assert rows["export.score"] == ("true", "default")
    assert rows["train.epochs"] == ("", "default")


def test_show_tells_the_origin(ttx: Ttx, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('model = "x"\n[score]\nsummary = true\n')
    monkeypatch.setenv("TTX_BEAM", "2")
    rows = shown(ttx)
    assert rows["translate.model"] == rows["score.model"] == ("x", f"{config}:1")
    assert rows["score.summary"] == ("true", f"{config}:3")
    assert rows["translate.beam"] == rows["evaluate.beam"] == ("2", "TTX_BEAM")


def test_each_layer_wins_over_those_below(
    ttx: Ttx, config: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = "Tom\tTom\n"
    config.write_text(f'model = "{bundle_folder}"\n[score]\nformat = "jsonl"\n')
    assert ttx("score", stdin=pair).out.startswith("{")
    monkeypatch.setenv("TTX_FORMAT", "tsv")
    assert ttx("score", stdin=pair).out.startswith("-")
    assert ttx("score", "--format", "jsonl", stdin=pair).out.startswith("{")


def test_flags_can_be_set(ttx: Ttx, config: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("[score]\nsummary = true\n")
    assert ttx("score", "-m", bundle_folder, stdin="Tom\tTom\n").out.startswith("1\t")
    monkeypatch.setenv("TTX_SUMMARY", "0")
    assert ttx("score", "-m", bundle_folder, stdin="Tom\tTom\n").out.startswith("-")


@pytest.mark.parametrize(
    "text",
    [
        "beem = 1",
        "beam = 0",
        "beam = 2.9",
        "beam = 1979-05-27",
        "length-penalty = nan",
        "beam = true",
        "beam = [1]",
        'beam = "four"',
        "verbose = 1",
        'device = "gpu"',
    ],
)
def test_bad_settings_name_their_place_and_stop_every_command(ttx: Ttx, config: Path, text: str) -> None:
    config.write_text(f"\n{text}\n")
    for command in (["score"], ["models", "list"], ["config", "show"]):
        done = ttx(*command)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"ttx: {config}:2: ")


def test_a_mark_of_byte_order_is_no_part_of_the_file(ttx: Ttx, config: Path) -> None:
    config.write_text("\ufeffbeam = 2\n[translate]\nlength-penalty = 1\n")
    rows = shown(ttx)
    assert rows["translate.beam"] == ("2", f"{config}:1")
    assert rows["translate.length-penalty"] == ("1", f"{config}:3")


def test_a_bad_variable_is_named(ttx: Ttx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTX_SAMPLES", "many")
    done = ttx("models", "list")
    assert done.code == 2
    assert done.err.startswith("ttx: TTX_SAMPLES: samples: ")


def test_what_some_commands_can_take_is_for_those(ttx: Ttx, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[score]\nformat = "jsonl"\n')
    monkeypatch.setenv("TTX_FORMAT", "text")
    rows = shown(ttx)
    assert rows["translate.format"] == ("text", "TTX_FORMAT")
    assert rows["score.format"] == ("jsonl", f"{config}:2")


def test_options_given_several_times_take_lists(ttx: Ttx, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[translate]\nkeep = ["a b", "c"]\n')
    assert shown(ttx)["translate.keep"] == ("a b c", f"{config}:2")
    monkeypatch.setenv("TTX_KEEP", "x y")
    assert shown(ttx)["translate.keep"] == ("x y", "TTX_KEEP")


def test_path_and_help_work_whatever_the_file_says(ttx: Ttx, config: Path) -> None:
    config.write_text("what = is this")
    assert ttx("config", "path").out == f"{config}\n"
    assert ttx("--help").code == 0


@pytest.mark.parametrize(
    ("variable", "command"),
    [
        ("LENGTH_PENALTY=0.8", "inspect decode Tom"), ("LENGTH_PENALTY=0.8", "inspect decode --from-trace TRACE"),
        ("LENGTH_PENALTY=0.8", "translate --beam 1 Tom"), ("LENGTH_PENALTY=0.8", "translate --sample Tom"),
        ("BEAM=3", "inspect decode --from-trace TRACE"), ("BEAM=3", "inspect attention --from-trace TRACE"),
        ("BEAM=3", "inspect decode --top 3 Tom"), ("TOP=3", "inspect decode --beam 2 Tom"),
        ("BEAM=3", "translate --sample Tom"), ("N_BEST=2", "translate --sample Tom"),
        ("NO_REPEAT_NGRAM=2", "translate --sample Tom"), ("NO_REPEAT_NGRAM=2", "translate --alternatives 1 Tom"),
        ("SEED=3", "translate Tom"), ("TEMPERATURE=2", "translate Tom"), ("TOP_K=2", "translate Tom"),
        ("TOP_P=0.5", "translate Tom"), ("ALIGN_HEADS=1:1", "translate Tom"),
    ],
)  # fmt: skip
def test_a_setting_gives_way_where_it_does_not_go_with_what_is_typed(
    ttx: Ttx, bundle_folder: Path, tmp_path: Path, variable: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTX_MODEL", str(bundle_folder))
    trace = str(tmp_path / "kept.trace")
    assert ttx("inspect", "decode", "Tom", "--trace", trace).code == 0
    words = [trace if word == "TRACE" else word for word in command.split()]
    without = ttx(*words)
    name, value = variable.split("=")
    monkeypatch.setenv(f"TTX_{name}", value)
    assert without.code == 0
    assert ttx(*words) == without
    refused(ttx(*words, f"--{name.lower().replace('_', '-')}", value))


@pytest.mark.parametrize("command", ["export nowhere out --no-score", "import nowhere --out out"])
def test_a_beam_for_scores_that_nobody_wants_is_no_obstacle(
    ttx: Ttx, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(ttx(*command.split(), "--beam", "2"), "--beam")
    monkeypatch.setenv("TTX_BEAM", "2")
    assert "nowhere" in ttx(*command.split()).err
