import pytest

from cc_relay.providers.bedrock.clock import read_skew


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        (
            "Signature expired: 20260102T030405Z is now earlier than 20260102T035905Z (20260102T040405Z - 5 min.)",
            "this machine's clock is off, about 60 minutes behind; set it right",
        ),
        (
            "Signature not yet current: 20260102T041005Z is still later than 20260102T040905Z (20260102T040405Z + 5 m)",
            "this machine's clock is off, about 6 minutes ahead; set it right",
        ),
        ("Request has expired.", "this machine's clock is off; set it right"),
        (
            "Signature expired: 20269902T030405Z is now earlier than 20260102T035905Z (20260102T040405Z - 5 min.)",
            "this machine's clock is off; set it right",
        ),
    ],
)
def test_a_clock_that_is_off_is_named(message: str, remedy: str) -> None:
    assert read_skew(message) == remedy


def test_another_signature_is_just_wrong() -> None:
    assert read_skew("The request signature we calculated does not match the signature you provided.") is None
