"""The graphs of a bundle become the weights of the PyTorch model again.

Reading is writing backwards: the writers of the graphs run once more, and wherever one would put weights into its
graph, they are taken out of the stored one instead. So only the writers know what is side by side, in which order
and under which name. 8-bit weights come back as integer times scale: rounding these to 8 bits per row gives the
same integers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from tui_transformer.architecture import Architecture
from tui_transformer.bundle import DECODER, ENCODER, Bundle
from tui_transformer.errors import BundleError

from .folding import unfold
from .linear import Array, FloatLinear, stored_linear, stored_table
from .to_onnx import DecoderWriter, EncoderWriter
from .writer import Writer


def read_weights(model: Bundle) -> dict[str, Array]:
    """Every weight in float32, under its name in the PyTorch model. Raises BundleError if the graphs are not ours."""
    path, shape = model.path, model.manifest.architecture
    try:
        return weights_in(_constants(model), shape)
    except Exception as error:
        # Depending on what a file holds instead, onnx and numpy raise half a dozen different classes.
        reason = next(iter(str(error).splitlines()), "")
        raise BundleError(f"the weights of {path} cannot be read: {type(error).__name__} {reason}") from None


def weights_in(constants: Mapping[str, Array], shape: Architecture) -> dict[str, Array]:
    """The weights of both graphs' constants. Raises KeyError if one is missing, ValueError for another shape."""
    found: dict[str, Array] = {}
    for reader in (_EncoderReader(constants, shape), _DecoderReader(constants, shape)):
        reader.write()
        found |= reader.found
    # A shared matrix is in the projection unchanged; the tables are it times √d_model, perhaps rounded to 8 bits.
    for side in {"none": (), "target": ("target",), "all": ("source", "target")}[shape.tied]:
        found[f"{side}_embedding.table.weight"] = found["projection.weight"]
    return found


def _constants(model: Bundle) -> dict[str, Array]:
    graphs = [onnx.load(model.file(name)).graph for name in (ENCODER, DECODER)]
    return {tensor.name: numpy_helper.to_array(tensor) for graph in graphs for tensor in graph.initializer}


class _Reader(Writer):
    """A writer with a throw-away graph of its own, and what it has `found` in the stored one."""

    def __init__(self, constants: Mapping[str, Array], shape: Architecture) -> None:
        super().__init__("", {}, shape, "fp32", FloatLinear())
        self.constants = constants
        self.found: dict[str, Array] = {}

    def keep(self, name: str, folded: Array) -> None:
        self.found[name] = unfold(name, folded, self.shape)

    def embed(self, side: str, ids: str) -> str:
        self.keep(f"{side}_embedding.table.weight", stored_table(self.constants, f"{side}_embedding"))
        return ids

    def dense(self, x: str, *layers: str) -> str:
        """Layers that are side by side have the same size."""
        weight, bias = (np.split(both, len(layers)) for both in stored_linear(self.constants, layers[0]))
        for place, layer in enumerate(layers):
            self.keep(f"{layer}.weight", weight[place])
            self.keep(f"{layer}.bias", bias[place])
        return x

    def normalize(self, x: str, name: str) -> str:
        for part in ("weight", "bias"):
            self.found[f"{name}.{part}"] = self.constants[f"{name}.{part}"].astype(np.float32)
        return x

    def project(self, x: str) -> str:
        """Without the padding of the vocabulary."""
        weight, bias = stored_linear(self.constants, "projection")
        size = self.shape.target_vocabulary
        self.found |= {"projection.weight": weight[:size], "projection.bias": bias[:size]}
        return x


class _EncoderReader(_Reader, EncoderWriter):
    """What the encoder's graph holds, and that of all cross-attentions' keys and values."""


class _DecoderReader(_Reader, DecoderWriter):
    """What the decoder's graph holds."""
