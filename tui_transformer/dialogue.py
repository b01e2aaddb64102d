"""A conversation with a warm model: a line is translated, a line that begins with `:` changes how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .batching import Batching, translate_lines
from .errors import InputError
from .generation import MOST_HYPOTHESES
from .keep import Keeper
from .translation import Wanted
from .translator import Options, Translator

HELP = """:model NAME   translate with another model
:beam N       hypotheses kept a sentence; 1 is greedy search
:n-best N     number of translations of each line, best first
:scores       show log-probabilities before them, on or off
:help         show these lines
::TEXT        translate a text that begins with a colon
Ctrl-D quits, Ctrl-C discards the line"""


@dataclass(frozen=True, slots=True)
class Manner:
    """How lines are currently translated; without a beam, with the model's own."""

    model: str = "en-de"
    beam: int | None = None
    n_best: int = 1
    scores: bool = False


class Dialogue:
    """Holds the model and the manner between lines."""

    def __init__(self, manner: Manner, load: Callable[[str], Translator], workers: int = 1) -> None:
        """`load` turns a model's name into a translator. Raises BundleError or DeviceError."""
        self.manner = manner
        self.translator = load(manner.model)
        self._load, self._batching = load, Batching(workers=workers)

    def translate(self, line: str) -> list[str]:
        """The translations of a line, best first, each preceded by its log-probability and a tab if scores are on."""
        text = line.removeprefix(":") if line.startswith("::") else line
        manner = self.manner
        options = Options(beam=max(manner.beam or self.translator.defaults.beam, manner.n_best))
        wanted = Wanted(n_best=manner.n_best, scores=manner.scores, keeper=Keeper.of())
        (found,) = translate_lines(self.translator, [text], options, self._batching, wanted)
        if not manner.scores:
            return [candidate.text for candidate in found.n_best(manner.n_best)]
        return [f"{candidate.log_probability:.4f}\t{candidate.text}" for candidate in found.n_best(manner.n_best)]

    def obey(self, line: str) -> str:
        """Carry out a line that `is_command`; returns what to print. Raises TtxError, and then nothing has changed."""
        name, _, argument = line[1:].strip().partition(" ")
        commands: Mapping[str, Callable[[str], str]] = {
            "model": self._change_model,
            "beam": self._change_beam,
            "n-best": self._change_n_best,
            "scores": self._switch_scores,
            "help": lambda _: HELP,
        }
        if name not in commands:
            raise InputError(f"there is no :{name}; :help lists the commands")
        return commands[name](argument.strip())

    def _change_model(self, name: str) -> str:
        if not name:
            return f"model {self.manner.model}"
        self.translator = self._load(name)
        self.manner = replace(self.manner, model=name)
        manifest = self.translator.bundle.manifest
        return f"model {name}, {manifest.source_language} → {manifest.target_language}"

    def _change_beam(self, number: str) -> str:
        self.manner = replace(self.manner, beam=_number("beam", number))
        return f"beam {self.manner.beam}"

    def _change_n_best(self, number: str) -> str:
        self.manner = replace(self.manner, n_best=_number("n-best", number))
        return f"n-best {self.manner.n_best}"

    def _switch_scores(self, _: str) -> str:
        self.manner = replace(self.manner, scores=not self.manner.scores)
        return f"scores {'on' if self.manner.scores else 'off'}"


def is_command(line: str) -> bool:
    """Whether a line is for the shell itself; two colons escape one."""
    return line.startswith(":") and not line.startswith("::")


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_HYPOTHESES:
        raise InputError(f":{name} takes a number from 1 to {MOST_HYPOTHESES}, not {text!r}")
    return int(text)
