"""Whose thinking is it? A structural look at signatures."""

from base64 import b64decode

_HEAD = 8
"""Characters looked at; a whole number of base64 quartets."""


def is_claude_signature(signature: bytes) -> bool:
    """Whether a thinking signature is built the way Claude's are: JSON text, without its quotes.

    Signatures are opaque, so this only ever decides to leave a block out of what a foreign upstream gets. Known
    shapes, all base64: a first byte 0x12 (`Eg…` to `Ev…`), or 0x08 with 0x12 third (`CAIS…`), or the first of these
    encoded twice (`R…`).
    """
    head = _decode(signature)
    if head[:1] == b"E":
        head = _decode(head[:4])
    return head[:1] == b"\x12" or (head[:1] == b"\x08" and head[2:3] == b"\x12")


def _decode(text: bytes) -> bytes:
    head = text[:_HEAD]
    try:
        return b64decode(head[: len(head) // 4 * 4], validate=True)
    except ValueError:
        return b""
