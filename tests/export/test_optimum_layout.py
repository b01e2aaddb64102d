"""`--layout optimum`: the graphs by the contract that other runtimes know, and Optimum itself where it is installed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from random_models import BOS, PAD, random_model
from ttx_export.checkpoint import Checkpoint, load_checkpoint
from ttx_export.linear import FloatLinear
from ttx_export.model import Transformer
from ttx_export.optimum_graphs import optimum_graphs
from ttx_export.package import Wanted, export_bundle

from tui_transformer.architecture import ACTIVATIONS, NORMS, Architecture
from tui_transformer.bundle import Bundle, verify_bundle
from tui_transformer.errors import RecipeError, UsageError
from tui_transformer.positional import LAYOUTS
from tui_transformer.tokenizer import TokenizerOptions
from tui_transformer.translator import Options, Translator

Arrays = dict[str, npt.NDArray[Any]]
Run = Callable[[Arrays], Arrays]
DATA = Path(__file__).parents[1] / "data"
UNHEARD = ["Tom told Mary that he was in prison.", "The station is red.", "42", "Ω", "a b c d e f", "Where is my bus?"]
SHAPE = Architecture(
    encoder_layers=1, decoder_layers=2, heads=2, d_model=8, d_ff=12, source_vocabulary=31, target_vocabulary=35,
    positions=24,
)  # fmt: skip


# -- the contract, spelt out --------------------------------------------------------------------------


def session(model: bytes) -> Run:
    """A graph in ONNX Runtime: named arrays in, named arrays out."""
    ort = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in ort.get_outputs()]
    return lambda feeds: dict(zip(names, ort.run(names, feeds), strict=True))


def as_past(outputs: Arrays) -> Arrays:
    """What a decoder gives under the names by which the next one wants it."""
    return {k.replace("present", "past_key_values"): v for k, v in outputs.items() if k.startswith("present")}


def read(encoder: Run, first: Run, with_past: Run, source: Any, mask: Any, chunks: list[Any]) -> list[Arrays]:
    """Targets, cut into chunks (R, T), read one chunk after the other, as any runtime of this layout would."""
    memory = encoder({"input_ids": source, "attention_mask": mask})["last_hidden_state"]
    found = [first({"input_ids": chunks[0], "encoder_attention_mask": mask, "encoder_hidden_states": memory})]
    past = as_past(found[0])
    for ids in chunks[1:]:
        found.append(with_past({"input_ids": ids, "encoder_attention_mask": mask, **past}))
        past |= as_past(found[-1])
    return found


def graphs(model: Transformer) -> dict[str, bytes]:
    weights = {name: weight.numpy() for name, weight in model.state_dict().items()}
    found = optimum_graphs(weights, model.shape, "fp32", FloatLinear())
    assert list(found) == ["encoder_model.onnx", "decoder_model.onnx", "decoder_with_past_model.onnx"]
    return {name: graph.SerializeToString() for name, graph in found.items()}


def padded_pairs(shape: Architecture) -> tuple[Any, Any, Any]:
    """Random source (3, S) with padding, its mask, and target (3, T)."""
    random = np.random.default_rng(1)
    source = random.integers(4, shape.source_vocabulary, (3, 7))
    source[1, 4:] = source[2, 1:] = PAD
    target = random.integers(4, shape.target_vocabulary, (3, 6))
    target[:, 0] = BOS
    return source, (source != PAD).astype(np.int64), target


@pytest.mark.parametrize(("norm", "activation", "layout"), list(itertools.product(NORMS, ACTIVATIONS, LAYOUTS)))
@pytest.mark.parametrize("tied", ["none", "target"])
@torch.inference_mode()
def test_every_option_gives_what_pytorch_gives(norm: Any, activation: Any, layout: Any, tied: Any) -> None:
    model = random_model(replace(SHAPE, norm=norm, activation=activation, positional_layout=layout, tied=tied))
    source, mask, target = padded_pairs(model.shape)
    expected = model(torch.from_numpy(source), torch.from_numpy(target)).numpy()
    runs = [session(graph) for graph in graphs(model).values()]
    for cuts in ([], [1], [2, 3], [1, 2, 3, 4, 5]):
        steps = read(*runs, source, mask, np.split(target, cuts, axis=1))
        found = np.concatenate([step["logits"] for step in steps], axis=1)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_names_in_their_order_types_and_standard_operators() -> None:
    models = {name: onnx.load_from_string(graph) for name, graph in graphs(random_model(SHAPE)).items()}
    for model in models.values():
        onnx.checker.check_model(model, full_check=True)
        assert [opset.domain for opset in model.opset_import] == [""]
    decoder = ["decoder.key", "decoder.value"]
    both = [*decoder, "encoder.key", "encoder.value"]
    past = [f"past_key_values.{layer}.{part}" for layer in range(2) for part in both]
    expected = {
        "encoder_model.onnx": (["input_ids", "attention_mask"], ["last_hidden_state"]),
        "decoder_model.onnx": (
            ["input_ids", "encoder_attention_mask", "encoder_hidden_states"],
            ["logits", *(f"present.{layer}.{part}" for layer in range(2) for part in both)],
        ),
        "decoder_with_past_model.onnx": (
            ["input_ids", "encoder_attention_mask", *past],
            ["logits", *(f"present.{layer}.{part}" for layer in range(2) for part in decoder)],
        ),
    }
    found = {n: ([i.name for i in m.graph.input], [o.name for o in m.graph.output]) for n, m in models.items()}
    assert found == expected
    kinds = {i.name: i.type.tensor_type.elem_type for m in models.values() for i in m.graph.input}
    integers = {"input_ids", "attention_mask", "encoder_attention_mask"}
    assert {name for name, kind in kinds.items() if kind == onnx.TensorProto.INT64} == integers
    assert {kind for name, kind in kinds.items() if name not in integers} == {onnx.TensorProto.FLOAT}


@torch.inference_mode()
def test_another_runtime_than_onnx_runtime_reads_them() -> None:
    def reference(graph: bytes) -> Run:
        evaluator = ReferenceEvaluator(onnx.load_from_string(graph))
        return lambda feeds: dict(zip(evaluator.output_names, evaluator.run(None, feeds), strict=True))

    model = random_model(replace(SHAPE, activation="swish", positional_layout="halves"))
    source, mask, target = padded_pairs(SHAPE)
    expected = model(torch.from_numpy(source), torch.from_numpy(target)).numpy()
    steps = read(*map(reference, graphs(model).values()), source, mask, np.split(target, [2, 3], axis=1))
    np.testing.assert_allclose(np.concatenate([s["logits"] for s in steps], axis=1), expected, atol=1e-4)


# -- the folder ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(learnt_by_heart: Path) -> Checkpoint:
    return load_checkpoint(learnt_by_heart)


@pytest.fixture(scope="module", params=["fp32", "int8"])
def exported(request: Any, checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The folder of a model that knows the pairs."""
    wanted = Wanted(request.param, DATA, score=False, layout="optimum")
    return export_bundle(checkpoint, tmp_path_factory.mktemp("models") / request.param, wanted)


