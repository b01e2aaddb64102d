"""What all tests share."""

from __future__ import annotations

import copy
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from tui_transformer.bundle import Bundle
    from tui_transformer.render.picture import Picture
    from tui_transformer.translator import Translator

GOLDEN = Path(__file__).parent / "golden"
SCRIPTS = Path(__file__).parents[1] / "scripts"

# No deadline: a busy machine is no failure. CI draws the same examples every time.
hypothesis.settings.register_profile("ttx", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("ttx")


@pytest.fixture(scope="session")
def bundle_folder() -> Path:
    """A model that knows the 50 `pairs` by heart, and hardly anything else."""
    return Path(__file__).parent / "data" / "tiny"


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / "data" / "pairs.tsv").read_text(encoding="utf-8").splitlines()
    return [(source, target) for source, target, _ in (line.split("\t") for line in lines)]


@pytest.fixture(scope="session")
def translator(bundle_folder: Path) -> Translator:
    from tui_transformer.translator import Translator

    return Translator.load(str(bundle_folder), "cpu")


@pytest.fixture
def apart(translator: Translator) -> Translator:
    """The same model in a translator of its own, to be tampered with.

    What is patched on an object stays in its `__dict__` when the patch is undone, and goes with every copy of it.
    """
    return copy.copy(translator)


@pytest.fixture
def golden() -> Callable[[Picture, str], None]:
    """`golden(picture, "name")`: what is drawn at 40, 80 and 120 columns, with and without colour, is what it was.

    GOLDEN=write writes the files instead of comparing: look at them (`cat tests/golden/*.ansi`) before you commit.
    """

    def compare(picture: Picture, name: str) -> None:
        from rich.cells import cell_len
        from rich.text import Text

        from tui_transformer.render.picture import drawn

        for width in (40, 80, 120):
            for colours, suffix in ((None, "txt"), ("truecolor", "ansi")):
                path = GOLDEN / f"{name}.{width}.{suffix}"
                found = drawn(picture.whole(), width, colours)  # type: ignore[arg-type]
                if os.environ.get("GOLDEN") == "write":
                    path.write_bytes(found.encode())
                assert path.is_file(), f"{path} is missing: run with GOLDEN=write"
                assert found == path.read_bytes().decode(), f"{path} was drawn differently"
                assert all(cell_len(Text.from_ansi(line).plain) <= width for line in found.splitlines())

    return compare


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """`script("recard")`: a maintainers' script, as a module."""

    def loaded(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # its dataclasses look themselves up there
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.fixture
def damaged(bundle_folder: Path, tmp_path: Path) -> Callable[[str, bytes | None], Bundle]:
    """The tiny bundle with another content in one file, or without it, after its manifest was read."""

    def damage(name: str, content: bytes | None) -> Bundle:
        from tui_transformer.bundle import read_bundle

        folder = tmp_path / "model"
        shutil.copytree(bundle_folder, folder)
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content)
        return replace(read_bundle(bundle_folder), path=folder)

    return damage


@pytest.fixture
def lacking(bundle_folder: Path, damaged: Callable[[str, bytes | None], Bundle]) -> Callable[[str, str], Bundle]:
    """`lacking("decoder.onnx", "logits")`: the tiny bundle, with a graph that does not give this output."""

    def lack(name: str, output: str) -> Bundle:
        import onnx

        graph = onnx.load(bundle_folder / name)
        kept = [value for value in graph.graph.output if value.name != output]
        assert len(kept) == len(graph.graph.output) - 1
        del graph.graph.output[:]
        graph.graph.output.extend(kept)
        return damaged(name, graph.SerializeToString())

    return lack


@pytest.fixture(scope="session")
def learnt_by_heart(tmp_path_factory: pytest.TempPathFactory, script: Callable[[str], ModuleType]) -> Path:
    """The run that makes such a model, from text to checkpoint: its folder."""
    checkpoint: Path = script("make_tiny_bundle").train_tiny(tmp_path_factory.mktemp("runs") / "tiny")
    return checkpoint.parent
