"""`ttx import --hub` against a hub on this machine: asks first, goes on where it was interrupted, checks what came."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("huggingface_hub")

from hub_server import NAME, Hub, serving
from marian_models import make_model, make_vocabulary, write_tokenizer

from tui_transformer.bundle import verify_bundle

Pairs = list[tuple[str, str]]
START = """
import huggingface_hub.constants
huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE = 1000
from tui_transformer.cli import main
main()
"""


@pytest.fixture(scope="module")
def model(pairs: Pairs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("hub")
    vocabulary = make_vocabulary(place / "vocabulary", pairs)
    folder = vocabulary.copied(place)
    make_model(folder, vocabulary)
    write_tokenizer(folder, vocabulary)
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# A model\n")
    (folder / "tf_model.h5").write_bytes(b"of no use here")
    return folder


@pytest.fixture
def hub(model: Path) -> Iterator[Hub]:
    with serving(model) as running:
        yield running


def ttx_import(hub: Hub, place: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """In a process of its own: huggingface_hub reads where the hub is when it is imported.

    It keeps of a broken download whole chunks of 10 MB: of smaller ones, so that a small file can be gone on with.
    """
    settings = {
        "HF_ENDPOINT": hub.address, "HF_HOME": str(place / "cache"), "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_COLOR": "1", "COLUMNS": "300",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", START, "import", "--hub", NAME, *arguments],
        capture_output=True, text=True, cwd=place, env={**os.environ, **settings}, input=stdin, timeout=300,
        check=False,
    )  # fmt: skip


def test_it_shows_size_and_licence_and_goes_on_where_it_broke_off(hub: Hub, tmp_path: Path) -> None:
    hub.breaks = {"model.safetensors"}
    done = ttx_import(hub, tmp_path, "--yes")
    assert done.returncode == 0, done.stderr
    size = sum(f.stat().st_size for f in hub.folder.iterdir() if f.name not in ("tf_model.h5", "target_vocab.json"))
    first = done.stderr.splitlines()[0]
    assert first.startswith(f"ttx: {NAME}: {size / 1e6:.1f} MB in ")
    assert first.endswith("licence cc-by-4.0")
    half = (hub.folder / "model.safetensors").stat().st_size // 2
    assert hub.ranges == [f"bytes={half - half % 1000}-"]
    assert "tf_model.h5" not in hub.fetched
    assert done.stdout == "models/opus-mt-en-de\n"
    manifest = verify_bundle(tmp_path / "models" / "opus-mt-en-de").manifest
    assert (manifest.provenance["imported_from"], manifest.provenance["licence"]) == (NAME, "cc-by-4.0")


def test_no_is_no(hub: Hub, tmp_path: Path) -> None:
    done = ttx_import(hub, tmp_path, stdin="n\n")
    assert done.returncode == 1
    assert hub.fetched == []
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("file", ["model.safetensors", "vocab.json"])
def test_what_is_not_what_was_promised_is_refused(hub: Hub, tmp_path: Path, file: str) -> None:
    hub.lies = {file}
    done = ttx_import(hub, tmp_path, "--yes")
    assert (done.returncode, done.stdout) == (6, "")
    assert f"{file} is not the file that the hub describes" in done.stderr.splitlines()[-1]


def test_a_hub_that_is_not_there_is_one_line(hub: Hub, tmp_path: Path) -> None:
    hub.address = "http://127.0.0.1:9"
    done = ttx_import(hub, tmp_path, "--yes")
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.startswith(f"ttx: cannot download {NAME}: ")
    assert done.stderr.count("\n") == 1
