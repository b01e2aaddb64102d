"""The model card: what a bundle is, was made from, cost and can do, written from what was measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from tui_transformer.bundle import Manifest

from . import imported_card
from .data_card import cost, data
from .failures import Weakness
from .recipe import parse_recipe
from .view import sparkline

_CHOSEN = (
    "Development sets: used to choose checkpoint, blend, length penalty, clause limit and how quotes are read, where "
    "there was a choice."
)
CURVE_ROWS = 10
CURVE_WIDTH = 60


def model_card(manifest: Manifest, size: int, weak: Sequence[Weakness] = ()) -> str:
    """Markdown. `size` is that of the other files, in bytes.

    Raises ValueError or TypeError if the recipe in the manifest is none.
    """
    if "imported_from" in manifest.provenance:
        return _imported(manifest, size, weak)
    recipe = parse_recipe(manifest.provenance["recipe"])
    return "\n\n".join(
        (
            f"# {manifest.name}: {manifest.source_language} → {manifest.target_language}",
            recipe.description or "A Transformer trained with ttx.",
            "\n".join(_facts(manifest, cost(manifest.provenance["training"]), size)),
            "## Scores\n\n" + _scores(manifest),
            *(["## What it does badly\n\n" + _weaknesses(weak)] if weak else []),
            "## Data\n\n" + data(manifest.provenance),
            "## Learning curve\n\n" + _curve(manifest.provenance.get("curve", ())),
            "## Exactness\n\n" + _parity(manifest.parity),
            "## Limits\n\n" + _limits(manifest),
            "## Recipe\n\n```toml\n" + recipe.text.strip() + "\n```\n",
        )
    )


def _imported(manifest: Manifest, size: int, weak: Sequence[Weakness]) -> str:
    """The card of a model that was not trained here."""
    provenance = manifest.provenance
    return "\n\n".join(
        (
            f"# {manifest.name}: {manifest.source_language} → {manifest.target_language}",
            imported_card.description(provenance),
            "\n".join(_facts(manifest, "elsewhere", size)),
            "## Scores\n\n" + _scores(manifest),
            *(["## What it does badly\n\n" + _weaknesses(weak)] if weak else []),
            "## Exactness\n\n" + _parity(manifest.parity),
            "## Limits\n\n" + _limits(manifest, "Reads sentences") + imported_card.languages(provenance),
            "## Configuration\n\n" + imported_card.configuration(provenance),
        )
    )


def _facts(manifest: Manifest, training: str, size: int) -> list[str]:
    a = manifest.architecture
    facts = {
        "Architecture": f"{a.encoder_layers} + {a.decoder_layers} layers, {a.heads} heads, d_model {a.d_model}, "
        f"d_ff {a.d_ff}, {a.norm}-norm, {a.activation}, tied embeddings: {a.tied}",
        "Parameters": f"{manifest.provenance['parameters']:,}",
        "Vocabularies": f"{a.source_vocabulary:,} and {a.target_vocabulary:,} pieces ({manifest.tokenizer['kind']})",
        "Precision": f"{manifest.precision}, {size / 1e6:.1f} MB in all",
        "Search": f"beam {manifest.generation.beam}, length penalty {manifest.generation.length_penalty:g}",
        "Training": training,
    }
    return ["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in facts.items())]


def _scores(manifest: Manifest) -> str:
    if not manifest.scores:
        return "Not measured."
    rows = [
        f"| {_text(s['set'])} | {s['metric']} | {s['value']:.2f} | {_interval(s)} | {s['sentences']:,} | {s['beam']} "
        f"| {_code(s['signature'])} |"
        for s in manifest.scores
    ]
    head = [
        "| set | metric | score | ± (95 %) | sentences | beam | signature |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    notes = [
        "Measured on this very bundle. ± is half the width of the 95 % interval, from bootstrap resampling.",
        *([_CHOSEN] if "imported_from" not in manifest.provenance and _roles(manifest, "development") else []),
        "A set held out from a corpus that the model was trained on flatters it: near-duplicates remain.",
    ]
    if tests := _roles(manifest, "test"):
        notes.append(f"Test: {', '.join(map(_text, tests))}. Not used to choose anything.")
    return "\n".join([*head, *rows]) + "\n\n" + " ".join(notes)


def _roles(manifest: Manifest, role: str) -> list[str]:
    """The scored sets of a role; sets without one are development sets of bundles from before roles were kept."""
    return [*dict.fromkeys(s["set"] for s in manifest.scores if s.get("role", "development") == role)]


def _interval(score: Mapping[str, Any]) -> str:
    return f"{score['interval']:.2f}" if "interval" in score else "–"


def _code(text: str) -> str:
    """Code in a cell of a table, where a bar would end the cell."""
    return f"`{text}`".replace("|", "\\|")


def _text(text: str) -> str:
    """Any text in a cell of a table, as it is."""
    return re.sub(r"([\\`*_\[\]<>|~#&])", r"\\\1", " ".join(text.split()))


def _weaknesses(weak: Sequence[Weakness]) -> str:
    """One table of kinds, and for each set its worst sentences."""
    rows = [f"| {_text(one.set)} | {one.kind} | {one.sentences:,} | {one.chrf:.1f} |" for one in weak]
    parts = [
        "\n".join(["| set | sentences with | how many | chrF |", "| --- | --- | ---: | ---: |", *rows]),
        "The worst of each kind, chosen by chrF alone. It compares with a single human translation, "
        "so a good one in other words may be among them. A set that is not named after one of the corpora below "
        "is from another domain. Test sets are not looked into.",
    ]
    for name, group in groupby(weak, key=lambda one: one.set):
        head = [f"### {_text(name)}", "", "| kind | chrF | source | reference | translation |"]
        rows = [
            f"| {one.kind} | {bad.chrf:.1f} | {_text(bad.source)} | {_text(bad.reference)} | {_text(bad.translation)} |"
            for one in group
            for bad in one.worst
        ]
        parts.append("\n".join([*head, "| --- | ---: | --- | --- | --- |", *rows]))
    return "\n\n".join(parts)


def _curve(points: Sequence[Mapping[str, Any]]) -> str:
    """The loss of each development set, drawn, and at some of the evaluations."""
    if not points:
        return "There is none: no development set was scored in training, or the run's log was not available."
    names = list(points[-1]["loss"])
    points = [point for point in points if point["loss"].keys() >= set(names)]
    losses = {name: [point["loss"][name] for point in points] for name in names}
    width = max(map(len, names), default=0)
    drawn = [f"{name:{width}}  {sparkline(values, CURVE_WIDTH)}" for name, values in losses.items()]
    chosen = sorted({round(i * (len(points) - 1) / (CURVE_ROWS - 1)) for i in range(CURVE_ROWS)})
    rows = [
        f"| {points[i]['step']:,} | {points[i]['epoch']} | "
        + " | ".join(f"{losses[name][i]:.3f}" for name in names)
        + " |"
        for i in chosen
    ]
    head = [f"| step | epoch | {' | '.join(map(_text, names))} |", "| ---: " * (2 + len(names)) + "|"]
    return "\n".join(
        [
            "Loss in nats a token on the development sets, from the first evaluation to the last:",
            "",
            *("```", *drawn, "```", ""),
            *head,
            *rows,
            "",
            _convergence(losses),
        ]
    )


def _convergence(losses: Mapping[str, Sequence[float]]) -> str:
    """How far the last quarter of the run still led."""
    went = [
        f"from {all_[-1 - max(1, len(all_) // 4)]:.3f} to {all_[-1]:.3f} ({name})"
        for name, all_ in losses.items() if len(all_) > 1
    ]  # fmt: skip
    return f"Over the last quarter of these evaluations the loss went {', '.join(went)}." if went else ""


def _parity(parity: Any) -> str:
    lines = [
        f"- {name}, {p['steps']} steps over {p['cases']} shapes against PyTorch: largest difference in a logit "
        f"{p['logits']:.1e}{_weights(p['attention'])}; same arg-max in {p['same_next_id']:.1%}"
        for name, p in parity.items()
        if "logits" in p
    ]
    if gate := parity.get("int8_gate"):
        change = ", ".join(f"{metric} {-lost:+.2f}" for metric, lost in gate["lost"].items())
        lines.append(
            f"- int8 against fp32 on {gate['pairs']:,} sentences of {gate['set']}, greedy: {change}; "
            f"calibrated on {gate['calibration_pairs']} development pairs"
        )
    return "\n".join(lines)


def _weights(attention: float | None) -> str:
    return "" if attention is None else f", in an attention weight {attention:.1e}"


def _limits(manifest: Manifest, known: str = "Trained on sentences") -> str:
    limits = f"{known} of at most {manifest.sentence_limit} pieces; longer lines are translated part by part."
    if clauses := manifest.generation.clause_limit:
        limits += f" So are sentences of more than {clauses}, clause by clause."
    if manifest.generation.quotes:
        limits += " What a sentence quotes is translated by itself."
    if manifest.precision == "int8":
        limits += (
            " The 8-bit products are exact on processors with VNNI (Intel since 2019, AMD since Zen 4) and on ARM; "
            "older x86-64 processors may saturate intermediate sums, which costs quality: use an fp32 export there."
        )
    return limits
