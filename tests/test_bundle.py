"""The contract between training and runtime: what is written is read, and every kind of damage is one clear error."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tui_transformer import bundle
from tui_transformer.architecture import Architecture
from tui_transformer.bundle import Manifest, SpecialTokens, read_bundle, verify_bundle, write_manifest
from tui_transformer.errors import BundleError

FILES = {
    "encoder_model.onnx": b"the encoder",
    "decoder_model.onnx": b"the decoder of one step",
    "candidates_model.onnx": b"the choice of candidates",
    "reorder_model.onnx": b"the moving of caches",
    "encoder_probe.onnx": b"the encoder, open",
    "decoder_probe.onnx": b"one step, open",
    "lens_model.onnx": b"the lens",
    "embeddings_model.onnx": b"the rows",
    "encoder_model.onnx_data": b"weights",
    "decoder_model.onnx_data": b"more weights",
    "source.spm": b"pieces",
    "target.spm": b"St\xc3\xbccke",
    "README.md": b"# A model card\n",
}
MANIFEST = Manifest(
    name="tiny",
    source_language="en",
    target_language="de",
    architecture=Architecture(2, 1, 2, 8, 16, source_vocabulary=40, target_vocabulary=50, positions=64),
    special=SpecialTokens(0, 3, 1, 0, 2, 3, 1),
    tokenizer={"kind": "sentencepiece", "lowercase": False, "zero_digits": False},
    precision="int8",
    opset=20,
    sentence_limit=32,
    provenance={"recipe": "name = 'tiny'\n", "data": [{"name": "Sätze", "licence": "CC0-1.0"}]},
    scores=({"set": "dev", "metric": "BLEU", "value": 33.5}, {"set": "dev", "metric": "chrF", "value": 55.25}),
    parity={"largest": 1e-06},
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A whole bundle, but for the sense of its files."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    write_manifest(folder, MANIFEST)
    return folder


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest as somebody with a text editor would."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def refusal(read: Callable[[Path], object], folder: Path) -> str:
    """The message with which a bundle is refused: exactly a BundleError, of one line."""
    with pytest.raises(BundleError) as caught:
        read(folder)
    assert type(caught.value) is BundleError
    assert caught.value.exit_code == 3
    assert caught.value.__cause__ is None
    message = str(caught.value)
    assert re.fullmatch(r"[^\n\r]+", message)
    return message


# The way there and back


@pytest.mark.parametrize("read", [read_bundle, verify_bundle])
def test_what_is_written_is_read(read: Callable[[Path], bundle.Bundle], model: Path) -> None:
    found = read(model)
    assert found.path == model
    for name in Manifest.__slots__:
        if name != "files":
            assert getattr(found.manifest, name) == getattr(MANIFEST, name), name
    assert found.manifest.files == {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in FILES.items()
    }
    assert found.bytes == sum(len(content) for content in FILES.values())
    assert found.file("source.spm") == model / "source.spm"


def test_the_committed_bundle_is_whole_and_small() -> None:
    tiny = verify_bundle(Path(__file__).parent / "data" / "tiny")
    assert tiny.manifest.architecture.encoder_layers == tiny.manifest.architecture.decoder_layers == 2
    assert tiny.bytes < 1e6


def test_manifest_is_json_for_people(model: Path) -> None:
    text = (model / "manifest.json").read_text(encoding="utf-8")
    assert list(json.loads(text))[:2] == ["format", "name"]
    assert json.loads(text)["format"] == 2
    assert "Sätze" in text
    assert text.endswith("}\n")


def test_writing_again_describes_the_files_as_they_are_now(model: Path) -> None:
    (model / "README.md").write_bytes(b"# Another card\n")
    write_manifest(model, MANIFEST)
    assert verify_bundle(model).manifest.files["README.md"]["size"] == 15


def test_hidden_files_are_left_out(model: Path) -> None:
    (model / ".DS_Store").write_bytes(b"")
    (model / "encoder_model.onnx.d").mkdir()
    assert set(write_manifest(model, MANIFEST).manifest.files) == set(FILES)
    assert not list(model.glob(".manifest*"))


@pytest.mark.parametrize("name", bundle.REQUIRED["ttx"])
def test_a_folder_that_lacks_a_file_gets_no_manifest(name: str, tmp_path: Path) -> None:
    for other in FILES.keys() - {name}:
        (tmp_path / other).write_bytes(b"x")
    assert name in refusal(lambda folder: write_manifest(folder, MANIFEST), tmp_path)
    assert not (tmp_path / "manifest.json").exists()


def test_reading_does_not_hash(model: Path) -> None:
    (model / "decoder_model.onnx").write_bytes(b"x" * len(FILES["decoder_model.onnx"]))
    read_bundle(model)
    assert "SHA-256" in refusal(verify_bundle, model)


# Damage


def lengthen(folder: Path) -> None:
    with (folder / "decoder_model.onnx").open("ab") as file:
        file.write(b"\0")


def write(content: bytes) -> Callable[[Path], object]:
    """Another manifest altogether."""
    return lambda folder: (folder / "manifest.json").write_bytes(content)


def edit(*keys: str, value: object) -> Callable[[Path], None]:
    """Another value at a place in the manifest."""

    def damage(folder: Path) -> None:
        def place(content: dict[str, Any]) -> None:
            for key in keys[:-1]:
                content = content[key]
            content[keys[-1]] = value

        change(folder, place)

    return damage


def drop(*keys: str) -> Callable[[Path], None]:
    """A manifest that lacks something."""

    def damage(folder: Path) -> None:
        def place(content: dict[str, Any]) -> None:
            for key in keys[:-1]:
                content = content[key]
            del content[keys[-1]]

        change(folder, place)

    return damage


def empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def replace_by_folder(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()


ENTRY = {"size": 11, "sha256": "0" * 64}
DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (empty, "no such folder"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "has no manifest.json"),
    "manifest is a folder": (replace_by_folder, "cannot read"),
    "empty manifest": (write(b""), "is not JSON"),
    "half a manifest": (write(b'{"format": 2,\n "name": "ti'), "is not JSON"),
    "manifest is no UTF-8": (write(b'{"name": "\xff"}'), "is not JSON"),
    "manifest nested without end": (write(b"[" * 200_000), "is not JSON"),
    "manifest is a list": (write(b"[1]"), "has format None"),
    "no format": (drop("format"), "has format None, this ttx reads format 2"),
    "a later format": (edit("format", value=3), "has format 3, this ttx reads format 2"),
    "an earlier format": (edit("format", value=1), "has format 1, this ttx reads format 2"),
    "format as text": (edit("format", value="2"), "has format '2'"),
    "missing encoder": (lambda folder: (folder / "encoder_model.onnx").unlink(), "lacks its file 'encoder_model.onnx'"),
    "missing probe": (lambda folder: (folder / "decoder_probe.onnx").unlink(), "lacks its file 'decoder_probe.onnx'"),
    "missing weights": (
        lambda folder: (folder / "decoder_model.onnx_data").unlink(),
        "lacks its file 'decoder_model.onnx_data'",
    ),
    "missing card": (lambda folder: (folder / "README.md").unlink(), "lacks its file 'README.md'"),
    "unlisted decoder": (drop("files", "decoder_model.onnx"), "does not list decoder_model.onnx"),
    "wrong size": (lengthen, "has 24 bytes, the manifest says 23"),
    "empty file": (lambda folder: (folder / "source.spm").write_bytes(b""), "has 0 bytes, the manifest says 6"),
    "no name": (drop("name"), "name"),
    "name is a number": (edit("name", value=5), "name must be text"),
    "no architecture": (drop("architecture"), "'architecture' is missing"),
    "architecture is a list": (edit("architecture", value=[4, 4]), "cannot be used"),
    "three heads": (edit("architecture", "heads", value=3), "divisible by 3 heads"),
    "negative layers": (edit("architecture", "decoder_layers", value=-1), "decoder_layers must be a positive"),
    "size as text": (edit("architecture", "d_model", value="8"), "d_model must be a positive whole number"),
    "half a size": (edit("architecture", "d_ff", value=16.5), "d_ff must be a positive whole number"),
    "no d_ff": (drop("architecture", "d_ff"), "d_ff"),
    "unknown option": (edit("architecture", "experts", value=2), "unknown architecture option: experts"),
    "unknown layout": (edit("architecture", "positional_layout", value="x"), "positional_layout must be one of"),
    "no special ids": (drop("special"), "'special' is missing"),
    "a special id less": (drop("special", "target_eos"), "target_eos"),
    "a special id more": (edit("special", "mask", value=1), "mask"),
    "special id as text": (edit("special", "target_bos", value="2"), "target_bos must be the id of one of 50 pieces"),
    "special id too high": (edit("special", "source_eos", value=40), "source_eos must be the id of one of 40 pieces"),
    "special id below zero": (edit("special", "target_pad", value=-1), "target_pad must be the id"),
    "unknown precision": (edit("precision", value="int4"), "unknown precision 'int4'"),
    "no precision": (drop("precision"), "precision"),
    "precision is a list": (edit("precision", value=["int8"]), "unknown precision"),
    "opset of zero": (edit("opset", value=0), "opset"),
    "sentences longer than positions": (edit("sentence_limit", value=65), "sentence_limit"),
    "sentences of nothing": (edit("sentence_limit", value=0), "sentence_limit"),
    "tokenizer is text": (edit("tokenizer", value="sentencepiece"), "tokenizer must be an object"),
    "scores are numbers": (edit("scores", value=[33.5]), "scores must be objects"),
    "scores are nothing": (edit("scores", value=None), "cannot be used"),
    "no files": (drop("files"), "'files' is missing"),
    "files are a list": (edit("files", value=list(FILES)), "cannot be used"),
    "a file without size": (drop("files", "source.spm", "size"), "'size' is missing"),
    "a file without hash": (drop("files", "source.spm", "sha256"), "'sha256' is missing"),
    "size as text of a file": (edit("files", "source.spm", "size", value="6"), "bad file entry 'source.spm'"),
    "hash is nothing": (edit("files", "source.spm", "sha256", value=None), "bad file entry 'source.spm'"),
    "entry is a number": (edit("files", "source.spm", value=6), "cannot be used"),
    "file name of two lines": (edit("files", "a\nb", value=ENTRY), r"lacks its file 'a\nb'"),
    "file name that no system knows": (edit("files", "a\0b", value=ENTRY), r"lacks its file 'a\x00b'"),
    "file name without an end": (edit("files", "a" * 5000, value=ENTRY), "lacks its file"),
    "half a letter in a file name": (edit("files", "\ud800", value=ENTRY), r"lacks its file '\ud800'"),
}


@pytest.mark.parametrize("read", [read_bundle, verify_bundle])
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_one_clear_error(read: Callable[[Path], object], kind: str, model: Path) -> None:
    damage, message = DAMAGE[kind]
    damage(model)
    found = refusal(read, model)
    assert message in found
    assert str(model) in found


@pytest.mark.parametrize("name", FILES)
def test_same_size_but_other_bytes_is_found_by_verify(name: str, model: Path) -> None:
    content = bytearray(FILES[name])
    content[-1] ^= 1
    (model / name).write_bytes(content)
    found = refusal(verify_bundle, model)
    assert found == f"{model / name} is not the file the manifest describes (SHA-256 differs)"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../secret", "/etc/passwd", "sub/file", "..\\secret", "C:\\secret", "C:secret", "a/../b"]
)
def test_no_file_name_leads_out_of_the_folder(name: str, model: Path) -> None:
    (model.parent / "secret").write_bytes(b"eleven bytes"[:11])
    edit("files", name, value={"size": 11, "sha256": hashlib.sha256(b"eleven byte").hexdigest()})(model)
    assert f"bad file entry {name!r}" in refusal(read_bundle, model)


def test_a_folder_in_place_of_a_file_is_found_by_verify(model: Path) -> None:
    (model / "README.md").unlink()
    (model / "README.md").mkdir()
    edit("files", "README.md", "size", value=(model / "README.md").stat().st_size)(model)
    assert "README.md: Is a directory" in refusal(verify_bundle, model)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read_are_found_by_verify(model: Path) -> None:
    (model / "source.spm").chmod(0)
    assert "Permission denied" in refusal(verify_bundle, model)


def test_a_file_is_no_model(model: Path) -> None:
    assert "no such folder" in refusal(read_bundle, model / "README.md")


# Names: what every exported model of the ecosystem calls its tensors


def test_tensor_names_follow_the_convention() -> None:
    assert bundle.cross_cache(3, "key") == "past_key_values.3.encoder.key"
    assert bundle.past_cache(0, "value") == "past_key_values.0.decoder.value"
    assert bundle.present_cache(11, "key") == "present.11.decoder.key"
    assert bundle.encoder_attention(1) == "encoder_attentions.1"
    assert bundle.decoder_attention(1) == "decoder_attentions.1"
    assert bundle.cross_attention(1) == "cross_attentions.1"
    assert (bundle.INPUT_IDS, bundle.ATTENTION_MASK, bundle.LOGITS) == ("input_ids", "attention_mask", "logits")
    assert bundle.POSITION == "position"
