"""The screens of `ttx tui` for the README, with the shipped model: `python -m scripts.screens`.

Every picture is what the application shows after the keys below; the recording is a real run on a pseudo-terminal,
written as an asciicast (`asciinema play docs/pictures/tui.cast`).
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
SENTENCE = "The old man gave the girl a beautiful red rose."
SIZE = 120, 36
RECORDED_SIZE = 100, 30
# Name of the file, and the keys that lead there; "…" waits until all is there.
SCREENS = {
    "tui-translate": ["escape", "comma", "comma", "comma", "comma"],
    "tui-attention": ["escape", "2", "…", "t", "…"],
    "tui-head": ["escape", "2", "…", "down", "right", "right", "enter", "…", "right", "down"],
    "tui-beam": ["escape", "3", "…"],
    "tui-positions": ["escape", "4", "…"],
    "tui-qkv": ["escape", "5", "…"],
    "tui-embeddings": ["escape", "6", "…"],
    "tui-model": ["escape", "7", "…"],
}
# What is typed in the recording: seconds to wait, then the keys as a terminal sends them.
TYPED = [
    (1.5, ""), *((0.09, letter) for letter in SENTENCE), (2.0, "\x1b"), (0.6, "<"), (0.4, "-"), (0.2, "-"), (0.6, " "),
    (4.0, "2"), (2.5, "3"), (2.5, "1"), (1.5, "\x11"),
]  # fmt: skip


def main() -> None:
    """Draw all of them anew."""
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    os.environ.pop("NO_COLOR", None)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, keys in SCREENS.items():
        path = FOLDER / f"{name}.svg"
        path.write_text(asyncio.run(screen(keys)), encoding="utf-8")
        print(f"{path.relative_to(FOLDER.parents[1])}  {path.stat().st_size:,} bytes  {' '.join(keys)}")
    path = FOLDER / "tui.cast"
    record(path)
    print(f"{path.relative_to(FOLDER.parents[1])}  {path.stat().st_size:,} bytes")


async def screen(keys: list[str]) -> str:
    """The application after these keys, as SVG."""
    from textual.widgets import TextArea

    from tui_transformer.translator import Translator
    from tui_transformer.tui.app import TtxApp
    from tui_transformer.tui.engine import ModelEngine
    from tui_transformer.tui.sitting import Sitting

    app = TtxApp(lambda: ModelEngine(Translator.load("en-de", "cpu")), Sitting(text=SENTENCE))
    async with app.run_test(size=SIZE) as pilot:

        async def rest() -> None:
            while not (app.engine and app.settled):
                await pilot.pause(0.05)
            # Views compute in threads of their own: at rest is what stays as it is.
            before, alike = "", 0
            while alike < 8:
                now = app.export_screenshot()
                before, alike = now, alike + 1 if now == before else 0
                await pilot.pause(0.1)

        app.query_one(TextArea).cursor_blink = False
        await rest()
        # Speed is not the same twice.
        app.rate = 0.0
        for key in keys:
            await (rest() if key == "…" else pilot.press(key))
        await rest()
        return app.export_screenshot(title="ttx tui")


def record(path: Path) -> None:
    """A real run, keys at their times, everything that the terminal is sent with its time."""
    ours, its = pty.openpty()
    columns, lines = RECORDED_SIZE
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    command = [sys.executable, "-m", "tui_transformer", "tui", "--fresh", "--model", "en-de"]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    started, sent = time.monotonic(), list[tuple[float, str]]()

    def read(seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([ours], [], [], left)[0]:
                try:
                    text = os.read(ours, 1 << 16).decode(errors="replace")
                except OSError:
                    return
                sent.append((time.monotonic() - started, text))

    for wait, keys in TYPED:
        read(wait)
        os.write(ours, keys.encode())
    read(1.0)
    process.wait(30)
    os.close(ours)
    head = {"version": 2, "width": columns, "height": lines, "title": "ttx tui", "env": {"TERM": "xterm-256color"}}
    rows = [json.dumps(head), *(json.dumps([round(at, 3), "o", text], ensure_ascii=False) for at, text in sent)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
