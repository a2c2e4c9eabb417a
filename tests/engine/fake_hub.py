"""A model hub on this machine: as much of its protocol as fetching a model takes."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_ERRORS = {"who/gated": (403, "GatedRepo"), "who/none": (404, "RepoNotFound")}


class FakeHub(ThreadingHTTPServer):
    """Serves folders as models, and remembers which paths were asked for."""

    daemon_threads = True

    def __init__(self, models: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models = models
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serve(models: dict[str, Path]) -> Iterator[FakeHub]:
    """Run a hub with these models while the block runs."""
    with FakeHub(models) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        self.server.asked.append(path)
        if path.startswith("api/models/"):
            self._answer_api(path.removeprefix("api/models/"))
        else:
            self._answer_file(path)

    do_HEAD = do_GET

    def _answer_api(self, path: str) -> None:
        name = "/".join(path.split("/")[:2])
        if name in _ERRORS or name not in self.server.models:
            status, code = _ERRORS.get(name, _ERRORS["who/none"])
            self._send(status, b"{}", {"X-Error-Code": code})
            return
        files = sorted(each for each in self.server.models[name].iterdir())
        if "/tree/" in path:
            entries = [
                {"type": "file", "path": each.name, "size": each.stat().st_size, "oid": _etag(each)}
                for each in files
            ]
            self._send(200, json.dumps(entries).encode())
        else:
            siblings = [{"rfilename": each.name} for each in files]
            self._send(200, json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode())

    def _answer_file(self, path: str) -> None:
        name, _, rest = path.partition("/resolve/")
        file = self.server.models.get(name, Path()) / rest.partition("/")[2]
        if not file.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        self._send(200, file.read_bytes(), {"ETag": f'"{_etag(file)}"', "X-Repo-Commit": COMMIT})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _etag(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()
