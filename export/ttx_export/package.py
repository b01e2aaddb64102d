"""A checkpoint becomes a bundle: graphs, parity, calibration, scores, model card, manifest."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from tui_transformer import bundle, optimum
from tui_transformer.bundle import Bundle, FileLayout, Manifest, Precision, SpecialTokens
from tui_transformer.errors import RecipeError
from tui_transformer.mapped import MappedTokenizer, write_names
from tui_transformer.runtime import open_runtime, usable_cores
from tui_transformer.translator import Translator

from .assess import Assessment, Say, assess, development_sets, sets_of, with_sizes
from .card import model_card
from .checkpoint import Checkpoint
from .corpus import Pair, ReadReport, composed
from .curve import with_curve
from .encoded import encode_corpus
from .graph import OPSET
from .graph_files import write_graph_files
from .linear import FloatLinear, Int8Linear, Linear
from .model import Transformer, parameter_count
from .optimum_files import write_optimum_files
from .parity import TOLERANCE, measure_parity
from .provenance import generation_of, provenance_of, sentence_limit_of
from .quantize import calibrate
from .score import score_set, translate_sources

CALIBRATION_PAIRS = 300
GATE_PAIRS = 1000
GATE_LOSS = 0.5
"""An int8 bundle that loses more BLEU or chrF than this against fp32 is refused."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export. `data` is the folder with the recipe's development sets: needed for int8 and for scores.

    `beam` is that of the scores, None for the model's own. `tests` are held-out files of pairs,
    scored as well; `run` is the run's folder, whose log gives the card its learning curve.
    """

    precision: Precision = "int8"
    data: Path | None = None
    score: bool = True
    beam: int | None = None
    tests: tuple[Path, ...] = ()
    run: Path | None = None
    layout: FileLayout = "ttx"


def export_bundle(checkpoint: Checkpoint, out: Path, wanted: Wanted, say: Say = lambda _: None) -> Bundle:
    """Write the bundle `out`, whole or not at all; an existing bundle there is replaced.

    Raises RecipeError if parity or quality is not reached, text is missing, or `out` is something else.
    """
    _check_place(out)
    dev = _development_sets(checkpoint, wanted)
    tests = sets_of(wanted.tests, dev)
    model = checkpoint.build_model()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            finished = _build(checkpoint, model, dev, tests, wanted, Path(scratch), say)
            _put(finished, out, Path(scratch) / "replaced")
    except OSError as error:
        raise RecipeError(f"cannot write {out}: {error.strerror or error}") from None
    return bundle.verify_bundle(out)


def _put(finished: Path, out: Path, replaced: Path) -> None:
    """Move a folder into its place; what stood there goes to `replaced`, and back if anything stops this."""
    try:
        if out.exists():
            out.rename(replaced)
        finished.rename(out)
    except BaseException:
        if replaced.exists() and not out.exists():
            replaced.rename(out)
        raise


def _check_place(out: Path) -> None:
    """A new folder, an empty one, or a bundle and nothing else: what is replaced is lost."""
    if not out.exists():
        return
    if out.resolve() == Path.cwd():
        raise RecipeError(f"{out} is the folder this command runs in, which cannot be replaced: choose another")
    names = {entry.name for entry in out.iterdir()} if out.is_dir() else {""}
    ours = {bundle.MANIFEST, bundle.CARD, bundle.PIECES, optimum.TARGET_VOCABULARY, *chain(*bundle.REQUIRED.values())}
    if names and (bundle.MANIFEST not in names or names - ours):
        raise RecipeError(f"{out} exists and is not just a model: choose another folder")


def _build(
    checkpoint: Checkpoint, model: Transformer, dev: dict[str, list[Pair]], tests: dict[str, list[Pair]],
    wanted: Wanted, scratch: Path, say: Say,
) -> Path:  # fmt: skip
    manifest = _manifest(checkpoint, model, wanted)
    special = checkpoint.vocabularies.special
    reference = replace(manifest, precision="fp16" if wanted.precision == "fp16" else "fp32")
    folder = write_graphs(checkpoint, model, FloatLinear(), reference, scratch / "float")
    parity = measure_parity(model, open_runtime(folder, "cpu", usable_cores()), special)
    say(f"parity with PyTorch, {parity.steps} steps: {parity.told()}")
    if not parity.within(TOLERANCE[reference.precision]):
        raise RecipeError(f"the exported graphs differ from PyTorch: {parity.told()}")
    manifest = replace(manifest, parity={reference.precision: parity.to_dict()})
    if wanted.precision == "int8":
        folder, manifest = _quantized(checkpoint, model, dev, folder, manifest, scratch / "int8", say)
    beam = wanted.beam or manifest.generation.beam
    found = assess(folder, dev, tests, beam, say) if wanted.score else Assessment()
    manifest = found.told_in(manifest)
    card = model_card(manifest, folder.bytes, found.weaknesses)
    (folder.path / bundle.CARD).write_text(card, encoding="utf-8")
    return bundle.write_manifest(folder.path, manifest).path


def _quantized(
    checkpoint: Checkpoint, model: Transformer, dev: dict[str, list[Pair]], floating: Bundle, manifest: Manifest,
    folder: Path, say: Say,
) -> tuple[Bundle, Manifest]:  # fmt: skip
    """The int8 graphs, calibrated and compared with the floating ones on the first development set."""
    name, pairs = next(iter(dev.items()))
    vocabularies, special = checkpoint.vocabularies, checkpoint.vocabularies.special
    everything = [pair for part in dev.values() for pair in part[:CALIBRATION_PAIRS]]
    corpus = encode_corpus(
        composed(everything),
        vocabularies.source,
        vocabularies.target,
        checkpoint.recipe.data,
        ReadReport(),
        "calibration text",
    )
    ranges = calibrate(model, corpus, special, range(len(corpus)))
    quantized = write_graphs(checkpoint, model, Int8Linear(ranges), manifest, folder)
    parity = measure_parity(model, open_runtime(quantized, "cpu", usable_cores()), special)
    (bleu, chrf), (bleu8, chrf8) = (
        score_set(name, pairs[:GATE_PAIRS], _translations(each, pairs[:GATE_PAIRS], 1), 1)
        for each in (floating, quantized)
    )
    lost = {"BLEU": round(bleu.value - bleu8.value, 2), "chrF": round(chrf.value - chrf8.value, 2)}
    say(f"int8 against fp32 on {name}, greedy: BLEU {bleu8.value} / {bleu.value}, chrF {chrf8.value} / {chrf.value}")
    if max(lost.values()) > GATE_LOSS:
        raise RecipeError(
            f"int8 loses {lost['BLEU']} BLEU and {lost['chrF']} chrF; more than {GATE_LOSS} is not shipped"
        )
    gate = {"set": name, "pairs": len(pairs[:GATE_PAIRS]), "calibration_pairs": len(corpus), "lost": lost}
    return quantized, replace(manifest, parity={**manifest.parity, "int8": parity.to_dict(), "int8_gate": gate})


def write_graphs(
    checkpoint: Checkpoint, model: Transformer, linear: Linear, manifest: Manifest, folder: Path
) -> Bundle:
    """A bundle without scores and card: the graphs, the vocabularies, the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: weight.numpy() for name, weight in model.state_dict().items()}
    if manifest.layout == "optimum":
        write_optimum_files(weights, checkpoint.vocabularies, manifest, linear, folder)
    else:
        write_graph_files(weights, model.shape, manifest.precision, linear, folder)
    (folder / bundle.SOURCE_VOCABULARY).write_bytes(checkpoint.vocabularies.source.model)
    (folder / bundle.TARGET_VOCABULARY).write_bytes(checkpoint.vocabularies.target.model)
    source, target = checkpoint.vocabularies.source, checkpoint.vocabularies.target
    if isinstance(source, MappedTokenizer) and isinstance(target, MappedTokenizer):
        write_names(source, target, folder / bundle.PIECES)
    return bundle.write_manifest(folder, manifest)


