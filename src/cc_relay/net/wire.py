"""HTTP/1.1 heads as bytes."""

from http import HTTPStatus

from cc_relay.exchange import Headers

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

FRAMING_NAMES = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Names that speak of one connection and never travel on (RFC 9110, 7.6.1); `content-length` is told apart."""


def status_line(status: int) -> bytes:
    """The first line of an answer; unknown codes (529 among them) get no phrase."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def lines(headers: Headers) -> list[bytes]:
    """Header lines, ready to be joined."""
    return [b"%b: %b\r\n" % pair for pair in headers]
