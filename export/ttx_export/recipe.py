"""A recipe: everything that determines how a published model was made, read from one TOML file."""

from __future__ import annotations

import math
import re
import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tui_transformer.architecture import TIED, Architecture
from tui_transformer.errors import RecipeError
from tui_transformer.generation import MOST_HYPOTHESES, MOST_PENALTY, Generation

from .cleaning import RULES
from .sections import section, table, tables, texts

RECIPES = Path(__file__).parent / "recipes"
if not RECIPES.is_dir():
    RECIPES = Path(__file__).parents[1] / "recipes"

MOST_PIECES = 1_000_000
ADAM, MUON = "adam", "muon"
SEEDS = 2**63
"""What PyTorch's generator takes."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """One part of the training text: what the third column of the data calls it, and on what terms."""

    name: str
    licence: str = ""
    attribution: str = ""
    weight: float = 1.0
    """How much of it each epoch sees: 0.25 is a new random quarter every epoch, 2.0 all of it twice."""


@dataclass(frozen=True, slots=True)
class Later:
    """Another mix of the corpora from an epoch on; corpora not named keep the weight that they had before.

    [[data.later]]
    epoch = 14
    weights = { tatoeba = 0.7, europarl20k = 1.0 }
    """

    epoch: int
    """The first to see it, counted from 1; at least 2."""
    weights: Mapping[str, float]
    """Of corpora that [[data.corpora]] gives a weight above 0; here it may be 0."""


@dataclass(frozen=True, slots=True)
class Data:
    """Files are named relative to the data folder that `ttx train --data` is given."""

    train: tuple[str, ...]
    dev: Mapping[str, str] = field(default_factory=dict)
    corpora: tuple[Corpus, ...] = ()
    max_length: int = 96
    """Pairs with more pieces on a side, end included, are left out."""
    max_ratio: float = 3.0
    """Pairs of which one side has more than this many times the pieces of the other (plus 5) are left out."""
    leave_out: tuple[str, ...] = ()
    """What else is left out (`cleaning`): "untranslated", "wrong language", "near-duplicates"."""
    made_up_names: float = 0.0
    """In how many (0…1) of the pairs whose two sides share names these are replaced (`names`)."""
    respelled: Mapping[str, str] = field(default_factory=dict)
    """What is respelled on the target side of the training text: regular expressions and their
    replacements, as for Python's re.sub."""
    later: tuple[Later, ...] = ()
    """How the mix changes in the course of training. The vocabularies are learnt from the corpora's first weights."""

    def weights(self, epoch: int) -> dict[str, float]:
        """How much of each corpus an epoch sees, epochs counted from 0 as the trainer does."""
        weights = {corpus.name: corpus.weight for corpus in self.corpora}
        for change in sorted(self.later, key=lambda later: later.epoch):
            if epoch + 1 >= change.epoch:
                weights |= change.weights
        return weights


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How text becomes pieces: `kind` "sentencepiece" is learnt from the corpus, "bpemb" is BPEmb's own."""

    kind: str = "sentencepiece"
    size: int = 10_000
    shared: bool = False
    dimensions: int = 100
    """Size of BPEmb's own embeddings; used as initial weights where it equals d_model."""
    dropout: float = 0.0
    """BPE-dropout (Provilkov et al. 2020) of the source side of the training text: how often a merge is left out, so
    that a word is met in several spellings. 0.1 makes sources a third longer. The draws are kept with the run; text
    that is prepared again is cut differently (`Tokenizer.encode_dropping`)."""


@dataclass(frozen=True, slots=True)
class Model:
    """Sizes and options of the Transformer; the vocabularies add theirs (`tui_transformer.architecture`)."""

    encoder_layers: int = 4
    decoder_layers: int = 4
    heads: int = 8
    d_model: int = 256
    d_ff: int = 1024
    positions: int = 512
    positional_layout: str = "interleaved"
    activation: str = "relu"
    norm: str = "post"
    tied: str = "none"


