"""Which proxy the environment names for which origin."""

import pytest

from cc_relay.exchange import Origin
from cc_relay.net.upstream.proxy import Proxy, ProxyChoice

PROXY = Proxy("proxy.test", 3128)
ENVIRON = {"HTTPS_PROXY": "http://proxy.test:3128"}


def https(host: str, port: int = 443) -> Origin:
    return Origin("https", host, port)


def is_direct(host: str, no_proxy: str, port: int = 443) -> bool:
    return ProxyChoice({**ENVIRON, "NO_PROXY": no_proxy}).choose(https(host, port)) is None


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_each_variable_names_a_proxy(variable: str) -> None:
    assert ProxyChoice({variable: "http://proxy.test:3128"}).choose(https("api.test")) == PROXY


def test_the_special_variable_beats_the_general_one() -> None:
    assert ProxyChoice({**ENVIRON, "ALL_PROXY": "http://other.test"}).choose(https("api.test")) == PROXY


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert ProxyChoice({"HTTPS_PROXY": " "}).choose(https("api.test")) is None


def test_cleartext_origins_are_direct() -> None:
    assert ProxyChoice(ENVIRON).choose(Origin("http", "api.test", 80)) is None


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.test:3128/", PROXY),
        ("proxy.test:3128", PROXY),
        ("HTTP://Proxy.Test:3128", PROXY),
        ("http://proxy.test", Proxy("proxy.test", 80)),
        ("http://[::1]:3128", Proxy("::1", 3128)),
        ("http://me:p%40ss@proxy.test:3128", Proxy("proxy.test", 3128, b"Basic bWU6cEBzcw==")),
        ("http://me@proxy.test:3128", Proxy("proxy.test", 3128, b"Basic bWU6")),
    ],
)
def test_a_proxy_is_read_from_its_url(url: str, proxy: Proxy) -> None:
    assert ProxyChoice({"HTTPS_PROXY": url}).choose(https("api.test")) == proxy


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hunter2@proxy.test",
        "socks5://me:hunter2@proxy.test:1080",
        "http://me:hunter2@",
        "http://me:hunter2",
        "http://me:hunter2/@proxy.test",
        "http://[me:hunter2",
    ],
)
def test_an_unusable_proxy_names_its_variable_and_keeps_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="ALL_PROXY") as caught:
        ProxyChoice({"ALL_PROXY": url})
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_proxy_shows_no_credentials() -> None:
    proxy = Proxy("proxy.test", 3128, b"Basic c2VjcmV0")
    assert "c2VjcmV0" not in f"{proxy!r} {proxy}"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine_is_always_direct(host: str) -> None:
    assert is_direct(host, no_proxy="")


@pytest.mark.parametrize("entry", ["api.test", ".api.test", "*.api.test", "other.test, api.test", "API.test", "test"])
def test_an_entry_covers_everything_below_it(entry: str) -> None:
    assert is_direct("v1.Api.test.", no_proxy=entry)


@pytest.mark.parametrize("entry", ["pi.test", "v1.api.test", "api.test:8443", "*api.other", "", ",", "10.0.0.0/8"])
def test_an_entry_covers_nothing_else(entry: str) -> None:
    assert not is_direct("api.test", no_proxy=entry)


def test_a_star_means_no_proxy_at_all() -> None:
    assert is_direct("api.test", no_proxy="other.test,*")


@pytest.mark.parametrize("entry", ["api.test:8443", ".test:8443"])
def test_an_entry_with_a_port_covers_that_port(entry: str) -> None:
    assert is_direct("api.test", no_proxy=entry, port=8443)


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3:443"),
        ("10.1.2.3", "10.1.2.99/24"),
        ("fd00::1", "fd00::/8"),
        ("fd00::1", "[fd00::1]"),
        ("fd00::1", "[fd00::1]:443"),
        ("fd00:0::1", "fd00::1"),
    ],
)
def test_addresses_match_by_network(host: str, entry: str) -> None:
    assert is_direct(host, no_proxy=entry)


@pytest.mark.parametrize(
    ("host", "entry"), [("11.0.0.1", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3:80"), ("fd00::1", "10.0.0.0/8")]
)
def test_addresses_outside_a_network_are_proxied(host: str, entry: str) -> None:
    assert not is_direct(host, no_proxy=entry)


def test_the_lower_case_variable_counts_too() -> None:
    assert ProxyChoice({**ENVIRON, "no_proxy": "api.test"}).choose(https("api.test")) is None
