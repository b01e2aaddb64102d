"""Who may import whom: asked of a fresh interpreter, module by module, and of the sources.

Every module found on disk is asked, so a new one is held to the rules from its first day.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tui_transformer

RUNTIME = Path(tui_transformer.__file__).parent
WORKSHOP = Path(str(importlib.util.find_spec("ttx_export").origin)).parent  # type: ignore[union-attr]
HEAVY = {"numpy", "onnxruntime", "sentencepiece", "bpemb", "gensim", "textual"}
WORKSHOP_ONLY = {"torch", "onnx", "onnxscript", "sacrebleu", "ttx_export"}

# What importing a room may load, of the libraries that take their time. Every other room: numpy.
MAY_LOAD: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": set(),
    "errors": set(),
    "cli": set(),
    "settings": set(),
    "architecture": set(),
    "bundle": set(),
    "catalogue": set(),
    "tokenizer": {"sentencepiece"},
    "mapped": {"sentencepiece"},
    "sessions": {"numpy", "onnxruntime"},
    "runtime": {"numpy", "onnxruntime"},
    "probe_runtime": {"numpy", "onnxruntime"},
    "optimum_runtime": {"numpy", "onnxruntime"},
    "probing": {"numpy", "onnxruntime", "sentencepiece"},
    "translator": {"numpy", "onnxruntime", "sentencepiece"},
    "batching": {"numpy", "onnxruntime", "sentencepiece"},
    "window": {"numpy", "onnxruntime", "sentencepiece"},
    "alternatives": {"numpy", "onnxruntime", "sentencepiece"},
    "respelling": {"numpy", "onnxruntime", "sentencepiece"},
    "quoting": {"numpy", "onnxruntime", "sentencepiece"},
    "environment": {"numpy", "onnxruntime"},
    "dialogue": {"numpy", "onnxruntime", "sentencepiece"},
    "scoring": {"numpy", "onnxruntime", "sentencepiece"},
    "tui": {"numpy", "textual"},
}

# The one door of each library, under either package: a file or a folder.
DOORS = {
    "onnxruntime": "tui_transformer/sessions.py",
    "sentencepiece": "tui_transformer/tokenizer.py",
    "bpemb": "tui_transformer/tokenizer.py",
    "sentencex": "tui_transformer/splitting.py",
    "typer": "tui_transformer/cli/",
    "textual": "tui_transformer/tui/",
    "torch": "ttx_export/",
    "onnx": "ttx_export/",
    "onnxscript": "ttx_export/",
    "sacrebleu": "ttx_export/",
    "resvg_py": "tui_transformer/render/save.py",
    "huggingface_hub": "ttx_export/hub.py",
    "safetensors": "ttx_export/marian_folder.py",
    "yaml": "ttx_export/marian_native.py",
}


def sources(package: Path) -> dict[str, Path]:
    """Every source file by its name, such as "tui_transformer/cli/train.py"."""
    return {path.relative_to(package.parent).as_posix(): path for path in sorted(package.rglob("*.py"))}


RUNTIME_SOURCES = sources(RUNTIME)
SOURCES = RUNTIME_SOURCES | sources(WORKSHOP)


def module_name(source: str) -> str:
    return source.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def room(source: str) -> str:
    return source.split("/")[1].removesuffix(".py")


def loaded(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after this code; it must end well."""
    report = "\nimport json, sys\nprint(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def imports(tree: ast.AST, *, lazy: bool = True) -> Iterator[str]:
    """Full names of what a source imports by name; without `lazy`, only what importing the file itself imports.

    What is there for type checkers alone does not count.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node = ast.Module(node.orelse, type_ignores=[])
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            yield from (str(word.value) for word in node.args if isinstance(word, ast.Constant))
        if lazy or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports(node, lazy=lazy)


def imported_packages(path: Path, *, lazy: bool = True) -> set[str]:
    return {name.split(".")[0] for name in imports(ast.parse(path.read_text(encoding="utf-8")), lazy=lazy)}


# The instruments themselves


def test_a_fresh_interpreter_tells_what_was_loaded() -> None:
    assert "sentencepiece" in loaded("import tui_transformer.tokenizer")
    assert "numpy" not in loaded("import json")


def test_imports_are_found_wherever_they_hide() -> None:
    code = """
import a.one
if True:
    from b.two import name
