"""The laws of fitting a request to a surface of Claude: nothing for nothing, once is enough, and never a stumble."""

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from tests.support.claude import adapt, adapted_body
from tests.support.conversations import check_pairs, compact

from cc_relay.codec.messages import peek
from cc_relay.providers import capabilities as able
from cc_relay.providers.adapt_claude import lacks_for_claude
from cc_relay.providers.claude_models import LACKS
from cc_relay.providers.claude_surfaces import PAIRS, SURFACES
from cc_relay.providers.rejections import read_lack
from cc_relay.providers.switching import clean_for_claude
from cc_relay.providers.tool_ids import ToolIds

SIGNED = "EmJlZ2luLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4="
WORDS = [
    "type", "role", "content", "text", "system", "user", "assistant", "thinking", "signature", "tool_use",
    "tool_result", "id", "tool_use_id", "output_config", "effort", "max", "format", "enabled", "adaptive", "disabled",
    "budget_tokens", "cache_control", "ttl", "scope", "edits", "custom", "name", "display", "updates", "source",
    "url", "any", "clear_at",
]  # fmt: skip
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200_000) | st.sampled_from(WORDS) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=15,
)
FIELDS = [
    "system", "tools", "tool_choice", "thinking", "output_config", "output_format", "max_tokens", "temperature",
    "top_k", "context_management", "cache_control", "metadata", "container", "speed", "tags", "safeguards", "new_field",
]  # fmt: skip
CAPABILITIES = sorted(value for name, value in vars(able).items() if name.isupper() and isinstance(value, str))
LACKING = st.lists(
    st.sampled_from([
        *CAPABILITIES, "field:messages.*.content.*.tool_use.name", "field:tools.*.custom.name", "field:thinking",
        "field:output_config", "field:new_field", "beta:context-1m-2025-08-07,files", "max_tokens:4096",
        "block:tool_addition",
    ]).filter(lambda name: name != able.MAX_TOKENS),
    max_size=4,
)  # fmt: skip
SURFACE = st.sampled_from(sorted(SURFACES))
MODEL = st.sampled_from([*sorted(LACKS), "claude-opus-9", "my-deployment"])
BETAS = st.lists(st.sampled_from([*(beta.decode() for beta in PAIRS), "x-1", ""]), max_size=5).map(",".join)


def body_of(fields: dict[str, object], messages: object) -> bytes:
    return compact({"model": "claude-opus-5-5", **fields, "messages": messages})


@given(
    surface=SURFACE,
    model=MODEL,
    lacking=LACKING,
    betas=BETAS,
    fields=st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=6),
    messages=st.lists(ODD, max_size=4),
)
def test_odd_shapes_are_left_to_the_upstream(
    surface: str, model: str, lacking: list[str], betas: str, fields: dict[str, object], messages: list[object]
) -> None:
    body = body_of(fields, messages)
    changed = adapted_body(surface, body, *lacking, model=model, betas=betas)
    assert isinstance(json.loads(changed), dict)
    lacks_for_claude(peek(body)[0], model, SURFACES[surface])