@dataclass(frozen=True, slots=True)
class Training:
    """How long, how fast and how carefully the model learns."""

    epochs: int = 10
    steps: int = 0
    """Updates in total, however many epochs that is, so that runs can be compared; 0 trains for `epochs`."""
    seed: int = 1
    batch_tokens: int = 4096
    """Target positions (padding included) whose gradient makes one update."""
    micro_batches: int = 2
    """How many parts a batch is cut into, for gradient accumulation and for several processes."""
    warmup: int = 4000
    learning_rate: float = 1.0
    """Factor on the paper's schedule, d_model^-0.5 · min(step^-0.5, step · warmup^-1.5)."""
    cooldown: float = 0.0
    """The last part of all steps (0…1) over which the rate also falls linearly to 0."""
    dropout: float = 0.1
    label_smoothing: float = 0.1
    r_drop: float = 0.0
    """α of R-Drop (Liang et al. 2021): every batch is passed twice, with different dropout, and the two are pulled
    together, the more the larger α. An update computes twice as many positions as `batch_tokens` says."""
    optimizer: str = ADAM
    """"adam", or "muon" for the matrices in the layers (`optimizer`), whose momentum is 0.95 whatever the betas."""
    beta1: float = 0.9
    beta2: float = 0.98
    clip_norm: float = 0.0
    precision: str = "bf16"
    evaluate_every: int = 0
    """Steps between evaluations; 0 is once per epoch."""
    checkpoint_minutes: float = 10.0
    average_last: int = 5
    """How many of the newest evaluated checkpoints are kept and averaged."""
    patience: int = 0
    """Stop after this many evaluations without a better dev loss; 0 never."""


@dataclass(frozen=True, slots=True)
class Search:
    """How the model is searched unless something else is asked for."""

    beam: int = 4
    length_penalty: float = 0.6
    clause_limit: int = 0
    quotes: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """Name, languages (as in BPEmb: "en", "de") and everything above."""

    name: str
    source: str
    target: str
    data: Data
    vocabulary: Vocabulary = Vocabulary()
    model: Model = Model()
    training: Training = Training()
    generation: Mapping[str, float] = field(default_factory=dict)
    """Which options of `Search` are given; the rest is as in the model that a run started from, if it did."""
    samples: tuple[str, ...] = ()
    """Source sentences translated after each epoch, to watch the model learn."""
    description: str = ""
    text: str = field(default="", compare=False)
    """The TOML as it was read: kept with the run and in the bundle."""

    def searched(self, started_from: Mapping[str, Any] | None) -> Generation:
        """How the model is searched: as `generation` says, else as the model that it started from, by its record."""
        return Generation.from_dict({**(started_from or {}).get("generation", {}), **self.generation})


