"""A request fitted to a surface and a generation of Claude."""

import json

import pytest
from tests.support.builders import claude_code_body, messages_body
from tests.support.claude import CLOUDS, adapt, adapted_body, sent, sent_betas

from cc_relay.codec.messages import peek
from cc_relay.providers import capabilities as able
from cc_relay.providers.adapt_claude import lacks_for_claude
from cc_relay.providers.claude_models import LACKS
from cc_relay.providers.claude_surfaces import PAIRS, SURFACES

CLAUDE_CODE = (
    "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,per-turn-control-2026-07-01,"
    "mid-conversation-tool-changes-2026-07-01,thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20,"
    "effort-2025-11-24"
)
MARK = {"type": "ephemeral"}
HELLO = {"role": "user", "content": "Hello."}
NOTE = {"role": "system", "content": "Be brief."}
SIGNED = "EmJlZ2luLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4="
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": SIGNED}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "A sloop."}]}
LOOP = [HELLO, {"role": "assistant", "content": [THINKING, CALL]}, RESULT]
BROKEN_LOOP = [HELLO, {"role": "assistant", "content": [CALL]}, RESULT]
CLEAR_THINKING = {"type": "clear_thinking_20251015", "keep": "all"}
CLEAR_TOOLS = {"type": "clear_tool_uses_20250919"}


def adaptive(**more: object) -> dict[str, object]:
    return {"thinking": {"type": "adaptive", **more}, "max_tokens": 64_000}


def enabled(budget: int = 8000, **more: object) -> dict[str, object]:
    return {"thinking": {"type": "enabled", "budget_tokens": budget, **more}, "max_tokens": 64_000}


# -- what needs nothing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("surface", SURFACES)
def test_an_ordinary_request_stays_as_it_is(surface: str) -> None:
    body = messages_body(system="Hi.", stop_sequences=["x"], metadata={"user_id": "u"}, stream=True, **adaptive())
    assert adapted_body(surface, body) is body


@pytest.mark.parametrize("surface", ["anthropic", "platform", "foundry"])
def test_claude_code_travels_whole_where_the_first_party_api_is(surface: str) -> None:
    body = claude_code_body()
    adapted = adapt(surface, body, betas=CLAUDE_CODE)
    assert not adapted.changes
    assert b",".join(adapted.betas) == CLAUDE_CODE.encode()


@pytest.mark.parametrize("model", sorted(LACKS))
def test_anthropics_own_api_judges_for_itself(model: str) -> None:
    changes = {**enabled(), "temperature": 0.5, "tool_choice": {"type": "any"}, "messages": [HELLO, NOTE]}
    body = messages_body(model=model, **changes)
    assert adapted_body("anthropic", body, model=model) is body


# -- betas and fields --------------------------------------------------------------------------------------------------


def test_bedrock_gets_what_claude_code_itself_sends_it() -> None:
    body = claude_code_body(model="claude-opus-4-8")
    adapted = adapt("bedrock", body, model="us.anthropic.claude-opus-4-8", betas=CLAUDE_CODE)
    assert [beta.decode() for beta in adapted.betas] == [
        "interleaved-thinking-2025-05-14",
        "mid-conversation-tool-changes-2026-07-01",
        "thinking-token-count-2026-05-13",
        "tool-search-tool-2025-10-19",
    ]
    assert adapted.changes.keys() == {"messages", "context_management"}
    told = json.loads(adapted.changes["messages"])
    assert [sorted(message) for message in told] == [["content", "role"]] * 2


def test_vertex_gets_what_claude_code_itself_sends_it() -> None:
    adapted = adapt("vertex", claude_code_body(), betas=CLAUDE_CODE)
    assert adapted.changes == {"context_management": None}
    assert b"claude-code-20250219" in adapted.betas
    assert b"context-management-2025-06-27" not in adapted.betas


def test_betas_keep_their_order_and_come_once() -> None:
    betas = "tool-search-tool-2025-10-19, context-1m-2025-08-07,advanced-tool-use-2025-11-20,context-1m-2025-08-07"
    assert sent_betas("vertex", betas) == ["tool-search-tool-2025-10-19", "context-1m-2025-08-07"]


