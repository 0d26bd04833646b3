"""A server of the Open Inference Protocol for the tests, that answers rightly, slowly, wrongly, or not at all."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

Behaviour = Callable[[dict[str, Any]], tuple[int, Any]]
SERVER = {"name": "tiny-server", "version": "3.1", "extensions": []}
MODEL = {
    "name": "tiny",
    "versions": ["1"],
    "platform": "by-hand",
    "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, -1, -1]}],
    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 1]}],
}


def right(request: dict[str, Any]) -> tuple[int, Any]:
    """logit = 4 * mean - 1.5."""
    given = request["inputs"][0]
    images = np.array(given["data"], np.float64).reshape(given["shape"])
    logits = 4 * images.mean(axis=(1, 2, 3)) - 1.5
    return 200, reply(logits.tolist(), [len(logits), 1])


def reply(data: list[float], shape: list[int], name: str = "logits") -> dict[str, Any]:
    return {"model_name": "tiny", "outputs": [{"name": name, "datatype": "FP32", "shape": shape, "data": data}]}


class OpenServer:
    """`behave` makes of a request a status and a body; None closes the connection without a word."""

    def __init__(
        self, behave: Behaviour = right, *, model: dict[str, Any] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.headers.append(dict(self.headers))
                self._say(200, SERVER if self.path.rstrip("/") == "/v2" else (model or MODEL))

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(request)
                outer.headers.append(dict(self.headers))
                status, body = behave(request)
                if body is None:
                    self.close_connection = True
                    return
                self._say(status, body)

            def _say(self, status: int, body: Any) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
