"""All graphs of a bundle as files. What is large is stored once a side, and shared by the graphs that need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from onnx import TensorProto

from tui_transformer import bundle
from tui_transformer.architecture import Architecture

from .linear import Array, Linear
from .small_graphs import candidates_graph, embeddings_graph, lens_graph
from .to_onnx import decoder_graph, encoder_graph

LONG = 16_384
"""Bytes from which on a vector is stored outside the graphs, as every matrix is. ONNX Runtime checks the path of the
file anew for each tensor, about 20 µs: with the hundred short vectors outside, a model loads a third more slowly."""

ALIGNMENT = 64
"""Bytes: a line of the processor's cache."""


@dataclass(slots=True)
class Weights:
    """A file of external data in the making."""

    name: str
    content: bytearray = field(default_factory=bytearray)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, tensor: TensorProto) -> None:
        """Store a constant, once under its name, and leave in its stead where it is."""
        if tensor.name not in self.places:
            self.content.extend(bytes(-len(self.content) % ALIGNMENT))
            self.places[tensor.name] = (len(self.content), len(tensor.raw_data))
            self.content.extend(tensor.raw_data)
        start, size = self.places[tensor.name]
        if self.content[start : start + size] != tensor.raw_data:
            raise ValueError(f"two weights are called {tensor.name}")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", self.name), ("offset", start), ("length", size)):
            tensor.external_data.add(key=key, value=str(value))


def share(graph: onnx.ModelProto, *files: Weights) -> onnx.ModelProto:
    """Move a graph's large constants into the file that has them already, else into the first."""
    for tensor in graph.graph.initializer:
        if len(tensor.dims) > 1 or len(tensor.raw_data) >= LONG:
            next((file for file in files if tensor.name in file.places), files[0]).take(tensor)
    return graph


def write_graph_files(
    weights: Mapping[str, Array], shape: Architecture, precision: bundle.Precision, linear: Linear, folder: Path
) -> None:
    """Write every graph of a bundle, and the weights that they share."""
    model = weights, shape, precision, linear
    encoder, decoder = Weights(bundle.ENCODER_WEIGHTS), Weights(bundle.DECODER_WEIGHTS)
    graphs = {
        bundle.ENCODER: share(encoder_graph(*model), encoder),
        bundle.DECODER: share(decoder_graph(*model), decoder),
        bundle.CANDIDATES: candidates_graph(shape, precision),
        bundle.ENCODER_PROBE: share(encoder_graph(*model, probe=True), encoder),
        bundle.DECODER_PROBE: share(decoder_graph(*model, probe=True), decoder),
        bundle.LENS: share(lens_graph(*model), decoder),
        bundle.EMBEDDINGS: share(embeddings_graph(*model), encoder, decoder),
    }
    for name, graph in graphs.items():
        (folder / name).write_bytes(graph.SerializeToString())
    for file in (encoder, decoder):
        (folder / file.name).write_bytes(file.content)
