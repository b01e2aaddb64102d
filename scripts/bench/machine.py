"""What it was measured on."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """Its name as Linux knows it, else its architecture."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
