"""What each generation of Claude takes, and its words for the rest."""

import pytest
from tests.unit.sim.simulation import READ, Simulation, parsed

from cc_relay.sim.model_rules import RULES, generation

ENABLED = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4000}
ADAPTIVE = {"thinking": {"type": "adaptive"}}
DISABLED = {"thinking": {"type": "disabled"}}
FORCED = {"tool_choice": {"type": "any"}, "tools": [READ]}
LOOP = [
    {"role": "user", "content": "go"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]},
]
INTERLEAVED = [(b"anthropic-beta", b"interleaved-thinking-2025-05-14")]


def words(model, *, headers=None, **fields):
    """What the model says to the request; "" where it answers."""
    reply = Simulation().ask(model=model, stream=False, headers=headers, **fields)
    return "" if reply.status == 200 else parsed(reply)["error"]["message"]


@pytest.mark.parametrize(
    ("model", "taken", "refused"),
    [
        ("claude-fable-5", "adaptive forced", "enabled disabled"),
        ("claude-fable-5-2", "adaptive", "enabled disabled forced"),
        ("claude-opus-5-5", "adaptive", "enabled disabled forced"),
        ("claude-sonnet-5-5", "adaptive", "enabled disabled forced"),
        ("claude-haiku-5-5", "adaptive disabled forced", "enabled"),
        ("claude-opus-5", "adaptive disabled forced", "enabled"),
        ("claude-opus-4-8", "adaptive disabled forced", "enabled"),
        ("claude-sonnet-4-6", "adaptive enabled disabled forced", ""),
        ("claude-opus-4-5-20251101", "enabled disabled forced", "adaptive"),
        ("claude-haiku-4-5-20251001", "enabled disabled forced", "adaptive"),
    ],
)
def test_each_generation_has_its_modes(model, taken, refused):
    asked = {"enabled": ENABLED, "adaptive": ADAPTIVE, "disabled": DISABLED, "forced": FORCED}
    assert [mode for mode in taken.split() if words(model, **asked[mode])] == []
    assert [mode for mode in refused.split() if not words(model, **asked[mode])] == []


@pytest.mark.parametrize(
    ("model", "fields", "text"),
    [
        ("claude-opus-5-5", ENABLED, '"thinking.type.enabled" is not supported for this model. Use'),
        ("claude-opus-5-5", DISABLED, '"thinking.type.disabled" is not supported for this model. Use'),
        ("claude-haiku-4-5", ADAPTIVE, "adaptive thinking is not supported on this model"),
        ("claude-opus-5-5", FORCED, 'tool_choice: type "tool" and "any" are not supported for this model.'),
        ("claude-opus-4-7", {"temperature": 0.5}, "`temperature` is deprecated for this model."),
        ("claude-opus-4-7", {"top_k": 5}, "`top_k` is deprecated for this model."),
        ("claude-sonnet-4-6", ADAPTIVE | {"temperature": 0.5}, "may only be set to 1 when thinking is enabled"),
        ("claude-sonnet-4-6", ENABLED | FORCED, "Thinking may not be enabled when tool_choice forces tool use."),
        ("claude-haiku-4-5", {"output_config": {"effort": "low"}}, "does not support the effort parameter"),
        ("claude-sonnet-4-6", ENABLED | {"thinking": {"type": "enabled", "budget_tokens": 9}}, "or equal to 1024"),
        ("claude-sonnet-4-6", ENABLED | {"max_tokens": 1024}, "`max_tokens` must be greater than"),
        ("claude-sonnet-4-5", ENABLED | {"messages": LOOP}, "but found `tool_use`. When `thinking` is enabled"),
    ],
)
def test_a_refusal_has_the_models_own_words(model, fields, text):
    assert text in words(model, **fields)


def test_interleaved_thinking_may_exceed_the_answer():
    assert not words("claude-sonnet-4-5", headers=INTERLEAVED, **ENABLED | {"max_tokens": 1000})


@pytest.mark.parametrize(("model", "is_taken"), [("claude-opus-4-8", True), ("claude-haiku-4-5", False)])
def test_only_newer_models_take_system_messages(model, is_taken):
    turns = [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]
    assert words(model, messages=turns) == ("" if is_taken else "role 'system' is not supported on this model")


@pytest.mark.parametrize(("model", "is_taken"), [("claude-opus-4-6", False), ("claude-opus-4-5", True)])
def test_only_older_models_take_a_prefill(model, is_taken):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}]
    assert (not words(model, messages=turns)) is is_taken


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"type": "thinking", "thinking": "x"}, "messages.1.content.0.thinking.signature: Field required"),
        ({"type": "thinking", "thinking": "x", "signature": ""}, "Invalid `signature` in `thinking` block"),
        ({"type": "redacted_thinking", "data": ""}, "Invalid `data` in `redacted_thinking` block"),
    ],
)
def test_thinking_that_is_not_claudes_is_refused(block, text):
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [block]},
        {"role": "user", "content": "b"},
    ]
    assert text in words("claude-opus-5-5", messages=turns)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "opus-4-5"),
        ("claude-opus-4-5@20251101", "opus-4-5"),
        ("anthropic.claude-opus-5", "opus-5"),
        ("claude-opus-4-20250514", "opus-4"),
        ("claude-mythos-preview", "mythos-preview"),
        ("glm-5.3", ""),
    ],
)
def test_a_generation_is_read_from_any_name(name, found):
    assert generation(name) == found


def test_a_name_nobody_knows_is_held_to_no_rule():
    assert not words("claude-test-9", **ENABLED | FORCED)
    assert all(generation(f"claude-{name}") == name for name in RULES)
