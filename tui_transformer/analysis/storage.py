"""Where each part of a model is stored: which tensors of which file, and how many bytes of them are its own.

Tensors have the names that training gave the modules (`encoder.0.feed_forward.inner.weight`). What reads the same
input is one matrix: query, key and value of self-attention, and the keys and values of all cross-attention.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tui_transformer.architecture import Architecture
from tui_transformer.bundle import DECODER, ENCODER, Bundle
from tui_transformer.graph_tensors import GraphTensor, graph_tensors

from .parameters import Part, parameters

_ENCODER_NORMS = ("self-attention", "feed-forward")
_DECODER_NORMS = ("self-attention", "cross-attention", "feed-forward")
_MODULES = {"self-attention": "self_attention", "masked self-attention": "self_attention",
            "cross-attention": "cross_attention", "feed-forward": "feed_forward"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """A tensor that a part is kept in; the part's `share` of it is less than 1 if others are in it as well."""

    tensor: GraphTensor
    share: float = 1.0

    @property
    def bytes(self) -> float:
        """Those of this part."""
        return self.tensor.bytes * self.share


@dataclass(frozen=True, slots=True)
class Node:
    """A part at its place in the tree, each layer of its own; `names` leads to it from the whole model."""

    names: tuple[str, ...]
    part: Part
    kept: tuple[Kept, ...]
    nodes: tuple[Node, ...] = ()

    @property
    def bytes(self) -> float:
        """In all files."""
        return sum(kept.bytes for kept in self.kept)

    def walk(self) -> Iterator[Node]:
        """The node and all below it."""
        yield self
        for node in self.nodes:
            yield from node.walk()


def weights(bundle: Bundle) -> list[GraphTensor]:
    """Those of both sides as the translating graphs have them; the other graphs read the same bytes.

    What both sides read stands here once, as the encoder's. Raises BundleError.
    """
    found = [tensor for name in (ENCODER, DECODER) for tensor in graph_tensors(bundle.file(name))]
    # The first at each place; small ones are inside their graph, and have none.
    first = {(one.file, one.name if one.offset is None else one.offset): one for one in reversed(found)}
    return [one for one in reversed(first.values()) if _is_weight(one.name)]


def anatomy(shape: Architecture, tensors: Sequence[GraphTensor] = ()) -> Node:
    """The whole model as a tree, each part with the tensors that keep it."""
    return _node(parameters(shape), (), shape, tensors)


def _is_weight(name: str) -> bool:
    """Graphs have small constants of their own besides."""
    return name.split(".")[0] in ("encoder", "decoder", "encoder_norm", "decoder_norm", "projection", "positions",
                                  "source_embedding", "target_embedding")  # fmt: skip


def _node(part: Part, above: tuple[str, ...], shape: Architecture, tensors: Sequence[GraphTensor]) -> Node:
    names = (*above, part.name)
    parts = list(_numbered(part))
    nodes = tuple(_node(one, names, shape, tensors) for one in parts)
    own = () if parts else tuple(_kept(names, shape, tensors))
    return Node(names, replace(part, parts=tuple(parts)), (*own, *_together(nodes)), nodes)


def _numbered(part: Part) -> Iterator[Part]:
    """Each layer of its own; the norms of a layer by what they belong to."""
    norms = iter(_DECODER_NORMS if any(one.name == "cross-attention" for one in part.parts) else _ENCODER_NORMS)
    for one in part.parts:
        if one.name == "layer":
            yield from (replace(one, name=f"layer {number + 1}", times=1) for number in range(one.times))
        elif one.name == "layer norm" and part.name.startswith("layer "):
            yield replace(one, name=f"norm of {next(norms)}")
        else:
            yield one


def _kept(names: tuple[str, ...], shape: Architecture, tensors: Sequence[GraphTensor]) -> Iterator[Kept]:
    prefix, share = _stored_as(names, shape)
    yield from (Kept(one, share) for one in tensors if one.name == prefix or one.name.startswith(f"{prefix}."))


def _stored_as(names: tuple[str, ...], shape: Architecture) -> tuple[str, float]:
    """What the tensors of a part without parts are called, and its share of them."""
    match names[1:]:
        case (side, "layer norm"):
            return f"{side}_norm", 1.0
        case (side, layer, norm):
            return f"{side}.{_number(layer)}.{norm.removeprefix('norm of ').replace('-', '_')}_residual.norm", 1.0
        case (_, _, "cross-attention", "key" | "value"):
            return "decoder.0.cross_attention.key", 1 / (2 * shape.decoder_layers)
        case (side, layer, "self-attention" | "masked self-attention", "query" | "key" | "value"):
            return f"{side}.{_number(layer)}.self_attention.query", 1 / 3
        case (side, layer, module, part):
            return f"{side}.{_number(layer)}.{_MODULES[module]}.{part}", 1.0
    return names[-1].replace(" ", "_"), 1.0


def _number(layer: str) -> int:
    return int(layer.removeprefix("layer ")) - 1


def _together(nodes: Sequence[Node]) -> Iterator[Kept]:
    """The tensors of all parts, each once, with the share that all of them have in it."""
    shares: dict[GraphTensor, float] = {}
    for kept in (kept for node in nodes for kept in node.kept):
        shares[kept.tensor] = shares.get(kept.tensor, 0.0) + kept.share
    yield from (Kept(tensor, share) for tensor, share in shares.items())
