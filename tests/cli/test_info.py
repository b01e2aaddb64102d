"""`ttx info`: what is there, and what of it works."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import tui_transformer
from tui_transformer import sessions

from .conftest import Ttx


def test_json_tells_versions_providers_and_the_model(
    ttx: Ttx, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTX_MODELS", str(bundle_folder.parent))
    done = ttx("info", "--json", "-m", "tiny")
    content = json.loads(done.out)
    assert (done.code, done.err, content["schema"]) == (0, "", 1)
    assert content["versions"]["ttx"] == tui_transformer.__version__
    assert content["versions"]["numpy"] == version("numpy")
    assert content["versions"]["python"] == sys.version.split()[0]
    assert content["providers"]["CPUExecutionProvider"] is True
    assert 1 <= content["usable_cores"] <= content["cores"]
    assert "tiny" in [model["name"] for model in content["models"]]
    assert content["model"]["error"] is None
    assert content["model"]["details"]["architecture"]["encoder_layers"] == 2
    assert content["model"]["details"]["parameters"] > 100_000


def test_text_says_the_same(ttx: Ttx, bundle_folder: Path) -> None:
    rows = dict(line.split("\t") for line in ttx("info", "-m", bundle_folder).out.splitlines())
    assert rows["ttx"] == tui_transformer.__version__
    assert rows["CPUExecutionProvider"] == "works"
    assert rows["in use"].startswith("en→de, fp32, 0.7 MB")
    assert "encoder_layers 2" in rows["architecture"]


def test_a_broken_model_is_told_and_one_that_is_asked_for_is_a_failure(
    ttx: Ttx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{}")
    monkeypatch.setenv("TTX_MODELS", str(tmp_path))
    assert ttx("info", "-m", "nowhere").code == 3
    done = ttx("info", "--json", "-m", "nowhere")
    assert done.code == 3
    content = json.loads(done.out)
    assert "no model 'nowhere'" in content["model"]["error"]
    (broken,) = [model for model in content["models"] if model["name"] == "broken"]
    assert "format" in broken["error"]


def test_a_provider_that_only_claims_to_be_there_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class FallsBack:
        def __init__(self, *_: object, **__: object) -> None: ...
        def run(self, *_: object) -> None: ...
        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(sessions.onnxruntime, "InferenceSession", FallsBack)
    monkeypatch.setattr(
        sessions.onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    assert sessions.usable_providers() == {"CUDAExecutionProvider": False, "CPUExecutionProvider": True}


def test_a_provider_that_fails_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions.onnxruntime, "get_available_providers", lambda: ["NoSuchProvider"])
    assert sessions.usable_providers() == {"NoSuchProvider": False}
