import json

import pytest

from cc_relay.codec.observer import read_message
from cc_relay.codec.token_count import read_token_count
from cc_relay.providers.bedrock import whole
from cc_relay.providers.bedrock.whole import WholeTranslation, translate_count, translate_message

MESSAGE = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-5",'
    b'"content":[{"type":"text","text":"a"}],"usage":{"input_tokens":5,"output_tokens":7}}'
)
METRICS = b',"amazon-bedrock-invocationMetrics":{"inputTokenCount":9,"cacheReadInputTokenCount":400}}'


def test_an_answer_in_pieces_is_whole_at_its_end() -> None:
    of = WholeTranslation(translate_message)
    assert of.receive_data(MESSAGE[:20]) == of.receive_data(MESSAGE[20:]) == b""
    assert of.receive_eof() == MESSAGE
    assert of.receive_eof() == b""


def test_the_metrics_stay_here_and_fill_the_usage() -> None:
    said = translate_message(MESSAGE[:-1] + METRICS)
    assert said == MESSAGE[:-2] + b',"cache_read_input_tokens":400}}'
    usage = read_message(said)
    assert usage is not None
    assert (usage.input, usage.cache_read) == (5, 400)


def test_a_message_without_metrics_keeps_its_bytes() -> None:
    spaced = b' {"type": "message"}'
    assert translate_message(spaced) is spaced


@pytest.mark.parametrize("body", [b"amazon-bedrock-invocationMetrics", b'["amazon-bedrock-invocationMetrics"]', b""])
def test_what_is_no_message_stays(body: bytes) -> None:
    assert translate_message(body) == body


def test_text_that_speaks_of_metrics_stays() -> None:
    body = MESSAGE.replace(b'"a"', b'"amazon-bedrock-invocationMetrics"')
    assert translate_message(body) == body


def test_a_count_is_anthropics() -> None:
    said = translate_count(b'{"inputTokens":1234}')
    assert json.loads(said) == {"input_tokens": 1234}
    assert read_token_count(said) is not None


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"inputTokens":"7"}', b'{"message":"no"}'])
def test_what_is_no_count_stays(body: bytes) -> None:
    assert translate_count(body) == body


def test_an_endless_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "MAX_ANSWER", 10)
    with pytest.raises(ValueError, match="more than 10 bytes"):
        WholeTranslation(translate_message).receive_data(b"x" * 11)
