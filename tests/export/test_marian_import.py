"""What of a Marian folder is read, what is refused, and by what name."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from marian_models import Vocabulary, changed, make_model, make_vocabulary, write_tokenizer
from ttx_export.importing import read_foreign
from ttx_export.marian_folder import Naming
from ttx_export.package import Wanted, export_bundle

from tui_transformer.errors import BundleError, MissingExtraError, RecipeError
from tui_transformer.generation import Generation
from tui_transformer.translator import Translator

Pairs = list[tuple[str, str]]
NAMING = Naming("x")


@pytest.fixture(scope="module")
def vocabulary(pairs: Pairs, tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return make_vocabulary(tmp_path_factory.mktemp("vocabulary") / "v", pairs, codes=(">>deu<<", ">>nld<<"))


@pytest.fixture(scope="module")
def original(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = vocabulary.copied(tmp_path_factory.mktemp("model"))
    make_model(folder, vocabulary)
    write_tokenizer(folder, vocabulary)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "opus-mt-en-de"))


def refused(path: Path, reason: str) -> None:
    with pytest.raises(RecipeError, match=rf"^[^\n]*{reason}[^\n]*$"):
        read_foreign(path, NAMING)


# -- options ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("normalize_before", True),
        ("normalize_embedding", True),
        ("add_final_layer_norm", True),
        ("add_bias_logits", True),
        ("static_position_embeddings", False),
        ("activation_function", "quick_gelu"),
        ("activation_function", ["swish"]),
        ("max_position_embeddings", 10**11),
        ("decoder_ffn_dim", 32),
        ("decoder_attention_heads", 4),
        ("model_type", "bart"),
        ("d_model", 15),
        ("vocab_size", "many"),
        ("eos_token_id", [0, 2]),
    ],
)
def test_an_option_that_is_not_supported_is_refused_by_name(folder: Path, name: str, value: object) -> None:
    changed(folder / "config.json", **{name: value})
    refused(folder, "type 'bart'" if name == "model_type" else name.split("_", 1)[-1] if "decoder" in name else name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no_repeat_ngram_size", 3),
        ("repetition_penalty", 1.2),
        ("do_sample", True),
        ("min_length", 4),
        ("forced_bos_token_id", 5),
        ("suppress_tokens", [4]),
        ("bad_words_ids", [[3, 4]]),
        ("bad_words_ids", [[100_000]]),
        ("forced_eos_token_id", 7),
        ("decoder_start_token_id", 7),
        ("num_beams", "six"),
        ("num_beams", 65),
        ("max_length", float("inf")),
        ("max_time", 1.5),
        ("dola_layers", "high"),
        ("early_stopping", "sometimes"),
    ],
)
def test_a_way_to_search_that_is_not_supported_is_refused_by_name(folder: Path, name: str, value: object) -> None:
    changed(folder / "generation_config.json", **{name: value})
    refused(folder, {"num_beams": "beam", "max_length": "infinity"}.get(name, name))


def test_what_published_configs_carry_and_marian_never_reads_changes_nothing(folder: Path) -> None:
    """OPUS-MT's early config.json: `extra_pos_embeddings` is one more than the padding's id."""
    plain = read_foreign(folder, NAMING).shape
    changed(folder / "config.json", extra_pos_embeddings=53685, classif_dropout=0.0, init_std=0.02, num_hidden_layers=6)
    assert read_foreign(folder, NAMING).shape == plain


def test_without_a_generation_config_the_old_place_is_asked(folder: Path) -> None:
    (folder / "generation_config.json").unlink()
    changed(folder / "config.json", num_beams=6, max_length=512, bad_words_ids=[[9]], normalize_before=False)
    origin = read_foreign(folder, NAMING).origin
    assert origin is not None
    assert origin.generation == Generation(6, 1.0, 511, "transformers", False, True, (9,), False, True)


def test_the_end_is_never_banned_as_generate_has_it(folder: Path) -> None:
    changed(folder / "generation_config.json", bad_words_ids=[[0], [9]])
    origin = read_foreign(folder, NAMING).origin
    assert origin is not None
    assert origin.generation.banned == (9,)


def test_a_vocabulary_larger_than_any_memory_is_refused(folder: Path) -> None:
    changed(folder / "config.json", vocab_size=10**12)
    refused(folder, "the model has 1,000,000,000,000")


def test_half_precision_and_tables_of_positions_are_read(folder: Path) -> None:
    from tui_transformer.positional import sinusoids

    before = read_foreign(folder, NAMING)
    from safetensors.torch import load_file, save_file

    weights = {name: weight.half() for name, weight in load_file(folder / "model.safetensors").items()}
    for side in ("encoder", "decoder"):
        weights[f"model.{side}.embed_positions.weight"] = torch.from_numpy(sinusoids(64, 16, "halves")).half()
    save_file(weights, folder / "model.safetensors")
    after = read_foreign(folder, NAMING)
    assert before.weights.keys() == after.weights.keys()
    assert all(torch.equal(after.weights[n], before.weights[n].half().float()) for n in before.weights)
    weights["model.encoder.embed_positions.weight"] = torch.zeros(64, 16)
    save_file(weights, folder / "model.safetensors")
    refused(folder, "learnt positions are not supported")


# -- files --------------------------------------------------------------------------------------------


def pickled(folder: Path) -> dict[str, Any]:
    """The weights, to be written as a pickle instead."""
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    return dict(weights)


class Evil:
    """Runs code where a pickle is trusted."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, ("owned",)


