"""Listen addresses."""

import pytest

from cc_relay.config import is_loopback, parse_listen


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8787", "127.0.0.1", 8787),
        (":8787", "", 8787),
        ("[::1]:8787", "::1", 8787),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        ("localhost:0", "localhost", 0),
        (" relay.internal:80 ", "relay.internal", 80),
    ],
)
def test_an_address_has_a_host_and_a_port(text: str, host: str, port: int) -> None:
    listen = parse_listen(text)
    assert listen == (host, port)
    assert str(listen) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8787",
        "localhost",
        "::1:8787",
        "1.2.3.4:",
        "1.2.3:80",
        "[::g]:80",
        "[1]:80",
        "a:65536",
        "a:b",
        "a b:1",
        "http://a:1",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|highest|IP address"):
        parse_listen(text)


def test_a_bare_port_is_understood() -> None:
    with pytest.raises(ValueError, match=r'did you mean "127\.0\.0\.1:8787"'):
        parse_listen("8787")


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "LOCALHOST.:1", "a.localhost:1", "[::ffff:127.0.0.1]:1"],
)
def test_loopback_is_this_machine_alone(text: str) -> None:
    assert is_loopback(text)


@pytest.mark.parametrize(
    "text", [":1", "0.0.0.0:1", "[::]:1", "192.168.0.1:1", "example.com:1", "localhost.evil.com:1"]
)
def test_everything_else_can_be_reached_by_others(text: str) -> None:
    assert not is_loopback(text)
