"""What a short training came to: likelihood that does not depend on the vocabulary, and greedy translations scored."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from ttx_export.assess import development_sets
from ttx_export.checkpoint import Checkpoint, load_checkpoint
from ttx_export.corpus import Pair, ReadReport
from ttx_export.encoded import encode_corpus
from ttx_export.evaluate import dev_score
from ttx_export.model import Transformer, parameter_count
from ttx_export.package import Wanted, export_bundle

from tui_transformer.training_log import read_training_log

from .plan import Run

POSITIONS = 4096


@dataclass(frozen=True, slots=True)
class Score:
    """Of one development set. `nats` are a character of the reference, under teacher forcing."""

    nats: float
    bleu: float
    chrf: float


@dataclass(frozen=True, slots=True)
class Result:
    """`tokens` are those of the target side that it was trained on, in millions; `sets` by name."""

    parameters: int
    tokens: float
    sets: dict[str, Score]


def result_file(run: Run, runs: Path) -> Path:
    """Where a run's result is kept."""
    return runs / run.of / (f"result-{run.name}.json" if run.weights else "result.json")


def result_of(run: Run, runs: Path, data: Path) -> Result:
    """Measure a run that is trained, or read what was measured before. Raises ValueError if it is not trained yet."""
    file = result_file(run, runs)
    if not file.is_file():
        if read_training_log(runs / run.of).ended != "finished":
            raise ValueError(f"the run {run.of} has not finished")
        checkpoint = load_checkpoint(runs / run.of / run.weights)
        file.write_text(json.dumps(asdict(measured(checkpoint, file.with_suffix(""), data)), indent=1))
    return read_result(file)


def read_result(file: Path) -> Result:
    """The inverse of what `result_of` writes."""
    values = json.loads(file.read_text())
    sets = {name: Score(**score) for name, score in values.pop("sets").items()}
    return Result(**values, sets=sets)


def measured(checkpoint: Checkpoint, bundle: Path, data: Path) -> Result:
    """Score a checkpoint on its recipe's development sets; its fp32 bundle is left in `bundle`."""
    model = export_bundle(checkpoint, bundle, Wanted("fp32", data, beam=1), print)
    scores = {(score["set"], score["metric"]): score["value"] for score in model.manifest.scores}
    network = checkpoint.build_model()
    sets = {
        name: Score(nats_a_character(network, checkpoint, name, pairs), scores[name, "BLEU"], scores[name, "chrF"])
        for name, pairs in development_sets(checkpoint.recipe.data, data).items()
    }
    return Result(parameter_count(network), checkpoint.progress["tokens"] / 1e6, sets)


def nats_a_character(network: Transformer, checkpoint: Checkpoint, name: str, pairs: list[Pair]) -> float:
    """Negative log-likelihood of the references, ends included, over their characters, whatever the vocabulary."""
    vocabularies, recipe = checkpoint.vocabularies, checkpoint.recipe
    corpus = encode_corpus(pairs, vocabularies.source, vocabularies.target, recipe.data, ReadReport(), name)
    score = dev_score(network, corpus, vocabularies.special, POSITIONS, torch.float32)
    tokens = int(corpus.target.lengths.sum()) + len(corpus)
    characters = sum(len(vocabularies.target.decode(corpus.target[i].tolist())) for i in range(len(corpus)))
    return score.loss * tokens / characters
