"""The management API over HTTP: its addresses, and what each answers."""

import logging

from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cc_relay.management.answers import answer, failure
from cc_relay.management.guard import Guard
from cc_relay.management.ports import Control
from cc_relay.management.views import Recent

logger = logging.getLogger(__name__)

FEW_REQUESTS = 20
MOST_REQUESTS = 100
"""In one answer: it is made between two turns of the loop that serves the data plane."""

_CODES = {404: "not_found", 405: "method_not_allowed"}


class Health(Struct, frozen=True):
    status: str = "ok"


class Api:
    """The answers of one relay."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def __repr__(self) -> str:
        return f"<Api of {self._control!r}>"

    async def request(self, request: Request) -> Response:
        wanted: str = request.path_params["id"]
        found = self._control.find_request(wanted)
        return _unknown(wanted, self._control.capacity) if found is None else answer(found)

    async def requests(self, request: Request) -> Response:
        limit = request.query_params.get("limit", str(FEW_REQUESTS))
        # `isdigit` alone would take other scripts' digits, and `int` underscores and spaces.
        if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and 1 <= int(limit) <= MOST_REQUESTS):
            return failure(400, "invalid_limit", f"limit must be a whole number from 1 to {MOST_REQUESTS}.")
        return answer(Recent(requests=self._control.recent_requests(int(limit))))

    async def status(self, _request: Request) -> Response:
        return answer(self._control.overview())


def build_app(control: Control, token: str) -> Starlette:
    """The API as an ASGI application. `token` is what clients must send as Bearer, "" for nothing.

    Without a token it answers programs on this machine alone. No CORS headers: no other site's page may read it.
    """
    api = Api(control)
    routes = [
        Route("/health", _health),
        Route("/api/v1/status", api.status),
        Route("/api/v1/requests", api.requests),
        Route("/api/v1/requests/{id:path}", api.request),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={HTTPException: _refuse, Exception: _confess},
    )
    # A redirect would be an absolute address made of whatever the client sent as Host.
    app.router.redirect_slashes = False
    return app


async def _health(_request: Request) -> Response:
    return answer(Health())


def _unknown(wanted: str, capacity: int) -> Response:
    message = (
        f'No request with the id "{wanted}" is remembered: {capacity} of the newest are at most, those that went wrong '
        "for longest, and a restart forgets them. GET /api/v1/requests lists the latest; the id is the x-request-id of "
        "the answer."
    )
    return failure(404, "unknown_request", message)


async def _refuse(request: Request, error: Exception) -> Response:
    """What the router itself says no to."""
    assert isinstance(error, HTTPException)
    messages = {
        404: f"There is nothing at {request.url.path}. Begin with GET /api/v1/status.",
        405: f"{request.url.path} does not take {request.method}.",
    }
    code = _CODES.get(error.status_code, "refused")
    return failure(error.status_code, code, messages.get(error.status_code, error.detail), error.headers)


async def _confess(request: Request, error: Exception) -> Response:
    logger.error("%s on the admin port failed because of a bug of ours", request.url.path, exc_info=error)
    return failure(500, "internal", "The relay failed on this request; its log says why.")
