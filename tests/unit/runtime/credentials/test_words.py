"""Other people's words, before they go into a log."""

import pytest

from cc_relay.runtime.credentials.words import LONGEST, about_time, careful


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "User: arn:aws:iam::123456789012:user/jo is not authorized to perform: sts:AssumeRole",
            "User: [arn] is not authorized to perform: sts:AssumeRole",
        ),
        ("the account 123456789012 is closed", "the account [id] is closed"),
        ("bot@my-project.iam.gserviceaccount.com was deleted", "[account] was deleted"),
        ("no application 72f988bf-86f1-41af-91ab-2d7cd011db47 here", "no application [id] here"),
        ("token ya29.a0AfH6SMBx-3kLmN0pQrStUv is over", "token […] is over"),
        ("key AKIAIOSFODNN7EXAMPLE is off", "key […] is off"),
        (
            "File /etc/cc-relay/gcloud/key.json was not found.",
            "File /etc/cc-relay/gcloud/key.json was not found.",
        ),
        ("The config profile (work-eu-1) could not be found", "The config profile (work-eu-1) could not be found"),
        ("two\nlines\tand a \x1b[31mcolour", "two lines and a [31mcolour"),
        ("<!DOCTYPE html><title>Sign in</title>", "a web page"),
        ("AADSTS7000215: Invalid client secret", "AADSTS7000215: Invalid client secret"),
    ],
)
def test_what_names_or_proves_somebody_is_cut_out(said: str, told: str) -> None:
    assert careful(said) == told


def test_words_without_end_are_cut_short() -> None:
    assert careful("word " * 1000) == f"{('word ' * 1000)[:LONGEST]}…"


@pytest.mark.parametrize(
    "said",
    [
        "invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
        "Token used too early, 1700000000 < 1700003600. Check that your computer's clock is set correctly.",
        "Signature not yet current: 20261123T160000Z is still later than 20261123T121000Z",
        "Signature expired: 20261123T100000Z is now earlier than 20261123T115500Z",
        "AADSTS700024: Client assertion is not within its valid time range.",
    ],
)
def test_a_refusal_about_time_says_to_look_at_the_clock(said: str) -> None:
    assert "clock is right" in about_time(said)


def test_other_refusals_do_not() -> None:
    assert about_time("invalid_grant: Bad Request") == ""
