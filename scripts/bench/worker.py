"""One contender in a process of its own: JSON commands on stdin, JSON answers on stdout.

    python -m scripts.bench.worker '{"kind": "ttx", …}'

Times are taken here, around the engine's call alone.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from .engines import Engine, Request, Setting, load


def peak_memory() -> int:
    """The most memory this process has held since it began, in bytes (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) * 1024 if found else 0


def answer(engine: Engine, command: dict[str, Any]) -> dict[str, Any]:
    """`all` times one call with every line, `each` a call a line, `ids` gives ids and times nothing."""
    request, lines = Request(**command["request"]), command["lines"]
    if command["do"] == "ids":
        return {"ids": engine.ids(lines, request)}
    calls = [lines] if command["do"] == "all" else [[line] for line in lines]
    seconds, texts = [], []
    cpu = time.process_time()
    for call in calls:
        start = time.perf_counter()
        texts += engine.translate(call, request)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "cpu": time.process_time() - cpu, "texts": texts, "memory": peak_memory()}


def main() -> None:
    """Load, say so, then answer until stdin ends."""
    engine = load(Setting(**json.loads(sys.argv[1])))
    print(json.dumps({"memory": peak_memory()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(engine, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
