"""A proxy on 127.0.0.1 that answers itself, under the host names its clients ask for."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from .certificates import Authority
from .messages import Request, Response


class Application(Protocol):
    """What stands behind the proxy."""

    def plays(self, host: str) -> bool:
        """Whether it answers for this host; it records the ones it does not."""

    def answer(self, request: Request, send: Callable[[Response], None]) -> None:
        """Answer one request."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are no news; the tests kill them."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    host = ""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *arguments: object) -> None:
        """Nothing on standard error: the journal has it."""

    def do_CONNECT(self) -> None:
        host = self.path.rsplit(":", 1)[0].lower()
        application = self.server.proxy.application
        if application is None or not application.plays(host):
            self.close_connection = True
            self.send_error(502, "this proxy leads nowhere")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = self.server.proxy.authority.context(host)
        try:
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except (OSError, ssl.SSLError):
            self.close_connection = True
            return
        # From here on the loop of the base class reads requests from inside the tunnel.
        self.host = host
        self.rfile = self.connection.makefile("rb", 65536)
        self.wfile = self.connection.makefile("wb", 65536)
        self.close_connection = False

    def _serve(self) -> None:
        application = self.server.proxy.application
        if application is None or not self.host:
            self.send_error(502, "this proxy leads nowhere")
            return
        body = self._read_body()
        if body is None:
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        query = parse_qsl(parts.query, keep_blank_values=True)
        request = Request(
            method=self.command,
            host=self.host,
            path=unquote(parts.path),
            query={name.lower(): value for name, value in query},
            headers=self.headers,
            body=body,
            raw_path=parts.path,
        )
        application.answer(request, self._send)

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks a method up by its name; the application judges them all.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _read_body(self) -> bytes | None:
        """The body; None where the client has gone in the middle of it."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            return body if len(body) == size else None
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _send(self, response: Response) -> None:
        if response.cut:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in response.headers:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body[: response.cut_after])
        self.wfile.flush()
        if response.cut_after is not None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)


class Proxy:
    """Listens on a port of the system's choice until closed.

    `application` may be exchanged while it runs; without one every host is refused.
    """

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="loopback-ca-")
        self.authority = Authority(Path(self._directory.name))
        self.application: Application | None = None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a client here."""
        certificate = str(self.authority.certificate_path)
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self._server.server_port}",
            "NO_PROXY": "",
            "REQUESTS_CA_BUNDLE": certificate,
        }

    def close(self) -> None:
        """Stop listening; connections still open are left to their clients."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        self._directory.cleanup()
