"""What the tour tells: at each stop a formula, a few sentences, and the commands whose pictures are shown.

Formulas follow Vaswani et al. 2017, "Attention Is All You Need", unless they say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

SENTENCE = "The old man gave the girl a beautiful red rose."


@dataclass(frozen=True, slots=True)
class View:
    """A view of `ttx inspect`. In its options {layer} and {head} stand for the head that is looked at."""

    name: str
    options: tuple[str, ...] = ()
    of_sentence: bool = True


@dataclass(frozen=True, slots=True)
class Stop:
    """A screen of the tour: `name` is for files, `formula` may have several lines, `tells` is what one should know."""

    name: str
    title: str
    formula: str
    tells: str
    views: tuple[View, ...]


STOPS = (
    Stop(
        "tokens",
        "A sentence becomes pieces",
        "sentence  →  pieces  →  ids x₁ … x_S,   0 ≤ x < V",
        "A model computes with numbers, so text is cut into pieces from a fixed vocabulary of V, and each piece has "
        "its number. Common words are one piece, rare ones several; ▁ marks where a word begins. </s> tells the "
        "model that the sentence is over.",
        (View("tokens"),),
    ),
    Stop(
        "embeddings",
        "Each piece becomes a vector",
        "e = √d_model · E[x],   E ∈ ℝ^(V × d_model)",
        "The id of a piece is the number of a row in a table that was learnt. That row, not the letters, is all that "
        "the model knows of a piece. Pieces that are used alike have rows that point in like directions.",
        (View("embeddings"),),
    ),
    Stop(
        "positions",
        "Order comes in as waves",
        "PE(pos, 2i)   = sin(pos / 10000^(2i/d_model))\nPE(pos, 2i+1) = cos(pos / 10000^(2i/d_model))",
        "Attention looks at all pieces at once and would not notice if they were shuffled. So a pattern that belongs "
        "to the position is added to each embedding: fast waves in the first dimensions, slow ones in the last, and "
        "no two rows are the same.",
        (View("positions", of_sentence=False),),
    ),
    Stop(
        "rotation",
        "A step to the right is a rotation",
        "PE(pos + k) = R(k) · PE(pos)\n"
        "R(k), a pair:  ⎡  cos kω   sin kω ⎤    ω = 10000^(−2i/d_model)\n"
        "               ⎣ −sin kω   cos kω ⎦",
        "Each pair of a sine and a cosine is a point on a circle. To go k positions on turns it by the same angle "
        "wherever one starts, so that \"the piece before this one\" is one and the same linear map everywhere in a "
        "sentence.",
        (View("positions", ("--offset", "1")),),
    ),
    Stop(
        "masks",
        "What may be seen",
        "weights = softmax(scores + M),   M = 0 where one may look, −∞ where not\n"
        "look-ahead:  position t sees positions ≤ t",
        "Sentences of a batch are filled up to the same length, and nobody may look at the filling. The decoder must "
        "not look at pieces that it has yet to say. A hidden position gets a score so low that softmax makes it "
        "exactly 0.",
        (View("masks", ("--beside", "Thank you.")),),
    ),
    Stop(
        "qkv",
        "Query, key, value",
        "Attention(Q, K, V) = softmax(Q Kᵀ / √d_k) V\nQ = X W_Q,   K = X W_K,   V = X W_V",
        "Each piece asks a question (query), says what it has to offer (key), and what it hands over if it is chosen "
        "(value). Where a query and a key point the same way their product is large, and softmax turns products into "
        "shares. The answer is the sum of all values, each by its share.",
        (View("qkv"),),
    ),
    Stop(
        "head",
        "One head, large",
        "A[t, s] = softmax over s of (q_t · k_s / √d_k),   Σ_s A[t, s] = 1",
        "Each row is a piece that is being said, each column one that was read. This head of encoder–decoder attention "
        "is the one whose bright cells agree best with those of all others: read along a row, and you see where the "
        "model looked when it chose that piece.",
        (View("attention", ("--kind", "cross", "--layer", "{layer}", "--head", "{head}")),),
    ),
    Stop(
        "heads",
        "All heads",
        "MultiHead(Q, K, V) = Concat(head₁ … head_h) W_O\nheadᵢ = Attention(Q Wᵢ_Q, K Wᵢ_K, V Wᵢ_V)",
        "Each head has projections of its own and so can ask for something of its own: the piece before, the end of "
        "the sentence, the word to be translated. In the encoder all see all; the decoder's own heads see a triangle, "
        "because the future is hidden; encoder–decoder heads look from one language into the other.",
        tuple(View("attention", ("--kind", kind)) for kind in ("encoder", "decoder", "cross")),
    ),
    Stop(
        "layers",
        "A stream that layers write to",
        "x ← LayerNorm(x + Sublayer(x))     post-norm, as in the paper\n"
        "x ← x + Sublayer(LayerNorm(x))     pre-norm, with one LayerNorm at the end\n"
        "logit lens:  p = softmax(x · W_out), x the stream after a layer",
        "Every sub-layer reads the stream and adds to it. If one reads the stream early as "
        "if it were the last layer's, one sees the prediction form: first vague, then settled.",
        (View("layers"),),
    ),
    Stop(
        "decode",
        "One piece at a time",
        "p(y | x) = Π_t p(y_t | y_<t, x),   greedy:  y_t = argmax p(· | y_<t, x)\nentropy H = −Σ p log₂ p",
        "The decoder gives each piece of the vocabulary a probability, one is chosen, and it becomes part of what is "
        "read next. Low entropy means that there was hardly a choice; high entropy, that it could well have gone "
        "on otherwise.",
        (View("decode"),),
    ),
    Stop(
        "beam",
        "Several hypotheses at once",
        "score(y) = log p(y | x) / lp(y),   lp(y) = ((5 + |y|) / 6)^α    (Wu et al. 2016)",
        "The likeliest piece now may lead to an unlikely sentence. A beam follows several beginnings side by side and "
        "drops the worst at each step. The length penalty keeps short translations from winning just because they "
        "have fewer factors.",
        (View("decode", ("--beam", "4")),),
    ),
    Stop(
        "perplexity",
        "How surprised is it?",
        "surprisal = −log₂ p(y_t | y_<t, x),   perplexity = 2^(mean surprisal)",
        "A piece with probability 1/8 surprises by 3 bits. Perplexity says among how many equally likely pieces the "
        "model was as undecided as it was here on average: 1 is certainty. Training lowers it on given "
        "translations.",
        (View("perplexity"),),
    ),
    Stop(
        "ablation",
        "What is a head good for?",
        "loss(head) = log p(y | x) − log p(y | x, without that head)",
        "To learn what a head does, describe where it looks, then take it away. Some heads are hardly missed, "
        "others carry the translation. The same question can be asked of each piece of the source.",
        (View("attention", ("--kind", "cross", "--head-stats")), View("ablate", ("--sweep", "--top", "8"))),
    ),
    Stop(
        "model",
        "The whole machine",
        "FFN(x) = act(x W₁ + b₁) W₂ + b₂,   W₁ (D × F),   W₂ (F × D)\n"
        "parameters of an attention: 4 D² + 4 D,   of an FFN: 2 D F + F + D",
        "You have now seen all of it: embeddings, a stack of encoder layers, a stack of decoder layers, a projection "
        "onto the vocabulary. No size depends on the length of a sentence; the bars show where the parameters are.",
        (View("model", of_sentence=False),),
    ),
)  # fmt: skip
