"""Adam for everything, or Muon for the matrices in the layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from run_checks import assert_same_state, of_kind, until
from ttx_export.events import Progress
from ttx_export.optimizer import Optimizer
from ttx_export.recipe import Training, parse_recipe
from ttx_export.train import Trainer

from tui_transformer.errors import RecipeError


def test_the_first_update_of_a_matrix_is_orthogonal_and_as_large_as_adams(train: Callable[..., Trainer]) -> None:
    rate = 0.01
    for name in ("adam", "muon"):
        torch.manual_seed(1)
        model = train(name).model
        optimizer = Optimizer(model, Training(optimizer=name))
        before = {place: weight.detach().clone() for place, weight in model.named_parameters()}
        for weight in model.parameters():
            weight.grad = torch.randn_like(weight)
        optimizer.step(rate)
        for place, weight in model.named_parameters():
            change = weight.detach() - before[place]
            if name == "muon" and weight.dim() == 2 and place.startswith(("encoder.", "decoder.")):
                # Five iterations bring every singular value near 1: Jordan et al. show 0.7 to 1.2.
                values = torch.linalg.svdvals(change) / (0.2 * rate * max(change.shape) ** 0.5)
                assert all(0.5 < value < 1.3 for value in values.tolist()), place
            else:
                # Adam's first step is the rate itself, whatever the gradient.
                assert torch.allclose(change.abs(), torch.full_like(change, rate), rtol=1e-3), place


def test_all_weights_are_learnt_once(train: Callable[..., Trainer]) -> None:
    model = train("run").model
    for name in ("adam", "muon"):
        optimizer = Optimizer(model, Training(optimizer=name))
        parts = [part for part in (optimizer.adam, optimizer.muon) if part]
        learnt = [id(weight) for part in parts for group in part.param_groups for weight in group["params"]]
        assert sorted(learnt) == sorted(map(id, model.parameters()))
        assert len(parts) == (1 if name == "adam" else 2)


def test_muon_learns_and_goes_on_as_if_nothing_had_been(train: Callable[..., Trainer], tmp_path: Path) -> None:
    options = {"epochs": 3, "optimizer": "muon"}
    whole = list(train("whole", **options).run())
    until(train("parts", **options), 4)
    list(train("parts", **options).run())
    assert_same_state(tmp_path / "whole", tmp_path / "parts")
    losses = [event.loss for event in of_kind(whole, Progress)]
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.parametrize(("first", "then"), [("adam", "muon"), ("muon", "adam")])
def test_a_run_keeps_its_optimiser(first: str, then: str, train: Callable[..., Trainer], tmp_path: Path) -> None:
    until(train("run", optimizer=first), 2)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.*")}
    with pytest.raises(RecipeError, match=f"optimizer is {then} in the recipe, but the run has used {first} so far"):
        list(train("run", optimizer=then).run())
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.*")}


def test_an_unknown_optimiser_is_refused(tiny_text: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match=r"training\.optimizer must be adam or muon, not 'sgd'"):
        parse_recipe(tiny_text(optimizer="sgd"))
