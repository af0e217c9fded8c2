import pytest

from cc_relay.exchange import Origin
from cc_relay.providers.urls import parse_base_url


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://api.z.ai/api/anthropic", "https://api.z.ai", b"/api/anthropic/v1/messages"),
        ("https://api.z.ai/api/anthropic/", "https://api.z.ai", b"/api/anthropic/v1/messages"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai", b"/api/v1/messages"),
        ("https://openrouter.ai/api/v1/", "https://openrouter.ai", b"/api/v1/messages"),
        ("https://host.test/v1/messages", "https://host.test", b"/v1/messages"),
        ("http://localhost:11434", "http://localhost:11434", b"/v1/messages"),
        ("HTTP://LocalHost", "http://localhost", b"/v1/messages"),
        ("https://host.test:443/", "https://host.test", b"/v1/messages"),
        ("http://[::1]:8000", "http://[::1]:8000", b"/v1/messages"),
    ],
)
def test_a_base_url_gives_the_origin_and_the_target(url: str, origin: str, target: bytes) -> None:
    endpoint = parse_base_url(url)
    assert str(endpoint.origin) == origin
    assert endpoint.target("/v1/messages") == target


def test_a_prefix_that_only_ends_like_a_version_stays() -> None:
    assert parse_base_url("https://host.test/apiv1").target("/v1/messages") == b"/apiv1/v1/messages"


def test_a_query_is_added_where_there_is_one() -> None:
    endpoint = parse_base_url("https://host.test")
    assert endpoint.target("/v1/models", "limit=1") == b"/v1/models?limit=1"


def test_the_default_port_depends_on_the_scheme() -> None:
    assert parse_base_url("https://host.test").origin == Origin("https", "host.test", 443)
    assert parse_base_url("http://host.test").origin == Origin("http", "host.test", 80)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.anthropic.com",
        "ftp://host.test",
        "file:///etc/passwd",
        "https://",
        "https://user:password@host.test",
        "https://host.test?key=1",
        "https://host.test/#top",
        "https://host.test\\.evil.test",
        "https://host.test\n",
        "https://ho st.test",
        "https://höst.test",
        "https://host.test:99999",
        "https://-host.test",
        "https://[::1%25eth0]",
        "https://[::zz]",
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"base_url|[Pp]ort|IP|Invalid|appear"):
        parse_base_url(url)
