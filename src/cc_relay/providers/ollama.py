"""Ollama: models on the user's own machines, or in its cloud."""

import re

from msgspec.structs import replace

from cc_relay.codec.envelope import envelope
from cc_relay.exchange import Failure, FailureKind, Headers
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.error_body import read_error_body
from cc_relay.providers.failures import read_foreign_failure
from cc_relay.providers.foreign import Foreign, Traits

BASE_URL = "http://localhost:11434"

_MISSING_MODEL = re.compile(r"""model ['"]?([\w.:/-]+)['"]? not found""")


def read_failure(provider: str, status: int, headers: Headers, body: bytes) -> Failure:
    """An error of Ollama's; a model that is not there comes with the command that fetches it."""
    failure = read_foreign_failure(provider, status, headers, body)
    missing = _MISSING_MODEL.search(failure.message)
    if missing is None:
        return failure
    message = f"{failure.message} Run `ollama pull {missing[1]}` where {provider} runs."
    request_id = read_error_body(provider, status, headers, body).request_id
    return replace(
        failure,
        kind=FailureKind.UNKNOWN_MODEL,
        message=message,
        body=envelope(failure.error_type, message, request_id),
    )


TRAITS = Traits(
    dialect=Dialect(
        has_adaptive_effort=True,
        has_documents=False,  # they would be dropped without a word
        has_image_urls=False,
        output_config=frozenset({"effort"}),
        server_tools=("web_search",),  # through ollama.com, with a cloud key
    ),
    base_url=BASE_URL,
    probe_path="/api/tags",
    read_failure=read_failure,
)


def build(settings: ProviderSettings) -> Foreign:
    return Foreign(settings, TRAITS)
