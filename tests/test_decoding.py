"""The tensors that go into the loop, and the search that the options ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.beam import BeamSearch
from tui_transformer.decoding import LANES, Options, make_search, pad
from tui_transformer.search import Greedy, Sampling, SamplingOptions, Search

PAD = 7


@given(st.lists(st.lists(st.integers(10, 99), min_size=1, max_size=40), min_size=1, max_size=5), st.integers(40, 64))
def test_padding_fills_whole_lanes_within_the_positions(sequences: list[list[int]], positions: int) -> None:
    ids, mask = pad(sequences, PAD, positions)
    longest = max(map(len, sequences))
    assert ids.shape == mask.shape == (len(sequences), ids.shape[1])
    assert longest <= ids.shape[1] <= min(longest + LANES - 1, positions)
    assert ids.shape[1] in (positions, -(-longest // LANES) * LANES)
    for row, sequence in enumerate(sequences):
        assert ids[row].tolist() == sequence + [PAD] * (ids.shape[1] - len(sequence))
        assert mask[row].tolist() == [1] * len(sequence) + [0] * (ids.shape[1] - len(sequence))


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (Options(), BeamSearch),
        (Options(beam=1), Greedy),
        (Options(beam=1, no_repeat_ngram=3), BeamSearch),
        (Options(beam=1, sampling=SamplingOptions()), Sampling),
    ],
)
@pytest.mark.parametrize("prefix", [(), (20, 21)])
def test_options_choose_the_search_and_a_prefix_its_first_id(
    options: Options, kind: type[Search], prefix: tuple[int, ...]
) -> None:
    forced = Options(**{name: getattr(options, name) for name in options.__slots__} | {"prefix": prefix})
    search = make_search([(10, 3), (11, 12, 3)], forced, positions=64, bos=2, eos=3)
    assert isinstance(search, kind)
    assert set(search.ids.tolist()) == {prefix[-1] if prefix else 2}
    assert set(search.sentences.tolist()) == {0, 1}
