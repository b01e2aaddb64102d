"""`ttx models`: what there is, and whether it is whole."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tui_transformer import catalogue
from tui_transformer.bundle import read_bundle

Ttx = Callable[..., Any]


@pytest.fixture
def models(bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that holds two, beside which there are no others."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(catalogue, "__file__", str(tmp_path / "site" / "tui_transformer" / "catalogue.py"))
    folder = tmp_path / "models"
    for name in ("toy", "another"):
        shutil.copytree(bundle_folder, folder / name)
    return folder


def test_models_are_listed_a_line_each(ttx_here: Ttx, models: Path, bundle_folder: Path) -> None:
    done = ttx_here("models", "list", TTX_MODELS=str(models))
    size = f"{read_bundle(bundle_folder).bytes / 1e6:.1f} MB"
    rows = [[name, "en→de", "fp32", size, str(models / name)] for name in ("another", "toy")]
    assert (done.code, done.err) == (0, "")
    assert [line.split("\t") for line in done.out.splitlines()] == rows


def test_no_models(ttx_here: Ttx, models: Path, tmp_path: Path) -> None:
    assert ttx_here("models", "list", TTX_MODELS=str(tmp_path / "nowhere")) == (0, "", "")


def test_a_broken_model_does_not_hide_the_others(ttx_here: Ttx, models: Path) -> None:
    (models / "another" / "encoder_model.onnx").unlink()
    done = ttx_here("models", "list", TTX_MODELS=str(models))
    assert [line.split("\t")[0] for line in done.out.splitlines()] == ["toy"]
    assert done.err.startswith("ttx: ")
    assert done.err.count("\n") == 1
    assert "encoder_model.onnx" in done.err


def test_a_whole_model_is_confirmed(ttx_process: Ttx, bundle_folder: Path) -> None:
    done = ttx_process("models", "verify", bundle_folder)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{bundle_folder}: 12 files, ")
    assert done.out.count("\n") == 1


def test_a_model_is_verified_by_name(ttx_here: Ttx, models: Path) -> None:
    done = ttx_here("models", "verify", "toy", TTX_MODELS=str(models))
    assert (done.code, done.err) == (0, "")
    assert str(models / "toy") in done.out


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["encoder_model.onnx", "decoder_model.onnx", "source.spm", "target.spm", "README.md"])
def test_a_single_changed_bit_is_noticed(ttx_here: Ttx, models: Path, name: str) -> None:
    flip_a_bit(models / "toy" / name)
    done = ttx_here("models", "verify", models / "toy")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("ttx: ")
    assert name in done.err
    assert "SHA-256" in done.err


def test_a_graph_that_cannot_be_run_is_noticed_even_if_the_hash_is_right(ttx_here: Ttx, models: Path) -> None:
    """As left by an export that went wrong."""
    folder = models / "toy"
    (folder / "decoder_model.onnx").write_bytes(b"no graph")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["decoder_model.onnx"] = {"size": 8, "sha256": hashlib.sha256(b"no graph").hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    done = ttx_here("models", "verify", folder)
    assert (done.code, done.out) == (3, "")
    assert "decoder_model.onnx" in done.err


def test_a_model_that_is_not_there(ttx_here: Ttx, models: Path) -> None:
    done = ttx_here("models", "verify", "xx-yy", TTX_MODELS=str(models))
    assert (done.code, done.out) == (3, "")
    assert "(another, toy)" in done.err
