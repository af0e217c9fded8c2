"""The name of a conversation that has none."""

import re

import pytest
from msgspec import Raw
from tests.support.builders import claude_code_body, messages_body

from cc_relay.codec.messages import peek
from cc_relay.codec.session_hash import HEAD, TEXT, session_of

MARK = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
BILLING = "x-anthropic-billing-header: cc_version=2.1.330.a1b; cc_entrypoint=sdk-cli;"


def named(*messages: object, **fields: object) -> str | None:
    found, _ = peek(messages_body(messages=messages, **fields))
    return session_of(found.fields)


def user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


def text(words: str, **more: object) -> dict[str, object]:
    return {"type": "text", "text": words, **more}


def test_a_name_is_short_and_says_what_it_is() -> None:
    assert re.fullmatch("h-[0-9a-f]{16}", named(user("Hi")) or "")


def test_later_turns_have_the_same_name() -> None:
    later = [{"role": "assistant", "content": "Hello!"}, user("How are you?")]
    assert named(user("Hi"), system="Be kind.") == named(user("Hi"), *later, system="Be kind.")


def test_a_breakpoint_that_comes_and_goes_changes_nothing() -> None:
    plain = named(user("Hi"), system=[text("Be kind.")])
    assert named(user([text("Hi", **MARK)]), system=[text("Be kind.", **MARK)]) == plain
    assert named(user([text("Hi")]), system="Be kind.") == plain


@pytest.mark.parametrize("length", [TEXT, HEAD - 200, HEAD - 80, HEAD, 5 * HEAD])
@pytest.mark.parametrize("letter", ["a", "é", '"', "\\", "\u2028", "\U0001f600", "\0"])
def test_a_long_beginning_is_known_by_its_own(letter: str, length: int) -> None:
    words = letter * length
    plain = named(user(words), system=[text(words)])
    assert named(user([{**MARK, **text(words)}]), user("More."), system=words) == plain
    assert named(user("b" + words), system=[text(words)]) != plain


def test_another_beginning_has_another_name() -> None:
    names = [
        named(user("Hi")),
        named(user("Ho")),
        named(user("Hi"), system="Be kind."),
        named(user("Hi"), system="Be brief."),
        named(user("Be kind."), system="Hi"),
        named(user([{"type": "image", "source": {"type": "url", "url": "https://a.test"}}])),
        named(user([{"type": "image", "source": {"type": "url", "url": "https://b.test"}}])),
    ]
    assert len(set(names)) == len(names)


def test_only_the_users_words_count_not_a_message_of_the_systems() -> None:
    leading = [{"role": "system", "content": [text("It is Monday.")]}]
    assert named(*leading, user("Hi")) == named(user("Hi"))
    assert named(*leading, user("Ho")) != named(user("Hi"))


@pytest.mark.parametrize("system", [[text(BILLING), text("Be kind.")], f"{BILLING}\n\nBe kind."])
def test_the_billing_header_is_no_part_of_the_prompt(system: object) -> None:
    assert named(user("Hi"), system=system) == named(user("Hi"), system="Be kind.")


def test_an_image_of_megabytes_is_known_by_its_beginning() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBOR" * HEAD}}
    other = {**image, "source": {**image["source"], "data": "iVBOQ" * HEAD}}
    assert named(user([image])) == named(user([{**image, **MARK}]), user("More."))
    assert named(user([image])) != named(user([other]))


def test_a_turn_of_claude_codes_has_a_name() -> None:
    found, _ = peek(claude_code_body())
    assert session_of(found.fields)


@pytest.mark.parametrize("messages", ["[]", "[ ]", "{}", "null", '"Hi"', "[1, 2]", '[{"role":"user","content":[]}]'])
def test_nobody_who_speaks_is_nobody_with_a_name(messages: str) -> None:
    assert session_of({"messages": Raw(messages.encode()), "system": Raw(b'"Be kind."')}) is None
    assert session_of({"system": Raw(b'"Be kind."')}) is None


@pytest.mark.parametrize("system", ["null", "1", "[]", "[[]]", "{}", "[[" * 5000, '"' + "\\u00" * 5000])
def test_a_system_prompt_that_is_none_counts_for_nothing(system: str) -> None:
    assert session_of({"messages": Raw(b'[{"role":"user","content":"Hi"}]'), "system": Raw(system.encode())})


def test_messages_too_deep_to_read_have_a_name_all_the_same() -> None:
    assert session_of({"messages": Raw(b"[" * 5000 + b"]" * 5000)})
