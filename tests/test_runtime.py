"""ONNX Runtime on the tiny model: attention, padding, cache, batches, and files that are no graphs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tui_transformer import bundle
from tui_transformer.bundle import Bundle, read_bundle
from tui_transformer.errors import BundleError, DeviceError
from tui_transformer.runtime import Cache, DecoderStep, Ids, Runtime, usable_cores
from tui_transformer.search import log_softmax
from tui_transformer.sessions import quiet_stderr
from tui_transformer.translator import Options, Translator

HAS_GPU = Path("/dev/nvidiactl").exists()
SENTENCES = ("He admired her as a great director.", "The roof leaks.", "I just couldn't sleep.", "Hi")


def test_threads_that_are_quiet_at_once_give_standard_error_back() -> None:
    def quiet(_: int) -> None:
        with quiet_stderr():
            time.sleep(0.001)

    before = os.fstat(2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(quiet, range(64)))
    assert os.path.samestat(os.fstat(2), before)


@pytest.fixture(scope="module")
def runtime(translator: Translator) -> Runtime:
    return translator.runtime


@pytest.fixture(scope="module")
def batch(translator: Translator) -> tuple[Ids, Ids]:
    """Sentences of different lengths: ids (B, S) and mask (B, S)."""
    rows = [[*translator.source.encode(sentence), translator.special.source_eos] for sentence in SENTENCES]
    longest = max(map(len, rows))
    ids = np.array([row + [translator.special.source_pad] * (longest - len(row)) for row in rows])
    mask = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    assert len({len(row) for row in rows}) == len(rows)
    return ids, mask


@pytest.fixture(scope="module")
def prefix(translator: Translator) -> Ids:
    """What the decoder reads, (B, T): any ids will do, they differ from row to row."""
    ids = np.random.default_rng(0).integers(4, translator.target.size, (len(SENTENCES), 7))
    ids[:, 0] = translator.special.target_bos
    return ids


def read(runtime: Runtime, cache: Cache, prefix: Ids) -> list[DecoderStep]:
    """All steps of reading prefix (B, T)."""
    steps = []
    for t in range(prefix.shape[1]):
        steps.append(runtime.step(prefix[:, t], cache, attentions=True))
        cache = steps[-1].cache
    return steps


def test_rows_of_attention_sum_to_one(runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids) -> None:
    encoding = runtime.encode(*batch, attentions=True)
    maps = [encoding.attentions]
    for step in read(runtime, encoding.cache, prefix):
        maps += [step.self_attentions, step.cross_attentions]
    for weights in maps:
        assert weights is not None
        assert weights.min() >= 0
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)


def test_padding_gets_no_attention_at_all(runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids) -> None:
    padding = batch[1] == 0
    encoding = runtime.encode(*batch, attentions=True)
    assert encoding.attentions is not None
    assert not encoding.attentions.transpose(1, 4, 0, 2, 3)[padding].any()
    assert encoding.attentions.transpose(1, 4, 0, 2, 3)[~padding].any()
    for step in read(runtime, encoding.cache, prefix):
        assert step.cross_attentions is not None
        assert not step.cross_attentions.transpose(1, 3, 0, 2)[padding].any()


def test_shapes(runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids) -> None:
    shape, (rows, length) = runtime.architecture, batch[0].shape
    encoding = runtime.encode(*batch, attentions=True)
    assert encoding.attentions is not None
    assert encoding.attentions.shape == (shape.encoder_layers, rows, shape.heads, length, length)
    for t, step in enumerate(read(runtime, encoding.cache, prefix)):
        assert (step.cache.position, step.cache.rows) == (t + 1, rows)
        assert step.next_id.shape == (rows,)
        assert step.logits().shape == (rows, shape.target_vocabulary)
        assert step.self_attentions is not None
        assert step.self_attentions.shape == (shape.decoder_layers, rows, shape.heads, t + 1)
        assert step.cross_attentions is not None
        assert step.cross_attentions.shape == (shape.decoder_layers, rows, shape.heads, length)


def test_what_was_not_asked_for_is_not_fetched(runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids) -> None:
    encoding = runtime.encode(*batch)
    step = runtime.step(prefix[:, 0], encoding.cache)
    assert encoding.attentions is None
    assert (step.self_attentions, step.cross_attentions) == (None, None)
    asked = runtime.step(prefix[:, 0], encoding.cache, attentions=True)
    assert step.next_id.tolist() == asked.next_id.tolist()


def test_next_id_is_the_arg_max_of_the_logits(runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids) -> None:
    for step in read(runtime, runtime.encode(*batch).cache, prefix):
        assert step.next_id.tolist() == step.logits().argmax(axis=1).tolist()


@pytest.mark.parametrize("count", [1, 3, 130, 403, 1000])
def test_candidates_are_the_best_of_the_logits(
    runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids, count: int
) -> None:
    for step in read(runtime, runtime.encode(*batch).cache, prefix):
        everything = log_softmax(step.logits())
        order = np.argsort(-everything, axis=1, kind="stable")[:, :count]
        chosen = prefix[:, -1]
        best = step.candidates(count, chosen)
        np.testing.assert_array_equal(best.ids, order)
        np.testing.assert_allclose(best.log_probabilities, np.take_along_axis(everything, order, axis=1), atol=1e-5)
        np.testing.assert_allclose(best.chosen, everything[np.arange(len(chosen)), chosen], atol=1e-5)
        np.testing.assert_allclose(step.candidates(1).chosen, everything.max(axis=1), atol=1e-5)


def test_a_cached_step_is_the_whole_prefix_read_again(runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids) -> None:
    empty = runtime.encode(*batch).cache
    steps = read(runtime, empty, prefix)
    for length in range(1, prefix.shape[1] + 1):
        again = read(runtime, empty, prefix[:, :length])[-1]
        np.testing.assert_array_equal(again.logits(), steps[length - 1].logits())
        np.testing.assert_array_equal(again.cross_attentions, steps[length - 1].cross_attentions)


def test_a_batch_says_what_each_sentence_says_alone(runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids) -> None:
    ids, mask = batch
    together = read(runtime, runtime.encode(ids, mask).cache, prefix)
    for row, length in enumerate(mask.sum(axis=1)):
        one = slice(row, row + 1)
        alone = read(runtime, runtime.encode(ids[one, :length], mask[one, :length]).cache, prefix[one])
        for left, right in zip(together, alone, strict=True):
            assert left.next_id[row] == right.next_id[0]
            np.testing.assert_allclose(left.logits()[one], right.logits(), atol=1e-4)
            np.testing.assert_allclose(left.self_attentions[:, row], right.self_attentions[:, 0], atol=1e-5)
            np.testing.assert_allclose(
                left.cross_attentions[:, row, :, :length], right.cross_attentions[:, 0], atol=1e-5
            )


# -- the cache ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [[2, 0, 1, 3], [3, 3, 0], [1], [0, 1, 2, 3, 3, 2]], ids=str)
def test_chosen_rows_go_on_as_if_they_had_been_read_so(
    rows: list[int], runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids
) -> None:
    ids, mask = batch
    read_so_far = read(runtime, runtime.encode(ids, mask).cache, prefix[:, :3])[-1].cache
    chosen = read_so_far.select(np.array(rows), sentences=np.array(rows))
    assert (chosen.position, chosen.rows) == (3, len(rows))
    expected = read(runtime, runtime.encode(ids[rows], mask[rows]).cache, prefix[rows])[3:]
    for step, other in zip(read(runtime, chosen, prefix[rows, 3:]), expected, strict=True):
        np.testing.assert_allclose(step.logits(), other.logits(), atol=1e-4)
        np.testing.assert_allclose(step.cross_attentions, other.cross_attentions, atol=1e-5)


def test_rows_of_a_sentence_share_its_source(runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids) -> None:
    ids, mask = batch
    thrice = np.repeat([0, 1], 3)
    beams = runtime.encode(ids[:2], mask[:2]).cache.select(thrice)
    apart = runtime.encode(ids[thrice], mask[thrice]).cache
    said = prefix[[0, 1, 2, 3, 0, 1]]
    rows = np.array([2, 2, 0, 5, 3, 4])
    together = read(runtime, beams, said[:, :4])[-1].cache.select(rows)
    alone = read(runtime, apart, said[:, :4])[-1].cache.select(rows, sentences=rows)
    assert all(together.sources[name] is beams.sources[name] for name in beams.sources)
    left, right = (runtime.step(said[:, 4], cache, attentions=True) for cache in (together, alone))
    np.testing.assert_allclose(left.logits(), right.logits(), atol=1e-4)
    np.testing.assert_allclose(left.cross_attentions, right.cross_attentions, atol=1e-5)
    np.testing.assert_allclose(left.self_attentions, right.self_attentions, atol=1e-5)


def test_a_sentence_that_is_left_out_changes_nothing_for_the_others(
    runtime: Runtime, batch: tuple[Ids, Ids], prefix: Ids
) -> None:
    whole = read(runtime, runtime.encode(*batch).cache.select(np.repeat(np.arange(4), 2)), prefix[[0, 1] * 4, :3])[
        -1
    ].cache
    fewer = whole.select(np.array([2, 3, 6, 7]), sentences=np.array([1, 3]))
    every, some = (runtime.step(prefix[[0, 1] * n, 3], cache) for n, cache in ((4, whole), (2, fewer)))
    np.testing.assert_array_equal(every.logits()[[2, 3, 6, 7]], some.logits())


def test_all_rows_in_order_is_the_same_cache(runtime: Runtime, batch: tuple[Ids, Ids]) -> None:
    cache = runtime.encode(*batch).cache
    assert cache.select(np.arange(cache.rows)) is cache
    assert cache.select(np.arange(cache.rows - 1)) is not cache


# -- devices ------------------------------------------------------------------------------------------


@pytest.mark.skipif(HAS_GPU, reason="this machine may have what the others lack")
def test_a_gpu_that_is_not_there_is_an_error_and_nothing_is_printed(
    bundle_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DeviceError, match=r"^[^\n]*use --device cpu$"):
        Runtime(read_bundle(bundle_folder), "cuda")
    assert capfd.readouterr() == ("", "")


def test_an_onnx_runtime_without_cuda_is_an_error(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(DeviceError, match=r"built without CUDA"):
        Runtime(read_bundle(bundle_folder), "cuda")
    assert Runtime(read_bundle(bundle_folder), "auto").device == "cpu"


@pytest.mark.skipif(HAS_GPU, reason="auto takes the GPU")
def test_auto_says_what_it_took(bundle_folder: Path) -> None:
    assert Runtime(read_bundle(bundle_folder), "auto").device == "cpu"


def test_usable_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 5}, raising=False)
    assert usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert usable_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


# -- files that are no graphs -------------------------------------------------------------------------


@pytest.mark.parametrize("name", [bundle.ENCODER, bundle.DECODER])
@pytest.mark.parametrize("damage", ["empty", "text", "half", "flipped"])
def test_a_damaged_graph_is_one_clear_error(
    name: str, damage: str, bundle_folder: Path, damaged: Callable[[str, bytes], Bundle]
) -> None:
    whole = (bundle_folder / name).read_bytes()
    content = {
        "empty": b"",
        "text": b"<html>404 Not Found</html>",
        "half": whole[: len(whole) // 2],
        "flipped": bytes(byte ^ 0xFF for byte in whole[:200]) + whole[200:],
    }[damage]
    with pytest.raises(BundleError, match=rf"^[^\n]*{name}[^\n]*$"):
        Runtime(damaged(name, content), "cpu")


def test_a_graph_that_is_gone_is_one_clear_error(damaged: Callable[[str, bytes], Bundle]) -> None:
    model = damaged(bundle.DECODER, b"")
    model.file(bundle.DECODER).unlink()
    with pytest.raises(BundleError, match=rf"^[^\n]*{bundle.DECODER}[^\n]*$"):
        Runtime(model, "cpu")


@pytest.mark.parametrize(
    ("name", "output"),
    [
        (bundle.ENCODER, bundle.encoder_attention(1)),
        (bundle.ENCODER, bundle.cross_cache(0, "value")),
        (bundle.DECODER, bundle.LOGITS),
        (bundle.DECODER, bundle.NEXT_ID),
        (bundle.DECODER, bundle.cross_attention(0)),
        (bundle.DECODER, bundle.decoder_attention(1)),
        (bundle.DECODER, bundle.present_cache(1, "key")),
    ],
)
def test_a_graph_that_lacks_an_output_is_refused(name: str, output: str, lacking: Callable[[str, str], Bundle]) -> None:
    with pytest.raises(BundleError, match=rf"do not give {output}$"):
        Runtime(lacking(name, output), "cpu")


def test_weights_that_are_no_numbers_are_one_clear_error(bundle_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle_folder, tmp_path / "broken")
    for weights in folder.glob("*.onnx_data"):
        weights.write_bytes(b"\xff" * weights.stat().st_size)
    with pytest.raises(BundleError, match="are not numbers: its weights are broken"):
        list(Translator.load(folder).translate(["Tom."], Options(beam=2)))
