"""Where a model comes from that was trained elsewhere: what its manifest and its card say instead of a recipe."""

from __future__ import annotations

from dataclasses import dataclass

from tui_transformer.generation import Generation


@dataclass(frozen=True, slots=True)
class Origin:
    """`source` is the folder's or the hub's name, `config` the text of what described the model there.

    `generation` is how it was searched there; `languages` are the codes that a line may begin with.
    """

    source: str
    form: str
    config: str
    generation: Generation
    licence: str = ""
    languages: tuple[str, ...] = ()