@pytest.fixture(scope="module")
def bundle(exported: Bundle, checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The same model as a bundle of ours."""
    precision = exported.manifest.precision
    return export_bundle(
        checkpoint, tmp_path_factory.mktemp("models") / precision, Wanted(precision, DATA, score=False)
    )


def greedy(folder: Path, ids: list[int], most: int) -> list[int]:
    """What the graphs say of source ids, driven by names and numbers that config.json tells."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    encoder, first, with_past = (
        session((folder / f"{name}.onnx").read_bytes())
        for name in ("encoder_model", "decoder_model", "decoder_with_past_model")
    )
    source = np.array([ids])
    mask = np.ones_like(source)
    memory = encoder({"input_ids": source, "attention_mask": mask})["last_hidden_state"]
    read = np.array([[config["decoder_start_token_id"]]])
    outputs = first({"input_ids": read, "encoder_attention_mask": mask, "encoder_hidden_states": memory})
    past, said = as_past(outputs), list[int]()
    while len(said) < most:
        read = outputs["logits"][:, -1:].argmax(-1)
        if read.item() == config["eos_token_id"]:
            break
        said.append(read.item())
        outputs = with_past({"input_ids": read, "encoder_attention_mask": mask, **past})
        past |= as_past(outputs)
    return said


def test_by_the_contract_the_folder_says_what_the_bundle_says(
    exported: Bundle, bundle: Bundle, pairs: list[tuple[str, str]]
) -> None:
    translator = Translator(bundle, "cpu")
    for text in [*(source for source, _ in pairs[:12]), *UNHEARD]:
        source = translator.whole(text)
        ((expected,),) = translator.translate_batch([source], Options(beam=1, max_length=40))
        assert tuple(greedy(exported.path, list(source.ids), 40)) == expected.ids


@pytest.mark.parametrize("beam", [1, 4])
def test_ttx_translates_the_folder_as_the_bundle(
    exported: Bundle, bundle: Bundle, pairs: list[tuple[str, str]], beam: int
) -> None:
    lines = [*(source for source, _ in pairs), "", "  ", *UNHEARD, "Good night. The roof leaks."]
    ours, theirs = Translator(bundle, "cpu"), Translator(exported, "cpu")
    assert list(theirs.translate(lines, Options(beam), keep=False)) == list(
        ours.translate(lines, Options(beam), keep=False)
    )
    assert theirs.target_ids("Das Dach leckt.") == ours.target_ids("Das Dach leckt.")
    (a,), (b,) = (list(t.score([(pairs[0][0], pairs[1][1])])) for t in (ours, theirs))
    np.testing.assert_allclose(a.log_probabilities, b.log_probabilities, atol=1e-3)


