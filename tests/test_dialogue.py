"""The warm prompt's mind: what is translated, what is obeyed, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_transformer import Translator
from tui_transformer.dialogue import Dialogue, Manner, is_command
from tui_transformer.errors import BundleError, InputError


@pytest.fixture
def dialogue(bundle_folder: Path) -> Dialogue:
    return Dialogue(Manner(str(bundle_folder)), lambda name: Translator.load(name, "cpu"))


def test_lines_are_translated(dialogue: Dialogue, pairs: list[tuple[str, str]]) -> None:
    assert [dialogue.translate(source) for source, _ in pairs[:5]] == [[target] for _, target in pairs[:5]]


def test_lines_without_text_and_bytes_that_are_none(dialogue: Dialogue) -> None:
    assert dialogue.translate("") == [""]
    assert len(dialogue.translate("\udcff\ud800 Tom")) == 1


def test_what_must_be_kept_is_kept(dialogue: Dialogue) -> None:
    (said,) = dialogue.translate("See http://x.org/a_b?c=1 on 1,825.5 now.")
    assert "http://x.org/a_b?c=1" in said
    assert "1,825.5" in said


def test_more_translations_and_their_scores(dialogue: Dialogue, pairs: list[tuple[str, str]]) -> None:
    assert dialogue.obey(":beam 2") == "beam 2"
    assert dialogue.obey(":n-best 3") == "n-best 3"
    texts = dialogue.translate(pairs[0][0])
    assert dialogue.obey(":scores") == "scores on"
    scored = [line.split("\t") for line in dialogue.translate(pairs[0][0])]
    assert len(set(texts)) == len(texts) == 3
    assert [text for _, text in scored] == texts
    (forced,) = dialogue.translator.score([(pairs[0][0], texts[0])])
    assert float(scored[0][0]) == pytest.approx(forced.log_probability, abs=1e-3)
    assert dialogue.obey(":scores") == "scores off"


def test_the_model_can_be_changed(dialogue: Dialogue, bundle_folder: Path) -> None:
    before = dialogue.translator
    assert dialogue.obey(f":model {bundle_folder}") == f"model {bundle_folder}, en → de"
    assert dialogue.translator is not before
    assert dialogue.obey(":model") == f"model {bundle_folder}"


@pytest.mark.parametrize("line", [":", ":what", ":beam", ":beam 0", ":beam 65", ":beam ²", ":n-best x"])
def test_what_is_wrong_changes_nothing(dialogue: Dialogue, line: str) -> None:
    before = dialogue.manner
    with pytest.raises(InputError):
        dialogue.obey(line)
    assert dialogue.manner == before


def test_a_model_that_is_not_there_changes_nothing(dialogue: Dialogue) -> None:
    before = dialogue.manner, dialogue.translator
    with pytest.raises(BundleError):
        dialogue.obey(":model nowhere")
    assert (dialogue.manner, dialogue.translator) == before


def test_help_names_every_command(dialogue: Dialogue) -> None:
    assert [word for word in (":model", ":beam", ":n-best", ":scores") if word not in dialogue.obey(":help")] == []


def test_two_colons_begin_a_text(dialogue: Dialogue) -> None:
    assert is_command(":help")
    assert not is_command("::help")
    assert dialogue.translate("::Tom") == dialogue.translate(" :Tom".strip())
