"""What is remembered from one sitting to the next: the text, where one was in it, and how the screens were set."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tui_transformer.source import characters
from tui_transformer.whole_file import whole_file

from .live import Playback

MOST_REMEMBERED = 100


@dataclass(slots=True)
class Sitting:
    """All of it plain values. `history` are earlier texts, oldest first; `places` what each screen remembers."""

    text: str = ""
    mode: str = "beam"
    sentence: int = 0
    prefix: list[int] = field(default_factory=list)
    off: list[str] = field(default_factory=list)
    model: str = ""
    """The prefix and the heads belong to this model."""
    speed: float | None = None
    screen: str = "translate"
    theme: str = ""
    spoken: bool = False
    """Whether screens say in sentences what they show, for screen readers."""
    history: list[str] = field(default_factory=list)
    places: dict[str, dict[str, Any]] = field(default_factory=dict)

    def remember(self, text: str) -> None:
        """A text that stayed for a while. What only grew or came back is not remembered twice."""
        text = text.strip()
        if not text:
            return
        if self.history and text.startswith(self.history[-1]):
            self.history.pop()
        self.history = [*(old for old in self.history if old != text), text][-MOST_REMEMBERED:]


_KINDS = {one.name: str(one.type) for one in fields(Sitting)}


def sitting_path() -> Path:
    """Where it is kept: TTX_SESSION, or session.json in ttx's folder for state."""
    if path := os.environ.get("TTX_SESSION"):
        return Path(path)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ttx" / "session.json"


def load_sitting(path: Path) -> Sitting:
    """The last sitting; a new one if there was none, or if the file is not what `save_sitting` writes."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Sitting()
    fresh = Sitting()
    for name, kind in _KINDS.items() if isinstance(content, dict) else ():
        if name in content and _fits(content[name], kind):
            setattr(fresh, name, content[name])
    # JSON can spell half a surrogate pair.
    fresh.text, fresh.history = characters(fresh.text), [*map(characters, fresh.history)]
    fresh.speed = fresh.speed if fresh.speed in Playback.SPEEDS else None
    return fresh


def save_sitting(sitting: Sitting, path: Path) -> None:
    """Keep it, all or nothing. Raises OSError if the place cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        # In ASCII, because a path may have bytes that are no characters.
        file.write(json.dumps(asdict(sitting)).encode())


def _fits(value: object, kind: str) -> bool:
    """Whether a value read is of the kind that its field has."""
    if isinstance(value, bool):
        return kind == "bool"
    if isinstance(value, list):
        inner = {"list[int]": int, "list[str]": str}.get(kind)
        return inner is not None and all(type(one) is inner for one in value)
    if isinstance(value, dict):
        return kind.startswith("dict") and all(isinstance(one, dict) for one in value.values())
    if isinstance(value, int):
        return kind in ("int", "float | None")
    return kind == ("str" if isinstance(value, str) else "float | None")
