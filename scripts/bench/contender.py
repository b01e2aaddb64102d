"""A contender as the benchmark sees it: a worker process that is asked, one question at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from .engines import Request, Setting

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY.parent / "shared" / "data" / "en-de"


@dataclass(frozen=True, slots=True)
class Lap:
    """One timed request: seconds of each call, processor seconds in all, and what came out."""

    seconds: list[float]
    cpu: float
    texts: list[str]
    memory: int


class Contender:
    """A loaded engine in another process. Idle while it is not asked."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.bench.worker", json.dumps(setting.to_dict())],
            cwd=REPOSITORY,
            env={**os.environ, **setting.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.loaded_memory: int = self._read()["memory"]

    def __enter__(self) -> Contender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def all(self, lines: Sequence[str], request: Request) -> Lap:
        """Translate all lines in one call."""
        return Lap(**self._ask("all", lines, request))

    def each(self, lines: Sequence[str], request: Request) -> Lap:
        """Translate line by line, a call each."""
        return Lap(**self._ask("each", lines, request))

    def ids(self, lines: Sequence[str], request: Request) -> list[list[int]]:
        """What comes out, as ids."""
        found: list[list[int]] = self._ask("ids", lines, request)["ids"]
        return found

    def _ask(self, do: str, lines: Sequence[str], request: Request) -> dict[str, Any]:
        values = {name: getattr(request, name) for name in Request.__slots__}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "lines": list(lines), "request": values}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: {self.setting.kind} ended unexpectedly, see above")
        answer: dict[str, Any] = json.loads(line)
        return answer
