"""What `explain` tells of a request."""

import click
from msgspec.structs import replace
from tests.support.admin import REQUEST

from cc_relay.cli.story import story
from cc_relay.exchange import Outcome

HOSTILE = "a\x1b]0;owned\x07b\r\n\u202e\x9b2J"
SHOWN = r"a\x1b]0;owned\x07b\r\n\u202e\x9b2J"


def told(**changes: object) -> str:
    return click.unstyle(story(replace(REQUEST, **changes)))


def test_the_story_is_told_in_order() -> None:
    assert told().splitlines() == [
        "req_1: POST /v1/messages, claude-opus-5-5",
        "  asked at 2026-01-02 03:04:05.678+00:00 by relay-key, session 6f2b1c7e, moved away from the key it was on",
        "  delivered with status 200 after 3.21 s; the answer began after 812 ms, 40 ms of it in the queue",
        "  12.3k bytes; tokens: 7 in, 345 out, 10.3k read from the cache, 21 written to it",
        "",
        "Candidates, as failover ranked them (configuration 3):",
        "  RANK  PROVIDER  KEY       MODEL            WHY",
        "  1     work      key-0a1b  claude-opus-5-5  priority 2",
        "  2     spare     key-2c3d  glm-5            priority 1",
        "",
        "Refused:",
        "  AT    PROVIDER  KEY       MODEL            WHY  FREE AGAIN",
        "  1 ms  work      key-9f9f  claude-opus-5-5  rpm  in 12.00 s",
        "",
        "Attempts:",
        "  TRY        PROVIDER  KEY       MODEL            AT     TOOK    OUTCOME    STATUS  STAGE  WHY",
        "  1          work      key-0a1b  claude-opus-5-5  2 ms   90 ms   failed     529     head   overloaded",
        "  2 (hedge)  spare     key-2c3d  glm-5            95 ms  3.12 s  delivered  200     -      -",
    ]


def test_a_request_that_went_nowhere_says_so() -> None:
    lines = told(
        outcome=Outcome.REJECTED,
        status=401,
        reason="authentication",
        model="",
        session=None,
        first_byte_ms=None,
        waited_ms=0.0,
        candidates=[],
        refusals=[],
        attempts=[],
    ).splitlines()

    assert lines[0] == "req_1: POST /v1/messages, no model"
    assert lines[1].endswith("by relay-key")
    assert lines[2] == "  rejected with status 401 (authentication) after 3.21 s; no answer began"
    assert lines[5:] == [
        "No candidate: it was answered before anybody was chosen, or nobody serves it.",
        "",
        "Nothing was sent to a provider.",
    ]


def test_a_refusal_that_waiting_does_not_mend_names_no_time() -> None:
    refusals = [replace(REQUEST.refusals[0], retry_in_ms=None)]

    assert "  1 ms  work      key-9f9f  claude-opus-5-5  rpm  -" in told(refusals=refusals).splitlines()


def test_nothing_that_was_sent_moves_the_cursor() -> None:
    texts = {"id", "method", "path", "model", "principal", "session", "reason", "strategy"}
    hostile = dict.fromkeys(texts, HOSTILE) | {
        "candidates": [
            replace(REQUEST.candidates[0], provider=HOSTILE, model=HOSTILE, key=HOSTILE, reason=HOSTILE),
        ],
        "refusals": [
            replace(REQUEST.refusals[0], provider=HOSTILE, model=HOSTILE, key=HOSTILE, reason=HOSTILE),
        ],
        "attempts": [
            replace(REQUEST.attempts[0], provider=HOSTILE, model=HOSTILE, key=HOSTILE, reason=HOSTILE),
        ],
    }

    shown = told(**hostile)

    assert shown.count(SHOWN) == len(texts) + 3 * 4
    assert all(line.isprintable() for line in shown.split("\n"))