def _manifest(checkpoint: Checkpoint, model: Transformer, wanted: Wanted) -> Manifest:
    recipe, vocabularies = checkpoint.recipe, checkpoint.vocabularies
    source, target = vocabularies.source, vocabularies.target
    manifest = Manifest(
        name=recipe.name,
        source_language=recipe.source,
        target_language=recipe.target,
        architecture=checkpoint.shape,
        special=SpecialTokens(
            source.pad_id, source.eos_id, source.unk_id, target.pad_id, target.bos_id, target.eos_id, target.unk_id
        ),
        tokenizer=source.options.to_dict(),
        precision=wanted.precision,
        opset=OPSET,
        sentence_limit=sentence_limit_of(checkpoint),
        provenance=provenance_of(checkpoint, parameter_count(model)),
        generation=generation_of(checkpoint),
        layout=wanted.layout,
    )
    return with_curve(with_sizes(manifest, recipe.data, wanted.data), wanted.run)


def _development_sets(checkpoint: Checkpoint, wanted: Wanted) -> dict[str, list[Pair]]:
    if wanted.precision != "int8" and not wanted.score:
        return {}
    if wanted.data is None:
        if wanted.precision == "int8":
            raise RecipeError("int8 is calibrated on development text: give it with --data")
        raise RecipeError("scores need development text: give it with --data, or give --no-score")
    if not checkpoint.recipe.data.dev and wanted.precision == "int8":
        raise RecipeError("the recipe names no development set to calibrate int8 on")
    return development_sets(checkpoint.recipe.data, wanted.data)


def _translations(model: Bundle, pairs: list[Pair], beam: int) -> list[str]:
    return translate_sources(Translator(model, "cpu"), pairs, beam, usable_cores())
