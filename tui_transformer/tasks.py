"""What is searched for: the parts of a line, and where a forced beginning goes among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .source import Source, in_one_line

if TYPE_CHECKING:
    from .translator import Translator


@dataclass(frozen=True, slots=True)
class Task:
    """A source to be translated, and the forced beginning of its translation.

    `ahead` are words put before a source that is not translated: nothing is continued from them.
    """

    source: Source
    prefix: tuple[int, ...] = ()
    ahead: str = ""

    def said(self, text: str) -> str:
        """The text of a translation with the words ahead, after the white space at its beginning."""
        if not self.ahead:
            return text
        words = text.lstrip()
        return f"{text.removesuffix(words)}{self.ahead} {words}"


def tasks_of(translator: Translator, sources: Sequence[Source], prefix: tuple[int, ...]) -> list[Task]:
    """The parts of a line whose translation must begin with the words of these target ids.

    They are forced on the first part that is translated. Where a kept string comes before that, they are put ahead of
    the string instead, and the model continues without them; unless they begin with that string themselves: then it is
    said, and what remains of them is forced. A blank line stays blank.
    """
    first = next((i for i, source in enumerate(sources) if source.ids), len(sources))
    kept = "".join(source.whole for source in sources[:first])
    if prefix and (there := kept.split()):
        text = in_one_line(translator.target.decode(prefix))
        wanted = text.split()
        rest = wanted[len(there) :]
        goes_on = first < len(sources) and kept[-1].isspace()
        if there[: len(wanted)] != wanted[: len(there)] or (rest and not goes_on):
            place = next(i for i, source in enumerate(sources) if source.whole.strip())
            return [Task(source, (), text if i == place else "") for i, source in enumerate(sources)]
        prefix = translator.target_ids(" ".join(rest))
    return [Task(source, prefix if i == first else ()) for i, source in enumerate(sources)]
