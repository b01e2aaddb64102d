"""The model card: what a bundle is, was made from, cost and can do, written from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui_transformer.bundle import Manifest

from .checkpoint import Checkpoint


def model_card(manifest: Manifest, checkpoint: Checkpoint, size: int) -> str:
    """Markdown. `size` is that of the other files, in bytes."""
    return "\n\n".join(
        (
            f"# {manifest.name}: {manifest.source_language} → {manifest.target_language}",
            checkpoint.recipe.description or "A Transformer trained with ttx.",
            "\n".join(_facts(manifest, checkpoint.progress, size)),
            "## Scores\n\n" + _scores(manifest),
            "## Data\n\n" + _data(manifest),
            "## Exactness\n\n" + _parity(manifest.parity),
            "## Limits\n\n" + _limits(manifest),
            "## Recipe\n\n```toml\n" + checkpoint.recipe.text.strip() + "\n```\n",
        )
    )


def _facts(manifest: Manifest, progress: dict[str, Any], size: int) -> list[str]:
    a = manifest.architecture
    facts = {
        "Architecture": f"{a.encoder_layers} + {a.decoder_layers} layers, {a.heads} heads, d_model {a.d_model}, "
        f"d_ff {a.d_ff}, {a.norm}-norm, {a.activation}, tied embeddings: {a.tied}",
        "Parameters": f"{manifest.provenance['parameters']:,}",
        "Vocabularies": f"{a.source_vocabulary:,} and {a.target_vocabulary:,} pieces ({manifest.tokenizer['kind']})",
        "Precision": f"{manifest.precision}, {size / 1e6:.1f} MB in all",
        "Training": f"{progress['step']:,} updates, {progress['epochs']:.1f} epochs, {progress['tokens'] / 1e6:.1f} M "
        f"target tokens, {progress['seconds'] / 3600:.1f} hours of updates on {progress.get('machine', 'unknown')}",
    }
    return ["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in facts.items())]


def _scores(manifest: Manifest) -> str:
    if not manifest.scores:
        return "Not measured."
    rows = [
        f"| {s['set']} | {s['metric']} | {s['value']:.2f} | {s['sentences']:,} | {s['beam']} | `{s['signature']}` |"
        for s in manifest.scores
    ]
    head = ["| set | metric | score | sentences | beam | signature |", "| --- | --- | ---: | ---: | ---: | --- |"]
    note = (
        "Development sets: the model was chosen by the loss on the first of them. Measured on this very bundle. "
        "A set held out of a corpus that the model was trained on flatters it: near-duplicates remain."
    )
    return "\n".join([*head, *rows]) + "\n\n" + note


def _data(manifest: Manifest) -> str:
    rows = [
        f"| {c['name']} | {_share(c)} | {c['licence']} | {c['attribution']} |" for c in manifest.provenance["corpora"]
    ]
    if not rows:
        return "See the recipe."
    head = ["| corpus | share seen each epoch | licence | source |", "| --- | ---: | --- | --- |"]
    return "\n".join([*head, *rows])


def _share(corpus: Mapping[str, Any]) -> str:
    """The weight, and what became of it in the course of training."""
    later = (f"from epoch {change['epoch']} on {change['weight']:g}" for change in corpus.get("later", ()))
    return ", ".join([f"{corpus['weight']:g}", *later])


def _parity(parity: Any) -> str:
    lines = [
        f"- {name}, {p['steps']} steps over {p['cases']} shapes against PyTorch: largest difference of a logit "
        f"{p['logits']:.1e}, of an attention weight {p['attention']:.1e}; same arg-max in {p['same_next_id']:.1%}"
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


def _limits(manifest: Manifest) -> str:
    limits = (
        f"Trained on sentences of at most {manifest.sentence_limit} pieces; longer lines are translated part by part."
    )
    if manifest.precision == "int8":
        limits += (
            " The 8-bit products are exact on processors with VNNI (Intel since 2019, AMD since Zen 4) and on ARM; "
            "older x86-64 processors may saturate intermediate sums, which costs quality: use an fp32 export there."
        )
    return limits
