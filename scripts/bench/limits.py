"""What the machine allows: multiply-adds a second, bytes a second, and how many of each a translation needs.

    python -m scripts.bench.limits THREADS WEIGHT_BYTES

Only weights are counted: attention over the cache comes on top, so the true limit is a little lower.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tui_transformer.architecture import Architecture

SIZE = 1024
DRAM_BYTES = 1 << 28
SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class Rates:
    """Of all cores together: multiply-adds a second; of one core: bytes read a second, from cache and memory."""

    fp32: float
    int8: float
    cached: float
    memory: float


@dataclass(frozen=True, slots=True)
class Work:
    """Multiply-adds for one source piece (encoder, keys and values) and for one target piece (decoder)."""

    source: int
    target: int


def work(shape: Architecture) -> Work:
    """Every weight of a linear layer is one multiply-add a piece."""
    d = shape.d_model
    attention, feed_forward = 4 * d * d, 2 * d * shape.d_ff
    return Work(
        shape.encoder_layers * (attention + feed_forward) + shape.decoder_layers * 2 * d * d,
        shape.decoder_layers * (attention + 2 * d * d + feed_forward) + d * shape.target_vocabulary,
    )


def measure(threads: int, weight_bytes: int) -> Rates:
    """Two big matrix products through ONNX Runtime, and dot products for reading."""
    multiply_adds = SIZE**3
    return Rates(
        multiply_adds * _a_second(_product("fp32", threads)),
        multiply_adds * _a_second(_product("int8", threads)),
        _read_rate(weight_bytes),
        _read_rate(DRAM_BYTES),
    )


def _product(precision: str, threads: int) -> Callable[[], object]:
    import numpy as np
    import onnxruntime
    from ttx_export.graph import Graph
    from ttx_export.linear import FloatLinear, Int8Linear, Linear, Range

    random = np.random.default_rng(0)
    square = random.standard_normal((SIZE, SIZE), np.float32)
    linear: Linear = FloatLinear() if precision == "fp32" else Int8Linear({"layer": Range(-3.0, 3.0)})
    graph = Graph("product", precision)
    x = graph.input("x", graph.float_type, (SIZE, SIZE))
    y = linear(graph, x, "layer", square, np.zeros(SIZE, np.float32))
    # Only a corner is fetched: handing out the whole product is not what is measured.
    corner = graph.op("Slice", y, graph.integers(0), graph.integers(1), graph.integers(0))
    graph.output("y", corner, graph.float_type, (1, SIZE))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        graph.build().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": square})


def _read_rate(size: int) -> float:
    """Bytes a second that one core reads of an array of `size` bytes, over and over."""
    import numpy as np

    left, right = (np.ones(size // 8, np.float32) for _ in range(2))
    return left.nbytes * 2 * _a_second(lambda: np.dot(left, right))


def _a_second(call: Callable[[], object]) -> float:
    """How often a call can be made: the best of many."""
    call()
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        begun = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begun)
    return 1 / best


def measure_apart(threads: int, weight_bytes: int) -> Rates:
    """`measure` in a process of its own, with one thread for numpy."""
    import subprocess

    from .contender import REPOSITORY

    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench.limits", str(threads), str(weight_bytes)],
        cwd=REPOSITORY, check=True, capture_output=True, text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    values: dict[str, Any] = json.loads(done.stdout)
    return Rates(**values)


if __name__ == "__main__":
    print(json.dumps(asdict(measure(int(sys.argv[1]), int(sys.argv[2])))))
