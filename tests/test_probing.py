"""Looking inside: the probe graphs are the translating graphs, and what they show belongs together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from tui_transformer import bundle, probes
from tui_transformer.bundle import Bundle, read_bundle
from tui_transformer.decoding import pad
from tui_transformer.errors import BundleError, UsageError
from tui_transformer.events import Trace
from tui_transformer.heads import Head, all_heads
from tui_transformer.masks import HIDDEN_SCORE
from tui_transformer.positional import sinusoids
from tui_transformer.probe_runtime import ProbeRuntime
from tui_transformer.probed import Attended, Probed
from tui_transformer.runtime import Runtime
from tui_transformer.translator import Options, Translator

SENTENCES = ("He admired her as a great director.", "The roof leaks.", "I just couldn't sleep.", "Hi", "")
SENTENCE = SENTENCES[0]
EN_DE = Path(__file__).parents[1] / "models" / "en-de"


@pytest.fixture(scope="module")
def shipped() -> Translator:
    return Translator.load(str(EN_DE), "cpu")


@pytest.fixture(scope="module", params=["tiny, fp32", "en-de, int8"])
def model(request: pytest.FixtureRequest, translator: Translator, shipped: Translator) -> Translator:
    return translator if request.param == "tiny, fp32" else shipped


@pytest.fixture(scope="module")
def probed(model: Translator) -> Probed:
    return model.probe(SENTENCE, lens=True)


def attentions(probed: Probed) -> list[Attended]:
    return [probed.encoder.attention, probed.decoder.self_attention, probed.decoder.cross_attention]


def softmax(scores: Any) -> Any:
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


# -- the probe graphs are the translating graphs ------------------------------------------------------


def test_with_all_heads_on_not_a_bit_differs(model: Translator) -> None:
    rows = [[*model.source_ids(sentence), model.special.source_eos] for sentence in SENTENCES]
    ids, mask = pad(rows, model.special.source_pad, 48)
    plain, probe = model.runtime, model.probes
    assert type(plain) is Runtime
    left, right = (each.encode(ids, mask, attentions=True) for each in (plain, probe))
    assert left.attentions is not None
    assert right.attentions is not None
    # What padding would attend to, the probe alone computes.
    real = mask.astype(bool)
    np.testing.assert_array_equal(left.attentions.swapaxes(2, 3)[:, real], right.attentions.swapaxes(2, 3)[:, real])
    caches = left.cache, right.cache
    random = np.random.default_rng(0)
    for _ in range(8):
        read = random.integers(4, model.target.size, len(rows))
        one, other = plain.step(read, caches[0], attentions=True), probe.step(read, caches[1], attentions=True)
        np.testing.assert_array_equal(one.next_id, other.next_id)
        np.testing.assert_array_equal(one.logits(), other.logits())
        np.testing.assert_array_equal(one.self_attentions, other.self_attentions)
        np.testing.assert_array_equal(one.cross_attentions, other.cross_attentions)
        caches = one.cache, other.cache
        assert (one.inside, left.inside) == ({}, {})
        assert other.inside.keys() == set(probes.decoder_outputs(plain.architecture))


def test_what_is_probed_is_what_is_watched(model: Translator, probed: Probed) -> None:
    trace = Trace.of(model.stream(SENTENCE, Options(beam=1)))
    probed = model.probe(SENTENCE, trace.finished.ids)
    np.testing.assert_array_equal(probed.encoder.attention.weights, trace.encoded.attention)
    np.testing.assert_array_equal(probed.decoder.cross_attention.weights, trace.cross_attention())
    for t, step in enumerate(trace.steps):
        np.testing.assert_array_equal(probed.decoder.self_attention.weights[:, :, t, : t + 1], step.self_attention)
    assert probed.said == tuple(step.chosen.id for step in trace.steps)
    assert (probed.ids, probed.pieces) == (trace.encoded.ids, trace.encoded.pieces)
    assert probed.said == (*trace.finished.ids, model.special.target_eos)


def test_a_given_target_is_as_likely_as_when_it_is_scored(model: Translator) -> None:
    target = model.target_ids("Er bewunderte sie als Direktor.")
    probed = model.probe(SENTENCE, target)
    (forced,) = model.force([model.whole(SENTENCE)], [target])
    logits = probed.decoder.logits.astype(np.float64)
    found = np.log(softmax(logits))[np.arange(len(probed.said)), list(probed.said)]
    np.testing.assert_allclose(found, forced.log_probabilities, atol=1e-5)


def test_without_a_target_the_translation_is_probed(model: Translator) -> None:
    probed = model.probe(SENTENCE, options=Options(beam=3))
    ((best, *_),) = model.translate_batch([model.whole(SENTENCE)], Options(beam=3))
    assert probed.said == (*best.ids, model.special.target_eos)
    assert probed.read == (model.special.target_bos, *best.ids)
    assert probed.complete
    assert not model.probe(SENTENCE, options=Options(beam=1, max_length=2)).complete


@pytest.mark.parametrize("text", ["", " \n", "x" * 2000], ids=["empty", "blank", "longer than the positions"])
def test_any_text_can_be_probed(translator: Translator, text: str) -> None:
    positions = translator.runtime.architecture.positions
    probed = translator.probe(text, [5] * 2000)
    assert len(probed.ids) == (1 if not text.strip() else positions)
    assert len(probed.said) == len(probed.read) == len(probed.decoder.logits) == positions


# -- what is shown belongs together -------------------------------------------------------------------


def test_shapes(model: Translator, probed: Probed) -> None:
    shape = model.runtime.architecture
    S, T, H, D, K, V = len(probed.ids), len(probed.said), shape.heads, shape.d_model, shape.d_k, shape.target_vocabulary
    N, M = shape.encoder_layers, shape.decoder_layers
    for found, (layers, asking, answering) in zip(attentions(probed), [(N, S, S), (M, T, T), (M, T, S)], strict=True):
        assert found.query.shape == found.context.shape == (layers, H, asking, K)
        assert found.key.shape == found.value.shape == (layers, H, answering, K)
        for maps in (found.scores, found.masked_scores, found.weights):
            assert maps.shape == (layers, H, asking, answering)
        assert {getattr(found, name).dtype for name in found.__slots__} == {np.dtype(np.float32)}
    assert probed.encoder.stream.residual.shape == (2 * N + 1, S, D)
    assert probed.encoder.stream.added.shape == (2 * N, S, D)
    assert probed.encoder.stream.after_layers.shape == (N + 1, S, D)
    assert probed.encoder.memory.shape == (S, D)
    assert probed.decoder.stream.residual.shape == (3 * M + 1, T, D)
    assert probed.decoder.stream.added.shape == (3 * M, T, D)
    assert probed.decoder.stream.after_layers.shape == (M + 1, T, D)
    assert probed.decoder.logits.shape == (T, V)
    assert probed.decoder.lens is not None
    assert probed.decoder.lens.shape == (M + 1, T, V)
    assert len(probed.pieces) == len(probed.visible) == S
    assert len(probed.read_pieces) == len(probed.said_pieces) == T
    assert (probed.read_pieces[0], probed.said_pieces[-1]) == ("<s>", "</s>")
    assert probed.read_pieces[1:] == probed.said_pieces[:-1]


def test_weights_are_the_softmax_of_the_scores(probed: Probed) -> None:
    for found in attentions(probed):
        np.testing.assert_allclose(softmax(found.masked_scores), found.weights, atol=1e-6)
        np.testing.assert_allclose(found.weights.sum(axis=-1), 1, atol=1e-5)


def test_scores_are_queries_times_keys_and_contexts_weights_times_values(probed: Probed) -> None:
    for found in attentions(probed):
        products = found.query @ found.key.swapaxes(-1, -2) / np.sqrt(found.key.shape[-1])
        np.testing.assert_allclose(products, found.scores, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(found.weights @ found.value, found.context, atol=1e-5)


def test_the_future_is_hidden_and_nothing_else(probed: Probed) -> None:
    own = probed.decoder.self_attention
    future = ~np.tri(len(probed.said), dtype=bool)
    assert (own.weights[..., future] == 0).all()
    assert (own.weights[..., ~future] > 0).all()
    assert (own.masked_scores[..., future] == np.float32(HIDDEN_SCORE)).all()
    np.testing.assert_array_equal(own.masked_scores[..., ~future], own.scores[..., ~future])
    assert (np.abs(own.scores) < 1e3).all()


def test_every_sub_layer_adds_to_the_stream(shipped: Translator) -> None:
    assert shipped.runtime.architecture.norm == "pre"  # the other arrangement is compared with PyTorch
    probed = shipped.probe(SENTENCE)
    for stream in (probed.encoder.stream, probed.decoder.stream):
        np.testing.assert_array_equal(stream.residual[:-1] + stream.added, stream.residual[1:])


def test_the_stream_begins_with_the_embedding_and_its_position(model: Translator, probed: Probed) -> None:
    shape = model.runtime.architecture
    positions = sinusoids(shape.positions, shape.d_model, shape.positional_layout).astype(np.float32)
    read = (("source", probed.ids, probed.encoder), ("target", probed.read, probed.decoder))
    for side, ids, inside in read:
        rows = model.embeddings(side, ids) + positions[: len(ids)]  # type: ignore[arg-type]
        np.testing.assert_allclose(inside.stream.residual[0], rows, atol=1e-6)


def test_the_last_view_through_the_lens_is_what_the_model_says(model: Translator, probed: Probed) -> None:
    assert probed.decoder.lens is not None
    np.testing.assert_allclose(probed.decoder.lens[-1], probed.decoder.logits, atol=1e-4)
    assert probed.decoder.lens[-1].argmax(axis=-1).tolist() == probed.decoder.logits.argmax(axis=-1).tolist()
    rows = probed.decoder.stream.after_layers[1]
    np.testing.assert_allclose(model.lens(rows), probed.decoder.lens[1], atol=1e-4)
    assert np.abs(probed.decoder.lens[0] - probed.decoder.logits).max() > 1
    assert model.probe(SENTENCE).decoder.lens is None


# -- embeddings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "file"), [("source", bundle.ENCODER), ("target", bundle.DECODER)])
def test_embeddings_are_the_rows_of_the_table(model: Translator, side: Any, file: str) -> None:
    constants = {c.name: numpy_helper.to_array(c) for c in onnx.load(model.bundle.file(file)).graph.initializer}
    table = constants[f"{side}_embedding"].astype(np.float32) * constants.get(f"{side}_embedding.scale", np.float32(1))
    rows = model.embeddings(side)
    np.testing.assert_array_equal(rows, table)
    np.testing.assert_array_equal(model.embeddings(side, [7, 3, 7]), table[[7, 3, 7]])
    assert model.embeddings(side, []).shape == (0, model.runtime.architecture.d_model)
    assert len(rows) == getattr(model, side).size


# -- heads that are off -------------------------------------------------------------------------------


def test_a_head_that_is_off_says_nothing_and_still_looks(model: Translator, probed: Probed) -> None:
    target = probed.said[:-1]
    for head in (Head("encoder", 0, 1), Head("decoder", 1, 2), Head("cross", 0, 3)):
        changed = model.without([head]).probe(SENTENCE, target)
        places = ("encoder", "decoder", "cross").index(head.kind)
        before, after = attentions(probed)[places], attentions(changed)[places]
        assert (after.context[head.layer, head.head] == 0).all()
        others = np.arange(before.query.shape[1]) != head.head
        assert after.context[head.layer, others].any(axis=(1, 2)).all()
        assert np.abs(changed.decoder.logits - probed.decoder.logits).max() > 1e-3
        if head.layer == 0:  # nothing below it has changed
            np.testing.assert_array_equal(after.weights[0], before.weights[0])


@pytest.mark.parametrize("kind", probes.KINDS)
def test_a_layer_without_heads_adds_its_bias_only(model: Translator, kind: probes.Kind) -> None:
    heads = [Head(kind, 1, head) for head in range(model.runtime.architecture.heads)]
    changed = model.without(heads).probe(SENTENCE)
    stream = changed.encoder.stream if kind == "encoder" else changed.decoder.stream
    added = stream.added[1 * stream.per_layer + (kind == "cross")]
    graph = onnx.load(model.bundle.file(bundle.ENCODER if kind == "encoder" else bundle.DECODER)).graph
    side, part = ("encoder" if kind == "encoder" else "decoder"), ("cross" if kind == "cross" else "self")
    (bias,) = (
        numpy_helper.to_array(c) for c in graph.initializer if c.name == f"{side}.1.{part}_attention.output.bias"
    )
    np.testing.assert_allclose(added, np.broadcast_to(bias, added.shape), atol=1e-7)


def test_with_no_head_off_nothing_changes(model: Translator) -> None:
    same = model.without([])
    assert isinstance(same.runtime, ProbeRuntime)
    assert list(same.translate(SENTENCES)) == list(model.translate(SENTENCES))


def test_whatever_translates_does_so_without_a_head(translator: Translator) -> None:
    off = [Head("cross", 0, head) for head in range(4)] + [Head("decoder", 0, 0)]
    changed = translator.without(off)
    (hypotheses,) = changed.translate_batch([changed.whole(SENTENCE)], Options(beam=1))
    trace = Trace.of(changed.stream(SENTENCE, Options(beam=1)))
    (forced,) = changed.force([changed.whole(SENTENCE)], [hypotheses[0].ids])
    (score,) = changed.score([(SENTENCE, trace.finished.text)])
    assert trace.finished.ids == hypotheses[0].ids
    assert trace.finished.log_probability == pytest.approx(sum(forced.log_probabilities), abs=1e-4)
    assert len(score.log_probabilities) > 0
    (before,) = translator.force([translator.whole(SENTENCE)], [hypotheses[0].ids])
    assert np.abs(np.subtract(before.log_probabilities, forced.log_probabilities)).max() > 1e-3


def test_heads_stay_off_and_the_translator_itself_stays_as_it_was(translator: Translator) -> None:
    before = translator.translate_line(SENTENCE)
    first, second = Head("encoder", 0, 0), Head("cross", 1, 1)
    changed = translator.without([first]).without([second])
    assert isinstance(changed.runtime, ProbeRuntime)
    assert changed.runtime.off == {first, second}
    assert changed.runtime._decoder is translator.probes._decoder
    assert changed.bundle is translator.bundle
    assert changed.source is translator.source
    assert translator.probes.off == frozenset()
    assert translator.translate_line(SENTENCE) == before


def test_without_all_heads_of_the_cross_attention_the_source_does_not_matter(translator: Translator) -> None:
    deaf = translator.without(head for head in all_heads(translator.runtime.architecture) if head.kind == "cross")
    left, right = (deaf.probe(text, [9, 8, 7]).decoder.logits for text in (SENTENCES[0], SENTENCES[1]))
    np.testing.assert_array_equal(left, right)


def test_a_head_that_is_not_there_cannot_be_off(translator: Translator) -> None:
    with pytest.raises(UsageError, match=r"^'cross:3:1' is not a head of this model"):
        translator.without([Head("cross", 2, 0)])


# -- pieces that are hidden ---------------------------------------------------------------------------


@settings(max_examples=20)
@given(places=st.sets(st.integers(0, 8), max_size=8))
def test_hidden_pieces_get_no_attention_at_all(shipped: Translator, places: set[int]) -> None:
    source = shipped.whole(SENTENCE).hiding(places)
    assert len(source.ids) == 10
    probed = shipped.probe(source, [9, 8, 7])
    hidden = np.isin(np.arange(10), list(places))
    assert probed.visible == tuple(~hidden)
    for found in (probed.encoder.attention, probed.decoder.cross_attention):
        assert (found.weights[..., hidden] == 0).all()
        assert (found.weights[..., ~hidden] > 0).all()
        assert (np.abs(found.scores) < 1e3).all()
        assert (found.masked_scores[..., hidden] < HIDDEN_SCORE / 2).all()
        np.testing.assert_array_equal(found.masked_scores[..., ~hidden], found.scores[..., ~hidden])


def test_whatever_translates_does_so_with_hidden_pieces(shipped: Translator) -> None:
    whole = shipped.whole(SENTENCE)
    hidden = whole.hiding([2])  # her
    batch = shipped.translate_batch([hidden, whole, hidden], Options(beam=1))
    texts = [shipped.text(whole, hypotheses[0]) for hypotheses in batch]
    assert texts[0] == texts[2]
    assert "sie" in texts[1]
    assert "sie" not in texts[0]
    trace = Trace.of(shipped.stream(hidden, Options(beam=1)))
    assert trace.finished.text == texts[0]
    assert (trace.encoded.attention[..., 2] == 0).all()
    assert trace.encoded.text == SENTENCE
    ids = batch[1][0].ids
    with_it, without_it = shipped.force([whole, hidden], [ids, ids])
    assert sum(with_it.log_probabilities) > sum(without_it.log_probabilities) + 1
    assert shipped.probe(hidden, ids).decoder.logits.shape == (len(ids) + 1, shipped.target.size)


def test_padding_is_nothing_but_hidden_pieces(model: Translator, probed: Probed) -> None:
    length = len(probed.ids)
    wide = model.probe(SENTENCE, probed.said[:-1], lens=True, width=length + 9)
    assert wide.pieces == (*probed.pieces, *["<pad>"] * 9)
    assert wide.visible == (True,) * length + (False,) * 9
    np.testing.assert_allclose(wide.decoder.logits, probed.decoder.logits, atol=1e-4)
    weights = wide.decoder.cross_attention.weights
    np.testing.assert_allclose(weights[..., :length], probed.decoder.cross_attention.weights, atol=1e-6)
    assert (weights[..., length:] == 0).all()
    assert model.probe(SENTENCE, [5], width=3).ids == probed.ids


@pytest.mark.parametrize("places", [[10], [-1], [0, 99]])
def test_what_is_not_there_cannot_be_hidden(shipped: Translator, places: list[int]) -> None:
    with pytest.raises(UsageError, match="pieces 1 to 10"):
        shipped.whole(SENTENCE).hiding(places)


def test_something_must_be_left_to_see(shipped: Translator) -> None:
    with pytest.raises(UsageError, match="must see something"):
        shipped.whole(SENTENCE).hiding(range(10))


# -- files --------------------------------------------------------------------------------------------


def test_nothing_of_it_is_loaded_before_somebody_looks(damaged: Callable[..., Bundle]) -> None:
    model = damaged(bundle.LENS, b"")
    for name in (bundle.ENCODER_PROBE, bundle.DECODER_PROBE, bundle.EMBEDDINGS):
        model.file(name).write_bytes(b"")
    translator = Translator(model, "cpu")
    assert translator.translate_line("Tom called Mary's bluff.") == "Tom zwang Mary, Farbe zu bekennen."
    for name, look in (
        (bundle.ENCODER_PROBE, lambda: translator.probe("Hi")),
        (bundle.LENS, lambda: translator.lens(np.zeros((1, 48), np.float32))),
        (bundle.EMBEDDINGS, lambda: translator.embeddings("source")),
    ):
        with pytest.raises(BundleError, match=rf"^[^\n]*{name}[^\n]*$"):
            look()


@pytest.mark.parametrize("name", [bundle.ENCODER_PROBE, bundle.DECODER_PROBE, bundle.LENS, bundle.EMBEDDINGS])
def test_a_bundle_without_its_probes_is_refused(name: str, bundle_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(bundle_folder, folder)
    (folder / name).unlink()
    with pytest.raises(BundleError, match=rf"^[^\n]*lacks its file '{name}'$"):
        read_bundle(folder)


@pytest.mark.parametrize("name", [bundle.ENCODER_WEIGHTS, bundle.DECODER_WEIGHTS])
@pytest.mark.parametrize("content", [None, b"", b"short"])
def test_weights_that_are_not_whole_are_one_clear_error(
    name: str, content: bytes | None, damaged: Callable[..., Bundle]
) -> None:
    with pytest.raises(BundleError, match=rf"^ONNX Runtime cannot load [^\n]*{name.removesuffix('_data')}[^\n]*$"):
        Translator(damaged(name, content), "cpu")


@pytest.mark.parametrize(
    ("name", "output"),
    [
        (bundle.ENCODER_PROBE, probes.MEMORY),
        (bundle.ENCODER_PROBE, probes.query("encoder", 1)),
        (bundle.DECODER_PROBE, probes.residual("decoder", 6)),
        (bundle.DECODER_PROBE, bundle.LOGITS),
    ],
)
def test_a_probe_that_lacks_an_output_is_refused(name: str, output: str, lacking: Callable[[str, str], Bundle]) -> None:
    with pytest.raises(BundleError, match=rf"do not give {output}$"):
        ProbeRuntime(lacking(name, output), "cpu")


@pytest.mark.parametrize("folder", [EN_DE, Path(__file__).parent / "data" / "tiny"], ids=["en-de", "tiny"])
def test_no_weight_is_on_disk_twice(folder: Path) -> None:
    """Graphs hold their structure; each large constant stands in one file, at one place."""
    places: dict[tuple[str, str], set[str]] = {}
    for name in bundle.GRAPHS:
        for constant in onnx.load(folder / name, load_external_data=False).graph.initializer:
            where = {entry.key: entry.value for entry in constant.external_data}
            assert where or len(constant.raw_data) < (1024 if len(constant.dims) > 1 else 16_384)
            if where:
                places.setdefault((where["location"], constant.name), set()).add(where["offset"])
    assert all(len(offsets) == 1 for offsets in places.values())
    inside = sum((folder / name).stat().st_size for name in bundle.GRAPHS)
    outside = sum((folder / name).stat().st_size for name in (bundle.ENCODER_WEIGHTS, bundle.DECODER_WEIGHTS))
    assert inside < outside / 7
