"""Several training processes that act as one, started by torchrun; alone, everything here is a no-op."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tui_transformer.errors import DeviceError, RecipeError

Device = Literal["auto", "cpu", "cuda"]


PATIENCE = timedelta(days=7)
"""So long the others wait while one prepares text or evaluates; that a process has ended is noticed at once anyway."""


class Processes:
    """One process's place among its peers. Use as a context manager."""

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        self.local_count = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))

    def __enter__(self) -> Processes:
        if self.count > 1:
            # Gradients may live on GPUs, but counts and flags always travel as CPU tensors.
            both = torch.cuda.is_available() and dist.is_nccl_available()
            dist.init_process_group("cpu:gloo,cuda:nccl" if both else "gloo", timeout=PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        if self.count > 1:
            dist.destroy_process_group()

    @property
    def leads(self) -> bool:
        """True in the one process that writes files and reports."""
        return self.rank == 0

    def device(self, wanted: Device) -> str:
        """What one process computes on, "cpu" or "cuda:0"…: its own GPU, if there is one for each process here.

        Raises DeviceError if `wanted` is "cuda" and there is not.
        """
        there = torch.cuda.device_count()
        if wanted == "cpu" or (wanted == "auto" and there < self.local_count):
            return "cpu"
        if there < self.local_count:
            raise DeviceError(f"--device cuda: {there} usable GPUs here for {self.local_count} training processes")
        torch.cuda.set_device(self.local_rank)
        return f"cuda:{self.local_rank}"

    def share(self, everything: list[int]) -> list[int]:
        """One process's part of a list that all processes hold."""
        return everything[self.rank :: self.count]

    def wait(self) -> None:
        """Wait until all processes have come here."""
        self.sum(torch.zeros(1))

    def agree(self, text: str) -> str:
        """What the leading process says."""
        said = [text]
        if self.count > 1:
            with _peers():
                dist.broadcast_object_list(said, src=0)
        return said[0]

    def sum(self, numbers: Tensor) -> Tensor:
        """The element-wise sum over all processes."""
        if self.count > 1:
            with _peers():
                dist.all_reduce(numbers)
        return numbers

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up every process's gradients, in place, in one message."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self.sum(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, total in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(total.view_as(gradient))


@contextlib.contextmanager
def _peers() -> Iterator[None]:
    """What torch raises when another process has gone becomes a RecipeError: that process has said why."""
    try:
        yield
    except RuntimeError as error:
        raise RecipeError(f"another process of this training has ended: {str(error).splitlines()[0][:200]}") from None
