"""What turns gradients into new weights: Adam as in the paper, or Muon for the matrices inside the layers."""

from __future__ import annotations

from typing import Any

import torch

from tui_transformer.errors import RecipeError

from .model import Transformer
from .recipe import ADAM, MUON, Training


class Optimizer:
    """One or two of torch's optimisers that step together, at one rate.

    "adam" (section 5.3 of the paper) has all weights. With "muon" (Jordan et al. 2024) the update of every matrix in
    the layers is made orthogonal, so that it moves all directions alike, and as large as Adam's would be (Liu et al.
    2025, "Muon is scalable for LLM training"): one schedule serves both. Embeddings, the projection to the vocabulary,
    biases and norms stay with Adam.
    """

    def __init__(self, model: Transformer, options: Training) -> None:
        self.name, self._betas = options.optimizer, (options.beta1, options.beta2)
        layers = [parameter for stack in (model.encoder, model.decoder) for parameter in stack.parameters()]
        matrices = [weight for weight in layers if weight.dim() == 2] if self.name == MUON else []
        inside = {id(weight) for weight in matrices}
        others = [weight for weight in model.parameters() if id(weight) not in inside]
        self.adam = torch.optim.Adam(others, betas=self._betas, eps=1e-9, fused=True)
        self.muon = torch.optim.Muon(matrices, weight_decay=0.0, adjust_lr_fn="match_rms_adamw") if matrices else None

    def step(self, rate: float) -> None:
        """Update the weights from the gradients, at this learning rate."""
        for part in (self.adam, self.muon):
            if part is not None:
                for group in part.param_groups:
                    group["lr"] = rate
                part.step()

    def state_dict(self) -> dict[str, Any]:
        """What a run needs to resume: Adam's state, and Muon's too if there is one."""
        return self.adam.state_dict() | ({MUON: self.muon.state_dict()} if self.muon else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave. Raises RecipeError if it is another optimiser's."""
        known = MUON if MUON in state else ADAM
        if known != self.name:
            raise RecipeError(
                f"training.optimizer is {self.name} in the recipe, but the run has used {known} so far: "
                "choose a new folder"
            )
        if self.muon:
            self.muon.load_state_dict(state[MUON])
        self.adam.load_state_dict({name: part for name, part in state.items() if name != MUON})
        for group in self.adam.param_groups:
            group["betas"] = self._betas  # the recipe may have changed since
