"""A corpus, a recipe and a run small enough that a test trains in a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ttx_export.prepare import Prepared, prepare
from ttx_export.recipe import Recipe, parse_recipe
from ttx_export.train import Trainer

EVERYDAY = Path(__file__).parent / "everyday.tsv"
RECIPE = """
name = "tiny"
source = "en"
target = "de"
samples = ["The coffee is cold.", "Good night."]

[data]
train = ["train.tsv"]
max_length = 48
dev.everyday = "dev.tsv"

[[data.corpora]]
name = "everyday"

[vocabulary]
size = 340

[model]
encoder_layers = 1
decoder_layers = 1
heads = 2
d_model = 16
d_ff = 32
positions = 48

[training]
precision = "fp32"
batch_tokens = 256
warmup = 20
"""


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Bit for bit equality is promised for one number of threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    lines = EVERYDAY.read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "train.tsv").write_text("".join(lines[:56]), encoding="utf-8")
    (folder / "dev.tsv").write_text("".join(lines[56:]), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny_text() -> Callable[..., str]:
    """The recipe's text with other training options: `tiny_text(epochs=3)`."""

    def text(**training: object) -> str:
        lines = [
            f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in training.items()
        ]
        kept = [line for line in RECIPE.splitlines() if line.split(" = ")[0] not in training]
        return "\n".join([*kept, *lines, ""])

    return text


@pytest.fixture(scope="session")
def tiny(tiny_text: Callable[..., str]) -> Callable[..., Recipe]:
    """The recipe with other training options: `tiny(epochs=3)`."""
    return lambda **training: parse_recipe(tiny_text(**training))


@pytest.fixture(scope="session")
def prepared(tiny: Callable[..., Recipe], data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tiny(), data_folder, tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def train(
    tiny: Callable[..., Recipe], prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Trainer]:
    """A trainer of the tiny recipe that reports every step: `train("run", epochs=3)` in a folder of this test."""
    monkeypatch.setattr("ttx_export.train.PROGRESS_SECONDS", 0.0)
    return lambda run, **training: Trainer(tiny(**training), prepared, tmp_path / run)


@pytest.fixture
def recipe_file(tiny_text: Callable[..., str], tmp_path: Path) -> Callable[..., Path]:
    def write(**training: object) -> Path:
        path = tmp_path / "tiny.toml"
        path.write_text(tiny_text(**training), encoding="utf-8")
        return path

    return write
