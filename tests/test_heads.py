"""The names of attention heads, as people write them, and the masks made of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.architecture import Architecture
from tui_transformer.errors import UsageError
from tui_transformer.heads import Head, all_heads, head_masks, parse_head

SHAPE = Architecture(4, 2, 8, 32, 16, source_vocabulary=40, target_vocabulary=50)


def test_heads_are_written_from_one_and_counted_from_zero() -> None:
    assert parse_head("enc:2:5", SHAPE) == Head("encoder", 1, 4)
    assert parse_head("dec:1:1", SHAPE) == Head("decoder", 0, 0)
    assert parse_head(" Cross:2:8 ", SHAPE) == Head("cross", 1, 7)
    assert parse_head("encoder:4:8", SHAPE) == Head("encoder", 3, 7)


def test_every_head_is_read_as_it_is_written() -> None:
    heads = all_heads(SHAPE)
    assert len(set(heads)) == 4 * 8 + 2 * 8 + 2 * 8
    assert [parse_head(str(head), SHAPE) for head in heads] == heads


NO_HEADS = (
    "enc:5:1", "enc:0:1", "enc:1:0", "enc:1:9", "dec:3:1", "cross:3:1", "enc:1", "enc:1:1:1", "enc:-1:1", "self:1:1",
    "", ":", "enc:one:1", "enc:1:٣", "enc:1:1\nenc:1:2", "enc:1:99999999999999999999",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_HEADS)
def test_what_is_no_head_is_one_line_with_those_there_are(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_head(text, SHAPE)
    message = str(refused.value)
    assert refused.value.exit_code == 2
    assert re.fullmatch(r"[^\n]+", message)
    assert "enc:1:1 to enc:4:8, dec:1:1 to dec:2:8, cross:1:1 to cross:2:8" in message


@given(st.text().filter(lambda text: text.count(":") != 2))
def test_any_other_text_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_head(text, SHAPE)
    assert len(str(refused.value).splitlines()) == 1


@given(st.sets(st.sampled_from(all_heads(SHAPE))))
def test_masks_are_zero_for_what_is_off_and_nothing_else(off: set[Head]) -> None:
    encoder, decoder = head_masks(off, SHAPE)
    assert (encoder.shape, decoder.shape) == ((4, 8), (2, 2, 8))
    masks = {"encoder": encoder, "decoder": decoder[0], "cross": decoder[1]}
    assert {head for head in all_heads(SHAPE) if masks[head.kind][head.layer, head.head] == 0} == off
    assert set(np.unique([*encoder.ravel(), *decoder.ravel()])) <= {0.0, 1.0}


@pytest.mark.parametrize("head", [Head("encoder", -1, 0), Head("cross", 0, 8), Head("decoder", 2, 0)])
def test_a_head_that_is_not_there_has_no_mask(head: Head) -> None:
    with pytest.raises(UsageError, match="not a head of this model"):
        head_masks([head], SHAPE)
