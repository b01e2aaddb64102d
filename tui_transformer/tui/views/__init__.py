"""The screens, one file each, in the order of their tabs. None is imported before it is opened."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from tui_transformer.tui.view import View


@dataclass(frozen=True, slots=True)
class Tab:
    """A screen by name: the module beside this one, and its class."""

    name: str
    title: str
    view: str

    def open(self) -> View:
        """Make the screen."""
        made: View = getattr(importlib.import_module(f".{self.name}", __name__), self.view)(id=self.name)
        return made


TABS = (
    Tab("translate", "Translate", "TranslateView"),
    Tab("attention", "Attention", "AttentionView"),
    Tab("beam", "Beam", "BeamView"),
    Tab("positions", "Positions", "PositionsView"),
    Tab("qkv", "Q·K·V", "QkvView"),
    Tab("embeddings", "Embeddings", "EmbeddingsView"),
    Tab("model", "Model", "ModelView"),
    Tab("training", "Training", "TrainingView"),
)