def test_the_folder_is_whole_and_says_what_it_is(exported: Bundle, checkpoint: Checkpoint) -> None:
    assert verify_bundle(exported.path) == exported
    assert exported.manifest.layout == "optimum"
    assert exported.manifest.architecture == checkpoint.shape
    assert exported.manifest.parity["fp32"]["attention"] is None
    assert (
        "weight" not in exported.file("README.md").read_text(encoding="utf-8").split("## Exactness")[1].split("##")[0]
    )
    config = json.loads(exported.file("config.json").read_text(encoding="utf-8"))
    assert config["vocab_size"] == checkpoint.shape.source_vocabulary
    assert config["decoder_vocab_size"] == checkpoint.shape.target_vocabulary


@pytest.mark.parametrize("view", ["attention", "probe", "lens", "embeddings", "without"])
def test_what_the_layout_has_no_tensors_for_is_one_clear_error(exported: Bundle, view: str) -> None:
    translator = Translator(exported, "cpu")
    ask: dict[str, Callable[[], object]] = {
        "attention": lambda: list(translator.stream("Good night.")),
        "probe": lambda: translator.probe("Good night."),
        "lens": lambda: translator.lens(np.zeros((1, 48), np.float32)),
        "embeddings": lambda: translator.embeddings("source", [5]),
        "without": lambda: translator.without([]),
    }
    with pytest.raises(UsageError, match=r"^the model [^\n]* has no [^\n]*Optimum's layout[^\n]*$"):
        ask[view]()


def test_a_folder_is_replaced_by_a_bundle_and_back(checkpoint: Checkpoint, tmp_path: Path) -> None:
    for layout in ("optimum", "ttx", "optimum"):
        export_bundle(checkpoint, tmp_path / "model", Wanted("fp32", score=False, layout=layout))  # type: ignore[arg-type]
        assert verify_bundle(tmp_path / "model").manifest.layout == layout


def test_a_vocabulary_that_lower_cases_cannot_be_described(checkpoint: Checkpoint, tmp_path: Path) -> None:
    sides = checkpoint.vocabularies
    options = TokenizerOptions(lowercase=True)
    vocabularies = replace(sides, source=type(sides.source)(sides.source.model, options))
    with pytest.raises(RecipeError, match="lower-cased"):
        export_bundle(
            replace(checkpoint, vocabularies=vocabularies),
            tmp_path / "out",
            Wanted("fp32", score=False, layout="optimum"),
        )
    assert list(tmp_path.iterdir()) == []


# -- the ecosystem, where it is installed -------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_transformers_cuts_text_into_the_same_pieces(exported: Bundle, pairs: list[tuple[str, str]]) -> None:
    transformers = pytest.importorskip("transformers", exc_type=ImportError)
    theirs = transformers.AutoTokenizer.from_pretrained(exported.path)
    assert type(theirs).__name__ == "MarianTokenizer"
    ours = Translator(exported, "cpu")
    for source, target in [*pairs, *((text, text) for text in UNHEARD)]:
        assert theirs(source).input_ids == [*ours.source.encode(source), ours.special.source_eos]
        ids = ours.target.encode(target)
        assert theirs(text_target=target).input_ids == [*ids, ours.special.target_eos]
        assert theirs.decode([ours.special.target_bos, *ids, 3], skip_special_tokens=True) == target.strip()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("beam", [1, 4])
def test_optimum_says_what_ttx_says(exported: Bundle, bundle: Bundle, pairs: list[tuple[str, str]], beam: int) -> None:
    """Beam search with no length penalty: with one, the two divide by different powers of the length."""
    optimum = pytest.importorskip("optimum.onnxruntime", exc_type=ImportError)
    model = optimum.ORTModelForSeq2SeqLM.from_pretrained(exported.path)
    translator = Translator(bundle, "cpu")
    for text in [*(source for source, _ in pairs), *UNHEARD]:
        source = translator.whole(text)
        ((expected, *_),) = translator.translate_batch([source], Options(beam, length_penalty=0.0, max_length=30))
        ids = torch.tensor([source.ids])
        said = model.generate(
            ids, attention_mask=torch.ones_like(ids), num_beams=beam, length_penalty=0.0, max_new_tokens=30
        )
        start, *rest = said[0].tolist()
        assert start == translator.special.target_bos
        assert tuple(rest) == (*expected.ids, *([translator.special.target_eos] if expected.complete else []))
