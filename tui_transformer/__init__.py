"""A Transformer you can use and look inside without leaving the terminal.

Read the code in this order:

1. `translator`: the main path, from text to a stream of events; `reading`, `splitting` and `clauses`: how a line is
   cut into the parts that go in.
2. `events`: the values that flow.
3. `decoding`, the one loop; `search` and `beam`: how the next token is chosen.
4. `runtime`: the graphs as functions, and the cache; `sessions` is the only place that knows ONNX Runtime.
5. `tokenizer` and `bundle`: what a model is on disk.
6. `batching` and `window`: many lines, fast and in order; `tasks`: where a forced beginning goes; `keep`: what must
   come through unchanged; `alternatives`: what else could stand at a piece of a translation.
7. `analysis` and `quality`: what attention says about words, and what looks wrong in a translation.
8. `probed`, `probing` and `heads`: what happens inside the model, and what it does without a head.
9. `render`: values become pictures; its docstring has a reading order and how to add a view. `traces`: a decoding
   in a file.
10. `cli`: how it is all wired to the command line.

`masks` and `positional` hold the two formulas that training shares with what is shown. The model itself,
in PyTorch and in the order of the paper, is `ttx_export.model`.

As a library: `from tui_transformer import Options, Translator`. Importing the package itself loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .translator import Options, Translator

__all__ = ["Options", "Translator"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load the library when it is asked for: `import tui_transformer` alone stays instant."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import translator

    return getattr(translator, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
