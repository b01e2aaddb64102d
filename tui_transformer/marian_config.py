"""What config.json and generation_config.json of a Marian model mean here; what is not supported is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .architecture import Architecture, Tied
from .errors import RecipeError
from .generation import MOST_HYPOTHESES, Generation

Values = Mapping[str, Any]

ACTIVATIONS = {"swish": "swish", "silu": "swish", "relu": "relu", "gelu": "gelu"}

DEFAULTS: Values = {
    "scale_embedding": False,
    "share_encoder_decoder_embeddings": True,
    "tie_word_embeddings": True,
    "activation_function": "gelu",
}
"""Of `MarianConfig`, for what a config.json leaves out and that decides what is computed."""

SIZES = ("vocab_size", "d_model", "max_position_embeddings", "pad_token_id", "eos_token_id", "decoder_start_token_id")
MOST_POSITIONS = 65_536
"""Sinusoid tables are computed whole: more means damage, and would only fill memory. Published models have 512."""

BOTH = ("layers", "attention_heads", "ffn_dim")

ONLY: Values = {
    "normalize_before": False,
    "normalize_embedding": False,
    "add_final_layer_norm": False,
    "add_bias_logits": False,
    "static_position_embeddings": True,
    "is_encoder_decoder": True,
}
"""Options of the architecture's relatives that early Marian configs carry: only these values are Marian's."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "do_sample": (False,),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "repetition_penalty": (1, 1.0),
    "encoder_repetition_penalty": (1, 1.0),
    "diversity_penalty": (0, 0.0),
    "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,),
    "num_beam_groups": (1,),
    "penalty_alpha": (0, 0.0),
    "guidance_scale": (1, 1.0),
    "forced_bos_token_id": (),
    "forced_decoder_ids": (),
    "force_words_ids": (),
    "constraints": (),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
    "sequence_bias": (),
    "exponential_decay_length_penalty": (),
    "stop_strings": (),
    "watermarking_config": (),
    "prefix_allowed_tokens_fn": (),
    "max_time": (),
    "dola_layers": (),
    "token_healing": (False,),
    "use_mtp": (False,),
}
"""Options of `generate` that are not supported here, and their values that change nothing; so does null."""


def read_architecture(config: Values, tied: Tied) -> Architecture:
    """The shape of the model; `tied` is seen from its weights. Raises RecipeError."""
    if config.get("model_type") != "marian":
        raise RecipeError(f"config.json describes a model of type {config.get('model_type')!r}, not 'marian'")
    for name, wanted in ONLY.items():
        if config.get(name, wanted) not in (wanted, None):
            raise RecipeError(f"{name} = {config[name]!r} is not supported: Marian models have {wanted!r}")
    sizes = {name: _whole(config, name) for name in SIZES}
    if (positions := sizes["max_position_embeddings"]) > MOST_POSITIONS:
        raise RecipeError(f"max_position_embeddings = {positions} is not supported: at most {MOST_POSITIONS:,}")
    for name in BOTH[1:]:
        if _whole(config, f"encoder_{name}") != _whole(config, f"decoder_{name}"):
            raise RecipeError(f"encoder_{name} and decoder_{name} differ, which is not supported")
    activation = option(config, "activation_function")
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise RecipeError(f"activation_function = {activation!r} is not supported, only {', '.join(ACTIVATIONS)}")
    shared = option(config, "share_encoder_decoder_embeddings")
    target = config.get("decoder_vocab_size") or sizes["vocab_size"]
    try:
        return Architecture(
            encoder_layers=_whole(config, "encoder_layers"),
            decoder_layers=_whole(config, "decoder_layers"),
            heads=_whole(config, "encoder_attention_heads"),
            d_model=sizes["d_model"],
            d_ff=_whole(config, "encoder_ffn_dim"),
            source_vocabulary=sizes["vocab_size"],
            target_vocabulary=sizes["vocab_size"] if shared else target,
            positions=sizes["max_position_embeddings"],
            positional_layout="halves",
            activation=ACTIVATIONS[activation],  # type: ignore[arg-type]
            tied=tied,
            scale_embedding=option(config, "scale_embedding"),
        )
    except ValueError as error:
        raise RecipeError(f"config.json: {error}") from None


def option(config: Values, name: str) -> Any:
    """The value of an option, or what `MarianConfig` takes for it if there is none."""
    value = config.get(name)
    return DEFAULTS[name] if value is None else value


def read_generation(config: Values, generation: Values | None) -> Generation:
    """How `generate` would search: generation_config.json says it all if it is there, else config.json.

    Raises RecipeError for what is not supported.
    """
    values = config if generation is None else generation
    for name, neutral in NEUTRAL.items():
        if values.get(name) is not None and values[name] not in neutral:
            raise RecipeError(f"generation option {name} = {values[name]!r} is not supported")
    start, end = (config.get(name) for name in ("decoder_start_token_id", "eos_token_id"))
    for name, known in (("decoder_start_token_id", start), ("eos_token_id", end)):
        if values.get(name, known) not in (known, None):
            raise RecipeError(f"{name} = {values[name]!r} in generation_config.json, {known!r} in config.json")
    beam = _given(values, "num_beams", 1)
    if isinstance(beam, int) and beam > MOST_HYPOTHESES:
        raise RecipeError(f"num_beams = {beam} is not supported: at most {MOST_HYPOTHESES}")
    forced = values.get("forced_eos_token_id")
    if forced not in (None, end):
        raise RecipeError(f"forced_eos_token_id = {forced!r} is not the model's end, {end!r}")
    try:
        return Generation(
            beam=beam,
            length_penalty=float(_given(values, "length_penalty", 1.0)),
            max_length=_most_pieces(values),
            ranking="transformers",
            early_stopping=_given(values, "early_stopping", False),
            forced_end=forced is not None,
            banned=_banned(values, end),
            renormalize=bool(values.get("renormalize_logits")),
            may_be_empty=True,
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise RecipeError(f"generation config: {error}") from None


def _given(values: Values, name: str, default: Any) -> Any:
    return default if values.get(name) is None else values[name]


def _most_pieces(values: Values) -> int:
    """What may be generated: `max_length` counts the piece that the decoder begins with, `max_new_tokens` does not."""
    if values.get("max_new_tokens") is not None:
        return int(values["max_new_tokens"])
    return max(1, int(_given(values, "max_length", 20)) - 1)


def _banned(values: Values, end: object) -> tuple[int, ...]:
    """The end is never banned, whatever the list says: `generate` passes over it."""
    words = _given(values, "bad_words_ids", [])
    if not isinstance(words, list) or not all(isinstance(word, list) and len(word) == 1 for word in words):
        raise RecipeError(f"bad_words_ids = {words!r} is not supported: each must be one id")
    return tuple(dict.fromkeys(word[0] for word in words if word != [end]))


def _whole(config: Values, name: str) -> int:
    value = config.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RecipeError(f"config.json: {name} must be a whole number, not {value!r}")
    return value
