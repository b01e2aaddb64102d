"""`ttx inspect model`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tui_transformer.architecture import Architecture
from tui_transformer.bundle import Manifest, SpecialTokens, read_bundle
from tui_transformer.render.picture import Picture
from tui_transformer.render.views.model import model_picture

from .conftest import Ttx

SHAPE = Architecture(4, 2, heads=8, d_model=256, d_ff=1280, source_vocabulary=10_003, target_vocabulary=10_003,
                     norm="pre", tied="target")  # fmt: skip
FILES = {"decoder_model.onnx_data": 6_800_000, "encoder_model.onnx_data": 6_900_000, "source.spm": 165_938,
         "模型 карта.md": 812}  # fmt: skip
MANIFEST = Manifest(
    "sehr-langer-name", "en", "de", SHAPE, SpecialTokens(0, 3, 1, 0, 2, 3, 1), {}, "int8", 21, 96,
    files={name: {"size": size, "sha256": ""} for name, size in FILES.items()},
)  # fmt: skip


def test_it_is_drawn_as_it_was(golden: Callable[[Picture, str], None]) -> None:
    golden(model_picture(MANIFEST), "model-tied")
    shape = replace(SHAPE, tied="none", norm="post", encoder_layers=1, d_model=64, heads=2)
    golden(model_picture(replace(MANIFEST, architecture=shape, precision="fp32")), "model-untied")


def test_the_tree_adds_up_and_the_bytes_are_those_on_disk(ttx: Ttx, bundle_folder: Path) -> None:
    content = json.loads(ttx("inspect", "model", "--model", bundle_folder, "--format", "json").out)
    manifest = read_bundle(bundle_folder).manifest
    assert content["parameters"] == manifest.provenance["parameters"] == content["tree"]["parameters"]
    assert content["architecture"] == manifest.architecture.to_dict()
    assert content["files"] == {name: (bundle_folder / name).stat().st_size for name in manifest.files}
    assert content["bytes"] == sum(content["files"].values())
    assert {one["file"] for one in content["matrices"]} <= set(content["files"])
    layers = [part for part in content["tree"]["parts"] if part["name"] in ("encoder", "decoder")]
    assert [part["parts"][0]["times"] for part in layers] == [2, 2]


def test_a_table_has_a_row_a_part(ttx: Ttx, bundle_folder: Path) -> None:
    rows = [
        line.split("\t") for line in ttx("inspect", "model", "-m", bundle_folder, "--format", "tsv").out.splitlines()
    ]
    assert rows[0] == ["depth", "part", "shape", "parameters", "times"]
    leaves = [row for row, after in zip(rows[1:], [*rows[2:], ["0"]], strict=True) if int(after[0]) <= int(row[0])]
    assert sum(int(row[3]) * int(row[4]) for row in leaves) == int(rows[1][3])


def test_no_model_is_loaded(environment: dict[str, str]) -> None:
    code = (
        "import sys; sys.argv = ['ttx', 'inspect', 'model', '--format', 'tsv']\n"
        "from tui_transformer.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert not {'onnxruntime', 'onnx', 'torch', 'sentencepiece'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("arguments", [["--model", "/nowhere"], ["--model", "none-such"]])
def test_a_model_that_is_not_there(ttx: Ttx, arguments: list[str]) -> None:
    done = ttx("inspect", "model", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
