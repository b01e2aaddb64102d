"""A recipe: everything that decides how a published model came about, read from one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from tui_transformer.errors import RecipeError

RECIPES = Path(__file__).parent / "recipes"
if not RECIPES.is_dir():
    RECIPES = Path(__file__).parents[1] / "recipes"

Section = TypeVar("Section")


@dataclass(frozen=True, slots=True)
class Corpus:
    """One part of the training text: what the third column of the data calls it, and on what terms."""

    name: str
    licence: str = ""
    attribution: str = ""
    weight: float = 1.0
    """How much of it each epoch sees: 0.25 is another random quarter every epoch, 2.0 all of it twice."""


@dataclass(frozen=True, slots=True)
class Data:
    """Files are named relative to the data folder that `ttx train --data` is given."""

    train: tuple[str, ...]
    dev: Mapping[str, str] = field(default_factory=dict)
    corpora: tuple[Corpus, ...] = ()
    shippable: bool = True
    max_length: int = 96
    """Pairs with more pieces on a side, end included, are left out."""
    max_ratio: float = 3.0
    """Pairs of which one side has more than this many times the pieces of the other (plus 5) are left out."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    kind: str = "sentencepiece"
    size: int = 10_000
    shared: bool = False
    dimensions: int = 100
    """Size of BPEmb's own embeddings; used as initial weights where it equals d_model."""


@dataclass(frozen=True, slots=True)
class Model:
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
    epochs: int = 10
    seed: int = 1
    batch_tokens: int = 4096
    """Target positions (padding included) whose gradient makes one update."""
    micro_batches: int = 2
    """Into how many pieces a batch is cut, for gradient accumulation and for several processes."""
    warmup: int = 4000
    learning_rate: float = 1.0
    """Factor on the paper's schedule, d_model^-0.5 · min(step^-0.5, step · warmup^-1.5)."""
    cooldown: float = 0.0
    """The last part of all steps (0…1) over which the rate also falls linearly to 0."""
    dropout: float = 0.1
    label_smoothing: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.98
    clip_norm: float = 0.0
    precision: str = "bf16"
    evaluate_every: int = 0
    """Steps between evaluations; 0 is once an epoch."""
    checkpoint_minutes: float = 10.0
    average_last: int = 5
    """How many of the newest evaluated checkpoints are kept and averaged."""
    patience: int = 0
    """Stop after so many evaluations without a better dev loss; 0 never."""


@dataclass(frozen=True, slots=True)
class Recipe:
    name: str
    source: str
    target: str
    data: Data
    vocabulary: Vocabulary = Vocabulary()
    model: Model = Model()
    training: Training = Training()
    samples: tuple[str, ...] = ()
    """Source sentences translated after each epoch, so that one can watch the model learn."""
    description: str = ""
    text: str = field(default="", compare=False)
    """The TOML as it was read: kept with the run and in the bundle."""


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


def parse_recipe(text: str) -> Recipe:
    """Raises ValueError or TypeError if the text is no recipe."""
    values = tomllib.loads(text)
    data = dict(values.pop("data", {}))
    corpora = tuple(_section(Corpus, corpus, "data.corpora") for corpus in data.pop("corpora", ()))
    data["train"] = tuple(data.get("train", ()))
    data["dev"] = MappingProxyType(dict(data.get("dev", {})))
    if not data["train"]:
        raise ValueError("[data] needs train = [files]")
    sections = {
        "data": _section(Data, {**data, "corpora": corpora}, "data"),
        "vocabulary": _section(Vocabulary, values.pop("vocabulary", {}), "vocabulary"),
        "model": _section(Model, values.pop("model", {}), "model"),
        "training": _section(Training, values.pop("training", {}), "training"),
        "samples": tuple(values.pop("samples", ())),
    }
    recipe = _section(Recipe, {**values, **sections, "text": text}, "the top level")
    _check_numbers(recipe)
    return recipe


def _section(kind: type[Section], values: dict[str, Any], where: str) -> Section:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(values.keys() - known):
        raise ValueError(f"unknown option in {where}: {', '.join(unknown)}")
    return kind(**values)


def _check_numbers(recipe: Recipe) -> None:
    training, vocabulary = recipe.training, recipe.vocabulary
    if vocabulary.kind not in ("sentencepiece", "bpemb"):
        raise ValueError(f"vocabulary.kind must be sentencepiece or bpemb, not {vocabulary.kind!r}")
    if training.precision not in ("fp32", "bf16"):
        raise ValueError(f"training.precision must be fp32 or bf16, not {training.precision!r}")
    for name in ("epochs", "batch_tokens", "micro_batches", "warmup", "average_last"):
        if getattr(training, name) < 1:
            raise ValueError(f"training.{name} must be at least 1")
    if training.batch_tokens // training.micro_batches < recipe.data.max_length:
        raise ValueError("training.batch_tokens / micro_batches must hold at least one pair of data.max_length")
    if not (0 <= training.dropout < 1 and 0 <= training.label_smoothing < 1 and 0 <= training.cooldown <= 1):
        raise ValueError("training.dropout, label_smoothing and cooldown must lie between 0 and 1")
    if any(corpus.weight < 0 for corpus in recipe.data.corpora):
        raise ValueError("a corpus weight cannot be negative")
