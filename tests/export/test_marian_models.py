"""Twenty Marian models that `transformers` made: the imported ones compute, show and say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from marian_models import END, Vocabulary, make_model, make_vocabulary, write_tokenizer
from ttx_export.importing import read_foreign
from ttx_export.marian_folder import Naming
from ttx_export.package import Wanted, export_bundle

from tui_transformer.decoding import pad
from tui_transformer.source import Source
from tui_transformer.translator import Options, Translator

Pairs = list[tuple[str, str]]
REAL, RANDOM = 3, 2

MODELS: dict[str, dict[str, Any]] = {
    "as published": {"search": {"num_beams": 6, "max_length": 32}},
    "one layer": {"encoder_layers": 1, "decoder_layers": 1},
    "deep and shallow": {"encoder_layers": 4, "decoder_layers": 1},
    "shallow and deep": {"encoder_layers": 1, "decoder_layers": 3},
    "wide": {"d_model": 48, "encoder_attention_heads": 6, "decoder_attention_heads": 6},
    "one head": {"encoder_attention_heads": 1, "decoder_attention_heads": 1},
    "large feed-forward": {"encoder_ffn_dim": 96, "decoder_ffn_dim": 96},
    "relu": {"activation_function": "relu"},
    "gelu": {"activation_function": "gelu"},
    "silu": {"activation_function": "silu"},
    "unscaled": {"scale_embedding": False},
    "unscaled, untied": {"scale_embedding": False, "tie_word_embeddings": False},
    "untied": {"tie_word_embeddings": False},
    "two vocabularies": {"share_encoder_decoder_embeddings": False, "vocabulary": "separate"},
    "pieces missing": {"vocabulary": "holes"},
    "few positions": {"max_position_embeddings": 40},
    "no renormalising": {"search": {"renormalize_logits": False}},
    "early": {"search": {"early_stopping": True, "num_beams": 3}},
    "never early": {"search": {"early_stopping": "never", "length_penalty": 0.6}},
    "shorter is better": {"search": {"length_penalty": -0.5, "num_beams": 2}, "end": 4.0},
    "long is best": {"search": {"length_penalty": 2.0, "num_beams": 5}, "end": 4.0},
    "ends soon": {"search": {"length_penalty": 0.0}, "end": 6.0},
    "no forced end": {"search": {"forced_eos_token_id": None, "num_beams": 3}, "end": 2.0},
    "pickled": {"pickle": True},
}


@dataclass(frozen=True)
class Case:
    """A model of `transformers`, the same as a bundle, and what both are to read: ids, each with its end."""

    model: Any
    translator: Translator
    sources: list[list[int]]


@pytest.fixture(scope="module")
def vocabularies(pairs: Pairs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Vocabulary]:
    folder = tmp_path_factory.mktemp("vocabularies")
    return {
        "shared": make_vocabulary(folder / "shared", pairs),
        "holes": make_vocabulary(folder / "holes", pairs, missing=5),
        "separate": make_vocabulary(folder / "separate", pairs, separate=True),
    }


@pytest.fixture(scope="module", params=MODELS)
def case(
    request: pytest.FixtureRequest, vocabularies: dict[str, Vocabulary], pairs: Pairs,
    tmp_path_factory: pytest.TempPathFactory,
) -> Case:  # fmt: skip
    options = dict(MODELS[request.param])
    seed = list(MODELS).index(request.param)
    vocabulary = vocabularies[options.pop("vocabulary", "shared")]
    folder = vocabulary.copied(tmp_path_factory.mktemp("model"))
    model = make_model(folder, vocabulary, seed, **options)
    tokenizer = write_tokenizer(folder, vocabulary)
    bundle = export_bundle(read_foreign(folder, Naming("x")), folder.parent / "out", Wanted("fp32", score=False))
    chance = np.random.default_rng(seed)
    real = [tokenizer(source)["input_ids"] for source, _ in pairs[seed : seed + REAL]]
    drawn = [
        [*chance.integers(1, vocabulary.sizes[0] - 1, chance.integers(1, 30)).tolist(), END] for _ in range(RANDOM)
    ]
    return Case(model, Translator(bundle, "cpu"), [*real, *drawn])


def padded(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    ids, mask = pad(case.sources, case.translator.special.source_pad, 64)
    return torch.from_numpy(ids), torch.from_numpy(mask)


def said(sequences: torch.Tensor) -> list[tuple[int, ...]]:
    """What `generate` gave without the start, the end and what is behind it."""
    cut = [row[1:].tolist() for row in sequences]
    return [tuple(row[: row.index(END)] if END in row else row) for row in cut]


def stripped(ids: Sequence[int], padding: int) -> tuple[int, ...]:
    return tuple(i for i in ids if i != padding)


def test_logits_and_attention_are_the_same(case: Case) -> None:
    ids, mask = padded(case)
    runtime, special = case.translator.runtime, case.translator.special
    chance = np.random.default_rng(0)
    target = chance.integers(1, special.target_pad, (len(ids), 9))
    target[:, 0] = special.target_bos
    with torch.inference_mode():
        expected = case.model(
            input_ids=ids, attention_mask=mask, decoder_input_ids=torch.from_numpy(target), output_attentions=True
        )
    encoding = runtime.encode(ids.numpy(), mask.numpy(), attentions=True)
    real = mask.numpy()[None, :, None, :, None]
    np.testing.assert_allclose(
        encoding.attentions * real, torch.stack(expected.encoder_attentions).numpy() * real, atol=1e-5
    )
    cache = encoding.cache
    for t in range(target.shape[1]):
        step = runtime.step(target[:, t], cache, attentions=True)
        cache = step.cache
        np.testing.assert_allclose(step.logits(), expected.logits[:, t].numpy(), atol=1e-4)
        maps = expected.decoder_attentions, expected.cross_attentions
        own, cross = (torch.stack(kind).numpy()[:, :, :, t] for kind in maps)
        np.testing.assert_allclose(step.self_attentions, own[..., : t + 1], atol=1e-5)
        np.testing.assert_allclose(step.cross_attentions, cross, atol=1e-5)


def test_greedy_search_says_the_same_token_for_token(case: Case) -> None:
    ids, mask = padded(case)
    greedy = {"num_beams": 1, "early_stopping": None, "length_penalty": None}
    expected = case.model.generate(input_ids=ids, attention_mask=mask, **greedy)
    sources = [Source("x", tuple(source)) for source in case.sources]
    padding = case.translator.special.target_pad
    found = [hypotheses[0].ids for hypotheses in case.translator.translate_batch(sources, Options(beam=1))]
    assert found == [stripped(row, padding) for row in said(expected)]


def test_beam_search_says_the_same_token_for_token_to_the_last_hypothesis(case: Case) -> None:
    ids, mask = padded(case)
    width = case.model.generation_config.num_beams
    expected = case.model.generate(
        input_ids=ids, attention_mask=mask, num_return_sequences=width, return_dict_in_generate=True, output_scores=True
    )
    padding = case.translator.special.target_pad
    sources = [Source("x", tuple(source)) for source in case.sources]
    found = [h for hypotheses in case.translator.translate_batch(sources) for h in hypotheses]
    assert [h.ids for h in found] == [stripped(row, padding) for row in said(expected.sequences)]
    np.testing.assert_allclose([h.score for h in found], expected.sequences_scores.numpy(), rtol=1e-4, atol=1e-4)


def test_the_probe_says_the_same(case: Case) -> None:
    """What is shown of the inside is the same computation: the probe's logits are those of the decoder."""
    probed = case.translator.probe(Source("x", tuple(case.sources[0])), case.sources[0][:5])
    forced = case.translator.force([Source("x", tuple(case.sources[0]))], [case.sources[0][:5]])[0]
    logits = probed.decoder.logits.astype(np.float64)
    own = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    picked = own[np.arange(len(own)), [*case.sources[0][:5], END][: len(own)]]
    np.testing.assert_allclose(picked, forced.log_probabilities[: len(own)], atol=1e-4)
