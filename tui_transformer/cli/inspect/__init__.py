"""`ttx inspect`: every figure by which people learn the Transformer, from the real model. One file a view."""

from __future__ import annotations

import typer

from .attention import attention
from .decode import decode
from .embeddings import embeddings
from .model import model
from .perplexity import perplexity
from .positions import positions
from .tokens import tokens

app = typer.Typer(
    help="Look inside: pictures of what the model does with your sentence.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("attention")(attention)
app.command("decode")(decode)
app.command("embeddings")(embeddings)
app.command("model")(model)
app.command("perplexity")(perplexity)
app.command("positions")(positions)
app.command("tokens")(tokens)
