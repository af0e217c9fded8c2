"""Is there an Ollama on this machine, and which models does it have?"""

import socket
from collections.abc import Mapping

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 11434
PATIENCE = 0.3
"""Seconds for the whole question: a start without Ollama must not feel it."""


def address(environ: Mapping[str, str]) -> tuple[str, int]:
    """Where Ollama listens: `OLLAMA_HOST` in any form Ollama's own client takes (`host`, `:port`, `host:port`, a URL).

    A server bound to every address is asked on loopback.
    """
    from urllib.parse import urlsplit

    said = environ.get("OLLAMA_HOST", "").strip()
    parts = urlsplit(said if "://" in said else f"//{said}")
    try:
        port = parts.port or DEFAULT_PORT
    except ValueError:
        port = DEFAULT_PORT
    host = parts.hostname or DEFAULT_HOST
    return (DEFAULT_HOST if host in {"0.0.0.0", "::"} else host), port  # noqa: S104  asked, not bound


def installed_models(environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """The models of the Ollama that answers (`GET /api/tags`, Ollama API docs); None where none answers in time."""
    try:
        connection = socket.create_connection(address(environ), timeout=PATIENCE)
    except OSError:
        return None
    with connection:
        return _ask(connection)


def _ask(connection: socket.socket) -> tuple[str, ...] | None:
    # Heavier than the refused connection it usually is, hence imported here.
    from http.client import HTTPException, HTTPResponse

    from msgspec import DecodeError, Struct, json

    class Model(Struct):
        name: str

    class Tags(Struct):
        models: list[Model] = []

    try:
        connection.sendall(b"GET /api/tags HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\r\n")
        answer = HTTPResponse(connection)
        answer.begin()
        if answer.status != 200:
            return None
        return tuple(model.name for model in json.decode(answer.read(1 << 20), type=Tags).models)
    except (OSError, HTTPException, DecodeError):
        return None
