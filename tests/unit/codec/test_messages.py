"""Reading and changing a Messages body."""

import json

import pytest

from cc_relay.codec.messages import MAX_SESSION, patch, peek, replace_model, rewrite
from cc_relay.errors import Rejection
from cc_relay.exchange import Peek

BODY = b'{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":64,"stream":true}'


def look(body: bytes, session_header: bytes | None = None) -> Peek:
    return peek(body, session_header)[0]


def with_user_id(user_id: object) -> bytes:
    return json.dumps({"model": "m", "messages": [], "metadata": {"user_id": user_id}}).encode()


def test_a_body_is_read_without_being_rewritten() -> None:
    found, forward = peek(BODY)
    assert forward is BODY
    assert (found.model, found.stream, found.session, found.size) == ("claude-opus-5-5", True, None, len(BODY))
    assert not found.repeats_keys
    assert bytes(found.fields["messages"]) == b'[{"role":"user","content":"hi"}]'


def test_a_body_that_does_not_mention_stream_does_not_stream() -> None:
    assert not look(b'{"model":"m","messages":[]}').stream


@pytest.mark.parametrize(
    ("body", "reason", "says"),
    [
        (b"", "bad_json", "it is empty"),
        (b'{"model":', "bad_json", "truncated"),
        (b'{"model":"m","messages":[],}', "bad_json", "byte 27"),
        (b'{"model":"m","messages":[]} {}', "bad_json", "trailing characters"),
        (b'{"model":"m","messages":["\xff]', "not_utf8", "byte 26"),
        (b'{"mod\xffel":"m","messages":[]}', "not_utf8", "byte 5"),
        (b'{"model":"m","messages":%b' % (b"[" * 100_000), "too_deep", "too deeply"),
        (b"[]", "not_an_object", "must be a JSON object"),
        (b'"model"', "not_an_object", "must be a JSON object"),
        (b'{"messages":[]}', "no_model", "model: Field required"),
        (b'{"model":7,"messages":[]}', "no_model", "model: Input should be"),
        (b'{"model":"","messages":[]}', "no_model", "model: Input should be"),
        (b'{"model":"m\xff","messages":[]}', "no_model", "model: Input should be"),
        (b'{"model":"m"}', "no_messages", "messages: Field required"),
        (b'{"model":"m","messages":{}}', "no_messages", "messages: Input should be a list"),
        (b'{"model":"m","messages":[],"stream":1}', "bad_stream", "stream: Input should be true or false"),
        (b'{"model":"m","messages":[],"stream":"true"}', "bad_stream", "stream: Input should be true or false"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused_with_what_to_do(body: bytes, reason: str, says: str) -> None:
    with pytest.raises(Rejection, match=says) as refused:
        peek(body)
    assert (refused.value.status, refused.value.error_type) == (400, "invalid_request_error")
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("written", "repaired"),
    [
        (rb"cut \ud83d", rb"cut \ufffd"),
        (rb"\ude00 tail", rb"\ufffd tail"),
        (rb"\uD83D and more text", rb"\ufffd and more text"),
        (rb"\ud83d\ud83d\ude00", rb"\ufffd\ud83d\ude00"),
        (rb"\ud83d\u0041", rb"\ufffd\u0041"),
        (rb"\\\ud83d \\ud83d", rb"\\\ufffd \\ud83d"),
    ],
)
def test_half_a_surrogate_pair_is_repaired(written: bytes, repaired: bytes) -> None:
    frame = b'{"model":"m","messages":["%b"]}'
    found, forward = peek(frame % written)
    assert forward == frame % repaired
    assert found.size == len(forward)
    assert bytes(found.fields["messages"]) == b'["%b"]' % repaired


def test_whole_surrogate_pairs_travel_as_they_came() -> None:
    body = rb'{"model":"m","messages":["\ud83d\ude00"]}'
    assert peek(body)[1] is body


def test_a_body_that_is_broken_beside_its_surrogates_is_refused() -> None:
    with pytest.raises(Rejection, match="not valid JSON"):
        peek(rb'{"model":"m","messages":["\ud83d"')


def test_the_session_header_wins() -> None:
    assert look(with_user_id("someone"), b"0198-session").session == "0198-session"


@pytest.mark.parametrize("header", [b"", b"a\x00b", b"x" * (MAX_SESSION + 1), "é".encode()])
def test_a_senseless_session_header_is_passed_over(header: bytes) -> None:
    assert look(with_user_id("someone"), header).session == "someone"


@pytest.mark.parametrize(
    ("user_id", "session"),
    [
        (json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "5e55"}), "5e55"),
        ("user_1_account__session_2", "user_1_account__session_2"),
        ("{not json", "{not json"),
        ('{"session_id":7}', '{"session_id":7}'),
        ("", None),
        (7, None),
        (None, None),
        ("x" * (MAX_SESSION + 1), None),
        ("line\nbreak", None),
    ],
)
def test_the_session_is_read_from_the_user_id(user_id: object, session: str | None) -> None:
    assert look(with_user_id(user_id)).session == session


