"""From text to translation, watched and unwatched, on the model that knows 50 pairs by heart."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tui_transformer import bundle
from tui_transformer.bundle import Bundle
from tui_transformer.clauses import ended
from tui_transformer.errors import BundleError
from tui_transformer.events import BeamStep, Encoded, Event, Finished, Step, Trace
from tui_transformer.search import Hypothesis
from tui_transformer.sessions import as_ort
from tui_transformer.source import Source, readable
from tui_transformer.translator import Options, Translator

Pairs = list[tuple[str, str]]
GREEDY = Options(beam=1)
SENTENCE = "He admired her as a great director."
BLANK = ["", " ", "\t \t", "\r", "\u2000", "\u3000", "\x85", "\u2028", "\x1c\x1f", "\x0b\x0c"]
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3).filter(str.strip)


def steps_of(events: list[Event]) -> list[Any]:
    return events[1:-1]


@pytest.fixture
def step_calls(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each call of the decoder, so far."""
    calls: list[int] = []
    step = translator.runtime.step

    def counted(ids: Any, *rest: Any, **options: Any) -> Any:
        calls.append(len(ids))
        return step(ids, *rest, **options)

    monkeypatch.setattr(translator.runtime, "step", counted)
    return calls


@pytest.fixture
def never_ends(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end becomes the least likely of all pieces."""
    step, eos = translator.runtime.step, translator.special.target_eos

    def endless(*arguments: Any, **options: Any) -> Any:
        ids, cache, _, *rest = arguments
        answer = step(ids, cache, True, *rest, **options)
        scores = answer._scores[bundle.LOGITS].numpy()
        scores[:, eos] = -1e6
        maxima = scores.reshape(len(scores), -1, 128).max(axis=2)
        changed = {bundle.LOGITS: as_ort(scores), bundle.BLOCK_MAXIMA: as_ort(maxima)}
        return replace(answer, _scores=changed, next_id=scores.argmax(axis=1))

    monkeypatch.setattr(translator.runtime, "step", endless)


# -- translating --------------------------------------------------------------------------------------


@pytest.mark.parametrize("beam", [1, 2, 4, 8])
def test_it_says_what_it_has_learnt(translator: Translator, pairs: Pairs, beam: int) -> None:
    assert [translator.translate_line(source, Options(beam=beam)) for source, _ in pairs] == [
        target for _, target in pairs
    ]


@pytest.mark.parametrize("beam", [1, 4])
def test_a_batch_gives_hypotheses_best_first(translator: Translator, pairs: Pairs, beam: int) -> None:
    sources = [part for source, _ in pairs for part in translator.split(source)]
    found = translator.translate_batch(sources, Options(beam=beam))
    assert [translator.target.decode(hypotheses[0].ids) for hypotheses in found] == [target for _, target in pairs]
    for hypotheses in found:
        assert len(hypotheses) == beam
        assert [h.score for h in hypotheses] == sorted((h.score for h in hypotheses), reverse=True)
        assert hypotheses[0].complete


def test_lines_without_text_among_others(translator: Translator) -> None:
    sources = [part for line in ("", "The roof leaks.", " ") for part in translator.split(line)]
    empty, roof, blank = translator.translate_batch(sources, GREEDY)
    assert empty == blank == [Hypothesis((), 0.0, 0.0)]
    assert translator.target.decode(roof[0].ids) == "Das Dach leckt."
    assert translator.translate_batch([]) == []


@pytest.mark.parametrize("line", BLANK, ids=ascii)
def test_blank_lines_come_back_as_they_are(translator: Translator, line: str, step_calls: list[int]) -> None:
    assert translator.translate_line(line) == line
    assert step_calls == []


@pytest.mark.parametrize("space", BLANK, ids=ascii)
def test_white_space_around_a_line_is_kept(translator: Translator, space: str) -> None:
    assert translator.translate_line(f"{space}The roof leaks.{space}") == f"{space}Das Dach leckt.{space}"


def test_composed_and_decomposed_characters_are_the_same_to_the_model(translator: Translator) -> None:
    (composed,) = translator.split("café Österreich")
    (decomposed,) = translator.split(unicodedata.normalize("NFD", "café Österreich"))
    assert decomposed.ids == composed.ids


def test_line_breaks_within_a_text_are_spaces_to_the_model(translator: Translator) -> None:
    assert translator.translate_line("The roof\r\nleaks.\n") == "Das Dach leckt.\n"


def test_a_line_break_that_the_model_says_becomes_a_space(translator: Translator) -> None:
    ids = [*translator.target.encode("Das"), translator.target.encode("\n")[-1], *translator.target.encode("Dach")]
    assert "\n" in translator.target.decode(ids)
    (part,) = translator.split(" x ")
    assert translator.text(part, Hypothesis(tuple(ids), 0.0, 0.0)) == " Das  Dach "


def read(part: Source) -> str:
    """What the model reads of a part of a line: one that does not close its sentence has a full stop all the same."""
    return readable(part.text) if part.closes else ended(readable(part.text))


@settings(max_examples=50)
@given(st.lists(words | st.sampled_from(["Tom", "Tom admired her.", " ", "\r", "\r\n", "▁", "e\u0301", "x" * 99])))
def test_splitting_loses_nothing_and_keeps_to_the_limit(translator: Translator, text: list[str]) -> None:
    line = "".join(text)
    parts = translator.split(line)
    for part in parts:
        *ids, end = part.ids or (translator.special.source_eos,)
        assert end == translator.special.source_eos
        assert len(part.ids) <= translator.bundle.manifest.sentence_limit
        assert translator.source.decode(ids) == read(part)

    def visible(text: str) -> str:
        return unicodedata.normalize("NFC", "".join(text.split()))

    assert visible("".join(part.whole for part in parts)) == visible(line)
    assert line.startswith(parts[0].before)
    assert line.endswith(parts[-1].after)


@pytest.mark.parametrize("word", ["Tom ", "x", "e\u0301 ", "ö", "Tom, "], ids=ascii)
def test_a_line_at_the_limit_is_whole_and_one_beyond_is_cut(translator: Translator, word: str) -> None:
    limit = translator.bundle.manifest.sentence_limit
    for repeats in range(1, 2 * limit):
        text = " ".join((word * repeats).split()).replace("e\u0301", "é")
        pieces = len(translator.source.encode(text))
        parts = translator.split(word * repeats)
        assert (len(parts) == 1) == (pieces < limit)
        assert all(translator.source.decode(part.ids[:-1]) == read(part) for part in parts)


def test_a_long_line_is_cut_at_its_sentences(translator: Translator, pairs: Pairs) -> None:
    some = sorted(pairs, key=lambda pair: -len(translator.source.encode(pair[0])))[:4]  # no three fit together
    line = "  ".join(source for source, _ in some)
    parts = translator.split(line)
    assert len(parts) == 4
    assert "  ".join(part.text for part in parts) == line
    assert all(part.text.endswith((".", "?")) for part in parts)
    assert [part.after for part in parts] == ["  "] * (len(parts) - 1) + [""]


def test_several_threads_may_share_a_translator(translator: Translator, pairs: Pairs) -> None:
    def work(options: Options, share: Pairs) -> list[str]:
        return [translator.translate_line(source, options) for source, _ in share]

    shares = [pairs[i::8] for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, itertools.cycle([GREEDY, Options()]), shares))
    assert found == [[target for _, target in share] for share in shares]


def test_several_streams_may_take_turns(translator: Translator, pairs: Pairs) -> None:
    streams = [translator.stream(source, Options(beam=beam)) for beam, (source, _) in enumerate(pairs[:4], 1)]
    last: dict[int, Event] = {}
    for events in itertools.zip_longest(*streams):
        last |= {i: event for i, event in enumerate(events) if event}
    assert [last[i].text for i in range(4)] == [target for _, target in pairs[:4]]


# -- limits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_translation_is_longer_than_asked(translator: Translator, beam: int, limit: int) -> None:
    options = Options(beam=beam, max_length=limit)
    for hypothesis in translator.translate_batch(translator.split(SENTENCE), options)[0]:
        assert len(hypothesis.ids) + hypothesis.complete <= limit
    finished = Trace.of(translator.stream(SENTENCE, options)).finished
    assert (len(finished.ids), finished.complete) == (limit, False)


@pytest.mark.usefixtures("never_ends")
@pytest.mark.parametrize("beam", [1, 2])
@pytest.mark.parametrize(
    ("text", "max_length", "length"),
    [
        ("Hi", None, "twice the source and 10"),
        (f"{SENTENCE[:-1]} he is as she was when I", None, "positions"),
        ("Hi", 10_000, "positions"),
        ("Hi", 7, 7),
    ],
)
def test_a_translation_without_end_is_cut_off(
    translator: Translator, text: str, max_length: int | None, length: str | int, beam: int
) -> None:
    (source,) = translator.split(text)
    known = {
        "twice the source and 10": 2 * len(source.ids) + 10,
        "positions": translator.runtime.architecture.positions,
    }
    options = Options(beam=beam, max_length=max_length)
    best = translator.translate_batch([source], options)[0][0]
    assert (len(best.ids), best.complete) == (known.get(str(length), length), False)


def test_a_watched_text_is_cut_at_the_positions_of_the_model(translator: Translator) -> None:
    encoded = next(translator.stream("Tom admired her. " * 40, GREEDY))
    assert isinstance(encoded, Encoded)
    assert len(encoded.ids) == translator.runtime.architecture.positions
    assert encoded.ids[-1] == translator.special.source_eos


# -- watched: greedy ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def greedy_events(translator: Translator) -> list[Event]:
    return list(translator.stream(SENTENCE, Options(beam=1, candidates=3)))


def test_greedy_events_come_in_order(greedy_events: list[Event]) -> None:
    kinds = [type(event) for event in greedy_events]
    assert kinds == [Encoded, *[Step] * (len(kinds) - 2), Finished]
    assert [step.position for step in steps_of(greedy_events)] == list(range(len(kinds) - 2))


def test_what_was_read(translator: Translator, greedy_events: list[Event]) -> None:
    encoded, shape = greedy_events[0], translator.runtime.architecture
    assert isinstance(encoded, Encoded)
    assert encoded.text == SENTENCE
    assert translator.source.decode(encoded.ids[:-1]) == SENTENCE
    assert "".join(encoded.pieces[:-1]) == "▁" + SENTENCE.replace(" ", "▁")
    assert encoded.pieces[-1] == "</s>"
    length = len(encoded.ids)
    assert encoded.attention.shape == (shape.encoder_layers, shape.heads, length, length)
    np.testing.assert_allclose(encoded.attention.sum(axis=-1), 1, atol=1e-5)


def test_what_each_step_looked_at(translator: Translator, greedy_events: list[Event]) -> None:
    shape, length = translator.runtime.architecture, len(greedy_events[0].ids)
    for step in steps_of(greedy_events):
        assert step.self_attention.shape == (shape.decoder_layers, shape.heads, step.position + 1)
        assert step.cross_attention.shape == (shape.decoder_layers, shape.heads, length)
        np.testing.assert_allclose(step.self_attention.sum(axis=-1), 1, atol=1e-5)
        np.testing.assert_allclose(step.cross_attention.sum(axis=-1), 1, atol=1e-5)


def test_what_each_step_chose_from(translator: Translator, greedy_events: list[Event]) -> None:
    for step in steps_of(greedy_events):
        assert step.chosen == step.candidates[0]
        assert len(step.candidates) == 3
        probabilities = [candidate.probability for candidate in step.candidates]
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0 < sum(probabilities) <= 1 + 1e-6
        assert step.entropy >= 0
        assert all(c.piece == translator.target.piece(c.id) for c in step.candidates)


def test_what_came_out(translator: Translator, greedy_events: list[Event], pairs: Pairs) -> None:
    finished, steps = greedy_events[-1], steps_of(greedy_events)
    assert isinstance(finished, Finished)
    assert [step.chosen.id for step in steps] == [*finished.ids, translator.special.target_eos]
    assert finished.text == dict(pairs)[SENTENCE]
    assert finished.pieces == tuple(step.chosen.piece for step in steps[:-1])
    assert finished.complete
    said = sum(np.log(step.chosen.probability) for step in steps)
    assert finished.log_probability == finished.score == pytest.approx(said, abs=1e-4)


def test_all_candidates_are_a_distribution_over_the_vocabulary(translator: Translator) -> None:
    step = next(itertools.islice(translator.stream("Unheard of", Options(beam=1, candidates=10_000)), 1, None))
    assert isinstance(step, Step)
    assert sorted(candidate.id for candidate in step.candidates) == list(range(translator.target.size))
    probabilities = np.array([candidate.probability for candidate in step.candidates])
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert step.entropy == pytest.approx(-(probabilities * np.log2(probabilities)).sum())


@settings(max_examples=30)
@given(start=st.sampled_from(["", "Tom ", " The", "e\u0301\r"]), end=words, beam=st.sampled_from([1, 3]))
def test_what_is_watched_is_what_is_translated(translator: Translator, start: str, end: str, beam: int) -> None:
    source = translator.whole(start + end)  # what is watched is one pass, where a line may be two sentences
    assume(source.ids)
    ((unwatched, *_),) = translator.translate_batch([source], Options(beam=beam))
    finished = Trace.of(translator.stream(start + end, Options(beam=beam))).finished
    assert (finished.ids, finished.complete) == (unwatched.ids, unwatched.complete)
    assert finished.text == translator.target.decode(unwatched.ids)


# -- watched: beam ------------------------------------------------------------------------------------


@pytest.mark.parametrize("beam", [1, 2, 4])
def test_watching_does_not_change_the_translation(translator: Translator, pairs: Pairs, beam: int) -> None:
    options = Options(beam=beam)
    assert [Trace.of(translator.stream(source, options)).finished.text for source, _ in pairs[:20]] == [
        target for _, target in pairs[:20]
    ]


@pytest.mark.parametrize("text", [SENTENCE, "The company was in the box.", "x"])
@pytest.mark.parametrize("beam", [2, 4, 7])
def test_a_beam_can_be_followed_from_event_to_event(translator: Translator, text: str, beam: int) -> None:
    trace = Trace.of(translator.stream(text, Options(beam=beam)))
    shape, length = translator.runtime.architecture, len(trace.encoded.ids)
    before: list[tuple[int, ...]] = [()] * beam
    ended = {}
    for position, step in enumerate(trace.beam_steps):
        assert step.position == position
        assert step.self_attention.shape == (beam, shape.decoder_layers, shape.heads, position + 1)
        assert step.cross_attention.shape == (beam, shape.decoder_layers, shape.heads, length)
        assert len(step.live) == beam
        assert [h.log_probability for h in step.live] == sorted((h.log_probability for h in step.live), reverse=True)
        assert set(step.pruned) == set(range(beam)) - {h.parent for h in step.live}
        assert all(h.piece == translator.target.piece(h.id) for h in step.live)
        assert all(h.ids in before and h.text == translator.target.decode(h.ids) for h in step.ended)
        ended |= {h.ids: h for h in step.ended}
        before = [(*before[h.parent], h.id) for h in step.live]
        assert len(set(before)) == beam
    assert len(ended) >= beam
    best = max(ended.values(), key=lambda h: h.score)
    assert (trace.finished.ids, trace.finished.score) == (best.ids, best.score)
    assert trace.finished.log_probability == best.log_probability


def test_a_beam_has_no_greedy_steps_and_the_other_way_round(translator: Translator) -> None:
    assert Trace.of(translator.stream(SENTENCE, GREEDY)).beam_steps == ()
    trace = Trace.of(translator.stream(SENTENCE))
    assert trace.steps == ()
    assert all(isinstance(step, BeamStep) for step in trace.beam_steps)


# -- lazy ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beam", [1, 4])
def test_decoding_waits_for_who_reads(translator: Translator, step_calls: list[int], beam: int) -> None:
    events = translator.stream(SENTENCE, Options(beam=beam))
    assert step_calls == []
    assert isinstance(next(events), Encoded)
    assert step_calls == []
    for count in (1, 2, 3):
        next(events)
        assert step_calls == [beam] * count
    assert isinstance(events, Iterator)
    events.close()
    assert step_calls == [beam] * 3


# -- models that cannot be used -----------------------------------------------------------------------


def changed(bundle: Bundle, **values: Any) -> Bundle:
    return replace(bundle, manifest=replace(bundle.manifest, **values))


def test_unknown_tokenizer_options_are_one_clear_error(translator: Translator) -> None:
    with pytest.raises(BundleError, match="tokenizer"):
        Translator(changed(translator.bundle, tokenizer={"kind": "words"}), "cpu")


def test_a_model_is_found_by_its_folder(translator: Translator) -> None:
    again = Translator.load(str(translator.bundle.path), "cpu")
    assert again.bundle == translator.bundle