def test_a_pickle_runs_no_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({**pickled(folder), "evil": Evil()}, folder / "pytorch_model.bin")
    # torch's own words advise to load it all the same.
    refused(folder, "cannot use .*pytorch_model.bin: it is not a pickle of tensors alone; .* is never loaded")
    assert "owned" not in capsys.readouterr().out


def test_without_safetensors_the_pickle_is_read_or_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *r: None if name == "safetensors" else find_spec(name)
    )
    with pytest.raises(MissingExtraError, match=r"^.*tui-transformer\[import\]'$"):
        read_foreign(folder, NAMING)
    monkeypatch.undo()
    torch.save(pickled(folder), folder / "pytorch_model.bin")
    assert read_foreign(folder, NAMING).weights


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("config.json", "config.json"),
        ("model.safetensors", "neither model.safetensors nor pytorch_model.bin"),
        ("vocab.json", "no vocab.json"),
        ("source.spm", "no source.spm"),
        ("target.spm", "no target.spm"),
    ],
)
@pytest.mark.parametrize("harm", ["gone", "emptied", "nonsense"])
def test_a_file_that_is_missing_or_damaged_is_named(folder: Path, file: str, reason: str, harm: str) -> None:
    if harm == "gone":
        (folder / file).unlink()
        refused(folder, reason)
    else:
        (folder / file).write_bytes(b"" if harm == "emptied" else b"[1]")
        refused(folder, file)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda w: w.pop("model.decoder.layers.1.fc1.bias"), "lacks the weight model.decoder.layers.1.fc1.bias"),
        (lambda w: w.update({"model.encoder.layernorm_embedding.weight": torch.ones(16)}), "layernorm_embedding"),
        (lambda w: w.update({"model.decoder.layers.1.fc1.bias": torch.ones(3)}), "decoder.1.feed_forward.inner.bias"),
        (
            lambda w: w.update({"model.decoder.layers.1.fc1.bias": torch.ones(24).bool()}),
            "fc1.bias is not floating",
        ),
        (lambda w: w.update({"lm_head.weight": torch.ones_like(w["model.shared.weight"])}), "are shared differ"),
    ],
)
def test_weights_that_are_not_marian_s_are_named(folder: Path, harm: Callable[[Any], Any], reason: str) -> None:
    weights = pickled(folder)
    harm(weights)
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(RecipeError, match=reason):
        read_foreign(folder, NAMING).build_model()


@pytest.mark.parametrize(
    "harm",
    [
        lambda pieces: {k: v for k, v in pieces.items() if v != 7},
        lambda pieces: {**pieces, "</s>": 3},
        lambda pieces: {**pieces, "new": len(pieces)},
        lambda pieces: {**pieces, "</s>": "zero"},
        lambda pieces: {"\ud800" if v == 7 else k: v for k, v in pieces.items()},
    ],
)
def test_a_vocabulary_that_is_not_the_model_s(folder: Path, harm: Callable[[dict[str, int]], Any]) -> None:
    file = folder / "vocab.json"
    file.write_text(json.dumps(harm(json.loads(file.read_text(encoding="utf-8")))), encoding="utf-8")
    refused(folder, "vocab.json")


