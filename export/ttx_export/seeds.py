"""Seeds made of several numbers: what is random in a run follows from the position in it, and nothing is stored."""

from __future__ import annotations

import numpy as np


def mixed_seed(*numbers: int) -> int:
    """One well-mixed 63-bit seed from several numbers: neighbouring steps must not share dropout patterns."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
