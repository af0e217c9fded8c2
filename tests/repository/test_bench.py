"""The benchmark measures what it says it does."""

import pytest
from bench import messages, micro, table

from cc_relay.providers.bedrock.stream import StreamTranslation


@pytest.mark.parametrize("case", micro.cases(), ids=lambda case: case.title)
def test_a_hot_function_can_be_called(case: micro.Case) -> None:
    case.call()
    if case.beside is not None:
        case.beside()


@pytest.mark.parametrize("answers", [messages.ANTHROPIC, messages.BEDROCK], ids=["anthropic", "bedrock"])
def test_each_event_of_a_stream_is_a_write_of_its_own(answers: messages.Answers) -> None:
    assert len(answers.chunks) == messages.STREAM_EVENTS


def test_bedrock_streams_what_anthropic_streams() -> None:
    translation = StreamTranslation("mock", "req_bench")
    frames = messages.dechunk(b"".join(messages.BEDROCK.chunks))
    assert translation.receive_data(frames) + translation.receive_eof() == messages.STREAM_BODY
    assert messages.dechunk(b"".join(messages.ANTHROPIC.chunks)) == messages.STREAM_BODY


def test_a_row_is_judged_by_the_ratio_of_its_medians() -> None:
    samples = {"bedrock_stream": {"anthropic": [100.0, 90.0, 400.0], "bedrock": [260.0, 10.0, 300.0]}}
    text = table.markdown(samples, "2026-11-23", "a machine")
    assert "| CPU per 302-event stream | us | 100 | 260 | 2.60x | 112% | 2.5x |  | MISS |" in text
    assert "nginx" not in text
