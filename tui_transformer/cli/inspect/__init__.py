"""`ttx inspect`: every figure by which people learn the Transformer, from the real model. One file per view."""

from __future__ import annotations

import typer

from .ablate import ablate
from .attention import attention
from .decode import decode
from .embeddings import embeddings
from .layers import layers
from .masks import masks
from .model import model
from .perplexity import perplexity
from .positions import positions
from .qkv import qkv
from .tokens import tokens
from .tour import tour

app = typer.Typer(
    help="Look inside: pictures of what the model does with your sentence.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("tour")(tour)
app.command("tokens")(tokens)
app.command("embeddings")(embeddings)
app.command("positions")(positions)
app.command("masks")(masks)
app.command("attention")(attention)
app.command("qkv")(qkv)
app.command("layers")(layers)
app.command("decode")(decode)
app.command("perplexity")(perplexity)
app.command("model")(model)
app.command("ablate")(ablate)
