"""The CONNECT request and what its answers mean."""

import pytest

from cc_relay.exchange import Origin
from cc_relay.net.upstream.proxy import Proxy
from cc_relay.net.upstream.tunnel import TunnelError, check_answer, connect_request

PROXY = Proxy("proxy.test", 3128)


def test_the_target_always_names_its_port() -> None:
    request = connect_request(Origin("https", "api.test", 443), PROXY)
    assert request == b"CONNECT api.test:443 HTTP/1.1\r\nhost: api.test:443\r\n\r\n"


def test_an_ipv6_target_has_brackets() -> None:
    assert connect_request(Origin("https", "fd00::1", 8443), PROXY).startswith(b"CONNECT [fd00::1]:8443 HTTP/1.1\r\n")


def test_any_status_of_success_opens_the_tunnel() -> None:
    check_answer(b"HTTP/1.0 204\r\nx: y\r\n\r\n", PROXY)


def test_a_phrase_that_is_no_text_is_no_answer() -> None:
    with pytest.raises(TunnelError, match="does not answer in HTTP"):
        check_answer(b"HTTP/1.1 403 \x1b[2J\r\n\r\n", PROXY)
