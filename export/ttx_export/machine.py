"""What a model was trained on, in words: for the model card."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def describe_machine(device: torch.device, processes: int) -> str:
    """Such as "2 processes, AMD EPYC 9R14, 2 cores"."""
    if device.type == "cuda":
        return _counted(processes) + torch.cuda.get_device_name(device)
    return f"{_counted(processes)}{processor()}, {os.cpu_count()} cores"


def _counted(processes: int) -> str:
    return f"{processes} processes, " if processes > 1 else ""


def processor() -> str:
    """Its name as the kernel knows it, where there is /proc; else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
