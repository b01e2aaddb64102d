"""What the attention screen draws of a moment, and what it remembers of itself. No application."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tui_transformer.analysis.heads import HeadStats
from tui_transformer.analysis.maps import Attention
from tui_transformer.events import Trace
from tui_transformer.probes import KINDS, Kind
from tui_transformer.render.thumbnails import Frame
from tui_transformer.translator import Options, Translator
from tui_transformer.tui.live import Fold
from tui_transformer.tui.views.attention_moment import Known, Look, Moment, prepare
from tui_transformer.tui.views.attention_place import ORDERS, Ranking, Standing, orders_of, ranked

TEXT = "Tom called Mary's bluff."
FRAME = Frame(6, 12, True)


@pytest.fixture
def fold(translator: Translator) -> Fold:
    fold = Fold()
    for event in translator.stream(TEXT, Options(1)):
        fold.add(event)
    return fold


def moment_of(fold: Fold, shown: int, look: Look) -> tuple[Known, Moment]:
    known = Known.of(fold, shown)
    assert known
    return known, Moment(1, shown, len(fold.steps), shown == len(fold.steps), look, FRAME)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", [False, True])
def test_all_steps_shown_are_what_the_command_line_shows(fold: Fold, kind: Kind, words: bool) -> None:
    prepared = prepare(*moment_of(fold, len(fold.steps), Look(kind, words)))
    trace = Trace(fold.encoded, tuple(fold.steps), (), fold.finished)  # type: ignore[arg-type]
    wanted = Attention.of(trace, kind)
    wanted = wanted.by_words() if words else wanted
    assert prepared.attention
    assert np.array_equal(prepared.attention.weights, wanted.weights)
    assert (prepared.rows, prepared.columns) == (wanted.rows, wanted.columns)
    assert prepared.with_stats().stats


@pytest.mark.parametrize("kind", ["decoder", "cross"])
def test_rows_come_with_the_steps_and_labels_are_there_before(fold: Fold, kind: Kind) -> None:
    whole = prepare(*moment_of(fold, len(fold.steps), Look(kind)))
    for shown in range(1, len(fold.steps)):
        prepared = prepare(*moment_of(fold, shown, Look(kind)))
        assert prepared.shown == shown
        assert prepared.rows == whole.rows
        assert prepared.attention
        assert prepared.attention.weights.shape[-2] == shown
        for place, drawn in prepared.levels.items():
            # Nothing jumps: what is drawn of the beginning is the beginning of what will be drawn.
            assert len(drawn) <= len(whole.levels[place])


def test_before_the_first_step_only_the_encoder_has_something(fold: Fold) -> None:
    fold.steps, fold.finished = [], None
    shown = {kind: prepare(*moment_of(fold, 0, Look(kind))).attention is not None for kind in KINDS}
    assert shown == {"encoder": True, "decoder": False, "cross": False}
    assert Known.of(Fold(), 0) is None


def test_nothing_but_special_pieces_is_nothing(fold: Fold) -> None:
    assert prepare(*moment_of(fold, 1, Look("decoder", special=False))).attention is None
    prepared = prepare(*moment_of(fold, 3, Look("decoder", words=True, special=False)))
    assert prepared.attention
    assert "<s>" not in prepared.columns.labels


def test_orders_put_the_surest_first_and_what_has_no_number_last(fold: Fold) -> None:
    prepared = prepare(*moment_of(fold, len(fold.steps), Look("cross"))).with_stats()
    stats = prepared.stats
    assert isinstance(stats, HeadStats)
    by_layer = ranked(2, 4, "layer", stats)
    assert by_layer == tuple(np.ndindex(2, 4))
    by_entropy = [stats.entropy[place] for place in ranked(2, 4, "entropy", stats)]
    assert by_entropy == sorted(by_entropy)
    by_coverage = [stats.coverage[place] for place in ranked(2, 4, "coverage", stats)]
    assert by_coverage == sorted(by_coverage, reverse=True)
    assert ranked(2, 4, "previous", stats) == by_layer
    assert "previous" not in orders_of("cross")
    assert set(orders_of("encoder")) == set(ORDERS)


def test_heads_change_places_only_at_the_end_of_a_decoding(fold: Fold) -> None:
    ranking, standing = Ranking(), Standing(order="entropy")
    early = prepare(*moment_of(fold, 2, Look("cross"))).with_stats().stats
    late = prepare(*moment_of(fold, len(fold.steps), Look("cross"))).with_stats().stats
    first = ranking.of(2, 4, standing, early, None)
    assert ranking.of(2, 4, standing, late, None) == first
    assert ranking.of(2, 4, standing, late, (1, standing.look)) == ranked(2, 4, "entropy", late)
    assert ranking.of(2, 4, standing, early, None) == ranked(2, 4, "entropy", late)


def test_where_one_stands_survives_as_json() -> None:
    standing = Standing(Look("decoder", True, False), "focus", (1, 2), combine="max", large=True, cell=(3, 4),
                        locked=True)  # fmt: skip
    standing.marked["decoder"] = frozenset({(0, 1), (1, 1)})
    assert Standing.of_json(json.loads(json.dumps(standing.as_json()))) == standing


@pytest.mark.parametrize(
    "kept", [{}, {"kind": 3, "layer": -1, "head": "x", "marked": [1, ["cross", 0]], "order": "beauty", "combine": 7}]
)
def test_what_is_not_understood_is_left_out(kept: dict[str, object]) -> None:
    assert Standing.of_json(kept) == Standing()


def test_a_smaller_model_keeps_cursor_and_marks_within() -> None:
    standing = Standing(place=(5, 7))
    standing.marked["cross"] = frozenset({(0, 0), (5, 7)})
    standing.fit(2, 4)
    assert standing.place == (1, 3)
    assert standing.marking() == {(0, 0)}
