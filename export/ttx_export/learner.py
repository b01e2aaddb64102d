"""One update of the model: forward, loss, backward and the optimiser's step, alone or together with other processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tui_transformer.architecture import Architecture
from tui_transformer.errors import RecipeError

from .batches import Rows, make_batch
from .distributed import Processes
from .loss import projected_cross_entropy
from .model import Transformer
from .optimizer import Optimizer
from .prepare import Prepared
from .recipe import Training
from .seeds import mixed_seed


@dataclass(frozen=True, slots=True)
class Update:
    """Sums over the target tokens of one update, over all processes. `stop`: any of them wants to stop."""

    loss: float
    correct: float
    tokens: int
    gradient_norm: float
    stop: bool


class Learner:
    """The model in training and its optimiser."""

    def __init__(
        self, options: Training, shape: Architecture, prepared: Prepared, device: torch.device, processes: Processes
    ) -> None:
        self.options, self.prepared, self.processes = options, prepared, processes
        self.device = device
        self.dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
        self.positions = options.batch_tokens // options.micro_batches
        torch.manual_seed(options.seed)
        special = prepared.special
        self.model = Transformer(shape, special.source_pad, options.dropout, special.target_pad).to(device)
        self._use_vectors()
        self.optimizer = Optimizer(self.model, options)

    def _use_vectors(self) -> None:
        """BPEmb's embeddings become the first weights where their size fits; padding's row stays as drawn."""
        vocabularies = self.prepared.vocabularies
        for vectors, embedding in (
            (vocabularies.source_vectors, self.model.source_embedding),
            (vocabularies.target_vectors, self.model.target_embedding),
        ):
            if vectors is not None and vectors.shape[1] == self.model.shape.d_model:
                with torch.no_grad():
                    embedding.table.weight[: len(vectors)] = torch.from_numpy(vectors)

    def load(self, weights: dict[str, Tensor], optimizer: dict[str, Any]) -> None:
        """Take over the state of an earlier run."""
        self.model.load_state_dict(weights)
        self.optimizer.load_state_dict(optimizer)

    def update(self, step: int, micro_batches: Sequence[Rows], rate: float, stop: bool) -> Update:
        """One optimiser step over all micro-batches of all processes. Raises RecipeError if training diverges."""
        self.model.train()
        self.model.zero_grad(set_to_none=True)
        tokens = sum(len(self.prepared.train.target[i]) + 1 for members in micro_batches for i in members)
        sums = torch.zeros(3)
        for index in self.processes.share(list(range(len(micro_batches)))):
            torch.manual_seed(mixed_seed(self.options.seed, step, index))
            sums[:2] += self._backward(micro_batches[index], tokens)
        sums[2] = float(stop)
        loss, correct, stops = map(float, self.processes.sum(sums))
        self.processes.sum_gradients(self.model.parameters())
        norm = float(torch.nn.utils.get_total_norm(p.grad for p in self.model.parameters() if p.grad is not None))
        if not math.isfinite(norm):
            raise RecipeError(f"training diverged at step {step}: the gradient is {norm}; lower training.learning_rate")
        if self.options.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        self.optimizer.step(rate)
        return Update(loss, correct, tokens, norm, stops > 0)

    def _backward(self, members: Rows, tokens: int) -> Tensor:
        """Forward and backward of one micro-batch: its loss and its correct guesses, summed over tokens (2,)."""
        special = self.prepared.special
        batch = make_batch(self.prepared.train, members, self.positions, special)
        source, target, output = (
            torch.from_numpy(side).to(self.device) for side in (batch.source, batch.target_input, batch.target_output)
        )
        if self.options.r_drop:
            source, target = torch.cat([source, source]), torch.cat([target, target])
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            features = self.model.decode(target, self.model.encode(source)).features
        real = (output != special.target_pad).flatten()
        sums = projected_cross_entropy(
            features.flatten(0, 1), self.model.projection, output.flatten(), real,
            smoothing=self.options.label_smoothing, r_drop=self.options.r_drop, dtype=self.dtype,
        )  # fmt: skip
        (sums.wanted / tokens).backward()
        return torch.stack([sums.plain, sums.correct]).detach().cpu()
