"""What a Transformer is made of: every weight's shape, how many numbers that is, and the bytes of its large ones.

Nothing but the architecture is asked: no weight depends on how long a sentence is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tui_transformer.architecture import Architecture
from tui_transformer.bundle import DECODER_WEIGHTS, ENCODER_WEIGHTS, Precision

Shape = tuple[int, ...]

BYTES: dict[Precision, int] = {"fp32": 4, "fp16": 2, "int8": 1}
"""Of one number of a matrix."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the model: the shapes of its own weights, and the parts it is made of; `times` if there are several.

    `note` says what is peculiar about it.
    """

    name: str
    shapes: tuple[Shape, ...] = ()
    parts: tuple[Part, ...] = ()
    times: int = 1
    note: str = ""

    @property
    def each(self) -> int:
        """The numbers in one of them that are learnt."""
        return sum(math.prod(shape) for shape in self.shapes) + sum(part.count for part in self.parts)

    @property
    def count(self) -> int:
        """The numbers in all of them that are learnt."""
        return self.times * self.each


@dataclass(frozen=True, slots=True)
class Stored:
    """Matrices of one kind in a file of weights, and the bytes of all of them."""

    file: str
    name: str
    bytes: int


def parameters(shape: Architecture) -> Part:
    """The whole model, in the order of the paper."""
    source = Part("source embedding", ((shape.source_vocabulary, shape.d_model),))
    tied = Part("target embedding", note="tied to the source's")
    target = Part("target embedding", ((shape.target_vocabulary, shape.d_model),))
    weight = ((shape.target_vocabulary, shape.d_model),) if shape.tied == "none" else ()
    tied_note = "" if weight else "tied"
    return Part("Transformer", parts=(
        source,
        Part("encoder", parts=(_encoder_layer(shape), *_last_norm(shape))),
        tied if shape.tied == "all" else target,
        Part("decoder", parts=(_decoder_layer(shape), *_last_norm(shape))),
        Part("projection", (*weight, (shape.target_vocabulary,)), note=tied_note),
        Part("positions", note="sinusoids, not learnt"),
    ))  # fmt: skip


def formula(shape: Architecture) -> int:
    """The same number in one line.

    Vaswani et al. 2017, section 3: N layers, each with multi-head attention of four D × D projections (3.2.2), once
    in the encoder and twice in the decoder, a feed-forward network D → F → D (3.3), and a LayerNorm, 2D, around each
    of them (3.1); embeddings V × D and the projection to the vocabulary (3.4). Every linear map has a bias.
    """
    d, f, v = shape.d_model, shape.d_ff, shape.target_vocabulary
    attention, feed_forward, norm = 4 * (d * d + d), 2 * d * f + f + d, 2 * d
    layers = shape.encoder_layers * (attention + feed_forward + 2 * norm)
    layers += shape.decoder_layers * (2 * attention + feed_forward + 3 * norm)
    tables = {"none": shape.source_vocabulary + 2 * v, "target": shape.source_vocabulary + v, "all": v}[shape.tied]
    return layers + tables * d + v + (2 * norm if shape.norm == "pre" else 0)


def flat(part: Part, depth: int = 0, times: int = 1) -> Iterator[tuple[Part, int, int]]:
    """Every part, the whole first, with its depth and how often it is there in the whole model."""
    yield part, depth, times * part.times
    for one in part.parts:
        yield from flat(one, depth + 1, times * part.times)


def stored(shape: Architecture, precision: Precision) -> list[Stored]:
    """The matrices as the graphs keep them: √d_model and the projection have tables of their own, and the keys and
    values of all cross-attention are computed by the encoder's side. An 8-bit table has a scale of 4 bytes a row.
    A table that both sides share, and the positions then, stand in the encoder's file only.
    """
    d, f = shape.d_model, shape.d_ff
    size = BYTES[precision]
    row = d * size + (4 if precision == "int8" else 0)
    positions = shape.positions * d * (2 if precision == "fp16" else 4)
    encoder, decoder = shape.encoder_layers * size, shape.decoder_layers * size
    sizes = {
        ENCODER_WEIGHTS: {
            "source embedding": shape.source_vocabulary * row, "self-attention": encoder * 4 * d * d,
            "feed-forward": encoder * 2 * d * f, "cross-attention, keys and values": decoder * 2 * d * d,
            "positions": positions,
        },
        DECODER_WEIGHTS: {
            "target embedding": shape.target_vocabulary * row, "self-attention": decoder * 4 * d * d,
            "cross-attention, query and output": decoder * 2 * d * d, "feed-forward": decoder * 2 * d * f,
            "projection": shape.target_vocabulary * d * size, "positions": positions,
        },
    }  # fmt: skip
    if shape.tied == "all":
        del sizes[DECODER_WEIGHTS]["target embedding"], sizes[DECODER_WEIGHTS]["positions"]
    return [Stored(file, name, count) for file, kinds in sizes.items() for name, count in kinds.items()]


def _encoder_layer(shape: Architecture) -> Part:
    parts = (_attention("self-attention", shape), _norm(shape), _feed_forward(shape), _norm(shape))
    return Part("layer", parts=parts, times=shape.encoder_layers)


def _decoder_layer(shape: Architecture) -> Part:
    parts = (
        _attention("masked self-attention", shape), _norm(shape), _attention("cross-attention", shape), _norm(shape),
        _feed_forward(shape), _norm(shape),
    )  # fmt: skip
    return Part("layer", parts=parts, times=shape.decoder_layers)


def _attention(name: str, shape: Architecture) -> Part:
    d = shape.d_model
    parts = tuple(Part(part, ((d, d), (d,))) for part in ("query", "key", "value", "output"))
    return Part(name, parts=parts, note=f"{shape.heads} heads of {shape.d_k}")


def _feed_forward(shape: Architecture) -> Part:
    d, f = shape.d_model, shape.d_ff
    return Part(
        "feed-forward", parts=(Part("inner", ((d, f), (f,))), Part("outer", ((f, d), (d,)))), note=shape.activation
    )


def _norm(shape: Architecture) -> Part:
    return Part("layer norm", ((shape.d_model,), (shape.d_model,)))


def _last_norm(shape: Architecture) -> tuple[Part, ...]:
    return (_norm(shape),) if shape.norm == "pre" else ()
