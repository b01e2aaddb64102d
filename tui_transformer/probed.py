"""What happens inside the model while it reads one sentence and says another: values only, numpy only.

Every number was an output of the probe graphs. Axis letters: L layer, H head, S source, T target with its end,
N sub-layer, D d_model, K d_k, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .probes import Kind

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Attended:
    """One kind of attention in all layers: T positions ask, S positions answer ("Attention Is All You Need", 3.2).

    In the encoder T is S; in the decoder's own attention S is T, and the future is hidden. The query is the
    textbook's: the graphs fold 1/√d_k into its weights, which is undone here. `scores` are query · key / √d_k before
    any mask, `masked_scores` what the softmax gets, with some -1e9 (fp16: -6e4) where a position is hidden; `context`
    is weights · values, 0 for a head that is off. The decoder never sees its future: there, and only there, `scores`
    are not read off but are the product of its queries and keys.
    """

    query: Floats  # (L, H, T, K)
    key: Floats  # (L, H, S, K)
    value: Floats  # (L, H, S, K)
    scores: Floats  # (L, H, T, S)
    masked_scores: Floats  # (L, H, T, S)
    weights: Floats  # (L, H, T, S)
    context: Floats  # (L, H, T, K)


@dataclass(frozen=True, slots=True)
class Stream:
    """The residual stream of a stack of layers from the bottom; in the decoder S is T.

    A layer has `per_layer` sub-layers: self-attention, in the decoder cross-attention, feed-forward. `residual[0]` is
    the embedding with its position, `residual[n]` the stream after n sub-layers, `added[n]` what sub-layer n adds:
    `residual[n + 1]` is residual[n] + added[n], and in the "post" arrangement the layer norm of that.
    """

    residual: Floats  # (1 + N, S, D)
    added: Floats  # (N, S, D)
    per_layer: int

    @property
    def after_layers(self) -> Floats:
        """The stream before the first layer and after each layer (1 + L, S, D)."""
        return self.residual[:: self.per_layer]


@dataclass(frozen=True, slots=True)
class EncoderInside:
    """What happened in the encoder. `memory` leaves it: the end of the stream, in the "pre" arrangement normalised."""

    attention: Attended
    stream: Stream
    memory: Floats  # (S, D)


@dataclass(frozen=True, slots=True)
class DecoderInside:
    """What happened in the decoder, its steps stacked.

    `lens` are the logits as if the stack ended before its first layer, after its first, and so on; the last are
    `logits` again. None unless it was asked for.
    """

    self_attention: Attended
    cross_attention: Attended
    stream: Stream
    logits: Floats  # (T, V)
    lens: Floats | None  # (1 + L, T, V)


@dataclass(frozen=True, slots=True)
class Probed:
    """One sentence, one translation, and everything that happened on the way.

    `ids` (S) are the source's, with its end and the padding that was asked for; `visible` (S) says which of them
    attention may see. At step t the decoder read `read[t]`, the start first, and said, or was made to say, `said[t]`,
    the end last. `complete` is False for a translation that the model did not end itself.
    """

    text: str
    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    visible: tuple[bool, ...]
    read: tuple[int, ...]
    read_pieces: tuple[str, ...]
    said: tuple[int, ...]
    said_pieces: tuple[str, ...]
    complete: bool
    encoder: EncoderInside
    decoder: DecoderInside

    def attended(self, kind: Kind) -> Attended:
        """The attention of one kind."""
        of_kind = {
            "encoder": self.encoder.attention,
            "decoder": self.decoder.self_attention,
            "cross": self.decoder.cross_attention,
        }
        return of_kind[kind]

    def asking(self, kind: Kind) -> tuple[str, ...]:
        """The pieces at the positions that ask."""
        return self.pieces if kind == "encoder" else self.read_pieces

    def answering(self, kind: Kind) -> tuple[str, ...]:
        """The pieces at the positions that are looked at."""
        return self.read_pieces if kind == "decoder" else self.pieces