def find_recipe(name_or_path: str) -> Path:
    """A path as it is, or the name of a recipe that ships with ttx. Raises RecipeError if there is none."""
    for path in (Path(name_or_path), RECIPES / f"{name_or_path}.toml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.toml")))
    raise RecipeError(f"no recipe {name_or_path!r}: neither a file nor one of {known}")


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe. Raises RecipeError naming the file and what is wrong in it."""
    try:
        return parse_recipe(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise RecipeError(f"{path}: {error}") from None
    except RecursionError:
        raise RecipeError(f"{path}: nested too deeply") from None


def parse_recipe(text: str) -> Recipe:
    """Raises ValueError or TypeError if the text is not a recipe."""
    values = tomllib.loads(text)
    data = dict(table(values.pop("data", {}), "data"))
    corpora = tuple(
        section(Corpus, corpus, "data.corpora") for corpus in tables(data.pop("corpora", []), "data.corpora")
    )
    later = tuple(section(Later, change, "data.later") for change in tables(data.pop("later", []), "data.later"))
    for option in ("train", "leave_out"):
        data[option] = texts(data.get(option, []), f"data.{option}")
    dev = table(data.get("dev", {}), "data.dev")
    data["dev"] = MappingProxyType(dict(zip(dev, texts([*dev.values()], "data.dev"), strict=True)))
    respelled = table(data.get("respelled", {}), "data.respelled")
    data["respelled"] = MappingProxyType(
        dict(zip(respelled, texts([*respelled.values()], "data.respelled"), strict=True))
    )
    sections = {
        "data": section(Data, {**data, "corpora": corpora, "later": later}, "data"),
        "vocabulary": section(Vocabulary, values.pop("vocabulary", {}), "vocabulary"),
        "model": section(Model, values.pop("model", {}), "model"),
        "training": section(Training, values.pop("training", {}), "training"),
        "generation": _searched(values.pop("generation", {})),
        "samples": texts(values.pop("samples", []), "samples"),
    }
    if "text" in values:  # what the recipe itself remembers
        raise ValueError("unknown option in the top level: text")
    recipe = section(Recipe, {**values, **sections, "text": text}, "the top level")
    _check_data(recipe)
    _check_model(recipe)
    _check_training(recipe.training)
    return recipe


def _searched(values: Any) -> Mapping[str, float]:
    wanted = section(Search, values, "generation")
    if not 1 <= wanted.beam <= MOST_HYPOTHESES or not 0 <= wanted.length_penalty <= MOST_PENALTY:
        raise ValueError(
            f"generation: beam must lie between 1 and {MOST_HYPOTHESES}, length_penalty between 0 and {MOST_PENALTY:g}"
        )
    if wanted.clause_limit < 0:
        raise ValueError("generation: clause_limit must be at least 0")
    return MappingProxyType(values)


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The same recipe for another number of epochs, in its text too.

    Raises RecipeError if the text is written in a way this cannot change.
    """
    if recipe.training.steps:
        raise RecipeError("--epochs does not apply: this recipe counts updates, training.steps")
    wanted = replace(recipe, training=replace(recipe.training, epochs=epochs))
    line = f"epochs = {epochs}"
    text, found = re.subn(r"(?m)^\s*epochs\s*=.*$", line, recipe.text)
    if not found:
        text, found = re.subn(r"(?m)^\[training\].*$", rf"\g<0>\n{line}", recipe.text)
    if not found:
        text = f"{recipe.text}\n[training]\n{line}\n"
    try:
        changed = parse_recipe(text)
    except (ValueError, TypeError) as error:
        raise RecipeError(f"cannot set epochs to {epochs} in the recipe: {error}") from None
    if changed != wanted:
        raise RecipeError("cannot set the epochs of this recipe: change its [training] section by hand")
    return changed


def _check_data(recipe: Recipe) -> None:
    data, vocabulary, training = recipe.data, recipe.vocabulary, recipe.training
    if not recipe.name or recipe.name == ".." or Path(recipe.name).name != recipe.name:
        raise ValueError(f"name must be usable as a folder name, {recipe.name!r} is not")
    if not recipe.source.strip() or not recipe.target.strip():
        raise ValueError('source and target must be languages, such as "en"')
    if not data.train:
        raise ValueError("[data] needs train = [files]")
    if unknown := set(data.leave_out) - set(RULES):
        raise ValueError(f"data.leave_out can be {', '.join(RULES)}, but not {', '.join(sorted(unknown))}")
    for pattern, other in data.respelled.items():
        _check_pattern(pattern, other)
    if not 0 <= data.made_up_names <= 1:
        raise ValueError("data.made_up_names must lie between 0 and 1")
    if len({corpus.name for corpus in data.corpora}) < len(data.corpora):
        raise ValueError("two of data.corpora have the same name")
    if any(corpus.weight < 0 for corpus in data.corpora):
        raise ValueError("a corpus weight cannot be negative")
    for later in data.later:
        _check_later(later, {corpus.name for corpus in data.corpora if corpus.weight > 0})
    if training.batch_tokens // max(1, training.micro_batches) < data.max_length:
        raise ValueError("training.batch_tokens / micro_batches must hold at least one pair of data.max_length")
    if training.patience and not data.dev:
        raise ValueError("training.patience needs a development set in [data.dev]")
    if vocabulary.kind not in ("sentencepiece", "bpemb"):
        raise ValueError(f"vocabulary.kind must be sentencepiece or bpemb, not {vocabulary.kind!r}")
    if not 1 <= vocabulary.size <= MOST_PIECES:
        raise ValueError(f"vocabulary.size must lie between 1 and {MOST_PIECES:,}")
    if not 0 <= vocabulary.dropout < 1:
        raise ValueError("vocabulary.dropout must be at least 0 and below 1")
    if vocabulary.shared and vocabulary.kind == "bpemb":
        raise ValueError("BPEmb has one vocabulary per language: vocabulary.shared needs kind = 'sentencepiece'")
    if recipe.model.tied not in TIED:
        raise ValueError(f"model.tied must be {', '.join(TIED[:-1])} or {TIED[-1]}, not {recipe.model.tied!r}")
    # Equal sizes alone would let two different vocabularies share one embedding.
    if recipe.model.tied == "all" and not vocabulary.shared:
        raise ValueError("model.tied = 'all' needs vocabulary.shared = true")


