"""Models that have learnt nothing, for tests of what the graphs compute."""

from __future__ import annotations

from pathlib import Path

import torch
from ttx_export.graph_files import write_graph_files
from ttx_export.linear import Linear
from ttx_export.model import Transformer

from tui_transformer.architecture import Architecture
from tui_transformer.bundle import Bundle, Manifest, Precision, SpecialTokens

PAD, BOS, EOS = 0, 2, 3


def random_model(shape: Architecture, seed: int = 0) -> Transformer:
    """Every weight is random: at their start biases are 0 and gains 1, which would hide a mistake."""
    torch.manual_seed(seed)
    model = Transformer(shape, PAD).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model


def as_bundle(model: Transformer, folder: Path, precision: Precision, linear: Linear) -> Bundle:
    """The model's graphs in a folder, as a bundle without vocabularies."""
    weights = {name: weight.numpy() for name, weight in model.state_dict().items()}
    write_graph_files(weights, model.shape, precision, linear, folder)
    special = SpecialTokens(PAD, EOS, 1, PAD, BOS, EOS, 1)
    return Bundle(folder, Manifest("test", "en", "de", model.shape, special, {}, precision, 21, sentence_limit=5))