def test_languages_come_from_the_tokenizer_the_name_or_the_user(folder: Path, tmp_path: Path) -> None:
    recipe = read_foreign(folder, NAMING).recipe
    assert (recipe.source, recipe.target) == ("en", "de")
    changed(folder / "tokenizer_config.json", source_lang=None, target_lang=None)
    assert read_foreign(folder, NAMING).recipe.target == "de"
    changed(folder / "tokenizer_config.json", source_lang="e\x1b[31mn")
    refused(folder, "--source and --target")
    changed(folder / "tokenizer_config.json", source_lang=None)
    nameless = folder.rename(tmp_path / "model")
    refused(nameless, "--source and --target")
    assert read_foreign(nameless, Naming("x", ("fi", "sv"))).recipe.source == "fi"


def test_what_is_no_model(tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "neither a folder nor a .npz file")
    refused(tmp_path, "neither config.json nor a .npz file")


# -- the bundle ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def translator(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Translator:
    out = tmp_path_factory.mktemp("bundle") / "out"
    return Translator(export_bundle(read_foreign(original, NAMING), out, Wanted("fp32", score=False)), "cpu")


def test_the_card_and_the_manifest_say_where_it_comes_from(translator: Translator) -> None:
    card = translator.bundle.file("README.md").read_text(encoding="utf-8")
    wanted = ["imported from opus-mt-en-de (Hugging Face)", '"model_type": "marian"', ">>deu<< >>nld<<", "Not measured"]
    assert [words for words in wanted if words not in card] == []
    assert translator.bundle.manifest.provenance["imported_from"] == "opus-mt-en-de"


def test_every_part_of_a_line_is_translated_into_its_language(translator: Translator) -> None:
    code = translator.source.encode(">>deu<<")
    parts = translator.split(">>deu<< Tom called. Mary has a flower.")
    assert [list(part.ids[:1]) for part in parts] == [code, code]
    assert [part.text for part in parts] == ["Tom called.", "Mary has a flower."]
    assert list(translator.whole(">>deu<< Tom called.").ids) == [*code, *translator.source.encode("Tom called."), 0]


def test_a_bundle_without_its_pieces_is_damaged(translator: Translator, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(translator.bundle.path, tmp_path / "model"))
    (folder / "vocabulary.json").unlink()
    with pytest.raises(BundleError, match=r"lacks its file 'vocabulary\.json'"):
        Translator.load(str(folder), "cpu")


def test_an_imported_bundle_is_replaced(translator: Translator, original: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(translator.bundle.path, tmp_path / "model"))
    assert export_bundle(read_foreign(original, NAMING), folder, Wanted("fp32", score=False)).path == folder


# -- Marian's own files -------------------------------------------------------------------------------


def native(folder: Path, weights: dict[str, torch.Tensor], config: dict[str, Any], **options: Any) -> Path:
    """The same model as Marian writes it: without padding, matrices transposed, vectors as rows."""
    ours = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "out_proj"}
    arrays: dict[str, Any] = {}
    for side in ("encoder", "decoder"):
        kinds = {"self": "self_attn", **({"context": "encoder_attn"} if side == "decoder" else {})}
        for layer in range(config[f"{side}_layers"]):
            old, new = f"model.{side}.layers.{layer}", f"{side}_l{layer + 1}"
            for short, kind in kinds.items():
                for letter, name in ours.items():
                    arrays[f"{new}_{short}_W{letter}"] = weights[f"{old}.{kind}.{name}.weight"].T
                    arrays[f"{new}_{short}_b{letter}"] = weights[f"{old}.{kind}.{name}.bias"][None]
                arrays[f"{new}_{short}_Wo_ln_scale"] = weights[f"{old}.{kind}_layer_norm.weight"][None]
                arrays[f"{new}_{short}_Wo_ln_bias"] = weights[f"{old}.{kind}_layer_norm.bias"][None]
            for number in "12":
                arrays[f"{new}_ffn_W{number}"] = weights[f"{old}.fc{number}.weight"].T
                arrays[f"{new}_ffn_b{number}"] = weights[f"{old}.fc{number}.bias"][None]
            arrays[f"{new}_ffn_ffn_ln_scale"] = weights[f"{old}.final_layer_norm.weight"][None]
            arrays[f"{new}_ffn_ffn_ln_bias"] = weights[f"{old}.final_layer_norm.bias"][None]
    if "model.shared.weight" in weights:
        arrays["Wemb"] = weights["model.shared.weight"][:-1]
    else:
        arrays |= {f"{side}_Wemb": weights[f"model.{side}.embed_tokens.weight"][:-1] for side in ("encoder", "decoder")}
    arrays["decoder_ff_logit_out_b"] = weights["final_logits_bias"][:, :-1]
    said = {
        "type": "transformer", "enc-depth": config["encoder_layers"], "dec-depth": config["decoder_layers"],
        "dim-emb": config["d_model"], "transformer-heads": config["encoder_attention_heads"],
        "transformer-dim-ffn": config["encoder_ffn_dim"], "transformer-ffn-activation": "swish",
        "transformer-postprocess": "dan", "transformer-preprocess": "", **options,
    }  # fmt: skip
    text = np.frombuffer(json.dumps(said).encode() + b"\0", np.int8)
    out = folder.parent / "opus-en-de"
    out.mkdir(exist_ok=True)
    np.savez(out / "model.npz", **{n: np.asarray(a) for n, a in arrays.items()}, **{"special:model.yml": text})
    for side in ("source", "target"):
        shutil.copy(folder / f"{side}.spm", out / f"{side}.spm")
    for file, name in (("vocab.json", "model.src.vocab.yml"), ("target_vocab.json", "model.trg.vocab.yml")):
        if (folder / file).exists():
            pieces = json.loads((folder / file).read_text(encoding="utf-8"))
            lines = [f"{json.dumps(piece)}: {i}" for piece, i in pieces.items() if piece != "<pad>"]
            (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "decoder.yml").write_text("beam-size: 6\nnormalize: 1\n")
    return out


