"""What `ttx translate` promises of any text, any batch and any number of workers, and of its search."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from tui_transformer.batching import Batching, translate_lines
from tui_transformer.keep import Keeper
from tui_transformer.translation import Wanted
from tui_transformer.translator import Options, Source, Translator

ROOT = Path(__file__).parents[1]
ODD = ["", " \t", "x\r", "a" * 300, "No. Yes! 3 {x} %s.", "مرحبا", "👩\u200d👩\u200d👧", "\x00 \u2028 \ufffd"]
SHIPPED = ROOT / "models" / "en-de"


@pytest.fixture(scope="module")
def prove_pipe(script: Callable[[str], ModuleType]) -> ModuleType:
    """The maintainers' script, whose lines and checks are these."""
    return script("prove_pipe")


def test_any_text_goes_through_the_pipe(prove_pipe: ModuleType, bundle_folder: Path) -> None:
    arguments = ["--model", str(bundle_folder), "--beam", "1", "--threads", "2"]
    proof = prove_pipe.prove(2000, 7, arguments)
    assert (proof.exit_code, proof.out, proof.wrong, proof.first_wrong) == (0, 2000, 0, "")
    assert set(proof.kinds) >= set(prove_pipe.KINDS) - {"20,000 characters"}
    assert proof.said.count("\n") == 1
    assert "not valid UTF-8" in proof.said


def test_a_line_of_20_000_characters_is_a_line(prove_pipe: ModuleType, translator: Translator) -> None:
    line = prove_pipe.long(prove_pipe.random.Random(3)).decode()
    assert len(line) == prove_pipe.LONG
    (found,) = translate_lines(translator, [line], Options(beam=1), wanted=Wanted(keeper=Keeper.of()))
    assert len(found.parts) > 50
    assert "".join(part.source.whole for part in found.parts) == line
    assert "\n" not in found.text


@pytest.mark.parametrize("model", ["fp32", "int8"])
@pytest.mark.parametrize("beam", [1, 4])
def test_the_same_bytes_from_any_batch_size_and_number_of_workers(
    translator: Translator, pairs: list[tuple[str, str]], model: str, beam: int
) -> None:
    used = translator if model == "fp32" else Translator.load(str(SHIPPED), "cpu")
    assert used.bundle.manifest.precision == model
    # Of what is known by heart nothing is a close call; of these halves much is.
    halves = [f"{a[: len(a) // 2]} {b[len(b) // 2 :]}" for (a, _), (b, _) in pairwise(pairs[:25])]
    lines = [*ODD, *(halves if model == "fp32" else [*halves[:6], *(source for source, _ in pairs[:6])])]
    wanted = Wanted(keeper=Keeper.of())
    found = {
        (rows, workers): "\n".join(
            t.text for t in translate_lines(used, lines, Options(beam=beam), Batching(workers, rows), wanted)
        ).encode()
        for rows in (1, 7, 64)
        for workers in (1, 2)
    }
    assert set(found.values()) == {found[1, 1]}


def best_of_all(translator: Translator, source: Source, longest: int) -> tuple[tuple[int, ...], float]:
    """The likeliest of all translations of at most so many pieces, and its log-probability: no pruning.

    Beginnings are continued likeliest first by every piece there is. A piece more never makes one likelier, so
    that the first that has ended is the best.
    """
    open_, eos = [(0.0, ())], translator.special.target_eos
    while True:
        cost, ids = heapq.heappop(open_)
        if ids[-1:] == (eos,):
            return ids[:-1], -cost
        for piece, log_probability in translator.next_pieces([source], [ids], translator.target.size)[0]:
            if piece == eos or len(ids) < longest:
                heapq.heappush(open_, (cost - log_probability, (*ids, piece)))


@pytest.mark.parametrize("text", ["Hi", "Don't buy that.", "The roof", "I", "42", "Mary was", "Her book"])
def test_a_beam_that_begins_with_every_piece_finds_what_an_exhaustive_search_finds(
    translator: Translator, text: str
) -> None:
    (source,) = translator.split(text)
    ids, log_probability = best_of_all(translator, source, longest=4)
    options = Options(beam=translator.target.size, length_penalty=0.0, max_length=5)
    best = translator.translate_batch([source], options)[0][0]
    assert (best.ids, best.complete) == (ids, True)
    assert best.log_probability == pytest.approx(log_probability, abs=1e-3)


def test_a_beam_of_one_is_greedy_on_the_shipped_model(pairs: list[tuple[str, str]]) -> None:
    shipped = Translator.load(str(SHIPPED), "cpu")
    sources = [part for source, _ in pairs[:12] for part in shipped.split(source)]
    greedy = shipped.translate_batch(sources, Options(beam=1))
    one = shipped.translate_batch(sources, Options(beam=1, no_repeat_ngram=99))
    assert [found[0].ids for found in one] == [found[0].ids for found in greedy]
