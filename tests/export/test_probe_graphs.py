"""What the probe graphs show is what happens in the PyTorch model, for every arrangement there is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from random_models import BOS, EOS, PAD, as_bundle, random_model
from torch import Tensor
from ttx_export.linear import FloatLinear, Int8Linear, Linear, Range
from ttx_export.model import MultiHeadAttention, Transformer

from tui_transformer import bundle, probes
from tui_transformer.architecture import ACTIVATIONS, NORMS, TIED, Architecture
from tui_transformer.bundle import Bundle, Precision
from tui_transformer.heads import Head
from tui_transformer.positional import LAYOUTS
from tui_transformer.probe_runtime import ProbeRuntime
from tui_transformer.probed import Attended, DecoderInside, EncoderInside, Stream
from tui_transformer.probing import probe_decoder, probe_encoder
from tui_transformer.runtime import Runtime

SMALL = Architecture(
    encoder_layers=2, decoder_layers=3, heads=2, d_model=8, d_ff=12,
    source_vocabulary=30, target_vocabulary=30, positions=40,
)  # fmt: skip
SOURCE, TARGET = (5, 9, 17, 4, 29, 8, EOS), (7, 7, 12, 28, 4)
Exported = Callable[..., Bundle]
Inside = tuple[EncoderInside, DecoderInside]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A model's graphs as files: `exported(model, "fp16")`."""

    def export(model: Transformer, precision: Precision = "fp32", linear: Linear | None = None) -> Bundle:
        return as_bundle(model, tmp_path_factory.mktemp("graphs"), precision, linear or FloatLinear())

    return export


def look(runtime: ProbeRuntime) -> Inside:
    """Inside SOURCE and TARGET; a hidden piece and padding stand behind the source."""
    ids = np.array([[*SOURCE, PAD, PAD]])
    mask = np.array([[1] * len(SOURCE) + [0, 0]])
    encoding, encoder = probe_encoder(runtime, ids, mask, len(SOURCE))
    return encoder, probe_decoder(runtime, encoding, len(SOURCE), TARGET, BOS, EOS, lens=True)


# -- the model, opened with its own modules -----------------------------------------------------------