@pytest.mark.parametrize(
    ("surface", "expected"),
    [
        ("anthropic", True),
        ("platform", True),
        ("foundry", True),
        ("bedrock", False),
        ("mantle", False),
        ("vertex", False),
    ],
)
def test_a_beta_nobody_knows_travels_where_the_list_is_open(surface: str, expected: bool) -> None:
    assert sent_betas(surface, "next-2027-01-01") == (["next-2027-01-01"] if expected else [])


@pytest.mark.parametrize("surface", [name for name in SURFACES if name != "anthropic"])
def test_a_logins_beta_goes_to_anthropic_only(surface: str) -> None:
    assert sent_betas(surface, "oauth-2025-04-20") == []
    assert sent_betas("anthropic", "oauth-2025-04-20") == ["oauth-2025-04-20"]


def test_a_beta_that_later_models_need_no_more_travels_for_the_earlier_ones() -> None:
    assert sent_betas("bedrock", "effort-2025-11-24", model="anthropic.claude-opus-4-8") == []
    assert sent_betas("bedrock", "effort-2025-11-24", model="anthropic.claude-opus-4-5-20251101-v1:0") != []


@pytest.mark.parametrize("surface", ["foundry", "bedrock", "mantle", "vertex"])
def test_header_and_body_field_travel_together(surface: str) -> None:
    fields = {"speed": "fast", "fallbacks": [{"model": "claude-opus-5"}], "fallback_credit_token": "t"}
    betas = "fast-mode-2026-02-01,server-side-fallback-2026-07-01,fallback-credit-2026-07-01"
    assert not sent(surface, betas=betas, **fields).keys() & fields.keys()
    assert sent_betas(surface, betas, **fields) == []


def test_a_field_that_another_beta_brings_too_stays() -> None:
    messages = [HELLO, {**NOTE, "output_config": {"effort": "low"}}]
    one, other = "per-turn-control-2026-07-01", "mid-conversation-output-config-2026-07-01"
    assert "output_config" in sent("bedrock", betas=f"{one},{other}", messages=messages)["messages"][1]
    assert "output_config" not in sent("bedrock", betas=one, messages=messages)["messages"][1]


def test_a_system_message_that_only_set_the_effort_goes_with_it() -> None:
    messages = [HELLO, {"role": "system", "content": [], "output_config": {"effort": "low"}}]
    assert sent("bedrock", betas="per-turn-control-2026-07-01", messages=messages)["messages"] == [HELLO]


def test_tool_changes_go_with_their_beta() -> None:
    addition = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "Edit"}}
    text = {"type": "text", "text": "Note."}
    messages = [HELLO, {"role": "system", "content": [addition]}, {"role": "system", "content": [addition, text]}]
    betas = "mid-conversation-tool-changes-2026-07-01"
    assert sent("mantle", betas=betas, messages=messages)["messages"] == [HELLO, {"role": "system", "content": [text]}]
    assert sent("vertex", betas=betas, messages=messages)["messages"] == messages


def test_the_scope_of_a_breakpoint_goes_everywhere() -> None:
    scoped = {"type": "ephemeral", "scope": "global"}
    text = {"type": "text", "text": "Hi.", "cache_control": scoped}
    body = sent(
        "bedrock",
        betas="prompt-caching-scope-2026-01-05",
        system=[text],
        tools=[{"name": "Read", "input_schema": {"scope": "kept"}, "cache_control": scoped}],
        messages=[{"role": "user", "content": [{**RESULT["content"][0], "content": [text]}, text]}],
    )
    assert json.dumps(body).count('"scope"') == 1
    assert json.dumps(body).count('"cache_control": {"type": "ephemeral"}') == 4


