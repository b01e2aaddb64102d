"""Prove that a killed training loses nothing: kill -9 at random moments, and the end is the same, bit for bit.

    python scripts/prove_resume.py [--kills 20] [--seed N] [--json FILE]

Trains the tests' 50 sentences twice with `ttx train`, in processes of its own: once without a break, once killed so
many times at moments drawn at random, while it starts, prepares, steps, evaluates or saves, and started again each
time. Then every checkpoint of both runs is compared: weights, optimiser, place in the data, and what each evaluation
said. Exit code 1 if anything differs. A few minutes on one core; Linux or macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tui_transformer.errors import TtxError
from tui_transformer.training_log import METRICS, TrainingLog, read_training_log

DATA = Path(__file__).parents[1] / "tests" / "data"
# One thread: sums of several threads may be added in another order. Saves and evaluations often, so that many are hit.
OPTIONS = {"dropout": 0.1, "evaluate_every": 45, "checkpoint_minutes": 0.002, "average_last": 3}
EARLY = 0.25
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Kill:
    """When a sitting was killed, in seconds from its start, at which logged step, and what it was writing."""

    after: float
    step: int
    began: bool
    half_written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was done, and every difference that was found."""

    seed: int
    steps: int
    kills: tuple[Kill, ...]
    compared: int
    differences: tuple[str, ...]


def write_recipe(folder: Path, epochs: int) -> Path:
    """The tests' recipe, with the options of this proof."""
    options = {**OPTIONS, "epochs": epochs}
    lines = [
        line
        for line in (DATA / "tiny.toml").read_text(encoding="utf-8").splitlines()
        if line.split(" = ")[0] not in options
    ]
    samples = 'samples = ["Tom called Mary\'s bluff.", "Mary has a flower in her hair."]'
    path = folder / "tiny.toml"
    path.write_text("\n".join([samples, *lines, *(f"{name} = {value}" for name, value in options.items()), ""]))
    return path


def start(recipe: Path, run: Path) -> subprocess.Popen[bytes]:
    """`ttx train`, in a process of its own."""
    options = ["--data", str(DATA), "--out", str(run), "--device", "cpu", "--threads", "1"]
    command = [sys.executable, "-m", "tui_transformer", "train", str(recipe), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for its end, which must be a good one."""
    _, stderr = process.communicate()
    if process.returncode:
        sys.exit(f"the training ended with {process.returncode}:\n{stderr.decode()}")


def known(run: Path) -> TrainingLog:
    """What a run has written so far, nothing if it has not come to that."""
    try:
        return read_training_log(run)
    except TtxError:
        return TrainingLog()


def kill_at_random(
    recipe: Path, run: Path, kills: int, startup: float, training: float, chance: random.Random
) -> Iterator[Kill]:
    """Start the training and kill it, so many times; fewer if it comes to its end before.

    One in four dies within the `startup` seconds that a start usually takes, the others within `training` seconds
    after it was over.
    """
    for _ in range(kills):
        sittings, begun = known(run).sittings, time.monotonic()
        process = start(recipe, run)
        early = chance.random() < EARLY
        moment = chance.uniform(0, startup if early else training)
        while not early and known(run).sittings == sittings and process.poll() is None:
            time.sleep(0.01)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
            after = time.monotonic() - begun
            process.communicate()
            log = known(run)
            step = log.updates[-1].step if log.updates else 0
            half = tuple(sorted(path.name for path in run.rglob(".*partial*"))) if run.exists() else ()
            yield Kill(round(after, 3), step, log.sittings > sittings, half)
        else:
            finish(process)
            return


def differences(one: Path, other: Path) -> tuple[int, list[str]]:
    """How many files and evaluations of two runs were compared, and what differs between them."""
    names, others = ({path.name for path in run.glob("*.pt")} for run in (one, other))
    found = [f"{name}: only one run has it" for name in sorted(names ^ others)]
    for name in sorted(names & others):
        mine, yours = (torch.load(run / name, weights_only=True) for run in (one, other))
        found += [f"{name}: {place}" for place in _unlike(_timeless(mine), _timeless(yours), "")]
    mine, yours = ([_said(evaluation) for evaluation in known(run).evaluations] for run in (one, other))
    if mine != yours:
        found.append(f"{METRICS}: the evaluations differ")
    return len(names & others) + len(mine), found


def _timeless(content: dict[str, Any]) -> dict[str, Any]:
    """Without what depends on how long it took."""
    for part in ("state", "progress"):
        content.get(part, {}).pop("seconds", None)
    return content


def _said(evaluation: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(evaluation).items() if name != "seconds"}


def _unlike(mine: Any, yours: Any, place: str) -> Iterator[str]:
    if isinstance(mine, dict) and isinstance(yours, dict):
        for key in mine.keys() | yours.keys():
            yield from _unlike(mine.get(key), yours.get(key), f"{place}/{key}")
    elif isinstance(mine, torch.Tensor) and isinstance(yours, torch.Tensor):
        if mine.dtype != yours.dtype or not torch.equal(mine, yours):
            yield place
    elif mine != yours:
        yield place


def prove(folder: Path, kills: int, seed: int, epochs: int) -> Proof:
    """Both runs in this folder, and what became of them."""
    recipe, whole, killed = write_recipe(folder, epochs), folder / "whole", folder / "killed"
    begun = time.monotonic()
    finish(start(recipe, whole))
    took, log = time.monotonic() - begun, read_training_log(whole)
    steps = log.updates[-1].seconds
    # All sittings together shall not get to the end.
    done = tuple(kill_at_random(recipe, killed, kills, took - steps, steps / kills, random.Random(seed)))
    finish(start(recipe, killed))
    compared, found = differences(whole, killed)
    return Proof(seed, log.updates[-1].step, done, compared, tuple(found))


def main() -> None:
    """Prove it, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the moments; a new one each time")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write the result here")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        proof = prove(Path(folder), wanted.kills, wanted.seed, wanted.epochs)
    for number, kill in enumerate(proof.kills, 1):
        where = f"after step {kill.step:,}" if kill.began else "before it went on"
        half = f", half written: {', '.join(kill.half_written)}" if kill.half_written else ""
        print(f"kill {number:2}: {kill.after:6.2f} s after its start, {where}{half}")
    print(
        f"{len(proof.kills)} kills in {proof.steps:,} steps, seed {proof.seed}; {proof.compared} files and evaluations"
    )
    print("identical, bit for bit" if not proof.differences else "DIFFERENT:\n" + "\n".join(proof.differences))
    if wanted.json:
        wanted.json.write_text(json.dumps(asdict(proof), indent=1) + "\n")
    if len(proof.kills) < wanted.kills:
        print(f"only {len(proof.kills)} of {wanted.kills} kills: the run ended first; give more --epochs")
    sys.exit(bool(proof.differences) or len(proof.kills) < wanted.kills)


if __name__ == "__main__":
    main()
