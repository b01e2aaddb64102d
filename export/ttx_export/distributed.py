"""Several training processes that act as one, started by torchrun; alone, everything here is a no-op."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Processes:
    """This process's place among its peers. Use as a context manager."""

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))

    def __enter__(self) -> Processes:
        if self.count > 1:
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return self

    def __exit__(self, *_: object) -> None:
        if self.count > 1:
            dist.destroy_process_group()

    @property
    def leads(self) -> bool:
        """True in the one process that writes files and speaks."""
        return self.rank == 0

    def share(self, everything: list[int]) -> list[int]:
        """This process's part of a list that all processes hold."""
        return everything[self.rank :: self.count]

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.count > 1:
            dist.barrier()

    def sum(self, numbers: Tensor) -> Tensor:
        """The element-wise sum over all processes."""
        if self.count > 1:
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
