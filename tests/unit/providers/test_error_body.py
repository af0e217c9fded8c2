"""What an error answer says, whatever it looks like."""

import pytest

from cc_relay.providers.error_body import read_error_body


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message":"no such model"}', "no such model"),
        (b'{"message":"\\uaaf7","detail":"no such model"}', "no such model"),
        (b'{"message":"\\uaaf7"}', "here answered with HTTP 500 and no explanation."),
        (b"", "here answered with HTTP 500 and an empty body."),
    ],
    ids=["a message", "nothing that prints, and a detail", "nothing that prints", "nothing"],
)
def test_there_is_always_something_to_tell(body: bytes, message: str) -> None:
    assert read_error_body("here", 500, [], body).message == message
