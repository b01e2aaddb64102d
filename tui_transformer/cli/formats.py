"""Translations as lines of output: text as Marian writes it, TSV, JSON Lines.

text     [LINE |||] TRANSLATION [||| ALIGNMENT] [||| WordScores= …] [||| F0= LOG-PROBABILITY ||| SCORE]
         LINE counts from 0 and comes with --n-best; all else as asked for, by default the bare translation.
tsv      LINE, SOURCE, TRANSLATION [, LOG-PROBABILITY, SCORE] [, ALIGNMENT] [, FLAGS]; LINE counts from 1, tabs
         in texts become spaces, FLAGS are kinds with commas.
jsonl    One object a line, schema 1; fields may be added, never changed. The input's own fields come first;
         those with the name of one of these are overwritten.
         always            schema, line (from 1), source, translation, parts (how many were translated)
         --scores/--n-best log_probability (natural, ends included), score (what candidates are ranked by)
         --scores          tokens: piece and log_probability, each part's end included
         --alignment       source_words, target_words, alignment: pairs of their places, source first
         --alignment soft  attention: for each target word its weights of all source words and, last, of the
                           sentences' ends; each row sums to 1
         --n-best          n_best: for each candidate translation and all of the above
         --report          flags: kind and detail; coverage: attention each source word got

With --alternatives PIECE, n-best is what can stand at that piece, likeliest first, and score the log-probability of
the piece that stands there; a line whose translation has no such piece has its translation alone, with score 0.

Numbers have four decimals; the last may depend on which lines were translated together, texts never do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from .translate_parameters import Alignment, OutputFormat, Shown

if TYPE_CHECKING:
    from tui_transformer.analysis.alignment import Heads
    from tui_transformer.analysis.lines import LineAttention
    from tui_transformer.quality import Flag
    from tui_transformer.translation import Candidate, Translation
    from tui_transformer.translator import Options, Translator

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Formatter:
    """Writes what was asked for. `ranked`: candidates have a score besides their log-probability."""

    translator: Translator
    shown: Shown
    heads: Heads
    ranked: bool

    @classmethod
    def of(cls, translator: Translator, shown: Shown, options: Options) -> Formatter:
        """Raises BadParameter if the model has no such heads."""
        from tui_transformer.analysis.alignment import default_heads, parse_heads

        architecture = translator.runtime.architecture
        layers, heads = architecture.decoder_layers, architecture.heads
        try:
            chosen = parse_heads(shown.heads, layers, heads) if shown.heads else default_heads(layers, heads)
        except ValueError as error:
            raise typer.BadParameter(f"--align-heads: {error}") from None
        ranked = not options.sampling and (options.beam > 1 or options.no_repeat_ngram > 0 or bool(shown.alternatives))
        return cls(translator, shown, chosen, ranked)

    def lines(self, number: int, translation: Translation, flags: list[Flag]) -> Iterator[str]:
        """The output for the line of this number, counted from 1."""
        write: Callable[[int, Translation, list[Flag]], Iterator[str]] = {
            OutputFormat.text: self._text,
            OutputFormat.tsv: self._tsv,
            OutputFormat.jsonl: self._jsonl,
        }[self.shown.format]
        return write(number, translation, flags)

    def _text(self, number: int, translation: Translation, flags: list[Flag]) -> Iterator[str]:  # noqa: ARG002
        """Marian's fields: [line |||] translation [||| alignment] [||| WordScores= …] [||| F0= … ||| score]."""
        if not (self.shown.n_best or self.shown.scores or self.shown.alignment):
            yield _one_line(translation.text)
            return
        for candidate in translation.n_best(self.shown.n_best or 1):
            fields = [str(number - 1)] if self.shown.n_best else []
            fields.append(_field(candidate.text))
            if self.shown.alignment:
                fields.append(self._pharaoh(translation, candidate))
            if self.shown.scores:
                fields.append(" ".join(["WordScores=", *(f"{p:.4f}" for _, p in self._tokens(translation, candidate))]))
            if self.shown.scores or self.shown.n_best:
                fields += [f"F0= {candidate.log_probability:.4f}", f"{self._score(candidate):.4f}"]
            yield " ||| ".join(fields)

    def _tsv(self, number: int, translation: Translation, flags: list[Flag]) -> Iterator[str]:
        """Line from 1, source, translation [log-probability, score] [alignment] [kinds of flags]."""
        for candidate in translation.n_best(self.shown.n_best or 1):
            columns = [str(number), translation.line.text, candidate.text]
            if self.shown.scores or self.shown.n_best:
                columns += [f"{candidate.log_probability:.4f}", f"{self._score(candidate):.4f}"]
            if self.shown.alignment:
                columns.append(self._pharaoh(translation, candidate))
            if self.shown.report:
                columns.append(",".join(dict.fromkeys(flag.kind for flag in flags)))
            yield "\t".join(_field(column).replace("\t", " ") for column in columns)

    def _jsonl(self, number: int, translation: Translation, flags: list[Flag]) -> Iterator[str]:
        candidates = translation.n_best(self.shown.n_best or 1)
        content: dict[str, object] = {
            **translation.line.fields,
            "schema": SCHEMA,
            "line": number,
            "source": translation.line.text,
            **self._described(translation, candidates[0]),
            "parts": sum(bool(part.source.ids) for part in translation.parts),
        }
        if self.shown.n_best:
            content["n_best"] = [self._described(translation, candidate) for candidate in candidates]
        if self.shown.report:
            content["flags"] = [{"kind": flag.kind, "detail": flag.detail} for flag in flags]
            content["coverage"] = self._coverage(translation, candidates[0])
        yield _json(content)

    def _described(self, translation: Translation, candidate: Candidate) -> dict[str, object]:
        """Everything that was asked for about one translation."""
        said: dict[str, object] = {"translation": candidate.text}
        if self.shown.scores or self.shown.n_best:
            said |= {"log_probability": _rounded(candidate.log_probability), "score": _rounded(self._score(candidate))}
        if self.shown.scores:
            tokens = self._tokens(translation, candidate)
            said["tokens"] = [{"piece": piece, "log_probability": _rounded(p)} for piece, p in tokens]
        if self.shown.alignment:
            attention = self._attention(translation, candidate)
            said |= {"source_words": attention.source, "target_words": attention.target}
            said["alignment"] = sorted(attention.pairs())
            if self.shown.alignment is Alignment.soft:
                said["attention"] = attention.matrix().round(4).tolist()
        return said

    def _score(self, candidate: Candidate) -> float:
        return candidate.score if self.ranked else candidate.log_probability or 0.0

    def _tokens(self, translation: Translation, candidate: Candidate) -> Iterator[tuple[str, float]]:
        """Pieces, each part's end included, and their log-probabilities."""
        target, end = self.translator.target, self.translator.special.target_eos
        for part, i in zip(translation.parts, candidate.chosen, strict=True):
            if part.source.ids:
                forced = part.forced[i]
                yield from zip(target.pieces((*forced.ids, end)), forced.log_probabilities, strict=True)

    def _attention(self, translation: Translation, candidate: Candidate) -> LineAttention:
        from tui_transformer.analysis.lines import LineAttention

        vocabularies = self.translator.source, self.translator.target
        return LineAttention.of(translation.parts, candidate.chosen, *vocabularies, self.heads)

    def _pharaoh(self, translation: Translation, candidate: Candidate) -> str:
        from tui_transformer.analysis.alignment import pharaoh

        return pharaoh(self._attention(translation, candidate).pairs())

    def _coverage(self, translation: Translation, candidate: Candidate) -> list[float]:
        covered: list[float] = self._attention(translation, candidate).coverage().round(4).tolist()
        return covered


def _one_line(text: str) -> str:
    """A JSON source may have line ends, which it would keep."""
    return text.replace("\n", " ") if "\n" in text else text


def _field(text: str) -> str:
    """Text beside other fields, where a carriage return would end the line for many readers."""
    return _one_line(text).replace("\r", " ")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _json(content: dict[str, object]) -> str:
    text = json.dumps(content, ensure_ascii=False)
    # Half a surrogate pair, passed through, has no UTF-8.
    return text if _encodes(text) else json.dumps(content)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