def test_only_the_edits_a_cloud_takes_travel() -> None:
    edits = {"edits": [CLEAR_THINKING, CLEAR_TOOLS]}
    betas = "context-management-2025-06-27"
    assert sent("vertex", betas=betas, context_management=edits)["context_management"] == {"edits": [CLEAR_TOOLS]}
    assert sent_betas("vertex", betas, context_management=edits) == [betas]
    assert sent_betas("vertex", betas, context_management={"edits": [CLEAR_THINKING]}) == []
    assert sent("mantle", betas=betas, context_management=edits)["context_management"] == edits


def test_a_dropped_compaction_beta_takes_its_edit_along() -> None:
    edits = {"edits": [{"type": "compact_20260112"}, CLEAR_TOOLS]}
    betas = "compact-2026-01-12,context-management-2025-06-27"
    assert sent("foundry", betas=betas, context_management=edits)["context_management"] == {"edits": [CLEAR_TOOLS]}


@pytest.mark.parametrize("surface", ["bedrock", "vertex"])
def test_fields_the_clouds_refuse_stay_here(surface: str) -> None:
    refused = {"service_tier": "auto", "inference_geo": "us", "tags": {"a": "b"}, "diagnostics": {}, "next_field": 1}
    kept = {"safeguards": [{"type": "dangerous_tool_use"}], "metadata": {"user_id": "u"}}
    body = sent(surface, **refused, **kept)
    assert not body.keys() & refused.keys()
    assert body.keys() >= kept.keys()


@pytest.mark.parametrize("surface", ["bedrock", "mantle", "vertex"])
def test_tags_stay_here_with_their_beta(surface: str) -> None:
    assert "tags" not in sent(surface, betas="request-tags-2026-08-21", tags={"team": "a"})
    assert sent_betas(surface, "request-tags-2026-08-21", tags={"team": "a"}) == []


def test_a_provider_keeps_its_own_business() -> None:
    own = {"stream": True, "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["x"]}
    assert sent("vertex", **own).items() >= own.items()


def test_bedrock_knows_tools_by_their_plain_shape() -> None:
    tool = {"name": "Read", "description": "Reads.", "input_schema": {"type": "object"}}
    streamed = {"type": "custom", **tool, "eager_input_streaming": True}
    computer = {"type": "computer_20251124", "name": "computer"}
    assert sent("bedrock", tools=[streamed, computer])["tools"] == [tool, computer]
    assert sent("vertex", tools=[streamed])["tools"] == [streamed]


@pytest.mark.parametrize("surface", ["bedrock", "vertex"])
def test_an_output_format_travels_under_its_later_name(surface: str) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    body = sent(surface, output_format=wanted, output_config={"effort": "low"})
    assert "output_format" not in body
    assert body["output_config"] == {"effort": "low", "format": wanted}
    assert sent("mantle", output_format=wanted)["output_format"] == wanted


@pytest.mark.parametrize("surface", ["bedrock", "vertex"])
def test_automatic_caching_becomes_a_breakpoint_on_the_last_block(surface: str) -> None:
    body = sent(surface, cache_control=MARK)
    assert "cache_control" not in body
    assert body["messages"][-1]["content"][-1]["cache_control"] == MARK
    assert sent("foundry", cache_control=MARK)["cache_control"] == MARK


def test_there_are_never_more_breakpoints_than_a_request_may_have() -> None:
    system = [{"type": "text", "text": str(number), "cache_control": MARK} for number in range(4)]
    body = sent("bedrock", cache_control=MARK, system=system)
    assert json.dumps(body).count('"cache_control"') == 4
    assert "cache_control" not in body


# -- generations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("surface", CLOUDS)
@pytest.mark.parametrize(
    ("budget", "effort"), [(2048, "low"), (4096, "low"), (8000, "medium"), (31_999, "high"), (60_000, "high")]
)
def test_a_budget_becomes_adaptive_thinking_with_an_effort(surface: str, budget: int, effort: str) -> None:
    body = sent(surface, model="claude-opus-4-8", **enabled(budget, display="omitted"))
    assert body["thinking"] == {"type": "adaptive", "display": "omitted"}
    assert body["output_config"] == {"effort": effort}


def test_an_effort_that_was_asked_for_stays() -> None:
    body = sent("vertex", model="claude-opus-5", output_config={"effort": "max"}, **enabled(2048))
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "max"})


