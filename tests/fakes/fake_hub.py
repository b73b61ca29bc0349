"""A Hugging Face Hub on the loopback interface that serves one repository, and misbehaves on request.

It answers what huggingface_hub and coqui-tts's `ModelManager` ask: the repository's files and sizes,
the headers of a file, and its bytes, also from the middle. Weights are, as on the Hub, on another
host, to which the Hub redirects. Xet, the Hub's other way to transfer files, is not offered.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

BLOCK = 2**16  # bytes


class FakeHub:
    """Serves the files in `folder` as `repository`, from `with` on until its end.

    A request is named by its method and the file, "GET model.pth", or "GET api" for questions about
    the repository.
    """

    def __init__(self, folder: Path, repository: str = "tts-hub/XTTS-v2") -> None:
        self.repository = repository
        self.files = {path.name: path for path in folder.iterdir()}
        self.oids = {name: _oid(path) for name, path in self.files.items()}
        self.commit = hashlib.sha1(repr(sorted(self.oids.items())).encode()).hexdigest()

        self.requests: list[str] = []
        self.sent: Counter[str] = Counter()
        """bytes of each file that have been sent"""

        self.status: dict[str, int] = {}
        """HTTP errors to answer with, by request"""
        self.breaks: defaultdict[str, list[int]] = defaultdict(list)
        """by file: after how many bytes the next answers, one each, break off"""
        self.holds: dict[str, int] = {}
        """by request: after how many bytes of the answer to wait until `go` is set"""
        self.holding, self.go = threading.Event(), threading.Event()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.hub = self  # type: ignore[attr-defined]  # for the handler
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def other_host(self) -> str:
        """Where the weights are."""
        return f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server; its port refuses connections from now on."""
        self.go.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()  # waits for the answers under way

    def hold(self, request: str, after: int = 0) -> None:
        """Wait if this request was to be held after so many bytes."""
        if request in self.holds and after >= self.holds[request]:
            self.holding.set()
            self.go.wait()


def _oid(path: Path) -> str:
    """As Git and Git LFS have it: the latter for weights."""
    content = path.read_bytes()
    if path.suffix == ".pth":
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> FakeHub:
        return self.server.hub  # type: ignore[attr-defined,no-any-return]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        name = "api" if path.startswith("/api/models/") else path.rpartition("/")[2]
        request = f"{self.command} {name}"
        self.hub.requests.append(request)
        if request in self.hub.status:
            return self._error(self.hub.status[request])
        if path.startswith(f"/api/models/{self.hub.repository}"):
            return self._tell("/tree/" in path)
        if name in self.hub.files and path.startswith(f"/{self.hub.repository}/resolve/"):
            return self._send(name, redirect=name.endswith(".pth"))
        if name in self.hub.files and path.startswith("/weights/"):
            return self._send(name, redirect=False)
        return self._error(404)

    def _error(self, status: int) -> None:
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound" if "/api/" in self.path else "EntryNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _tell(self, tree: bool) -> None:
        """The repository, or the list of its files."""
        hub = self.hub
        entries = []
        for name, path in hub.files.items():
            size = path.stat().st_size
            lfs = {"lfs": {"sha256": hub.oids[name], "oid": hub.oids[name], "size": size, "pointerSize": 134}}
            entries.append(
                {"type": "file", "path": name, "rfilename": name, "size": size, "oid": hub.oids[name]}
                | (lfs if name.endswith(".pth") else {})
            )
        told = entries if tree else {"id": hub.repository, "sha": hub.commit, "siblings": entries}
        body = json.dumps(told).encode()
        hub.hold("GET api")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send(self, name: str, redirect: bool) -> None:
        hub = self.hub
        size = hub.files[name].stat().st_size
        if redirect:
            self.send_response(302)
            self.send_header("Location", f"{hub.other_host}/weights/{name}")
            self.send_header("X-Linked-Size", str(size))
            self.send_header("X-Linked-ETag", f'"{hub.oids[name]}"')
        else:
            start = int(match[1]) if (match := re.match(r"bytes=(\d+)-", self.headers["Range"] or "")) else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.send_header("ETag", f'"{hub.oids[name]}"')
            self.send_header("Content-Disposition", f'attachment; filename="{name}";')
        self.send_header("X-Repo-Commit", hub.commit)
        self.send_header("Content-Length", "0" if redirect else str(size - start))
        self.end_headers()
        if not redirect and self.command == "GET":
            self._send_content(name, start)

    def _send_content(self, name: str, start: int) -> None:
        hub = self.hub
        left = hub.breaks[name].pop(0) if hub.breaks[name] else None
        with hub.files[name].open("rb") as file:
            file.seek(start)
            while data := file.read(BLOCK if left is None else min(BLOCK, left)):
                hub.hold(f"GET {name}", file.tell())
                try:
                    self.wfile.write(data)
                except OSError:  # nobody wants it any more
                    break
                hub.sent[name] += len(data)
                if left is not None:
                    left -= len(data)
        if left is not None:
            self.close_connection = True
