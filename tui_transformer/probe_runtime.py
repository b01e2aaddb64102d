"""The runtime on the probe graphs: what happens inside is there to be read, and heads can be switched off."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from . import bundle, probes
from .bundle import Bundle, not_given
from .heads import Head, head_masks
from .runtime import Runtime
from .sessions import Device, as_ort


class ProbeRuntime(Runtime):
    """Runs as `Runtime` does, on the same weights. Answers that include attentions have their `inside` too."""

    encoder_file, decoder_file = bundle.ENCODER_PROBE, bundle.DECODER_PROBE

    def __init__(self, model: Bundle, device: Device = "auto", threads: int = 1) -> None:
        """Raises DeviceError, BundleError for a damaged graph, or UsageError if the model has no probe graphs."""
        if model.manifest.layout != "ttx":
            raise not_given(model, "inside")
        super().__init__(model, device, threads)
        self._switch_off(frozenset())

    def without(self, heads: Iterable[Head]) -> ProbeRuntime:
        """The same sessions with these heads off as well. Raises UsageError for a head that is not there."""
        other = copy.copy(self)
        other._switch_off(self.off | frozenset(heads))
        return other

    def _switch_off(self, off: frozenset[Head]) -> None:
        self.off = off
        encoder, decoder = head_masks(off, self.architecture)
        self._encoder_feeds = {probes.HEAD_MASK: as_ort(encoder.astype(self._float))}
        self._decoder_feeds = {probes.HEAD_MASK: as_ort(decoder.astype(self._float))}

    def _inside(self) -> tuple[list[str], list[str]]:
        return probes.encoder_outputs(self.architecture), probes.decoder_outputs(self.architecture)
