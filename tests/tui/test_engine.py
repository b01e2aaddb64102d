"""A model at work and a kept decoding say the same in the same order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_transformer.errors import UsageError
from tui_transformer.events import Finished
from tui_transformer.heads import Head
from tui_transformer.traces import as_recording, load_trace, save_trace
from tui_transformer.translator import Options, Translator
from tui_transformer.tui.engine import ModelEngine, ReplayEngine
from tui_transformer.tui.live import Live, Mode, Request

TEXTS = ["Tom called Mary's bluff.", "Mary has a flower in her hair.", "Good night. Tom called Mary's bluff."]


def decoded(engine: ModelEngine | ReplayEngine, request: Request) -> Live:
    live = Live(1, request)
    for reading, event in engine.decode(request):
        live.add(reading, event)
    assert live.done
    return live


def whole(engine: ModelEngine | ReplayEngine, request: Request) -> str:
    finished = decoded(engine, request).reading.finished
    assert finished is not None
    return "\n".join(engine.translate(request, finished))


@pytest.fixture
def engine(translator: Translator) -> ModelEngine:
    return ModelEngine(translator)


@pytest.mark.parametrize("mode", ["beam", "greedy"])
def test_the_whole_text_is_what_translate_says(engine: ModelEngine, translator: Translator, mode: Mode) -> None:
    text = "\n".join([*TEXTS, "", "  Good night.  "])
    options = Options(beam=4 if mode == "beam" else 1)
    wanted = "\n".join(translator.translate(text.split("\n"), options))
    assert whole(engine, Request(text, mode)) == wanted


def test_a_beam_is_searched_and_then_read(engine: ModelEngine) -> None:
    live = decoded(engine, Request(TEXTS[0]))
    found, read = live.search.finished, live.reading.finished
    assert found == read
    assert isinstance(found, Finished)
    assert live.search.beam_steps
    assert not live.search.steps
    assert tuple(step.chosen.id for step in live.steps)[: len(found.ids)] == found.ids
    assert len(live.steps) == len(found.ids) + found.complete
    assert all(step.candidates for step in live.steps)


def test_greedy_and_sampling_are_a_reading_themselves(engine: ModelEngine) -> None:
    for mode in ("greedy", "sample"):
        live = decoded(engine, Request(TEXTS[0], mode))
        assert live.steps
        assert live.search.encoded is None


def test_a_seed_draws_the_same_again(engine: ModelEngine) -> None:
    draws = [whole(engine, Request(TEXTS[0], "sample", seed=seed)) for seed in (1, 1, 2, 3, 4, 5)]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1


def test_each_sentence_can_be_watched(engine: ModelEngine) -> None:
    text = f"{TEXTS[2]}\n\n{TEXTS[1]}"
    assert engine.sentences(text) == ("Good night. ", "Tom called Mary's bluff.", TEXTS[1])
    for number, sentence in enumerate(engine.sentences(text)):
        live = decoded(engine, Request(text, sentence=number))
        assert live.encoded is not None
        assert live.encoded.text == sentence


@pytest.mark.parametrize("mode", ["beam", "greedy", "sample"])
def test_a_branch_begins_as_it_must(engine: ModelEngine, mode: Mode) -> None:
    text = f"{TEXTS[2]}\n{TEXTS[1]}"
    first = decoded(engine, Request(text, mode, sentence=1))
    taken = first.steps[1].candidates[-1]
    request = Request(text, mode, sentence=1).beginning((first.steps[0].chosen.id, taken.id))
    live = decoded(engine, request)
    assert live.steps[1].chosen.id == taken.id
    finished = live.reading.finished
    assert finished is not None
    lines = list(engine.translate(request, finished))
    assert finished.text.strip() in lines[0]
    # What is not watched is translated as ever.
    assert lines[1] == whole(engine, Request(TEXTS[1], mode))


def test_a_head_that_is_off_is_not_read(engine: ModelEngine) -> None:
    deaf = frozenset(Head("cross", 1, head) for head in range(4))
    before, after = decoded(engine, Request(TEXTS[0])), decoded(engine, Request(TEXTS[0], off=deaf))
    assert before.reading.finished != after.reading.finished
    assert whole(engine, Request(TEXTS[0], off=deaf)) != whole(engine, Request(TEXTS[0]))


def test_a_blank_text_has_something_to_watch(engine: ModelEngine) -> None:
    for text in ("", "  \n \n"):
        assert engine.sentences(text)
        live = decoded(engine, Request(text))
        finished = live.reading.finished
        assert finished is not None
        assert "\n".join(engine.translate(Request(text), finished)) == text


def test_what_was_watched_is_seen_again(engine: ModelEngine, tmp_path: Path) -> None:
    for request in (Request(TEXTS[0]), Request(TEXTS[0], "greedy")):
        live = decoded(engine, request)
        recording = live.recording()
        assert recording is not None
        save_trace(recording, tmp_path / "kept.trace")
        replay = ReplayEngine(as_recording(load_trace(tmp_path / "kept.trace"), tmp_path), tmp_path)
        again = decoded(replay, request)
        assert [step.chosen for step in again.steps] == [step.chosen for step in live.steps]
        assert [step.live for step in again.search.beam_steps] == [step.live for step in live.search.beam_steps]
        assert again.reading.finished == live.reading.finished


def test_a_replay_decodes_nothing_else(engine: ModelEngine, tmp_path: Path) -> None:
    recording = decoded(engine, Request(TEXTS[0])).recording()
    assert recording is not None
    replay = ReplayEngine(recording, tmp_path / "kept.trace")
    for request in (
        Request(TEXTS[1]),
        Request(TEXTS[0], prefix=(5,)),
        Request(TEXTS[0]).switching(Head("cross", 0, 0)),
    ):
        with pytest.raises(UsageError, match="replay"):
            list(replay.decode(request))
    with pytest.raises(UsageError, match="replay"):
        _ = replay.translator


def test_a_beam_of_one_is_greedy_search(engine: ModelEngine, tmp_path: Path) -> None:
    one, greedy = (decoded(engine, request) for request in (Request(TEXTS[0], beam=1), Request(TEXTS[0], "greedy")))
    assert one.reading.finished == greedy.reading.finished
    assert not one.search.beam_steps
    assert not one.search.steps
    recording = one.recording()
    assert recording is not None
    save_trace(recording, tmp_path / "kept.trace")
    replay = ReplayEngine(as_recording(load_trace(tmp_path / "kept.trace"), tmp_path), tmp_path)
    assert replay.beam == 1


def test_a_sentence_too_far_is_the_last(engine: ModelEngine) -> None:
    beyond, last = Request(TEXTS[2], sentence=7, prefix=(50,)), Request(TEXTS[2], sentence=1, prefix=(50,))
    assert whole(engine, beyond) == whole(engine, last)
