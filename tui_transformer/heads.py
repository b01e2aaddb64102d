"""Which attention head: a name that people write and read, and the masks that switch heads off."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .architecture import Architecture
from .errors import UsageError
from .probes import KINDS, Kind

Floats = npt.NDArray[np.float32]

SHORT: dict[Kind, str] = {"encoder": "enc", "decoder": "dec", "cross": "cross"}
_WRITTEN = re.compile(r"([a-z]+):([0-9]{1,9}):([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """One head of one layer, both counted from 0: of the encoder, the decoder on itself, or the decoder on the encoder.

    >>> str(Head("cross", 3, 0))
    'cross:4:1'
    """

    kind: Kind
    layer: int
    head: int

    def __str__(self) -> str:
        """As people write it, counted from 1."""
        return f"{SHORT[self.kind]}:{self.layer + 1}:{self.head + 1}"


def layers_of(kind: Kind, shape: Architecture) -> int:
    """How many layers have this kind of attention."""
    return shape.encoder_layers if kind == "encoder" else shape.decoder_layers


def all_heads(shape: Architecture) -> list[Head]:
    """Every head, kind by kind and from the bottom up."""
    return [
        Head(kind, layer, head)
        for kind in KINDS
        for layer in range(layers_of(kind, shape))
        for head in range(shape.heads)
    ]


def parse_head(text: str, shape: Architecture) -> Head:
    """A head as people write it: kind, layer and head from 1, such as `enc:2:5`, `dec:1:1` or `cross:4:8`.

    Raises UsageError, which names the heads there are.
    """
    written = _WRITTEN.fullmatch(text.strip().lower())
    kinds = {short: kind for kind, short in SHORT.items()} | {kind: kind for kind in KINDS}
    if written and written[1] in kinds:
        head = Head(kinds[written[1]], int(written[2]) - 1, int(written[3]) - 1)
        if head in all_heads(shape):
            return head
    there = ", ".join(f"{SHORT[kind]}:1:1 to {SHORT[kind]}:{layers_of(kind, shape)}:{shape.heads}" for kind in KINDS)
    raise UsageError(f"{text!r} is not a head of this model (KIND:LAYER:HEAD): it has {there}")


def head_masks(off: Iterable[Head], shape: Architecture) -> tuple[Floats, Floats]:
    """1 for a head that is on, 0 for one that is off: encoder (L, H), decoder (2, L, H) for self and cross.

    Raises UsageError for a head that the model does not have.
    """
    encoder = np.ones((shape.encoder_layers, shape.heads), np.float32)
    decoder = np.ones((2, shape.decoder_layers, shape.heads), np.float32)
    masks = {"encoder": encoder, "decoder": decoder[0], "cross": decoder[1]}
    for head in off:
        parse_head(str(head), shape)
        masks[head.kind][head.layer, head.head] = 0.0
    return encoder, decoder
