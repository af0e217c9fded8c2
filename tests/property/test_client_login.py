"""The law of the client's own login: Anthropic's own host over TLS, and nowhere else."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders import messages_body, relay_request
from tests.support.providers import candidate
from tests.support.providers import provider as built

from cc_relay.codec.messages import peek
from cc_relay.exchange import Origin, UpstreamRequest
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.registry import TYPES, build

HOME = Origin("https", "api.anthropic.com", 443)

SCHEMES = st.sampled_from(["https://", "http://", "HTTPS://", "//", "", "https:/"])
USERS = st.sampled_from(["", "", "", "user@", "api.anthropic.com@", "api.anthropic.com:443@"])
HOSTS = st.sampled_from(
    [
        "api.anthropic.com",
        "API.Anthropic.COM",
        "api.anthropic.com.",
        "api.anthropic.com.evil.test",
        "evil-api.anthropic.com",
        "api.anthropic.com\\.evil.test",
        "evil.test\\@api.anthropic.com",
        "evil.test#@api.anthropic.com",
        "api．anthropic．com",  # noqa: RUF001 - the attack itself
        "api.anthropic.com%2eevil.test",
        "api.anthropic.com\n.evil.test",
        "api.anthropic.com\t",
        "xn--api-anthropic.com",
        "api-anthropic.com",
        "localhost",
        "[::1]",
        "",
    ]
)
PORTS = st.sampled_from(["", "", ":443", ":80", ":8443", ":0", ":", ":0443", ":-1", ":443@evil.test", ":99999"])
PATHS = st.sampled_from(["", "/", "/v1", "/v1/messages", "/anthropic", "/@evil.test", "/../x", "?x=1", "#y"])
URLS = st.builds("".join, st.tuples(SCHEMES, USERS, HOSTS, PORTS, PATHS)) | st.text(max_size=40).map(
    lambda tail: f"https://api.anthropic.com{tail}"
)
SECRETS = st.sampled_from(["sk-ant-oat01-invented", "sk-ant-api03-invented", "a-token-of-tomorrow"])

SEEN, BODY = peek(messages_body())


def outcome(call: Callable[[], UpstreamRequest | None]) -> UpstreamRequest | None:
    """What would be sent; None where the provider refuses to, or has no such call."""
    try:
        return call()
    except AssertionError:
        return None


@given(type_=st.sampled_from(sorted(TYPES)), url=URLS, secret=SECRETS)
def test_a_clients_login_goes_to_anthropics_own_host_or_nowhere(type_: str, url: str, secret: str) -> None:
    try:
        provider = built(type_, url)
    except ValueError:
        return  # such a provider never comes to be
    own = candidate(secret=secret, is_client_owned=True)
    request = relay_request(body=BODY)
    calls = {
        "messages": lambda: provider.prepare_messages(request, SEEN, own),
        "count": lambda: provider.prepare_count(request, SEEN, own),
        "probe": lambda: provider.prepare_probe(own),
        "passthrough": lambda: provider.prepare_passthrough(relay_request(path="/v1/files"), own),
    }
    for call in calls.values():
        if provider.accepts_client_login:
            upstream = call()
            assert upstream is not None
            assert upstream.origin == HOME
            assert secret.encode() in b"".join(value for _, value in upstream.headers)
        else:
            assert outcome(call) is None


@pytest.mark.parametrize("url", ["", "https://api.anthropic.com", "https://api.anthropic.com:443/v1/"])
def test_anthropics_own_host_accepts_a_login(url: str) -> None:
    assert build(ProviderSettings(name="p", type="anthropic", base_url=url)).accepts_client_login


@pytest.mark.parametrize(
    "url",
    [
        "http://api.anthropic.com",
        "https://api.anthropic.com:8443",
        "https://api.anthropic.com.",
        "https://gateway.test",
    ],
)
def test_any_other_host_does_not(url: str) -> None:
    assert not build(ProviderSettings(name="p", type="anthropic", base_url=url)).accepts_client_login