def _check_model(recipe: Recipe) -> None:
    """Everything that can be checked about its sizes before the vocabularies are learnt."""
    size = recipe.vocabulary.size
    try:
        Architecture(**{name: getattr(recipe.model, name) for name in recipe.model.__slots__},
                     source_vocabulary=size, target_vocabulary=size)  # fmt: skip
    except ValueError as error:
        raise ValueError(f"[model] {error}") from None


def _check_pattern(pattern: str, other: str) -> None:
    try:
        with warnings.catch_warnings(action="error"):
            re.sub(pattern, other, "")
    except (re.error, IndexError, OverflowError, RecursionError, FutureWarning) as error:
        raise ValueError(f"data.respelled: {pattern[:60]!r} does not work: {error}") from None


def _check_later(later: Later, read: set[str]) -> None:
    if later.epoch < 2:
        raise ValueError("data.later.epoch must be at least 2: before it the corpora's own weights apply")
    if unread := sorted(table(later.weights, "data.later.weights").keys() - read):
        raise ValueError(f"data.later names corpora that [[data.corpora]] does not read: {', '.join(unread)}")
    for name, weight in later.weights.items():
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not math.isfinite(weight) or weight < 0:
            raise ValueError(f"data.later.weights.{name} must be a number, 0 or more")


def _check_training(training: Training) -> None:
    if training.precision not in ("fp32", "bf16"):
        raise ValueError(f"training.precision must be fp32 or bf16, not {training.precision!r}")
    if training.optimizer not in (ADAM, MUON):
        raise ValueError(f"training.optimizer must be adam or muon, not {training.optimizer!r}")
    for name in ("epochs", "batch_tokens", "micro_batches", "warmup", "average_last"):
        if getattr(training, name) < 1:
            raise ValueError(f"training.{name} must be at least 1")
    for name in (
        "steps",
        "seed",
        "clip_norm",
        "evaluate_every",
        "checkpoint_minutes",
        "patience",
        "learning_rate",
        "r_drop",
    ):
        if getattr(training, name) < 0:
            raise ValueError(f"training.{name} cannot be negative")
    if training.seed >= SEEDS:
        raise ValueError("training.seed must be below 2^63")
    if training.r_drop and not training.dropout:
        raise ValueError("training.r_drop compares two passes with different dropout: training.dropout must not be 0")
    for name in ("dropout", "label_smoothing", "beta1", "beta2"):
        if not 0 <= getattr(training, name) < 1:
            raise ValueError(f"training.{name} must be at least 0 and below 1")
    if not 0 <= training.cooldown <= 1:
        raise ValueError("training.cooldown must lie between 0 and 1")
