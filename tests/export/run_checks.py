"""How the tests drive a run and compare two of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ttx_export.events import Event
from ttx_export.train import Trainer


def of_kind(events: Sequence[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def until(trainer: Trainer, step: int) -> list[Event]:
    """Train, and ask to stop so that `step` is the last one done, as a signal handler would."""
    events = []
    for event in trainer.run():
        events.append(event)
        trainer.stop_requested = trainer.state.step >= step - 1
    return events


def assert_same_state(one: Path, other: Path) -> None:
    """Weights, optimiser and place in the data of two run folders, bit for bit."""
    mine, yours = (torch.load(path / "last.pt", weights_only=True) for path in (one, other))
    assert_same_weights(mine["weights"], yours["weights"])
    _assert_same_optimizer(mine["optimizer"], yours["optimizer"])
    assert {**mine["state"], "seconds": 0} == {**yours["state"], "seconds": 0}


def _assert_same_optimizer(mine: dict[str, Any], yours: dict[str, Any]) -> None:
    assert mine.keys() == yours.keys()
    assert mine["param_groups"] == yours["param_groups"]
    assert mine["state"].keys() == yours["state"].keys()
    for number, moments in mine["state"].items():
        assert_same_weights(moments, yours["state"][number])
    if "muon" in mine:
        _assert_same_optimizer(mine["muon"], yours["muon"])


def assert_same_weights(mine: dict[str, torch.Tensor], yours: dict[str, torch.Tensor]) -> None:
    assert mine.keys() == yours.keys()
    assert [name for name in mine if not torch.equal(mine[name], yours[name])] == []
