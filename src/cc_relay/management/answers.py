"""Answers of the admin port: JSON, never cached, never read as anything else."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.json import encode
from starlette.responses import Response

from cc_relay.management.views import Failed, Problem

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def answer(view: Struct, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(view), status, {**HEADERS, **(headers or {})}, "application/json")


def failure(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """`code` for programs, `message` for people: what is wrong, and what to do."""
    return answer(Failed(error=Problem(code=code, message=message)), status, headers)
