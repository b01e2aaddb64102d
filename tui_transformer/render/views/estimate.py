"""What a training would take: time, memory and disk, from a few measured steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from tui_transformer.render.labels import duration, megabytes
from tui_transformer.render.outline import Line, Outline
from tui_transformer.render.picture import Picture, Table

VIEW = "dry-run"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was measured of a recipe on a machine, and what follows. Times are in seconds, sizes in bytes.

    `slowest_step` and `fastest_step` are means of each half of the measured steps; `evaluation_seconds` is one
    evaluation of all development sets. Sizes that this system does not tell are None.
    """

    recipe: str
    device: str
    processes: int
    parameters: int
    report: str
    epochs: int
    steps: int
    measured_steps: int
    step_seconds: float
    slowest_step: float
    fastest_step: float
    tokens_per_second: float
    evaluations: int
    evaluation_seconds: float
    preparation_seconds: float
    memory: int | None
    memory_of_machine: int | None
    memory_of_gpu: int | None
    last_checkpoint: int
    weights: int
    kept_weights: int
    trace: int
    corpus: int
    free_disk: int
    run: str
    left_behind: str = ""

    @property
    def seconds(self) -> float:
        """The whole training: steps and evaluations."""
        return self.steps * self.step_seconds + self.evaluations * self.evaluation_seconds

    @property
    def range(self) -> tuple[float, float]:
        """The same with the faster and with the slower half of the measured steps."""
        evaluations = self.evaluations * self.evaluation_seconds
        return self.steps * self.fastest_step + evaluations, self.steps * self.slowest_step + evaluations

    @property
    def disk(self) -> int:
        """The most that the run folder holds: while a checkpoint is replaced there are two of it."""
        traces = self.evaluations * self.trace
        return 2 * self.last_checkpoint + self.kept_weights * self.weights + traces + self.corpus


def estimate_picture(found: Estimate) -> Picture:
    """A line for each number, and what it means."""
    lines = list(_lines(found))
    title = f"dry run · {found.recipe} · {found.parameters:,} parameters · {found.device}"
    body = Outline(("", ""), [Line(name, (text,)) for name, text in lines])
    values = {**asdict(found), "seconds": found.seconds, "seconds_range": list(found.range), "disk": found.disk}
    return Picture(VIEW, title, body, tuple(_says(found)), values, Table(("what", "value"), lines))


def _lines(found: Estimate) -> Iterator[tuple[str, str]]:
    yield "epochs", f"{found.epochs:,}"
    yield "steps", f"{found.steps:,}"
    yield "a step", f"{found.step_seconds:.3g} s"
    yield "tokens a second", f"{found.tokens_per_second:,.0f}"
    yield "evaluations", f"{found.evaluations:,} × {duration(found.evaluation_seconds)}"
    yield "the whole training", f"{duration(found.seconds)} ({found.seconds / 3600:.2g} h)"
    yield "memory, at its peak", megabytes(found.memory) if found.memory else "not told by this system"
    if found.memory_of_gpu is not None:
        yield "memory of the GPU", megabytes(found.memory_of_gpu)
    yield "last.pt", megabytes(found.last_checkpoint)
    yield "weights alone", f"{found.kept_weights} × {megabytes(found.weights)}"
    yield "traces", f"{found.evaluations:,} × {megabytes(found.trace)}"
    yield "encoded text", megabytes(found.corpus)
    yield "disk, at most", megabytes(found.disk)


def _says(found: Estimate) -> Iterator[str]:
    low, high = found.range
    yield found.report + "."
    yield (
        f"{found.measured_steps} real steps were measured and thrown away: between {duration(low)} and "
        f"{duration(high)} if the machine stays as busy as it was; early stopping may end it before."
    )
    if found.memory and found.memory_of_machine:
        share = found.memory * found.processes / found.memory_of_machine
        each = f"{found.processes} processes need" if found.processes > 1 else "That is"
        yield f"{each} {share:.0%} of this machine's memory, the preparation of the text included."
        if share > 1:
            yield "It will not fit: lower training.batch_tokens or raise training.micro_batches."
    yield f"{found.run} has {megabytes(found.free_disk)} free" + (
        ": too little." if found.disk > found.free_disk else "."
    )
    prepared = f"Preparing the text took {duration(found.preparation_seconds)}"
    yield f"{prepared}; {found.left_behind or 'nothing was left behind'}."
