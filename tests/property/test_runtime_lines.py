"""Log lines hold whatever a client or an upstream wrote, on one line, and nothing of it reaches a terminal raw."""

import json
import logging

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.runtime.records import attempt, record

from cc_relay.exchange import Outcome, Record, Usage
from cc_relay.runtime.access_log import _encode, json_line, text_line
from cc_relay.runtime.logs import LineFormatter

# Halves of characters, control characters and both kinds of line ends among them.
ANYTHING = st.text(st.characters(codec=None, categories=None), max_size=300)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """An exchange in which every text that somebody else chose is anything."""
    count = draw(st.integers(0, 3))
    return record(
        model=draw(ANYTHING),
        path=draw(ANYTHING),
        reason=draw(ANYTHING),
        outcome=draw(st.sampled_from(Outcome)),
        attempts=tuple(attempt(reason=draw(ANYTHING), model=draw(ANYTHING)) for _ in range(count)),
        usage=Usage(stop_reason=draw(ANYTHING), output=1),
    )


@given(records())
def test_a_request_is_one_printable_line_of_text(of: Record) -> None:
    assert text_line(of, 0.0, has_colour=False).isprintable()


@given(records())
def test_a_request_is_one_printable_line_of_json(of: Record) -> None:
    line = _encode(json_line(of, 0.0)).decode()

    assert line.isprintable()
    assert json.loads(line)["id"] == of.id


@given(ANYTHING)
def test_a_message_is_one_printable_line(message: str) -> None:
    entry = logging.LogRecord("cc_relay", logging.INFO, "", 0, message, None, None)
    text = LineFormatter(is_json=False, has_colour=False).format(entry)
    line = LineFormatter(is_json=True, has_colour=False).format(entry)

    assert text.isprintable()
    assert line.isprintable()
    assert json.loads(line)["level"] == "info"
