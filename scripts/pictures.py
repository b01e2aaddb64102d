"""The pictures of the README, drawn by `ttx` from the shipped model: `python -m scripts.pictures`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
SENTENCE = '"The old man gave the girl a beautiful red rose."'
# Name of the file, what one types to see the same, columns.
PICTURES = [
    ("attention", f"ttx inspect attention {SENTENCE} --kind cross", 100),
    ("head", f"ttx inspect attention {SENTENCE} --kind cross --layer 2 --head 6 --words", 100),
    ("qkv", 'ttx inspect qkv "Anthony Hopkins admired Michael Bay." --layer 2 --head 5 --token admired', 110),
    ("positions", "ttx inspect positions --dimensions 128", 132),
    ("layers", f"ttx inspect layers {SENTENCE}", 100),
    ("beam", f"ttx inspect decode {SENTENCE} --beam 4", 90),
]


def main() -> None:
    """Draw all of them anew; the same commands give the same files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, command, width in PICTURES:
        path = FOLDER / f"{name}.svg"
        arguments = [*shlex.split(command)[1:], "--model", "en-de", "--width", str(width), "--save", str(path)]
        subprocess.run([sys.executable, "-m", "tui_transformer", *arguments], check=True)
        print(f"{path.relative_to(FOLDER.parents[1])}  {path.stat().st_size:,} bytes  {command}")


if __name__ == "__main__":
    main()
