"""Laws of reading and changing a body: the standard library is the oracle."""

import json
import re
from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.json import Decoder

from cc_relay.codec.envelope import read_envelope
from cc_relay.codec.limits import read_limits, read_retry_after
from cc_relay.codec.messages import patch, peek, repair_surrogates
from cc_relay.codec.observer import read_message
from cc_relay.codec.redact import redact_body, redact_headers
from cc_relay.errors import Rejection

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["a", "b", "max_tokens", "größe", 'q"', "\\", "", "\u2028"]) | st.text(max_size=4)
spaces = st.sampled_from(["", " ", "\n", "\t\r\n "])
LONE = re.compile("[\ud800-\udfff]")  # the standard library joins whole pairs and keeps the halves
REQUIRED = [("model", "m"), ("messages", [])]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """An object with a model and messages, spaced and escaped at random, whose keys may repeat."""
    pairs = draw(st.permutations(REQUIRED + draw(st.lists(st.tuples(keys, values), max_size=4))))
    compact, ascii_only = draw(st.booleans()), draw(st.booleans())

    def space() -> str:
        return "" if compact else draw(spaces)

    def write(value: object) -> str:
        return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":") if compact else None)

    items = [space() + write(key) + space() + ":" + space() + write(value) + space() for key, value in pairs]
    return ("{" + ",".join(items) + "}").encode()


def pairs_of(body: bytes) -> list[tuple[str, object]]:
    """The top level's pairs, repeats included."""
    levels: list[list[tuple[str, object]]] = []
    json.loads(body, object_pairs_hook=lambda pairs: levels.append(pairs) or dict(pairs))
    return levels[-1]


@given(bodies())
@example(b'{"model":"m","messages":[],"a":12,"a":1}')
def test_repeated_keys_are_those_that_the_oracle_sees(body: bytes) -> None:
    names = [key for key, _ in pairs_of(body)]
    try:
        found, forward = peek(body)
    except Rejection:  # a random key may have overwritten the model
        assert names.count("model") > 1 or names.count("messages") > 1 or "stream" in names
        return
    assert forward is body
    assert found.repeats_keys == (len(set(names)) < len(names))


@given(bodies(), st.dictionaries(keys, st.none() | values.map(lambda value: json.dumps(value).encode()), max_size=4))
def test_a_patch_is_what_it_would_be_on_the_dictionary(body: bytes, changes: dict[str, bytes | None]) -> None:
    found, _ = peek(body)
    expected = json.loads(body)
    for key, value in changes.items():
        if value is None:
            expected.pop(key, None)
        else:
            expected[key] = json.loads(value)
    patched = patch(found.fields, changes)
    assert list(json.loads(patched).items()) == list(expected.items())
    after = Decoder(dict[str, Raw]).decode(patched)
    for key in found.fields.keys() - changes.keys():
        assert bytes(after[key]) == bytes(found.fields[key])


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_undeclared(data: bytes) -> None:
    read_envelope(data)
    read_message(data)
    redact_body(data, 50)
    for body in (data, b'{"model":"m","messages":[' + data):
        with suppress(Rejection):
            peek(body, data)


@given(st.text('\\u"dD83cCeE0041f', max_size=40))
def test_a_repaired_string_is_accepted_wherever_a_lenient_parser_accepts_it(text: str) -> None:
    body = ('{"model":"m","messages":["' + text + '"]}').encode()
    try:
        json.loads(body)
    except ValueError:
        return
    _, forward = peek(body)
    assert forward in {body, repair_surrogates(body)}
    assert json.loads(forward)["messages"] == [LONE.sub("\ufffd", json.loads(body)["messages"][0])]


HEADER_NAMES = [
    b"retry-after",
    b"retry-after-ms",
    b"anthropic-ratelimit-requests-limit",
    b"anthropic-ratelimit-tokens-reset",
    b"anthropic-ratelimit-unified-status",
    b"anthropic-ratelimit-unified-reset",
    b"anthropic-ratelimit-unified-5h-utilization",
    b"authorization",
]
header_values = st.binary(max_size=40) | st.text("0123456789-+:.TZeGMTJanFri, ", max_size=40).map(str.encode)


@given(st.lists(st.tuples(st.sampled_from(HEADER_NAMES), header_values), max_size=6), st.floats(0, 4e9))
def test_no_headers_raise_anything(headers: list[tuple[bytes, bytes]], now_wall: float) -> None:
    read_limits(headers, now_wall)
    redact_headers(headers)
    seconds = read_retry_after(headers, now_wall)
    assert seconds is None or seconds >= 0