def weights_and_config(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors"), json.loads((folder / "config.json").read_text())


@pytest.mark.parametrize("separate", [False, True])
def test_marian_s_own_file_is_the_same_model(pairs: Pairs, tmp_path: Path, separate: bool) -> None:
    vocabulary = make_vocabulary(tmp_path / "vocabulary", pairs, separate=separate)
    folder = vocabulary.copied(tmp_path)
    model = make_model(folder, vocabulary, share_encoder_decoder_embeddings=not separate)
    with torch.no_grad():  # Marian has no row for the padding: its port has zeros there
        model.model.encoder.embed_tokens.weight[-1] = model.model.decoder.embed_tokens.weight[-1] = 0
        model.final_logits_bias[0, -1] = 0
    model.save_pretrained(folder)
    write_tokenizer(folder, vocabulary)
    checkpoint = read_foreign(native(folder, *weights_and_config(folder)), Naming("native", ("en", "de")))
    assert checkpoint.origin is not None
    pad = checkpoint.vocabularies.special.target_pad
    wanted = Generation(6, 1.0, 511, "transformers", False, True, (pad,), renormalize=True, may_be_empty=True)
    assert checkpoint.origin.generation == wanted
    other = read_foreign(folder, NAMING)
    for side in ("source", "target"):
        ours, theirs = (getattr(each.vocabularies, side) for each in (checkpoint, other))
        assert [ours.encode(source) for source, _ in pairs] == [theirs.encode(source) for source, _ in pairs]
    chance = np.random.default_rng(0)
    size = vocabulary.sizes[0] - 1
    source, target = (torch.from_numpy(chance.integers(0, size, (3, length))) for length in (11, 7))
    target[:, 0] = size
    with torch.inference_mode():
        found = checkpoint.build_model()(source, target)
        expected = model(input_ids=source, decoder_input_ids=target).logits
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "s2s"),
        ("transformer-preprocess", "n"),
        ("transformer-postprocess", "da"),
        ("transformer-decoder-autoreg", "rnn"),
        ("transformer-train-position-embeddings", True),
        ("transformer-ffn-activation", "gelu"),
        ("transformer-tied-layers", [1, 1]),
        ("right-left", True),
    ],
)
def test_another_kind_of_marian_model_is_refused_by_name(folder: Path, name: str, value: object) -> None:
    place = native(folder, *weights_and_config(folder), **{name: value})
    refused(place / "model.npz", name)


def test_an_npz_with_objects_in_it_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = native(folder, *weights_and_config(folder))
    np.savez(place / "model.npz", evil=np.array([Evil()], dtype=object))
    refused(place / "model.npz", "cannot use .*model.npz")
    assert "owned" not in capsys.readouterr().out
