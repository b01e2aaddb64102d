"""Which head and token the screen of Q·K·V shows, and what is offered to choose from. No Textual widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_transformer.probes import KINDS, Kind
from tui_transformer.tui.widgets.choices import Choice

if TYPE_CHECKING:
    from tui_transformer.heads import Head
    from tui_transformer.render.picture import Picture
    from tui_transformer.traces import Inside
    from tui_transformer.tui.live import Live

START = "<s>"
PADDINGS = (0, 4, 8)
"""So many places more than the sentence needs."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """All that is chosen on the screen. `layer`, `head` and `token` count from 0 and may be more than there are.

    `token` is a place in the source; None for its middle. What asks in the decoder is the moment's token.
    """

    kind: Kind = "encoder"
    layer: int = 0
    head: int = 0
    token: int | None = None
    masks: bool = False
    padding: int = 0
    unmasked: bool = False

    @classmethod
    def of(cls, place: dict[str, Any]) -> Chosen:
        """What was remembered; what does not fit any more is left out."""
        fits: dict[str, Callable[[Any], bool]] = {
            "kind": KINDS.__contains__,
            **dict.fromkeys(("layer", "head", "token"), lambda value: type(value) is int and value >= 0),
            **dict.fromkeys(("masks", "unmasked"), lambda value: type(value) is bool),
            "padding": lambda value: type(value) is int and value in PADDINGS,
        }
        return cls(**{name: place[name] for name, fit in fits.items() if name in place and fit(place[name])})

    def which(self, live: Live) -> Head | None:
        """The head, within what the model has; None while that is not known."""
        from tui_transformer.heads import Head

        there = heads_of(self.kind, live)
        if there is None:
            return None
        return Head(self.kind, min(self.layer, there[0] - 1), min(self.head, there[1] - 1))

    def place(self, live: Live, moment: int) -> int:
        """Which of the `asking` pieces asks."""
        count = len(asking(self.kind, live))
        wanted = max(0, moment - 1) if self.kind != "encoder" else self.token
        return (count - 1) // 2 if wanted is None else max(0, min(wanted, count - 1))

    def picture(self, inside: Inside, live: Live, moment: int) -> Picture | None:
        """The attention of the token, or the masks; None while the head is not known."""
        from tui_transformer.render.views.heads import HeadInside
        from tui_transformer.render.views.masks import MaskedBatch, masks_picture
        from tui_transformer.render.views.qkv import Attending, qkv_picture

        probed, which, place = inside.probed, self.which(live), self.place(live, moment)
        if which is None:
            return None
        if not self.masks:
            return qkv_picture(Attending(probed, which, place)).noting(inside.notes)
        heads = [HeadInside(probed, which, place)]
        return masks_picture(MaskedBatch.of(probed), heads, self.unmasked).noting(inside.notes)


def heads_of(kind: Kind, live: Live) -> tuple[int, int] | None:
    """How many layers, and how many heads a layer; None before it is known."""
    if live.encoded and kind == "encoder":
        layers, heads = live.encoded.attention.shape[:2]
    elif live.steps and kind != "encoder":
        layers, heads = live.steps[0].cross_attention.shape[:2]
    else:
        return None
    return layers, heads


def asking(kind: Kind, live: Live) -> tuple[str, ...]:
    """The pieces that ask: of the source, or what the decoder reads at each step, the start first."""
    if kind == "encoder":
        return live.source
    return (START, *(step.chosen.piece for step in live.steps[:-1])) if live.steps else ()


def kinds_and_layers(chosen: Chosen, live: Live) -> list[Choice]:
    """What is offered in the first line; names are such as layer:3, from 0."""
    short = {"encoder": "enc", "decoder": "dec", "cross": "cross"}
    which = chosen.which(live)
    layers, _ = heads_of(chosen.kind, live) or (0, 0)
    kinds = [Choice(f"kind:{kind}", kind, short[kind], kind == chosen.kind) for kind in KINDS]
    numbers = [(f"layer:{i}", f"L{i + 1}", which is not None and which.layer == i) for i in range(layers)]
    return [*kinds, *(Choice(name, text, text, taken) for name, text, taken in numbers)]


def heads_and_masks(chosen: Chosen, live: Live) -> list[Choice]:
    """What is offered in the second line."""
    which = chosen.which(live)
    _, heads = heads_of(chosen.kind, live) or (0, 0)
    numbers = [(f"head:{i}", f"H{i + 1}", which is not None and which.head == i) for i in range(heads)]
    offered = [Choice(name, text, text, taken) for name, text, taken in numbers]
    offered.append(Choice("masks", "masks", "masks", chosen.masks))
    if chosen.masks:
        padded = f"padding +{chosen.padding}" if chosen.padding else "padding"
        offered.append(Choice("padding", padded, padded[:3] + padded[7:], bool(chosen.padding)))
        offered.append(Choice("unmasked", "without the mask", "unmasked", chosen.unmasked))
    return offered
