"""What an exchange leaves behind."""

import pytest
from tests.support.builders import messages_body, relay_request, sse_stream
from tests.support.fakes import FakeDownstream, FakeProvider, Rig, stream, unreachable, upstream, upstream_of
from tests.support.providers import candidate
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.exchange import Credential, Outcome, Record
from cc_relay.relay.authenticate import Principal
from cc_relay.relay.calls import MessagesCall
from cc_relay.relay.course import Course
from cc_relay.relay.pump import Pump
from cc_relay.relay.trail import Trail


def settled(trail: Trail) -> Record:
    records: list[Record] = []
    trail.settle(records.append)
    trail.settle(records.append)
    (record,) = records
    return record


def test_a_trail_is_settled_once() -> None:
    assert settled(Trail(relay_request(), 1, lambda: 7.0)).ended_at == 7.0


def test_a_trail_that_nobody_ended_says_that_the_client_left_before_an_answer() -> None:
    record = settled(Trail(relay_request(), 1, lambda: 7.0))
    assert (record.status, record.outcome, record.first_byte_at) == (499, Outcome.GONE, None)


@pytest.mark.parametrize("outcome", [Outcome.BROKEN, Outcome.GONE, Outcome.DRAINED])
def test_what_happened_after_the_commit_happened_to_the_last_attempt(outcome: Outcome) -> None:
    trail = Trail(relay_request(), 1, lambda: 7.0)
    trail.add_attempt(candidate(), 1.0, Outcome.FAILED, 500, "transient")
    trail.add_attempt(candidate(), 2.0, Outcome.DELIVERED, 200, "")
    trail.end(outcome, "why")
    attempts = settled(trail).attempts
    assert [(one.outcome, one.reason) for one in attempts] == [(Outcome.FAILED, "transient"), (outcome, "why")]


@pytest.mark.parametrize("outcome", [Outcome.GONE, Outcome.DRAINED])
def test_an_attempt_that_failed_stays_failed_though_the_client_left_later(outcome: Outcome) -> None:
    trail = Trail(relay_request(), 1, lambda: 7.0)
    trail.add_attempt(candidate(), 1.0, Outcome.FAILED, 500, "transient")
    trail.end(outcome, "why")
    assert settled(trail).attempts[0].outcome is Outcome.FAILED


def test_a_record_holds_nothing_of_the_requests_headers_and_body() -> None:
    request = relay_request(headers=[(b"x-api-key", b"a-secret-of-the-clients")], body=b'{"prompt":"private"}')
    text = repr(settled(Trail(request, 1, lambda: 7.0)))
    assert "secret" not in text
    assert "private" not in text


@virtual
async def test_what_a_person_sees_at_night_shows_no_key() -> None:
    credentials = (Credential("key-1", "the-secret-1"), Credential("key-2", "the-secret-2"))
    rig = Rig(unreachable(), stream(*sse_stream()), upstreams=[upstream_of(FakeProvider("a"), credentials)])
    await rig.serve(body=messages_body(stream=True))
    trail = Trail(relay_request(), 1, lambda: 7.0)
    shown = [repr(one) for one in (rig.record, trail, Pump(FakeDownstream(), None, rig.loop))]
    assert not [text for text in shown if "the-secret" in text]
    assert shown[1:] == ["<Trail req_builder gone 0 attempts>", "<Pump 0 bytes>"]


@virtual
async def test_a_course_shows_how_far_it_is() -> None:
    rig = Rig(upstreams=[upstream("a", "k1", "k2")])
    call = MessagesCall(relay_request(), rig.front.snapshot, Principal("x"), rig.shells)
    course = Course(call, call.plan(), max_attempts=4, waiting=None)
    course.next(STARTED_AT)
    assert repr(course) == "<Course 1 attempts, 0 refusals>"
