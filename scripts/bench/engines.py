"""The contenders, each behind the same two methods. They run in worker processes of their own (`worker`).

Text in, text out: all of them tokenise and detokenise inside what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Kind = Literal["ttx", "ctranslate2", "pytorch"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is fixed when a contender is loaded. `workers` batches at a time, `threads` in one operator."""

    kind: Kind
    model: str
    """The bundle; for ctranslate2 the folder that `convert` wrote."""
    vocabularies: str
    """The bundle that has them."""
    precision: str
    workers: int = 1
    threads: int = 1
    environment: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Request:
    """What may change from call to call. `limit` is the longest translation in pieces, None the engine's default."""

    beam: int = 1
    limit: int | None = 200
    batch: int = 64
    batch_type: Literal["examples", "tokens"] = "examples"
    """Whether `batch` counts lines or pieces; ttx counts lines and cuts long ones smaller by itself."""


class Engine(Protocol):
    """A translator that has been loaded."""

    def translate(self, lines: list[str], request: Request) -> list[str]:
        """All lines, batched as the engine sees fit."""
        ...

    def ids(self, lines: list[str], request: Request) -> list[list[int]]:
        """The ids of the best translations, without their end."""
        ...


def load(setting: Setting) -> Engine:
    """Load a contender in this process."""
    engines: dict[Kind, Callable[[Setting], Engine]] = {"ttx": Ttx, "ctranslate2": CTranslate2, "pytorch": PyTorch}
    return engines[setting.kind](setting)


class Ttx:
    """Our own: the library calls behind `ttx translate`."""

    def __init__(self, setting: Setting) -> None:
        from tui_transformer.translator import Translator

        self.workers = setting.workers
        self.translator = Translator.load(setting.model, "cpu", setting.threads)

    def translate(self, lines: list[str], request: Request) -> list[str]:
        """One line as an interactive user has it, many as a pipe has them: all in one window."""
        from tui_transformer.batching import Batching, translate_lines
        from tui_transformer.translator import Options

        options = Options(beam=request.beam, max_length=request.limit)
        if len(lines) == 1:
            return [self.translator.translate_line(lines[0], options)]
        batching = Batching(self.workers, request.batch, first_window=len(lines), window=len(lines))
        return [found.text for found in translate_lines(self.translator, lines, options, batching)]

    def ids(self, lines: list[str], request: Request) -> list[list[int]]:
        """In batches of neighbours."""
        from tui_transformer.translator import Options

        options = Options(beam=request.beam, max_length=request.limit)
        sources = [self.translator.whole(line) for line in lines]
        found: list[list[int]] = []
        for start in range(0, len(sources), request.batch):
            hypotheses = self.translator.translate_batch(sources[start : start + request.batch], options)
            found += [list(best[0].ids) for best in hypotheses]
        return found


class CTranslate2:
    """CTranslate2 and SentencePiece, as their documentation puts them together."""

    def __init__(self, setting: Setting) -> None:
        import ctranslate2
        from sentencepiece import SentencePieceProcessor

        from tui_transformer.bundle import SOURCE_VOCABULARY, TARGET_VOCABULARY

        folder = Path(setting.vocabularies)
        self.source = SentencePieceProcessor(model_file=str(folder / SOURCE_VOCABULARY))
        self.target = SentencePieceProcessor(model_file=str(folder / TARGET_VOCABULARY))
        self.end = self.source.id_to_piece(self.source.eos_id())
        self.translator = ctranslate2.Translator(
            setting.model,
            device="cpu",
            compute_type={"fp32": "float32", "int8": "int8_float32"}[setting.precision],
            inter_threads=setting.workers,
            intra_threads=setting.threads,
        )

    def translate(self, lines: list[str], request: Request) -> list[str]:
        """One call for all lines: CTranslate2 sorts them by length and spreads the batches over its workers."""
        texts: list[str] = self.target.decode(self._pieces(lines, request))
        return texts

    def ids(self, lines: list[str], request: Request) -> list[list[int]]:
        """Pieces back to ids."""
        return [[self.target.piece_to_id(piece) for piece in best] for best in self._pieces(lines, request)]

    def _pieces(self, lines: list[str], request: Request) -> list[list[str]]:
        results = self.translator.translate_batch(
            [[*pieces, self.end] for pieces in self.source.encode(lines, out_type=str)],
            beam_size=request.beam,
            length_penalty=0.6,
            max_decoding_length=request.limit or 256,
            max_batch_size=request.batch,
            batch_type=request.batch_type,
        )
        return [result.hypotheses[0] for result in results]


class PyTorch:
    """The naive decoder: greedy, in PyTorch, the whole prefix computed anew for every token."""

    def __init__(self, setting: Setting) -> None:
        import torch
        from ttx_export.bundled import checkpoint_of

        from tui_transformer.bundle import read_bundle

        torch.set_num_threads(setting.threads * setting.workers)
        self.checkpoint = checkpoint_of(read_bundle(Path(setting.model)))
        self.model = self.checkpoint.build_model()

    def translate(self, lines: list[str], request: Request) -> list[str]:
        """Greedily, in batches sorted by length."""
        from ttx_export.evaluate import translate_greedily

        both = self.checkpoint.vocabularies
        special = self.checkpoint.vocabularies.special
        return translate_greedily(self.model, lines, both.source, both.target, special, request.batch)

    def ids(self, lines: list[str], request: Request) -> list[list[int]]:
        """Ids of the translations' texts."""
        return [self.checkpoint.vocabularies.target.encode(text) for text in self.translate(lines, request)]
