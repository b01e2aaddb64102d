"""Multi30k Test2016 as the literature scores it: `python -m scripts.score_multi30k MODEL --data DATA`.

Two figures, because papers give either: BLEU on Moses-tokenised, lower-cased text (multi-bleu, which sacrebleu computes
with tok:none), and sacrebleu's own on the raw text. `pip install sacremoses` for the first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tui_transformer import Options, Translator

TEST = Path("en-de/test.multi30k2016.tsv")


def main() -> None:
    """Translate the test set and print every score with its signature."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--beam", type=int, default=5)
    arguments = parser.parse_args()
    lines = (arguments.data / TEST).read_text(encoding="utf-8").splitlines()
    sources, references = zip(*(line.split("\t")[:2] for line in lines), strict=True)
    translator = Translator.load(arguments.model)
    said = list(translator.translate(sources, Options(beam=arguments.beam)))
    for name, figure in scores(said, list(references)).items():
        print(f"{name}: {figure}")


def scores(said: list[str], references: list[str]) -> dict[str, str]:
    """Each figure, with the signature of how it was computed."""
    from sacrebleu.metrics import BLEU, CHRF
    from sacremoses import MosesTokenizer

    moses = MosesTokenizer("de")

    def tokenised(texts: list[str]) -> list[str]:
        return [moses.tokenize(text.lower(), return_str=True, escape=False) for text in texts]

    raw, chrf = BLEU(), CHRF()
    # Tokenised by Moses, so that sacrebleu must not tokenise again.
    bare = BLEU(tokenize="none", force=True)
    found = {
        "BLEU, Moses-tokenised and lower-cased": (bare, bare.corpus_score(tokenised(said), [tokenised(references)])),
        "BLEU, raw text": (raw, raw.corpus_score(said, [references])),
        "chrF, raw text": (chrf, chrf.corpus_score(said, [references])),
    }
    return {name: f"{score.score:.2f}  {metric.get_signature()}" for name, (metric, score) in found.items()}


if __name__ == "__main__":
    main()
