from base64 import b64encode

import pytest

from cc_relay.providers.signatures import is_claude_signature


@pytest.mark.parametrize(
    "signature",
    [
        b64encode(b"\x12" + bytes(60)),
        b64encode(b"\x08\x02\x12" + bytes(60)),
        b64encode(b64encode(b"\x12" + bytes(60))),
        b"EqQBCgIYAg",
    ],
)
def test_signatures_built_like_claudes_are_recognised(signature: bytes) -> None:
    assert is_claude_signature(signature)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"E",
        b"9f86d081884c7d659a2feaa0c55ad015",
        b"E3B0C44298FC1C149AFBF4C8996FB924",
        b"CAFEBABE00112233445566778899AABB",
        b"proxy:0001",
        b64encode(b"\x0a\x12" + bytes(60)),
        b64encode(b64encode(b"\x13" + bytes(60))),
        "Eÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿ".encode(),
    ],
)
def test_other_signatures_are_somebody_elses(signature: bytes) -> None:
    assert not is_claude_signature(signature)
