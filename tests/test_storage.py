"""Which tensors keep which part: every byte of the weights belongs to some part, and to as much as is said."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import onnx
import pytest

from tui_transformer.analysis.storage import anatomy, weights
from tui_transformer.bundle import DECODER, DECODER_WEIGHTS, ENCODER, ENCODER_WEIGHTS, read_bundle
from tui_transformer.catalogue import find_model
from tui_transformer.errors import BundleError
from tui_transformer.graph_tensors import graph_tensors


@pytest.fixture(params=["tiny", "en-de", "en-es"])
def bundle(request: pytest.FixtureRequest, bundle_folder: Path) -> Path:
    return bundle_folder if request.param == "tiny" else find_model(request.param)


@pytest.mark.parametrize("graph", [ENCODER, DECODER])
def test_weights_are_those_that_onnx_finds(bundle: Path, graph: str) -> None:
    found = {one.name: one for one in graph_tensors(bundle / graph)}
    model = onnx.load(bundle / graph, load_external_data=False)
    assert list(found) == [one.name for one in model.graph.initializer]
    for one in model.graph.initializer:
        outside = {entry.key: entry.value for entry in one.external_data}
        mine = found[one.name]
        assert mine.shape == tuple(one.dims)
        assert mine.offset == (int(outside["offset"]) if outside else None)
        assert mine.file == outside.get("location", graph)
        if outside:
            assert mine.bytes == int(outside["length"])


def test_what_is_no_graph_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "graph.onnx"
    for content in (b"\x3a\xff\x01", b"\xff" * 9, b"\x3a\x02\x2a\x05"):
        broken.write_bytes(content)
        with pytest.raises(BundleError, match="is not an ONNX graph"):
            graph_tensors(broken)
    with pytest.raises(BundleError, match="cannot read"):
        graph_tensors(tmp_path / "nowhere.onnx")


def test_every_byte_has_its_part(bundle: Path) -> None:
    opened = read_bundle(bundle)
    tensors = weights(opened)
    whole = anatomy(opened.manifest.architecture, tensors)
    assert whole.bytes == pytest.approx(sum(one.bytes for one in tensors))
    shares: dict[object, float] = defaultdict(float)
    for node in whole.walk():
        if not node.nodes:
            for kept in node.kept:
                shares[kept.tensor] += kept.share
    assert set(shares) == set(tensors)
    assert all(share == pytest.approx(1) for share in shares.values())


def test_the_large_files_are_full_of_them(bundle: Path) -> None:
    opened = read_bundle(bundle)
    for file in (ENCODER_WEIGHTS, DECODER_WEIGHTS):
        inside = sum(one.bytes for one in weights(opened) if one.file == file)
        assert 0.999 <= inside / (bundle / file).stat().st_size <= 1


def test_a_part_knows_its_tensor(bundle_folder: Path) -> None:
    opened = read_bundle(bundle_folder)
    whole = anatomy(opened.manifest.architecture, weights(opened))
    nodes = {node.names[1:]: node for node in whole.walk()}
    key = nodes["decoder", "layer 2", "cross-attention", "key"]
    assert [(one.tensor.name, one.tensor.file, one.share) for one in key.kept] == [
        ("decoder.0.cross_attention.key.weight", ENCODER_WEIGHTS, 0.25),
        ("decoder.0.cross_attention.key.bias", ENCODER, 0.25),
    ]
    inner = nodes["encoder", "layer 2", "feed-forward", "inner"]
    assert [one.tensor.name for one in inner.kept] == [
        "encoder.1.feed_forward.inner.weight", "encoder.1.feed_forward.inner.bias",
    ]  # fmt: skip
    assert inner.bytes == 4 * inner.part.count
    assert len(nodes["positions",].kept) == 2


def test_without_a_look_at_the_files_the_parameters_are_known(bundle_folder: Path) -> None:
    whole = anatomy(read_bundle(bundle_folder).manifest.architecture)
    assert whole.part.count == 133_939
    assert whole.bytes == 0
