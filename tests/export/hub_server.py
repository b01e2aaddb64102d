"""A stand-in for the Hugging Face hub on this machine: one model, its files, and connections that break."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, REVISION = "Helsinki-NLP/opus-mt-en-de", "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What is served. `breaks`: of these files the first answer ends in the middle; `lies`: their hash is another's."""

    folder: Path
    address: str = ""
    breaks: set[str] = field(default_factory=set)
    lies: set[str] = field(default_factory=set)
    ranges: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def described(self) -> bytes:
        siblings = [self._sibling(file) for file in sorted(self.folder.iterdir())]
        content = {"id": NAME, "sha": REVISION, "siblings": siblings, "cardData": {"license": "cc-by-4.0"}, "tags": []}
        return json.dumps(content).encode()

    def _sibling(self, file: Path) -> dict[str, object]:
        content = file.read_bytes()
        known = content + b"!" if file.name in self.lies else content
        blob = hashlib.sha1(b"blob %d\0" % len(content) + known, usedforsecurity=False).hexdigest()
        sibling: dict[str, object] = {"rfilename": file.name, "size": len(content), "blobId": blob}
        if file.suffix in (".safetensors", ".bin", ".spm"):
            digest = hashlib.sha256(known).hexdigest()
            sibling["lfs"] = {"size": len(content), "sha256": digest, "pointerSize": 100}
        return sibling


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    """The hub while it runs."""
    hub = Hub(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(with_content=False)

        def do_GET(self) -> None:
            self.answer(with_content=True)

        def answer(self, with_content: bool) -> None:
            if self.path.startswith(f"/api/models/{NAME}"):
                self.send(hub.described(), 200, with_content)
                return
            file = hub.folder / self.path.rsplit("/", 1)[-1]
            if f"/{NAME}/resolve/{REVISION}/" not in self.path or not file.is_file():
                self.send(b"{}", 404, with_content, {"X-Error-Code": "RepoNotFound"})
                return
            content = file.read_bytes()
            etag = hashlib.sha256(content).hexdigest()
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": REVISION, "Accept-Ranges": "bytes"}
            start = self.headers.get("Range")
            if with_content:
                hub.fetched.append(file.name)
            if with_content and start:
                hub.ranges.append(start)
                first = int(start.removeprefix("bytes=").split("-")[0])
                headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
                self.send(content[first:], 206, True, headers)
                return
            broken = with_content and file.name in hub.breaks
            hub.breaks.discard(file.name) if broken else None
            self.send(content, 200, with_content, headers, len(content) // 2 if broken else None)

        def send(
            self, content: bytes, code: int, with_content: bool, headers: dict[str, str] | None = None,
            cut: int | None = None,
        ) -> None:  # fmt: skip
            self.send_response(code)
            for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if with_content:
                self.wfile.write(content[:cut])
            if cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