@pytest.mark.parametrize(("effort", "budget"), [("low", 4096), ("medium", 10_000), ("max", 31_999), (None, 10_000)])
def test_adaptive_thinking_becomes_a_budget(effort: str | None, budget: int) -> None:
    config = None if effort is None else {"effort": effort}
    body = sent("vertex", model="claude-sonnet-4-5@20250929", output_config=config, **adaptive(display="omitted"))
    assert body["thinking"] == {"type": "enabled", "display": "omitted", "budget_tokens": budget}
    assert "output_config" not in body


@pytest.mark.parametrize(("limit", "budget"), [(8000, 7999), (1025, 1024), (1024, None), (64, None)])
def test_a_budget_is_at_least_1024_and_below_max_tokens(limit: int, budget: int | None) -> None:
    body = sent("bedrock", model="claude-haiku-4-5", thinking={"type": "adaptive"}, max_tokens=limit)
    assert body.get("thinking", {}).get("budget_tokens") == budget
    assert ("thinking" in body) is (budget is not None)


def test_a_count_has_no_limit_for_a_budget_to_stay_below() -> None:
    body = sent("vertex", model="claude-haiku-4-5", thinking={"type": "adaptive"}, max_tokens=None)
    assert body["thinking"]["budget_tokens"] == 10_000


def test_a_forced_tool_is_worth_more_than_thinking_about_it() -> None:
    choice = {"type": "tool", "name": "Read"}
    body = sent("bedrock", model="claude-sonnet-4-5", tool_choice=choice, **adaptive())
    assert "thinking" not in body
    assert body["tool_choice"] == choice


def test_manual_thinking_does_not_begin_within_a_tool_loop() -> None:
    assert "thinking" not in sent("bedrock", model="claude-sonnet-4-5", messages=BROKEN_LOOP, **adaptive())
    assert "thinking" in sent("bedrock", model="claude-sonnet-4-5", messages=LOOP, **adaptive())
    assert "thinking" in sent("bedrock", model="claude-sonnet-4-6", messages=BROKEN_LOOP, **adaptive())


def test_edits_of_thinking_go_where_thinking_goes() -> None:
    edits = {"edits": [CLEAR_THINKING, CLEAR_TOOLS]}
    body = sent("mantle", model="claude-sonnet-4-5", messages=BROKEN_LOOP, context_management=edits, **adaptive())
    assert body["context_management"] == {"edits": [CLEAR_TOOLS]}


@pytest.mark.parametrize("surface", CLOUDS)
def test_what_is_always_on_cannot_be_switched_off(surface: str) -> None:
    off = {"thinking": {"type": "disabled"}}
    assert "thinking" not in sent(surface, model="claude-opus-5-5", **off)
    assert sent(surface, model="claude-haiku-5-5", **off)["thinking"] == {"type": "disabled"}


def test_opus_5_thinks_at_the_highest_efforts() -> None:
    off = {"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}
    body = sent("vertex", model="claude-opus-5", **off)
    assert (body["thinking"], body["output_config"]) == ({"type": "disabled"}, {"effort": "high"})


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("claude-opus-4-5", "max", "high"),
        ("claude-opus-4-5", "low", "low"),
        ("claude-opus-4-6", "xhigh", "high"),
        ("claude-opus-4-6", "max", "max"),
        ("claude-opus-4-8", "xhigh", "xhigh"),
        ("claude-sonnet-4-5", "low", None),
        ("claude-haiku-4-5", "high", None),
    ],
)
def test_an_effort_is_one_the_model_knows(model: str, effort: str, expected: str | None) -> None:
    body = sent("bedrock", model=model, output_config={"effort": effort})
    assert body.get("output_config", {}).get("effort") == expected


@pytest.mark.parametrize("surface", CLOUDS)
def test_sampling_parameters_go_where_the_model_knows_none(surface: str) -> None:
    sampling = {"temperature": 0.2, "top_p": 0.9, "top_k": 5}
    assert not sent(surface, model="claude-opus-4-7", **sampling).keys() & sampling.keys()
    assert sent(surface, model="claude-opus-4-6", **sampling).items() >= sampling.items()


