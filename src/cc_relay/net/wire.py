"""HTTP/1.1 heads as bytes."""

from http import HTTPStatus

from cc_relay.exchange import Headers

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}


def status_line(status: int) -> bytes:
    """The first line of an answer; unknown codes (529 among them) get no phrase."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status


def message(first_lines: bytes, headers: Headers, body: bytes = b"") -> bytes:
    """A whole message: lines that are ready (no line end behind the last), header lines, body; hot path."""
    return b"\r\n".join([first_lines, *map(b": ".join, headers), b"", body])
