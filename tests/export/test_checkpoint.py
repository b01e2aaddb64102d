"""Checkpoint files stand on their own, and what is no checkpoint is called so."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from run_checks import assert_same_weights, until
from ttx_export import checkpoint
from ttx_export.checkpoint import load_checkpoint
from ttx_export.evaluate import translate_greedily
from ttx_export.train import Trainer

from tui_transformer.errors import RecipeError


@pytest.fixture
def trained(train: Callable[..., Trainer]) -> Trainer:
    trainer = train("run", epochs=1, dropout=0.3)
    until(trainer, 2)
    return trainer


def test_a_checkpoint_stands_on_its_own(trained: Trainer, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.pt"
    (tmp_path / "run" / "last.pt").rename(moved)
    loaded = load_checkpoint(moved)
    assert loaded.recipe == trained.recipe
    assert loaded.shape == trained.shape
    assert loaded.progress["step"] == 2
    assert loaded.progress["epochs"] == pytest.approx(2 / 7)
    assert_same_weights(loaded.build_model().state_dict(), trained.model.state_dict())

    sentences = ["The coffee is cold.", "", "Where can I buy bread? " * 20, "Grüße, 7 日本"]
    special = trained.prepared.special
    said = [
        translate_greedily(model, sentences, pair.source, pair.target, special)
        for model, pair in (
            (loaded.build_model(), loaded.vocabularies),
            (trained.model, trained.prepared.vocabularies),
        )
    ]
    assert said[0] == said[1]
    assert len(said[0]) == 4


def test_greedy_translations_do_not_depend_on_their_batch(trained: Trainer) -> None:
    vocabularies, special = trained.prepared.vocabularies, trained.prepared.special
    sentences = ["The coffee is cold.", "Good night.", "Where can I buy bread?", "Thank you very much."]
    with torch.no_grad():
        trained.model.projection.bias[special.target_eos] += 0.5  # some end early, some late
    alone, together = (
        translate_greedily(trained.model, sentences, vocabularies.source, vocabularies.target, special, batch_size=n)
        for n in (1, 4)
    )
    assert alone == together


class Evil:
    """Would run a command if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("code from a checkpoint was run",))


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "pickle", "other", "folder", "missing"])
def test_what_is_no_checkpoint_is_called_so(damage: str, trained: Trainer, tmp_path: Path) -> None:
    path = tmp_path / "run" / "last.pt"
    whole = path.read_bytes()
    path.unlink()
    contents = {"empty": b"", "cut": whole[: len(whole) // 2], "text": b"hello", "pickle": pickle.dumps(Evil())}
    if damage in contents:
        path.write_bytes(contents[damage])
    elif damage == "other":
        torch.save({"format": 99}, path)
    elif damage == "folder":
        path.mkdir()
    message = "no checkpoint .*last" if damage == "missing" else "last.pt is not a ttx checkpoint"
    with pytest.raises(RecipeError, match=message):
        load_checkpoint(tmp_path / "run" if damage != "folder" else path / "..")
    if damage != "missing":
        with pytest.raises(RecipeError, match=message):
            list(Trainer(trained.recipe, trained.prepared, tmp_path / "run").run())


@pytest.mark.parametrize("part", ["weights", "optimizer", "state", "shape"])
def test_a_checkpoint_that_lacks_a_part_is_damaged(part: str, trained: Trainer, tmp_path: Path) -> None:
    path = tmp_path / "run" / "last.pt"
    content = checkpoint.read(path)
    del content[part]
    torch.save(content, path)
    with pytest.raises(RecipeError, match=f"last.pt is damaged: it lacks {part}"):
        list(Trainer(trained.recipe, trained.prepared, tmp_path / "run").run())
    if part in ("weights", "shape"):
        with pytest.raises(RecipeError, match="is damaged"):
            load_checkpoint(path)