@pytest.mark.parametrize("metadata", [b"null", b"[]", b'"x"', b"{}"])
def test_metadata_of_another_shape_names_no_session(metadata: bytes) -> None:
    assert look(b'{"model":"m","messages":[],"metadata":%b}' % metadata).session is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","messages":[],"model":"b"}',
        b'{"model":"b","messages":[],"model":"b"}',
        b'{"model":"a","messages":[],"mod\\u0065l":"b"}',
        b'{ "model" : "a", "messages" : [], "model" : "a" }',
        b'{"model":"a","messages":[],"n":12,"n":1}',
        b'{"model":"a","messages":[ ],"messages":[]}',
    ],
)
def test_a_key_named_twice_is_noticed(body: bytes) -> None:
    assert look(body).repeats_keys


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "a", "messages": [], "n": 1}',
        b'\n{\t"model"\r\n:"a" , "messages":[]\n}\n',
        b'{"mod\\u0065l":"a","messages":[]}',
        '{"model":"a","messages":[],"größe":1}'.encode(),
        b'{"model":"a","messages":[{"model":"a"},{"model":"b"}]}',
        b'{"model":"a","messages":[],"":0}',
        b'{"model":"a","messages":[],"\\"":0, "\\\\":0}',
    ],
)
def test_spaces_and_escapes_are_not_taken_for_a_repeat(body: bytes) -> None:
    assert not look(body).repeats_keys


def test_a_patch_replaces_removes_and_adds() -> None:
    changes = {"max_tokens": b"32", "stream": None, "speed": b'"fast"', "absent": None}
    assert patch(look(BODY).fields, changes) == (
        b'{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":32,"speed":"fast"}'
    )


def test_what_a_patch_does_not_name_keeps_its_bytes() -> None:
    odd = (
        rb'{"model":"m","messages":[ {"content":"\u00e9\/"} ],"temperature":1.00,"seed":123456789012345678901234567890}'
    )
    patched = patch(look(odd).fields, {"model": b'"n"'})
    assert patched == odd.replace(b'"m"', b'"n"')


def test_a_body_with_the_right_model_travels_as_it_came() -> None:
    assert replace_model(look(BODY), BODY, "claude-opus-5-5") is BODY


def test_a_model_is_replaced() -> None:
    renamed = replace_model(look(BODY), BODY, 'odd "name"')
    assert json.loads(renamed) == {**json.loads(BODY), "model": 'odd "name"'}


def test_a_body_that_repeats_a_key_is_written_anew_with_what_the_relay_believed() -> None:
    body = b'{"model":"a","messages":[],"model":"b"}'
    assert rewrite(look(body), body, {}) == b'{"model":"b","messages":[]}'
