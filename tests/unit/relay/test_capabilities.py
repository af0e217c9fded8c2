"""An upstream refuses a capability: it is asked once more without it, and the next request leaves it out at once."""

import asyncio

from tests.support.builders import messages_body
from tests.support.fakes import FakeIncoming, Rig, answer, failure, upstream
from tests.support.virtual_time import virtual

from cc_relay.exchange import FailureKind, Outcome
from cc_relay.policy.shortcomings import LIFETIME
from cc_relay.providers.capabilities import FOREIGN_HISTORY, THINKING_HISTORY
from cc_relay.relay.asking import MOST_CHANGES

SESSION = [(b"content-type", b"application/json"), (b"x-claude-code-session-id", b"session-1")]
BETA = "beta:x-2026-01-01"


def refusal(lacks: str) -> FakeIncoming:
    return failure(400, "invalid_request_error", kind=FailureKind.CAPABILITY, x_lacks=lacks)


def lacking(rig: Rig) -> list[str]:
    """What each request went without, in order."""
    return [dict(sent.headers).get(b"x-lacking", b"").decode() for sent in rig.sender.requests]


def good() -> FakeIncoming:
    return answer(b'{"type":"message","content":[]}')


@virtual
async def test_what_was_refused_is_left_out_of_a_second_request_to_the_same_upstream() -> None:
    rig = Rig(refusal(BETA), good())
    downstream = await rig.serve()
    assert downstream.status == 200
    assert [sent.origin.host for sent in rig.sender.requests] == ["a.test", "a.test"]
    assert lacking(rig) == ["", BETA]


@virtual
async def test_the_trace_says_what_was_left_out() -> None:
    rig = Rig(refusal(BETA), good())
    await rig.serve()
    first, second = rig.record.attempts
    assert (first.outcome, first.status) == (Outcome.FAILED, 400)
    assert first.reason.startswith("capability; asked again without ")
    assert "x-2026-01-01" in first.reason
    assert second.outcome is Outcome.DELIVERED


@virtual
async def test_the_next_request_leaves_it_out_at_once() -> None:
    rig = Rig(refusal(BETA), good(), good())
    await rig.serve()
    await rig.serve()
    assert lacking(rig) == ["", BETA, BETA]


@virtual
async def test_it_is_tried_again_after_a_while() -> None:
    rig = Rig(refusal(BETA), good(), good())
    await rig.serve()
    await asyncio.sleep(LIFETIME)
    await rig.serve()
    assert lacking(rig) == ["", BETA, ""]


@virtual
async def test_nothing_is_learned_where_leaving_it_out_did_not_help() -> None:
    rig = Rig(refusal(BETA), refusal(""), good())
    downstream = await rig.serve()
    assert downstream.status == 400
    await rig.serve()
    assert lacking(rig) == ["", BETA, ""]


@virtual
async def test_the_client_gets_the_refusal_as_it_came_where_nothing_can_be_left_out() -> None:
    rig = Rig(refusal(BETA), upstreams=[upstream("a", adapts=False)])
    downstream = await rig.serve()
    assert (downstream.status, rig.record.outcome) == (400, Outcome.REJECTED)
    assert b"the upstream's own 400" in downstream.body


@virtual
async def test_one_request_is_changed_a_few_times_at_most() -> None:
    refusals = [refusal(f"beta:{number}") for number in range(MOST_CHANGES + 1)]
    rig = Rig(*refusals)
    downstream = await rig.serve()
    assert downstream.status == 400
    assert len(rig.sender.requests) == MOST_CHANGES + 1


@virtual
async def test_the_same_refusal_twice_ends_it() -> None:
    rig = Rig(refusal(BETA), refusal(BETA))
    assert (await rig.serve()).status == 400


@virtual
async def test_what_only_one_conversation_cannot_have_is_kept_from_no_other() -> None:
    rig = Rig(refusal(THINKING_HISTORY), good(), good(), good(), keeps_sessions=True)
    await rig.serve(headers=SESSION)
    await rig.serve(headers=SESSION)
    await rig.serve(headers=[SESSION[0], (b"x-claude-code-session-id", b"session-2")])
    assert lacking(rig) == ["", THINKING_HISTORY, THINKING_HISTORY, ""]


@virtual
async def test_a_conversation_that_another_family_took_part_in_is_told_to_claude_in_claudes_words() -> None:
    rig = Rig(
        *[good() for _ in range(3)],
        upstreams=[upstream("glm", models=("glm-5",), is_claude=False), upstream("a", models=("claude-sonnet-5-5",))],
        keeps_sessions=True,
    )
    await rig.serve(headers=SESSION)
    await rig.serve(headers=SESSION, body=messages_body(model="glm-5"))
    await rig.serve(headers=SESSION)
    assert lacking(rig) == ["", "", FOREIGN_HISTORY]
    rig.sender._left += [good(), good()]
    await asyncio.sleep(LIFETIME * 0.9)
    await rig.serve(headers=SESSION)
    await asyncio.sleep(LIFETIME * 0.9)
    await rig.serve(headers=SESSION)
    assert lacking(rig)[3:] == [FOREIGN_HISTORY, FOREIGN_HISTORY], "for as long as the conversation goes on"
