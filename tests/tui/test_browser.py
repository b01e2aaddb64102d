"""`ttx tui --serve` in a real browser, where there is one: type, see the translation."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("textual_serve")
sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


@pytest.fixture
def address(bundle_folder: Path, tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tui_transformer", "tui", "--serve", str(port), "--model", str(bundle_folder)]
    environment = os.environ | {"TTX_SESSION": str(tmp_path / "session.json")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(address, timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def test_typing_in_a_browser(address: str, tmp_path: Path) -> None:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        # Only this machine: the page's web fonts are not asked for.
        page.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
        page.goto(address)
        page.wait_for_selector(".xterm-rows, .xterm-screen", timeout=60_000)
        page.wait_for_timeout(5000)
        page.mouse.click(200, 62)
        page.keyboard.type("Tom called Mary's bluff.")
        page.wait_for_timeout(5000)
        page.screenshot(path=tmp_path / "browser.png")
        # The terminal is drawn on a canvas: what it shows can be read from the picture that is saved of it.
        page.keyboard.press("Escape")
        # A key that comes at once behind an escape would be taken for one with Alt.
        page.wait_for_timeout(1000)
        page.keyboard.press("s")
        page.wait_for_timeout(1000)
        with page.expect_download(timeout=60_000) as download:
            page.keyboard.press("Enter")
        download.value.save_as(tmp_path / "saved.svg")
        browser.close()
    saved = (tmp_path / "saved.svg").read_text(encoding="utf-8")
    assert "Tom zwang Mary, Farbe zu bekennen." in saved
