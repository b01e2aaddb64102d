"""Everything the contenders load: our graphs in fp32 and CTranslate2's models, from the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ttx_export.bundled import checkpoint_of
from ttx_export.checkpoint import Checkpoint, load_checkpoint
from ttx_export.linear import FloatLinear
from ttx_export.package import write_graphs

from tui_transformer.bundle import Bundle

from .contender import Contender
from .convert import write_ctranslate2
from .engines import Request, Setting

CHECK_BATCH = 32


@dataclass(frozen=True, slots=True)
class Models:
    """For each precision: our bundle and CTranslate2's folder, as settings still to be tuned."""

    checkpoint: Checkpoint
    ours: dict[str, Setting]
    theirs: dict[str, Setting]


def prepare(bundle: Bundle, checkpoint: Path | None, folder: Path) -> Models:
    """The bundle in its own precision and in fp32, and the same for CTranslate2."""
    known = load_checkpoint(checkpoint) if checkpoint else checkpoint_of(bundle)
    floating = write_graphs(
        known, known.build_model(), FloatLinear(), replace(bundle.manifest, precision="fp32"), folder / "ttx-fp32"
    )
    bundles: dict[str, Path] = {bundle.manifest.precision: bundle.path, "fp32": floating.path}
    ours, theirs = {}, {}
    for precision, path in bundles.items():
        model = write_ctranslate2(known, precision, folder / f"ctranslate2-{precision}")
        ours[precision] = Setting("ttx", str(path), str(path), precision)
        theirs[precision] = Setting("ctranslate2", str(model), str(path), precision)
    return Models(known, ours, theirs)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many of the greedy translations are the same, id for id."""

    sentences: int
    same: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.same / self.sentences


def compare_ids(ours: Setting, theirs: Setting, lines: Sequence[str], limit: int) -> Agreement:
    """Greedy in fp32: the same weights must say the same, but for ties within a rounding error."""
    request = Request(limit=limit, batch=CHECK_BATCH)
    with Contender(ours) as left, Contender(theirs) as right:
        pairs = zip(left.ids(lines, request), right.ids(lines, request), strict=True)
        return Agreement(len(lines), sum(ours == theirs for ours, theirs in pairs))