ID = st.sampled_from(["toolu_1", "toolu_2", "a.b", "ccr_a_2eb", "call_0", "functions.Read:0", ""])
TEXT = st.sampled_from(["Hi.", "", " ", "\n", "ü"]).map(lambda text: {"type": "text", "text": text})
THINKING = st.sampled_from([SIGNED, "", "0f3c9a", None]).map(
    lambda signature: {"type": "thinking", "thinking": "Hm.", **({} if signature is None else {"signature": signature})}
)
CALL = ID.map(lambda id_: {"type": "tool_use", "id": id_, "name": "Read", "input": {}})
RESULT = ID.map(lambda id_: {"type": "tool_result", "tool_use_id": id_, "content": "A sloop."})
OTHERS = st.sampled_from([
    {"type": "redacted_thinking", "data": SIGNED},
    {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
    {"type": "compaction", "content": "They sailed.", "signature": "0f"},
    {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
])  # fmt: skip
ANSWER = st.lists(st.one_of(TEXT, THINKING, CALL, OTHERS), max_size=4)
SAYING = st.lists(st.one_of(TEXT.filter(lambda block: block["text"].strip()), RESULT), min_size=1, max_size=4)
MESSAGES = st.lists(
    st.one_of(
        st.builds(lambda content: {"role": "user", "content": content}, SAYING | st.just("Hello.")),
        st.builds(lambda content: {"role": "assistant", "content": content}, ANSWER | st.just("Hi.") | st.just("")),
        st.builds(lambda content: {"role": "system", "content": content}, st.just("Note.")),
    ),
    min_size=1,
    max_size=8,
).map(lambda messages: [{"role": "user", "content": "Hello."}, *messages, {"role": "user", "content": "Go on."}])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "max_tokens": st.sampled_from([0, 64, 2000, 64_000, 128_000]),
        "thinking": st.sampled_from([
            {"type": "adaptive"}, {"type": "adaptive", "display": "updates"}, {"type": "disabled"},
            {"type": "enabled", "budget_tokens": 2000}, {"type": "enabled", "budget_tokens": 31_999},
        ]),
        "output_config": st.sampled_from([{"effort": "max"}, {"effort": "low", "format": {"type": "json_schema"}}, {}]),
        "context_management": st.sampled_from([{"edits": [{"type": "clear_thinking_20251015"}]}, {"edits": []}]),
        "temperature": st.just(0.5),
        "tool_choice": st.sampled_from([{"type": "any"}, {"type": "tool", "name": "Read"}, {"type": "auto"}]),
        "tools": st.sampled_from([[{"name": "Read", "type": "custom", "eager_input_streaming": True}], []]),
        "cache_control": st.just({"type": "ephemeral"}),
        "output_format": st.just({"type": "json_schema"}),
        "speed": st.just("fast"),
        "system": st.sampled_from(["You sail.", [{"type": "text", "text": "You sail."}]]),
    },
)  # fmt: skip


@given(surface=SURFACE, model=MODEL, lacking=LACKING, betas=BETAS, fields=SETTINGS, messages=MESSAGES)
def test_once_is_enough(
    surface: str, model: str, lacking: list[str], betas: str, fields: dict[str, object], messages: list[object]
) -> None:
    once = adapted_body(surface, body_of(fields, messages), *lacking, model=model, betas=betas)
    left = b",".join(adapt(surface, once, *lacking, model=model, betas=betas).betas).decode()
    assert adapted_body(surface, once, *lacking, model=model, betas=betas) is once
    assert adapted_body(surface, once, *lacking, model=model, betas=left) is once


@given(fields=SETTINGS, messages=MESSAGES, betas=BETAS, model=MODEL)
def test_without_a_refusal_anthropic_gets_the_clients_own_bytes(
    fields: dict[str, object], messages: list[object], betas: str, model: str
) -> None:
    body = body_of(fields, messages)
    adapted = adapt("anthropic", body, model=model, betas=betas)
    assert not adapted.changes
    assert list(adapted.betas) == list(dict.fromkeys(beta.encode() for beta in betas.split(",") if beta))


@given(fields=SETTINGS, messages=MESSAGES, surface=SURFACE, model=MODEL)
def test_a_changed_budget_is_one_the_api_takes(
    fields: dict[str, object], messages: list[object], surface: str, model: str
) -> None:
    body = json.loads(adapted_body(surface, body_of(fields, messages), model=model))
    thinking = body.get("thinking", {})
    if thinking.get("type") == "enabled" and thinking != fields.get("thinking"):
        assert 1024 <= thinking["budget_tokens"] < body.get("max_tokens", 1_000_000)


@given(messages=MESSAGES, drop_all_thinking=st.booleans())
def test_cleaned_conversations_keep_claudes_rules(messages: list[object], drop_all_thinking: bool) -> None:
    came = Raw(compact(messages))
    cleaned = clean_for_claude(came, drop_all_thinking=drop_all_thinking)
    told = json.loads(bytes(came) if cleaned is None else cleaned)
    check_pairs(told)
    assert clean_for_claude(Raw(compact(told)), drop_all_thinking=drop_all_thinking) is None


@given(ids=st.lists(ID | st.text(alphabet="a.b_2e0ccr_", max_size=8), max_size=12))
def test_tool_ids_never_collide_and_can_be_undone(ids: list[str]) -> None:
    assigned = ToolIds()
    new = [assigned.assign(id_) for id_ in ids]
    assert len(set(new)) == len(new)
    assert [assigned.originals[id_] for id_ in new] == ids
    again = ToolIds()
    assert [again.assign(id_) for id_ in new] == new


@given(message=st.text() | st.sampled_from(["max_tokens: 9 > 5", "a.b: Extra inputs are not permitted"]))
def test_any_words_can_be_read(message: str) -> None:
    lack = read_lack(message)
    assert isinstance(able.is_lasting(lack), bool)
    assert isinstance(able.describe(lack), str)
