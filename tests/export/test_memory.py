"""Freed memory stays with the process, so that the next tensor costs no page faults."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from ttx_export.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use_memory():
    for _ in range(30):
        torch.ones(10_000_000)
use_memory()
before = faults()
use_memory()
print((faults() - before) * resource.getpagesize() / (30 * 40_000_000))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory as they like")
def test_a_tensor_takes_the_pages_of_the_one_before() -> None:
    """What is printed is the share of 30 tensors of 40 MB, one after the other, that the kernel had to give anew."""
    shares = {how: float(_printed(how)) for how in ("keep", "as it was")}
    assert shares["keep"] < 0.05 < 0.5 < shares["as it was"]


def _printed(how: str) -> bytes:
    return subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=True).stdout