@pytest.mark.parametrize(("model", "limit"), [("claude-sonnet-4-5", 64_000), ("claude-opus-4-8", 128_000)])
def test_answers_are_as_long_as_the_model_can(model: str, limit: int) -> None:
    assert sent("vertex", model=model, max_tokens=128_000)["max_tokens"] == limit


@pytest.mark.parametrize("surface", CLOUDS)
def test_system_messages_are_folded_for_models_that_know_none(surface: str) -> None:
    messages = [NOTE, HELLO, NOTE]
    body = sent(surface, model="claude-sonnet-4-6", messages=messages, system="You sail.")
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert body["system"] == [{"type": "text", "text": "You sail."}, {"type": "text", "text": "Be brief."}]
    assert sent(surface, model="claude-sonnet-5-5", messages=messages)["messages"] == messages


def test_the_billing_header_stays_first_when_system_text_joins() -> None:
    billing = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330; cc_entrypoint=cli;"}
    body = sent("vertex", model="claude-sonnet-4-6", messages=[NOTE, HELLO], system=[billing])
    assert body["system"] == [billing, {"type": "text", "text": "Be brief."}]


def test_a_model_newer_than_the_table_takes_everything() -> None:
    changes = {**enabled(), "temperature": 0.5, "messages": [HELLO, NOTE]}
    assert sent("vertex", model="claude-opus-9", **changes).items() >= changes.items()


def test_a_name_that_hides_the_model_is_read_by_what_was_asked_for() -> None:
    arn = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"
    body = messages_body(model="claude-opus-4-8", temperature=0.5)
    assert b"temperature" not in adapted_body("bedrock", body, model=arn)


# -- learned -----------------------------------------------------------------------------------------------------------


def test_what_was_refused_goes_on_anthropics_api_too() -> None:
    assert sent("anthropic", able.ENABLED_THINKING, **enabled())["thinking"] == {"type": "adaptive"}
    assert "temperature" not in sent("anthropic", able.SAMPLING, temperature=0.5)
    assert sent("anthropic", able.FORCED_TOOL_CHOICE, tool_choice={"type": "any", "disable_parallel_tool_use": True})[
        "tool_choice"
    ] == {"type": "auto", "disable_parallel_tool_use": True}
    assert sent("anthropic", able.SYSTEM_MESSAGES, messages=[HELLO, NOTE])["messages"][0]["role"] == "user"
    assert sent("anthropic", f"{able.MAX_TOKENS}32000", max_tokens=64_000)["max_tokens"] == 32_000


def test_a_forced_tool_choice_stays_until_it_is_refused() -> None:
    forced = {"type": "tool", "name": "Read"}
    assert sent("bedrock", tool_choice=forced)["tool_choice"] == forced
    assert sent("bedrock", able.FORCED_TOOL_CHOICE, tool_choice=forced)["tool_choice"] == {"type": "auto"}
    assert sent("bedrock", able.FORCED_TOOL_CHOICE, tool_choice={"type": "none"})["tool_choice"] == {"type": "none"}


def test_a_refused_beta_goes_with_its_field() -> None:
    messages = [HELLO, {**NOTE, "output_config": {"effort": "low"}}]
    lacking = f"{able.BETA}per-turn-control-2026-07-01"
    assert sent_betas("anthropic", CLAUDE_CODE, lacking) == [
        beta for beta in CLAUDE_CODE.split(",") if not beta.startswith("per-turn")
    ]
    body = sent("anthropic", lacking, betas=CLAUDE_CODE, messages=messages)
    assert body["messages"] == [HELLO, NOTE]


def test_several_betas_may_be_refused_at_once_and_by_their_later_name() -> None:
    lacking = f"{able.BETA}context-1m-2025-08-07,tool-search-tool-2025-10-19"
    assert sent_betas("vertex", "context-1m-2025-08-07,advanced-tool-use-2025-11-20", lacking) == []