if TYPE_CHECKING:
    import never
else:
    import always
class C:
    import c
def function():
    import d as other, e
    async def inner():
        importlib.import_module("f.three")
from . import sibling
from .g import name
"""
    assert set(imports(ast.parse(code))) == {"a.one", "b.two", "always", "c", "d", "e", "f.three"}
    assert set(imports(ast.parse(code), lazy=False)) == {"a.one", "b.two", "always", "c"}


def test_both_packages_are_looked_at() -> None:
    assert {"tui_transformer/sessions.py", "tui_transformer/cli/__init__.py", "ttx_export/model.py"} <= SOURCES.keys()


# The wall


@pytest.mark.parametrize("source", RUNTIME_SOURCES)
def test_importing_a_module_loads_only_what_its_room_may(source: str) -> None:
    found = loaded(f"import {module_name(source)}") & (HEAVY | WORKSHOP_ONLY)
    assert found <= MAY_LOAD.get(room(source), {"numpy"})


def test_importing_the_package_loads_nothing_of_it_but_itself() -> None:
    modules = "print(*(name for name in sys.modules if name.startswith('tui_transformer')))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, tui_transformer; {modules}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["tui_transformer"]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "translate",
        "score",
        "evaluate",
        "shell",
        "info",
        "config",
        "train",
        "export",
        "models",
        "models verify",
        "inspect",
        "inspect tokens",
        "inspect positions",
        "inspect attention",
        "inspect tour",
        "diff",
    ],
)
def test_help_loads_nothing_heavy(command: str) -> None:
    assert after_command(f"{command} --help", shows="Usage:").isdisjoint(HEAVY | WORKSHOP_ONLY)


def test_version_loads_nothing_heavy() -> None:
    assert after_command("--version", shows=tui_transformer.__version__).isdisjoint(HEAVY | WORKSHOP_ONLY)


@pytest.mark.parametrize("command", ["translate", "score", "evaluate", "models verify"])
def test_model_names_are_completed_without_loading_anything_heavy(command: str, bundle_folder: Path) -> None:
    words = f"ttx {command} " + ("" if command == "models verify" else "--model ")
    code = f"""
import os, sys
os.environ |= {{
    "TTX_MODELS": {str(bundle_folder.parent)!r}, "_TTX_COMPLETE": "complete_bash",
    "COMP_WORDS": {words + "ti"!r}, "COMP_CWORD": {str(len(words.split()))!r}, "XDG_CONFIG_HOME": "/nowhere",
}}
from tui_transformer.cli import app
try:
    app(prog_name="ttx")
except SystemExit as end:
    assert not end.code
print("loaded", *sorted({{name.split(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    names, _, modules = done.stdout.partition("loaded")
    assert names.split() == ["tiny"], done.stderr
    assert set(modules.split()).isdisjoint(HEAVY | WORKSHOP_ONLY | {"rich"})


def test_config_loads_nothing_heavy() -> None:
    assert after_command("config show", shows="translate.beam").isdisjoint(HEAVY | WORKSHOP_ONLY)


def after_command(arguments: str, shows: str) -> set[str]:
    """What is loaded when `ttx` ends with exit code 0, having shown this."""
    code = f"""
import contextlib, io, sys
from tui_transformer.cli import main
sys.argv = ["ttx", *{arguments.split()!r}]
shown = io.StringIO()
with contextlib.redirect_stdout(shown):
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
assert {shows!r} in shown.getvalue(), shown.getvalue()
"""
    return loaded(code)


@pytest.mark.parametrize("library", DOORS)
def test_a_library_has_one_door(library: str) -> None:
    users = {source for source, path in SOURCES.items() if library in imported_packages(path)}
    assert {source for source in users if not source.startswith(DOORS[library])} == set()


@pytest.mark.parametrize("library", ["onnxruntime", "sentencepiece", "bpemb", "sentencex"])
def test_the_door_is_there(library: str) -> None:
    assert library in imported_packages(SOURCES[DOORS[library]])


@pytest.mark.parametrize("source", RUNTIME_SOURCES)
def test_the_workshop_is_imported_only_inside_a_command(source: str) -> None:
    path = RUNTIME_SOURCES[source]
    assert "ttx_export" not in imported_packages(path, lazy=False)
    assert "ttx_export" not in imported_packages(path) or room(source) == "cli"
