"""What a model card says of text and cost: which corpora were read, on what terms, how long, also by the model that a
run started from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import imported_card

Values = Mapping[str, Any]


def data(provenance: Values) -> str:
    """The corpora of the run, and below them those of the models before it."""
    read = corpora(provenance["corpora"]) or "See the recipe."
    return "\n\n".join([read, *_changed(provenance), *_before(provenance)])


def cost(progress: Values) -> str:
    """What a training took, in words."""
    return (
        f"{progress['step']:,} updates, {progress['epochs']:.1f} epochs, {progress['tokens'] / 1e6:.1f} M "
        f"target tokens, {progress['seconds'] / 3600:.1f} hours of updates on {progress.get('machine', 'unknown')}"
    )


def _before(provenance: Values) -> list[str]:
    """A section on the model that the run started from, and on the one that this started from…"""
    earlier = provenance.get("started_from")
    if not earlier:
        return []
    read = corpora(earlier.get("corpora", ()))
    told = imported_card.description(earlier) if "imported_from" in earlier else "That model was trained on this text:"
    if share := earlier.get("share"):
        told = f"The trained weights were then blended with that model's, which make up {share:g} of the result. {told}"
    if "training" in earlier:
        told = f"Training that model took {cost(earlier['training'])}. {told}"
    if not read and "imported_from" not in earlier:
        told = "Nothing says what text that model was trained on."
    heading = f"### Started from {earlier['name']}"
    began = f"Training began with the weights and vocabularies of the model {earlier['name']} ({earlier['kept_as']})."
    return [heading, f"{began} {told}", *([read] if read else []), *_changed(earlier), *_before(earlier)]


def _changed(provenance: Values) -> list[str]:
    """What the text was not as it is published, and what was otherwise at first."""
    told = [
        f"Up to update {earlier['until']:,} the recipe had {_cell(', '.join(earlier['changed']))}."
        for earlier in provenance.get("earlier_recipes", ())
    ]
    if rules := provenance.get("respelled"):
        told.append(f"Targets were respelled by {rules} {'rule' if rules == 1 else 'rules'} of the recipe.")
    if share := provenance.get("made_up_names"):
        told.append(
            f"Names that both sides of a pair share were replaced by made-up ones in {share:.3g} of such pairs, "
            "so that the model learns to copy names."
        )
    return [" ".join(told)] if told else []


def corpora(known: Sequence[Values]) -> str:
    """A table; empty if none is known."""
    head = ["| corpus | pairs | share seen each epoch | licence | source |", "| --- | ---: | ---: | --- | --- |"]
    rows = [
        f"| {_cell(c['name'])} | {_size(c)} | {_share(c)} | {_cell(c['licence']) or 'see the source'} | "
        f"{_cell(c['attribution']) or '–'} |"
        for c in known
    ]
    return "\n".join([*head, *rows]) if rows else ""


def _cell(text: str) -> str:
    """Text in a cell of a table, where a bar would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _size(corpus: Values) -> str:
    return f"{corpus['pairs']:,}" if "pairs" in corpus else "–"


def _share(corpus: Values) -> str:
    """The weight, and what became of it in the course of training."""
    later = (f"from epoch {change['epoch']} on {change['weight']:g}" for change in corpus.get("later", ()))
    until = [f"up to update {corpus['until']:,}"] if "until" in corpus else []
    return ", ".join([f"{corpus['weight']:g}", *later, *until])