def test_when_nobody_says_which_beta_all_go_but_a_logins() -> None:
    betas = f"{CLAUDE_CODE},oauth-2025-04-20"
    assert sent_betas("anthropic", betas, able.BETAS) == ["claude-code-20250219", "oauth-2025-04-20"]
    assert sent_betas("bedrock", betas, able.BETAS) == []


def test_a_refused_field_goes_with_its_beta() -> None:
    lacking = f"{able.FIELD}context_management"
    edits = {"edits": [CLEAR_THINKING]}
    assert "context_management" not in sent("anthropic", lacking, betas=CLAUDE_CODE, context_management=edits)
    assert "context-management-2025-06-27" not in sent_betas(
        "anthropic", CLAUDE_CODE, lacking, context_management=edits
    )


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("tools.*.custom.strict", {"tools": [{"name": "Read", "strict": True}]}),
        ("tools.*.strict", {"tools": [{"name": "Read"}, {"name": "Edit", "strict": True}]}),
        ("messages.*.content.*.tool_use.strict", {"messages": [{"role": "user", "content": [{**CALL, "strict": 1}]}]}),
        (
            "messages.*.content.*.thinking.strict",
            {"messages": [{"role": "user", "content": [{**THINKING, "strict": 1}]}]},
        ),
        ("thinking.adaptive.strict", {"thinking": {"type": "adaptive", "strict": 1}}),
        ("output_config.strict", {"output_config": {"strict": 1}}),
        ("strict", {"strict": 1}),
    ],
)
def test_a_refused_field_is_found_by_the_path_of_the_error(path: str, changes: dict[str, object]) -> None:
    assert "strict" not in json.dumps(sent("anthropic", able.FIELD + path, **changes))


@pytest.mark.parametrize(
    "name", ["messages", "tools", "system", "max_tokens", "safeguards", "container", "tool_choice"]
)
def test_what_a_request_is_about_is_never_left_out(name: str) -> None:
    body = messages_body(tools=[], system="s", safeguards=[], container="c", tool_choice={"type": "auto"})
    assert adapted_body("anthropic", body, able.FIELD + name) is body


def test_a_wanted_format_is_never_left_out() -> None:
    wanted = {"format": {"type": "json_schema", "schema": {}}}
    assert sent("anthropic", f"{able.FIELD}output_config", output_config=wanted)["output_config"] == wanted
    assert "output_config" not in sent("anthropic", f"{able.FIELD}output_config", output_config={"effort": "low"})


def test_refused_thinking_leaves_the_history() -> None:
    assert sent("anthropic", able.THINKING_HISTORY, messages=LOOP)["messages"] == BROKEN_LOOP
    assert sent("anthropic", able.FOREIGN_HISTORY, messages=LOOP)["messages"] == LOOP


@pytest.mark.parametrize("lacking", [able.THINKING_HISTORY, able.FOREIGN_HISTORY])
def test_manual_thinking_pauses_in_a_tool_loop_that_lost_its_thinking(lacking: str) -> None:
    foreign = [HELLO, {"role": "assistant", "content": [{**THINKING, "signature": ""}, CALL]}, RESULT]
    body = sent("anthropic", lacking, model="claude-sonnet-4-5", messages=foreign, **enabled())
    assert "thinking" not in body
    assert sent("anthropic", lacking, messages=foreign, **adaptive())["thinking"] == {"type": "adaptive"}
    over = [*foreign, {"role": "assistant", "content": "Done."}, HELLO]
    assert "thinking" in sent("anthropic", lacking, model="claude-sonnet-4-5", messages=over, **enabled())


def test_manual_thinking_pauses_where_it_was_refused() -> None:
    assert "thinking" not in sent("anthropic", able.THINKING_START, messages=BROKEN_LOOP, **enabled())
    assert "thinking" in sent("anthropic", able.THINKING_START, messages=LOOP, **enabled())


def test_only_the_leading_system_message_moves_where_only_that_was_refused() -> None:
    body = sent("anthropic", able.LEADING_SYSTEM, messages=[NOTE, HELLO, NOTE])
    assert body["messages"] == [HELLO, NOTE]
    assert body["system"] == [{"type": "text", "text": "Be brief."}]


