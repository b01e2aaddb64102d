"""A Transformer you can use and look inside without leaving the terminal.

Read the code in this order:

1. `translator`: the main path, from text to a stream of events.
2. `events`: the values that flow.
3. `search`: how the next token is chosen.
4. `runtime`: ONNX Runtime, the only place that knows it.
5. `tokenizer` and `bundle`: what a model is on disk.
6. `batching`: many lines, fast and in order.
7. `cli`: how it is all wired to the command line.

`masks` and `positional` hold the two formulas that training shares with what is shown. The model itself,
in PyTorch and in the order of the paper, is `ttx_export.model`.
"""

__version__ = "0.1.0"
