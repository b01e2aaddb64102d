"""The workshop: trains the Transformer in PyTorch and exports it to ONNX bundles.

Reading order: `recipe` (what to do), `vocabulary`, `corpus`, `batches` (text becomes tensors),
`model` (the paper, in its order), `loss`, `schedule`, `learner` (one update), `train` (the loop), `events`
(what it says), `run_folder` and `checkpoint` (what is kept), `session` and `view` (how `ttx train` runs and
shows it), then `to_onnx`, `graph_files`, `quantize` and `package` (a checkpoint becomes a bundle).

The runtime never imports this package at module level.
"""
