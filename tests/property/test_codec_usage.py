"""The fast reader of whole answers agrees with the one that takes any shape."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.codec.observer import _read_any_message, read_message

counts = st.one_of(st.none(), st.integers(-2, 2**54), st.just(0), st.floats(0, 10), st.text(max_size=2))
usages = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": counts,
        "output_tokens": counts,
        "cache_read_input_tokens": counts,
        "cache_creation_input_tokens": counts,
        "cache_creation": st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {}, optional={"ephemeral_5m_input_tokens": counts, "ephemeral_1h_input_tokens": counts}
            ),
        ),
        "iterations": st.one_of(st.none(), st.just([]), st.just([{"type": "compaction", "input_tokens": 3}])),
    },
)


@given(usage=usages, stop=st.one_of(st.none(), st.just("end_turn")), error=st.one_of(st.none(), st.just({"type": "x"})))
def test_the_fast_reader_and_the_general_one_agree(usage: object, stop: str | None, error: object) -> None:
    message: dict[str, object] = {"type": "message", "model": "m", "content": [], "stop_reason": stop, "usage": usage}
    if error is not None:
        message["error"] = error
    body = json.dumps(message).encode()
    assert read_message(body) == _read_any_message(body)
