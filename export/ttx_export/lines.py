"""What a training run says in words: its events become log lines."""

from __future__ import annotations

from collections.abc import Iterator

from tui_transformer.render.labels import duration

from .events import DevScore, Ended, Evaluated, Event, Progress, Started


def log_lines(event: Event, steps: int, epochs: int) -> Iterator[str]:
    """An event in plain lines; `steps` and `epochs` are those of the whole run."""
    match event:
        case Started():
            yield " · ".join([event.recipe.name, *facts(event), event.report])
            if event.step:
                before = f", until then with {', '.join(event.changed)}" if event.changed else ""
                yield f"resuming after step {event.step:,}{before}"
        case Progress():
            yield (
                f"step {event.step:,}/{steps:,} · epoch {event.epoch + 1}/{epochs} · loss {event.loss:.3f} · "
                f"perplexity {event.perplexity:,.2f} · accuracy {event.accuracy:.1%} · "
                f"{event.tokens_per_second:,.0f} tokens/s · rate {event.learning_rate:.2e} · "
                f"{duration(event.seconds_left)} left"
            )
        case Evaluated():
            for name, score, remark in scores(event):
                numbers = f"loss {score.loss:.3f} · perplexity {score.perplexity:,.2f} · accuracy {score.accuracy:.1%}"
                yield f"step {event.step:,} · {name} · {numbers}{remark and ' · ' + remark}"
            for source, translation in event.samples:
                yield f"  {one_line(source)} → {one_line(translation)}"
        case Ended():
            yield ended_line(event)


def ended_line(event: Ended) -> str:
    """How the run ended, in a few words."""
    words = {
        "finished": "finished",
        "early stop": "stopped early, dev no longer improves",
        "interrupted": "interrupted",
    }
    return f"{words[event.reason]}, after step {event.step:,}"


def one_line(text: str) -> str:
    """Text that cannot harm a terminal: an untrained model may well say a line feed or an escape code."""
    return "".join(character if character.isprintable() else "·" for character in text)


def facts(started: Started) -> list[str]:
    """How large the model is, and what it is trained on."""
    size = f"{started.parameters / 1e6:.1f} M" if started.parameters >= 1e5 else f"{started.parameters:,}"
    known = [f"{size} parameters", started.device]
    known += [f"{started.processes} processes"] if started.processes > 1 else []
    return [*known, f"from {started.started_from}"] if started.started_from else known


def scores(event: Evaluated) -> Iterator[tuple[str, DevScore, str]]:
    """Name, score and remark of each dev set, and of the average."""
    for index, (name, score) in enumerate(event.dev.items()):
        yield name, score, "best so far" if event.best and not index else ""
    if event.average is not None:
        yield f"{next(iter(event.dev))}, newest averaged", event.average, ""
