"""What a request is called: its method, its target, its id."""

import re
from itertools import count
from os import urandom

METHODS = {b"POST": "POST", b"GET": "GET", b"HEAD": "HEAD"}
SANE_ID = re.compile(rb"[A-Za-z0-9._:\-]{1,128}\Z").match

_id_prefix = urandom(8).hex()
_id_numbers = count(1)


def request_id(own: bytes) -> str:
    """The client's own `x-request-id` where it is sane, else a new one."""
    if own and SANE_ID(own):
        return own.decode("ascii")
    return f"req_{_id_prefix}{next(_id_numbers):08x}"


def method_name(method: bytes) -> str:
    return METHODS.get(method) or method.decode("ascii")


def split_target(target: bytes) -> tuple[str, str]:
    """Path and query of a request target in origin form or absolute form (RFC 9112, 3.2)."""
    if not target.startswith(b"/"):
        scheme, separator, rest = target.partition(b"://")
        if separator and scheme.isalpha():
            _, slash, tail = rest.partition(b"/")
            target = slash + tail or b"/"
    path, _, query = target.partition(b"?")
    return path.decode("latin-1"), query.decode("latin-1")
