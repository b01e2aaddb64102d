"""All graphs of a bundle as files. What is large is stored once per side, and shared by the graphs that need it.

Where both sides have one embedding, what they have in common is in the encoder's file only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from onnx import TensorProto

from tui_transformer import bundle
from tui_transformer.architecture import Architecture

from .linear import Array, Linear
from .small_graphs import candidates_graph, embeddings_graph, lens_graph, reorder_graph
from .to_onnx import decoder_graph, encoder_graph

SHORT, LONG = 1024, 16_384
"""Bytes from which on a matrix and a vector are stored outside the graphs. ONNX Runtime checks the path of the
file again for each tensor, about 20 µs: with the hundred short vectors outside, a model loads a third more slowly."""

ALIGNMENT = 64
"""Bytes: a line of the processor's cache."""


@dataclass(slots=True)
class Weights:
    """A file of external data being written. `places` says where each content is, by its SHA-256."""

    name: str
    content: bytearray = field(default_factory=bytearray)
    places: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    def take(self, tensor: TensorProto, digest: bytes) -> None:
        """Store a constant, unless the same is there already, and replace it by a reference."""
        if digest not in self.places:
            self.content.extend(bytes(-len(self.content) % ALIGNMENT))
            self.places[digest] = (len(self.content), len(tensor.raw_data))
            self.content.extend(tensor.raw_data)
        start, size = self.places[digest]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", self.name), ("offset", start), ("length", size)):
            tensor.external_data.add(key=key, value=str(value))


def share(graph: onnx.ModelProto, *files: Weights) -> onnx.ModelProto:
    """Move a graph's large constants into the file that has them already, else into the first."""
    for tensor in graph.graph.initializer:
        if len(tensor.raw_data) >= (SHORT if len(tensor.dims) > 1 else LONG):
            digest = hashlib.sha256(tensor.raw_data).digest()
            next((file for file in files if digest in file.places), files[0]).take(tensor, digest)
    return graph


def write_graph_files(
    weights: Mapping[str, Array], shape: Architecture, precision: bundle.Precision, linear: Linear, folder: Path
) -> None:
    """Write every graph of a bundle, and the weights that they share."""
    model = weights, shape, precision, linear
    encoder, decoder = Weights(bundle.ENCODER_WEIGHTS), Weights(bundle.DECODER_WEIGHTS)
    decoding = (decoder, encoder) if shape.tied == "all" else (decoder,)
    graphs = {
        bundle.ENCODER: share(encoder_graph(*model), encoder),
        bundle.DECODER: share(decoder_graph(*model), *decoding),
        bundle.CANDIDATES: candidates_graph(shape, precision),
        bundle.REORDER: reorder_graph(shape, precision),
        bundle.ENCODER_PROBE: share(encoder_graph(*model, probe=True), encoder),
        bundle.DECODER_PROBE: share(decoder_graph(*model, probe=True), *decoding),
        bundle.LENS: share(lens_graph(*model), *decoding),
        bundle.EMBEDDINGS: share(embeddings_graph(*model), encoder, decoder),
    }
    for name, graph in graphs.items():
        (folder / name).write_bytes(graph.SerializeToString())
    for file in (encoder, decoder):
        (folder / file.name).write_bytes(file.content)