class Opened:
    """Walks through a PyTorch model and keeps what it meets; the model's own answers are compared as well."""

    def __init__(self, model: Transformer) -> None:
        self.model, self.visible = model, torch.ones(1, 1, 1, 1, dtype=torch.bool)
        self.attended: dict[str, list[Attended]] = {kind: [] for kind in probes.KINDS}
        self.residual: list[Tensor] = []
        self.added: list[Tensor] = []

    def attention(self, kind: str, module: MultiHeadAttention, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (
            module.split_heads(layer(y))
            for layer, y in ((module.query, x), (module.key, memory), (module.value, memory))
        )
        scores = query @ key.mT / query.shape[-1] ** 0.5
        answer, weights = module(x, memory, mask)
        masked = scores.masked_fill(~mask, -1e9)
        parts = (query, key, value, scores, masked, weights, weights @ value)
        self.attended[kind].append(Attended(*(part[0].numpy() for part in parts)))
        return answer

    def join(self, x: Tensor, answer: Tensor, residual: Any) -> Tensor:
        self.added.append(answer)
        self.residual.append(residual.add(x, answer))
        return self.residual[-1]

    def attend(self, kind: str, layer: Any, x: Tensor, memory: Tensor | None, mask: Tensor) -> Tensor:
        name = "cross_attention" if kind == "cross" else "self_attention"
        residual = getattr(layer, f"{name}_residual")
        prepared = residual.prepare(x)
        answer = self.attention(kind, getattr(layer, name), prepared, prepared if memory is None else memory, mask)
        return self.join(x, answer, residual)

    def feed_forward(self, layer: Any, x: Tensor) -> Tensor:
        return self.join(x, layer.feed_forward(layer.feed_forward_residual.prepare(x)), layer.feed_forward_residual)

    def begin(self, x: Tensor) -> Tensor:
        self.residual, self.added = [x], []
        return x

    def stream(self, per_layer: int) -> Stream:
        return Stream(*(torch.cat(each).numpy() for each in (self.residual, self.added)), per_layer)

    def stacked(self, kind: str) -> Attended:
        return Attended(*(np.stack([getattr(a, n) for a in self.attended[kind]]) for n in Attended.__slots__))


@torch.inference_mode()
def expected(model: Transformer) -> Inside:
    """What happens in PyTorch to SOURCE and TARGET."""
    opened = Opened(model)
    source, target = torch.tensor([SOURCE]), torch.tensor([[BOS, *TARGET]])
    everything = torch.ones(1, 1, 1, len(SOURCE), dtype=torch.bool)
    x = opened.begin(model.positions(model.source_embedding(source)))
    for layer in model.encoder:
        x = opened.feed_forward(layer, opened.attend("encoder", layer, x, None, everything))
    memory = model.encoder_norm(x)
    encoded = model.encode(source)
    torch.testing.assert_close(memory, encoded.memory)
    encoder = EncoderInside(opened.stacked("encoder"), opened.stream(2), memory[0].numpy())
    x = opened.begin(model.positions(model.target_embedding(target)))
    past = torch.ones(1, 1, target.shape[1], target.shape[1], dtype=torch.bool).tril()
    lens = [model.projection(model.decoder_norm(x))]
    for layer in model.decoder:
        x = opened.attend("decoder", layer, x, None, past)
        x = opened.feed_forward(layer, opened.attend("cross", layer, x, memory, everything))
        lens.append(model.projection(model.decoder_norm(x)))
    logits = model(source, target)
    torch.testing.assert_close(lens[-1], logits)
    own, cross = opened.stacked("decoder"), opened.stacked("cross")
    decoder = DecoderInside(own, cross, opened.stream(3), logits[0].numpy(), torch.cat(lens).numpy())
    return encoder, decoder


def compare(found: object, wanted: object, tolerance: float) -> None:
    """All arrays of two values of one kind, whatever they are made of."""
    assert type(found) is type(wanted)
    for name in found.__slots__:  # type: ignore[attr-defined]
        left, right = getattr(found, name), getattr(wanted, name)
        if isinstance(left, np.ndarray):
            visible = right > -1e4  # a hidden score need not be hidden by the very same number
            np.testing.assert_array_equal(left > -1e4, visible, err_msg=name)
            np.testing.assert_allclose(left[visible], right[visible], atol=tolerance, rtol=tolerance, err_msg=name)
        elif not isinstance(left, int):
            compare(left, right, tolerance)


@pytest.mark.parametrize(
    ("norm", "activation", "layout", "tied"),
    # Each option of each kind meets each norm.
    [
        *itertools.product(NORMS, ACTIVATIONS, LAYOUTS[:1], TIED[:1]),
        *itertools.product(NORMS, ACTIVATIONS[:1], LAYOUTS[1:], TIED[1:]),
    ],
)
def test_every_option(exported: Exported, norm: Any, activation: Any, layout: Any, tied: Any) -> None:
    shape = replace(SMALL, norm=norm, activation=activation, positional_layout=layout, tied=tied)
    model = random_model(shape)
    for found, wanted in zip(look(ProbeRuntime(exported(model), "cpu")), expected(model), strict=True):
        compare(found, wanted, 1e-5)


@pytest.mark.parametrize(
    "sizes", [{"heads": 1}, {"heads": 8}, {"d_model": 64, "heads": 4, "d_ff": 16}, {"decoder_layers": 1}], ids=str
)
def test_every_size(exported: Exported, sizes: dict[str, Any]) -> None:
    model = random_model(replace(SMALL, **sizes))
    for found, wanted in zip(look(ProbeRuntime(exported(model), "cpu")), expected(model), strict=True):
        compare(found, wanted, 2e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_half_precision(exported: Exported, norm: Any) -> None:
    model = random_model(replace(SMALL, norm=norm))
    runtime = ProbeRuntime(exported(model, "fp16"), "cpu")
    for found, wanted in zip(look(runtime), expected(model), strict=True):
        compare(found, wanted, 0.1)
    kinds = {output.type for graph in (runtime._encoder, runtime._decoder) for output in graph.get_outputs()}
    assert kinds == {"tensor(float16)", "tensor(int64)"}
    rows = runtime.embeddings("target", np.array([3, 1]))
    table = model.target_embedding.table.weight.detach().numpy() * 8**0.5
    np.testing.assert_allclose(rows, table[[3, 1]], atol=1e-2)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_a_probe_is_the_translating_graph(exported: Exported, precision: Precision) -> None:
    """A batch with padding: the same bits, and the same names but for what is shown.

    On a CPU, which computes float16 in float32, what is given out is rounded where nothing was before.
    """
    model = random_model(replace(SMALL, norm="pre", tied="target"))
    linear = Int8Linear({name: Range(-4.0, 4.0) for name, _ in model.named_modules()})
    graphs = exported(model, precision, linear if precision == "int8" else None)
    plain, probe = Runtime(graphs, "cpu"), ProbeRuntime(graphs, "cpu")
    ids, mask = np.array([SOURCE, (*SOURCE[:4], PAD, PAD, PAD)]), np.array([[1] * 7, [1] * 4 + [0] * 3])
    caches = [runtime.encode(ids, mask).cache for runtime in (plain, probe)]
    for read in ([BOS, BOS], [7, 9], [12, 12], [28, 4]):
        one, other = (
            runtime.step(np.array(read), cache, attentions=True)
            for runtime, cache in zip((plain, probe), caches, strict=True)
        )
        np.testing.assert_array_equal(one.next_id, other.next_id)
        for left, right in (
            (one.logits(), other.logits()),
            (one.self_attentions, other.self_attentions),
            (one.cross_attentions, other.cross_attentions),
        ):
            np.testing.assert_allclose(left, right, rtol=0, atol=1e-2 if precision == "fp16" else 0)
        caches = [one.cache, other.cache]
    for side, shown in (("encoder", probes.encoder_outputs), ("decoder", probes.decoder_outputs)):
        left, right = ({o.name for o in getattr(r, f"_{side}").get_outputs()} for r in (plain, probe))
        assert right == left | set(shown(model.shape))


@pytest.mark.parametrize(
    ("head", "bias"),
    [
        (Head("encoder", 1, 0), "encoder.1.self_attention"),
        (Head("decoder", 2, 0), "decoder.2.self_attention"),
        (Head("cross", 1, 0), "decoder.1.cross_attention"),
    ],
)
@pytest.mark.parametrize("head_count", [1, 2])
def test_a_head_that_is_off_is_one_whose_values_are_zero(
    exported: Exported, head: Head, bias: str, head_count: int
) -> None:
    """The same model with the value rows of these heads at zero, in PyTorch; without any, the bias alone is added."""
    model = random_model(SMALL)
    runtime = ProbeRuntime(exported(model), "cpu").without(replace(head, head=i) for i in range(head_count))
    weights, size = model.state_dict(), head_count * SMALL.d_k
    with torch.no_grad():
        weights[f"{bias}.value.weight"][:size] = 0
        weights[f"{bias}.value.bias"][:size] = 0
    found, wanted = look(runtime), expected(model)
    compare(found[0].stream, wanted[0].stream, 1e-5)
    compare(found[1].stream, wanted[1].stream, 1e-5)
    np.testing.assert_allclose(found[1].logits, wanted[1].logits, atol=2e-5)
    stream = found[head.kind != "encoder"].stream
    added = stream.added[head.layer * stream.per_layer + (head.kind == "cross")]
    alone = np.abs(added - weights[f"{bias}.output.bias"].numpy()).max()
    assert alone < 1e-6 if head_count == SMALL.heads else alone > 0.01


def test_graphs_of_a_side_share_their_weights(exported: Exported) -> None:
    """By what they hold, whatever they are called."""
    from ttx_export.graph import Graph
    from ttx_export.graph_files import Weights, share

    def graph(name: str, value: float) -> Any:
        g = Graph("one", "fp32")
        g.output("y", g.op("Identity", g.constant(name, np.full((16, 16), value, np.float32))), g.float_type, (16, 16))
        return g.build()

    file, other = Weights(bundle.ENCODER_WEIGHTS), Weights(bundle.DECODER_WEIGHTS)
    first, second = share(graph("x", 1.0), file), share(graph("x", 1.0), file)
    assert len(file.content) == 1024
    assert first == second
    share(graph("x", 2.0), file)
    (renamed,) = share(graph("y", 2.0), other, file).graph.initializer
    assert (len(file.content), len(other.content)) == (2048, 0)
    where = {entry.key: entry.value for entry in renamed.external_data}
    assert where == {"location": bundle.ENCODER_WEIGHTS, "offset": "1024", "length": "1024"}
