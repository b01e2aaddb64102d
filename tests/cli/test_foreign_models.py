"""`ttx` on a folder in Optimum's layout, made by others or by us: what works, and what says it does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ttx = Callable[..., Any]
FOREIGN = Path(__file__).parents[1] / "data" / "foreign"
EXPECTED = json.loads((FOREIGN / "expected.json").read_text(encoding="utf-8"))
GREEDY = [one for one in EXPECTED if one["num_beams"] == 1]


def test_lines_in_lines_out(ttx_here: Ttx, tmp_path: Path) -> None:
    lines = [one["source"] for one in GREEDY]
    (tmp_path / "in.txt").write_text("\n\n".join(lines) + "\n\n", encoding="utf-8")
    done = ttx_here(
        "translate", "--model", FOREIGN, "--beam", "1", "--max-length", "24", "--input", tmp_path / "in.txt"
    )
    assert (done.code, done.err) == (0, "")
    # White space around a line is its own: what the model says has none.
    assert done.out.split("\n")[:-1:2] == [one["text"].strip() for one in GREEDY]
    assert set(done.out.split("\n")[1::2]) == {""}


@pytest.mark.parametrize(
    ("view", "what"),
    [
        (["attention"], "attention"),
        (["decode"], "attention"),
        (["layers"], "inside"),
        (["qkv"], "inside"),
        (["embeddings", "--near", "Tom"], "embeddings"),
        (["model"], "list of its matrices"),
    ],
)
def test_a_view_it_has_nothing_for_is_refused_in_one_line(ttx_here: Ttx, view: list[str], what: str) -> None:
    name, *options = view
    text = [] if name in ("model", "embeddings") else ["Give me a hug."]
    done = ttx_here("inspect", name, *text, *options, "--model", FOREIGN)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"ttx: the model {FOREIGN} has no {what}: its graphs, in Optimum's layout, can only translate and score; "
        "views of the inside need a ttx bundle\n"
    )


def test_views_of_text_alone_work(ttx_here: Ttx) -> None:
    done = ttx_here("inspect", "tokens", "--model", FOREIGN, "Give me a hug.")
    assert (done.code, done.err) == (0, "")
    assert "</s>" in done.out


def test_it_can_be_checked_but_not_compared(ttx_here: Ttx) -> None:
    done = ttx_here("models", "verify", FOREIGN)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("the graphs fit together; there is no manifest with their SHA-256\n")


def test_a_folder_that_lacks_a_file_is_one_line(ttx_here: Ttx, tmp_path: Path) -> None:
    shutil.copytree(FOREIGN, tmp_path / "model")
    (tmp_path / "model" / "target.spm").unlink()
    done = ttx_here("translate", "--model", tmp_path / "model", "Hello.")
    assert (done.code, done.out) == (3, "")
    assert done.err == f"ttx: the model {tmp_path / 'model'} lacks target.spm\n"


def test_export_in_this_layout(ttx_here: Ttx, untrained: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    done = ttx_here("export", untrained, out, "--layout", "optimum", "--precision", "fp32", "--no-score")
    assert (done.code, done.out) == (0, f"{out}\n")
    assert "attention" not in done.err
    assert ttx_here("models", "verify", out).out.endswith("all as the manifest says\n")
    assert ttx_here("translate", "--model", out, "--max-length", "5", "Hello.").code == 0
