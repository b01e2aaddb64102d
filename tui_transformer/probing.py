"""Gathers what the probe graphs give for one sentence: the encoder in one run, the decoder step by step on its cache.

Axis letters: L layer, H head, S source, T target with its end, N sub-layer, D d_model, K d_k, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import bundle, probes
from .decoding import Options, decode, pad
from .masks import HIDDEN_SCORE, look_ahead_mask
from .probe_runtime import ProbeRuntime
from .probed import Attended, DecoderInside, EncoderInside, Probed, Stream
from .runtime import DecoderStep, Encoding
from .search import Floats, Forced, Ids
from .sessions import as_numpy
from .translator import Source, Translator


def probe_sentence(
    translator: Translator, source: Source, target: Sequence[int] | None, options: Options, lens: bool, width: int
) -> Probed:
    """What `Translator.probe` promises."""
    special, limit = translator.special, translator.runtime.architecture.positions
    complete = True
    if target is None:
        best = translator.translate_batch([source], options)[0][0]
        target, complete = best.ids, best.complete
    target = tuple(target[: limit - 1])
    ids = source.ids or (special.source_eos,)
    # Padding is just hidden pieces.
    padding = range(len(ids), min(width, limit))
    ids = (*ids, *(special.source_pad for _ in padding))
    hidden = source.hidden | set(padding)
    padded, mask = pad([ids], special.source_pad, limit, [hidden])
    encoding, encoder = probe_encoder(translator.probes, padded, mask, len(ids))
    decoder = probe_decoder(translator.probes, encoding, len(ids), target, special.target_bos, special.target_eos, lens)
    read = (special.target_bos, *target)[: len(decoder.logits)]
    said = (*target, special.target_eos)[: len(decoder.logits)]
    pieces = translator.target.pieces
    return Probed(
        source.whole, ids, translator.source.pieces(ids), tuple(i not in hidden for i in range(len(ids))),
        read, pieces(read), said, pieces(said), complete, encoder, decoder,
    )  # fmt: skip


def probe_encoder(runtime: ProbeRuntime, ids: Ids, mask: Ids, length: int) -> tuple[Encoding, EncoderInside]:
    """Read one source: ids and mask (1, S'), of which the first `length` positions are looked at."""
    encoding = runtime.encode(ids, mask, attentions=True)
    inside, layers = encoding.inside, range(runtime.architecture.encoder_layers)

    def rows(names: Iterable[str]) -> Floats:
        return _stacked(inside[name] for name in names)[..., :length, :]

    attention = Attended(
        query=rows(probes.query("encoder", i) for i in layers),
        key=rows(probes.encoder_key(i) for i in layers),
        value=rows(probes.encoder_value(i) for i in layers),
        scores=rows(probes.score("encoder", i) for i in layers)[..., :length],
        masked_scores=rows(probes.masked_score("encoder", i) for i in layers)[..., :length],
        weights=_only(encoding.attentions)[..., :length, :length],
        context=rows(probes.context("encoder", i) for i in layers),
    )
    per_layer = probes.SUBLAYERS["encoder"]
    places = range(len(layers) * per_layer)
    residual = rows(probes.residual("encoder", i) for i in (*places, len(places)))
    stream = Stream(residual, rows(probes.addition("encoder", i) for i in places), per_layer)
    return encoding, EncoderInside(attention, stream, rows([probes.MEMORY])[0])


def probe_decoder(
    runtime: ProbeRuntime, encoding: Encoding, length: int, target: Sequence[int], bos: int, eos: int, lens: bool
) -> DecoderInside:
    """Read a target (ids without start and end) on the encoding of one source of `length` positions."""
    search = Forced([bos], [target], eos)
    steps = [turn.step for turn in decode(runtime, encoding.cache, search, bos, attentions=True)]
    per_layer = probes.SUBLAYERS["decoder"]
    places = range(runtime.architecture.decoder_layers * per_layer)
    residual = _by_step(steps, [probes.residual("decoder", i) for i in (*places, len(places))])
    stream = Stream(residual, _by_step(steps, [probes.addition("decoder", i) for i in places]), per_layer)
    seen = stream.after_layers
    return DecoderInside(
        _own_attention(runtime, steps),
        _cross_attention(runtime, steps, encoding, length),
        stream,
        np.concatenate([step.logits() for step in steps]),
        runtime.lens(seen.reshape(-1, seen.shape[-1])).reshape(*seen.shape[:2], -1) if lens else None,
    )


def _own_attention(runtime: ProbeRuntime, steps: Sequence[DecoderStep]) -> Attended:
    layers = range(runtime.architecture.decoder_layers)
    query = _rows(steps, [probes.query("decoder", i) for i in layers])
    # The last step's cache holds the keys and values of all steps.
    key, value = (_stacked(steps[-1].cache.own[bundle.past_cache(i, part)] for i in layers) for part in bundle.PARTS)
    count = len(steps)
    read_off, weights = np.zeros((2, *query.shape[:2], count, count), np.float32)
    for t, step in enumerate(steps):
        read_off[:, :, t, : t + 1] = _stacked(step.inside[probes.score("decoder", i)] for i in layers)[:, :, 0]
        weights[:, :, t, : t + 1] = _only(step.self_attentions)
    past = look_ahead_mask(count)
    return Attended(
        query,
        key,
        value,
        scores=np.where(past, read_off, query @ key.swapaxes(-1, -2) / np.float32(math.sqrt(key.shape[-1]))),
        masked_scores=np.where(past, read_off, np.float32(HIDDEN_SCORE)),
        weights=weights,
        context=_rows(steps, [probes.context("decoder", i) for i in layers]),
    )


def _cross_attention(runtime: ProbeRuntime, steps: Sequence[DecoderStep], encoding: Encoding, length: int) -> Attended:
    layers = range(runtime.architecture.decoder_layers)
    key, value = (
        _stacked(encoding.cache.sources[bundle.cross_cache(i, part)] for i in layers)[:, :, :length]
        for part in bundle.PARTS
    )
    return Attended(
        _rows(steps, [probes.query("cross", i) for i in layers]),
        key,
        value,
        scores=_rows(steps, [probes.score("cross", i) for i in layers])[..., :length],
        masked_scores=_rows(steps, [probes.masked_score("cross", i) for i in layers])[..., :length],
        weights=np.stack([_only(step.cross_attentions) for step in steps], axis=2)[..., :length],
        context=_rows(steps, [probes.context("cross", i) for i in layers]),
    )


def _stacked(values: Iterable[Any]) -> Floats:
    """OrtValues of one row each (1, …) → (L, …)."""
    return np.concatenate([as_numpy(value) for value in values]).astype(np.float32, copy=False)


def _only(maps: Floats | None) -> Floats:
    """Attention (L, 1, H, …) that was asked for → (L, H, …)."""
    assert maps is not None
    return maps[:, 0]


def _rows(steps: Sequence[DecoderStep], names: Sequence[str]) -> Floats:
    """What each step gives as (1, H, 1, …) under each name → (L, H, T, …)."""
    return np.concatenate([_stacked(step.inside[name] for name in names) for step in steps], axis=2)


def _by_step(steps: Sequence[DecoderStep], names: Sequence[str]) -> Floats:
    """What each step gives as (1, D) under each name → (N, T, D)."""
    return np.stack([_stacked(step.inside[name] for name in names) for step in steps], axis=1)