@pytest.mark.parametrize("name", sorted(vars(able)))
@pytest.mark.parametrize("surface", SURFACES)
def test_no_capability_does_harm_to_a_request_without_it(surface: str, name: str) -> None:
    value = getattr(able, name)
    if not (name.isupper() and isinstance(value, str)) or value.endswith(":"):
        return
    body = messages_body(messages=[HELLO], system="Hi.")
    assert adapted_body(surface, body, value) is body


# -- what no change helps ----------------------------------------------------------------------------------------------


def lacks(surface: str, *blocks: object, **changes: object) -> str | None:
    if blocks:
        changes["messages"] = [{"role": "user", "content": list(blocks)}]
    seen, _ = peek(messages_body(**changes))
    return lacks_for_claude(seen, "claude-opus-5-5", SURFACES[surface])


LINKED = {"type": "image", "source": {"type": "url", "url": "https://boats.test/sloop.png"}}
UPLOADED = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
INLINE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


@pytest.mark.parametrize("surface", SURFACES)
def test_an_ordinary_turn_lacks_nothing(surface: str) -> None:
    seen, _ = peek(claude_code_body())
    assert lacks_for_claude(seen, "claude-opus-5-5", SURFACES[surface]) is None
    assert lacks(surface, INLINE) is None
    assert lacks(surface, tools=[{"type": "bash_20250124", "name": "bash"}, {"name": "Read"}]) is None


@pytest.mark.parametrize("surface", ["bedrock", "vertex"])
def test_links_and_files_are_not_fetched(surface: str) -> None:
    assert lacks(surface, LINKED) == "images by URL"
    assert lacks(surface, {**RESULT["content"][0], "content": [LINKED]}) == "images by URL"
    assert lacks(surface, UPLOADED) == "files kept at Anthropic"
    assert lacks(surface, {"type": "container_upload", "file_id": "file_1"}) == "files kept at Anthropic"
    assert lacks("platform", LINKED, UPLOADED) is None


@pytest.mark.parametrize(
    ("surface", "tool", "expected"),
    [
        ("bedrock", "web_search_20250305", True),
        ("vertex", "web_search_20250305", False),
        ("mantle", "web_search_20250305", False),
        ("vertex", "web_fetch_20250910", True),
        ("bedrock", "code_execution_20250825", True),
        ("bedrock", "tool_search_tool_regex_20251119", False),
        ("foundry", "advisor_20260301", True),
        ("platform", "code_execution_20250825", False),
    ],
)
def test_server_tools_run_where_they_run(surface: str, tool: str, expected: bool) -> None:
    assert lacks(surface, tools=[{"name": "Read"}, {"type": tool, "name": "t"}]) == (tool if expected else None)


@pytest.mark.parametrize("name", ["container", "thread", "mcp_servers"])
def test_state_is_kept_by_anthropic_only(name: str) -> None:
    state = {name: {"id": "1"}}
    assert lacks("bedrock", **state) == lacks("vertex", **state) == lacks("mantle", **state) == name
    assert lacks("anthropic", **state) is None
    assert sent("bedrock", **state)[name] == state[name]


@pytest.mark.parametrize("messages", [{}, [1], [{"role": "user", "content": {"a": 1}}], "Hi"])
def test_what_cannot_be_read_lacks_nothing(messages: object) -> None:
    seen, _ = peek(messages_body())
    fields = {**seen.fields, "messages": type(seen.fields["messages"])(json.dumps(messages).encode())}
    assert lacks_for_claude(type(seen)("m", False, None, 1, fields, False), "m", SURFACES["bedrock"]) is None


# -- the tables --------------------------------------------------------------------------------------------------------


def test_every_pair_is_written_as_capabilities_are() -> None:
    for pairs in PAIRS.values():
        assert all(pair.startswith((able.FIELD, able.BLOCK)) for pair in pairs)


@pytest.mark.parametrize("surface", SURFACES)
def test_a_surface_is_known_by_its_name(surface: str) -> None:
    assert SURFACES[surface].name == surface
