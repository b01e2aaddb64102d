"""Counts and bytes that are told from the architecture are those of the PyTorch model and of the exported files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from ttx_export.model import Transformer, parameter_count
from ttx_export.writer import padded_vocabulary

from tui_transformer import bundle
from tui_transformer.analysis.parameters import BYTES, Part, formula, parameters, stored
from tui_transformer.architecture import NORMS, TIED, Architecture
from tui_transformer.catalogue import find_model

SHAPES = [
    Architecture(2, 3, heads=2, d_model=8, d_ff=12, source_vocabulary=17, target_vocabulary=17, positions=20),
    Architecture(1, 1, heads=1, d_model=2, d_ff=1, source_vocabulary=1, target_vocabulary=1, positions=1),
    Architecture(4, 2, heads=4, d_model=16, d_ff=64, source_vocabulary=31, target_vocabulary=31, positions=600),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("tied", TIED)
def test_the_count_is_the_model_s(shape: Architecture, norm: str, tied: str) -> None:
    shape = replace(shape, norm=norm, tied=tied)
    model = Transformer(shape, 0)
    assert parameters(shape).count == formula(shape) == parameter_count(model)
    assert parameter_count(Transformer(replace(shape, positions=3), 0)) == parameter_count(model)


def test_the_shapes_are_the_model_s() -> None:
    shape = replace(SHAPES[0], norm="pre")
    found: dict[tuple[int, ...], int] = {}

    def collect(part: Part, times: int) -> None:
        for one in part.shapes:
            found[one] = found.get(one, 0) + times * part.times
        for child in part.parts:
            collect(child, times * part.times)

    collect(parameters(shape), 1)
    expected: dict[tuple[int, ...], int] = {}
    for weight in Transformer(shape, 0).parameters():
        # PyTorch keeps a linear map as (out, in), the paper writes x W with W (in, out).
        turned = tuple(weight.shape)[::-1] if tuple(weight.shape) in ((12, 8), (8, 12)) else tuple(weight.shape)
        expected[turned] = expected.get(turned, 0) + 1
    assert found == expected


def large_bytes(path: Path, *graphs: str) -> dict[str, int]:
    """Bytes of the matrices in each file of weights."""
    sizes: dict[str, dict[str, int]] = {}
    for name in graphs:
        for tensor in onnx.load(path / name, load_external_data=False).graph.initializer:
            if tensor.data_location == TensorProto.EXTERNAL and len(tensor.dims) > 1:
                place = {entry.key: entry.value for entry in tensor.external_data}
                size = math.prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
                assert size == int(place["length"])
                sizes.setdefault(place["location"], {})[place["offset"]] = size
    return {file: sum(tensors.values()) for file, tensors in sizes.items()}


def test_the_bytes_are_those_of_the_files(bundle_folder: Path) -> None:
    for path in (bundle_folder, find_model("en-de"), find_model("en-es")):
        manifest = bundle.read_bundle(path).manifest
        shape = manifest.architecture
        told: dict[str, int] = {}
        for one in stored(shape, manifest.precision):
            told[one.file] = told.get(one.file, 0) + one.bytes
        padding = padded_vocabulary(shape.target_vocabulary) - shape.target_vocabulary
        told[bundle.DECODER_WEIGHTS] += padding * shape.d_model * BYTES[manifest.precision]
        assert large_bytes(path, bundle.ENCODER, bundle.DECODER) == told
