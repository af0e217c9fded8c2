"""A loopback HTTP server in threads of its own, for clients that block: token endpoints, metadata servers.

    with Endpoint({"/token": lambda _: said({"access_token": "t", "expires_in": 3599})}) as endpoint:
        ...
        assert endpoint.asked == ["POST /token"]

A route is a path without its query; anything else is a 404. A reply that is None hangs until the block ends.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Asked:
    """A request as it came; header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Said:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Asked], Said | None]


def said(value: object, status: int = 200, **headers: str) -> Said:
    """`value` as JSON."""
    return Said(status, json.dumps(value).encode(), {"content-type": "application/json", **headers})


class Endpoint:
    """Listens inside the `with` block; `requests` is what it was asked."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self.routes = dict(routes)
        self.requests: list[Asked] = []
        self._ending = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                path, _, query = self.path.partition("?")
                named = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, path, query, named, self.rfile.read(length))
                endpoint.requests.append(asked)
                reply = endpoint.routes.get(path, lambda _: Said(404))(asked)
                if reply is None:
                    endpoint._ending.wait()
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PUT = _answer  # noqa: N815 - their names there

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Nothing on standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # A kept connection must not keep the test.
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def asked(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
