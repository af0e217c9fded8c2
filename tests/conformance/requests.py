"""The corpus of requests: what Claude Code sends, and what an upstream that is not Claude is sent for it."""

from dataclasses import dataclass, field

Json = dict[str, object]

CLAUDE_SIGNATURE = "EqQBCgIYAhIMkW1y8invented+signature/AAAA=="
NEWER_CLAUDE_SIGNATURE = "CAISinventedButStructurallyRight+AAAA=="
TWICE_ENCODED_SIGNATURE = "RXFRQkNnSVlBaElNa1cxeTg="
OWN_SIGNATURE = "9f86d081884c7d659a2feaa0c55ad015"

MODEL = "claude-opus-5-5"
UPSTREAM_MODEL = "upstream-model-1"


@dataclass(frozen=True)
class Case:
    """One request. `sent` lacks the model; `foreign` is the body expected upstream, without it.

    `differs` replaces top-level fields of `foreign` for single provider types; None leaves a field out.
    """

    name: str
    sent: Json
    foreign: Json
    differs: dict[str, Json] = field(default_factory=dict)

    def expected(self, type_: str) -> Json:
        body = {"model": UPSTREAM_MODEL, **self.foreign, **self.differs.get(type_, {})}
        return {key: value for key, value in body.items() if value is not None}


def text(value: str, **more: object) -> Json:
    return {"type": "text", "text": value, **more}


def user(content: object) -> Json:
    return {"role": "user", "content": content}


def assistant(*content: Json) -> Json:
    return {"role": "assistant", "content": list(content)}


def system(content: object, **more: object) -> Json:
    return {"role": "system", "content": content, **more}


def call(number: int, **more: object) -> Json:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": "Read", "input": {"path": f"/{number}"}, **more}


def answer(number: int, content: object = "done", **more: object) -> Json:
    return {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": content, **more}


def tool(name: str, **more: object) -> Json:
    return {"name": name, "description": f"{name}s.", "input_schema": {"type": "object"}, **more}


def reminder(value: str) -> str:
    return f"<system-reminder>\n{value}\n</system-reminder>"


PIXEL = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
CACHED = {"cache_control": {"type": "ephemeral"}}
ASK = user("Hi")
BASE: Json = {"max_tokens": 64, "messages": [ASK]}

CASES = [
    Case("plain", BASE, BASE),
    Case("stream", {**BASE, "stream": True, "temperature": 0.50}, {**BASE, "stream": True, "temperature": 0.50}),
    Case(
        "tools in parallel",
        {
            "max_tokens": 64,
            "messages": [ASK, assistant(text("Both."), call(1), call(2)), user([answer(2), answer(1, is_error=True)])],
            "tools": [tool("Read", **CACHED)],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        },
        {
            "max_tokens": 64,
            "messages": [ASK, assistant(text("Both."), call(1), call(2)), user([answer(2), answer(1, is_error=True)])],
            "tools": [tool("Read", **CACHED)],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        },
    ),
    Case(
        "fields of Anthropic's alone",
        {
            **BASE,
            "metadata": {"user_id": '{"device_id":"private"}'},
            "context_management": {"edits": []},
            "safeguards": [{"type": "dangerous_tool_use"}],
            "service_tier": "auto",
            "tags": ["x"],
            "cache_control": {"type": "ephemeral"},
            "field_of_tomorrow": 1,
            "container": None,
        },
        BASE,
    ),
    Case(
        "adaptive thinking with effort",
        {
            **BASE,
            "max_tokens": 128000,
            "thinking": {"type": "adaptive", "display": "omitted"},
            "output_config": {"effort": "high", "task_budget": 5},
        },
        {**BASE, "max_tokens": 128000, "thinking": {"type": "enabled", "budget_tokens": 20000}},
        differs={
            "ollama": {"thinking": None, "output_config": {"effort": "high"}},
            "anthropic_compatible": {"output_config": {"effort": "high"}},
        },
    ),
    Case(
        "manual thinking",
        {**BASE, "max_tokens": 8000, "thinking": {"type": "enabled", "budget_tokens": 31999, "display": "omitted"}},
        {**BASE, "max_tokens": 8000, "thinking": {"type": "enabled", "budget_tokens": 7999}},
    ),
    Case("thinking off", {**BASE, "thinking": {"type": "disabled"}}, {**BASE, "thinking": {"type": "disabled"}}),
    Case("no room to think", {**BASE, "thinking": {"type": "adaptive"}}, BASE),
    Case("cache warming", {**BASE, "max_tokens": 0}, {**BASE, "max_tokens": 1}),
    Case(
        "thinking in the history",
        {
            "max_tokens": 64,
            "messages": [
                ASK,
                assistant(
                    {"type": "thinking", "thinking": "", "signature": CLAUDE_SIGNATURE},
                    {"type": "thinking", "thinking": "newer", "signature": NEWER_CLAUDE_SIGNATURE},
                    {"type": "thinking", "thinking": "twice", "signature": TWICE_ENCODED_SIGNATURE},
                    {"type": "redacted_thinking", "data": "EmwKAhgB"},
                    {"type": "thinking", "thinking": "mine", "signature": OWN_SIGNATURE},
                    {"type": "thinking", "thinking": "unsigned"},
                    call(1, caller={"type": "direct"}, toolset_name="files", signature="sig"),
                ),
                user([answer(1)]),
            ],
        },
        {
            "max_tokens": 64,
            "messages": [
                ASK,
                assistant(
                    {"type": "thinking", "thinking": "mine", "signature": OWN_SIGNATURE},
                    {"type": "thinking", "thinking": "unsigned"},
                    call(1),
                ),
                user([answer(1)]),
            ],
        },
    ),
    Case(
        "a turn of Claude's thinking alone",
        {
            "max_tokens": 64,
            "messages": [
                ASK,
                assistant({"type": "thinking", "thinking": "", "signature": CLAUDE_SIGNATURE}),
                user([text("Well?")]),
            ],
        },
        {"max_tokens": 64, "messages": [user([text("Hi"), text("Well?")])]},
    ),
    Case(
        "server-side blocks in the history",
        {
            "max_tokens": 64,
            "messages": [
                ASK,
                assistant(
                    {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
                    {"type": "compaction", "content": "summary"},
                    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
                    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
                    text("Found it.", citations=[{"type": "web_search_result_location"}]),
                ),
                user("Good."),
            ],
        },
        {"max_tokens": 64, "messages": [ASK, assistant(text("Found it.")), user("Good.")]},
    ),
    Case(
        "system messages between turns",
        {
            "max_tokens": 64,
            "messages": [
                system("Leading."),
                user([text("Hi", **CACHED)]),
                system([text("After a user."), text("And more.", **CACHED)], output_config={"effort": "low"}),
                assistant(text("Looking."), call(1)),
                system("Between call and result."),
                user([answer(1, "one")]),
                system("After results."),
                assistant(text("So.")),
                system("Before words."),
                user("Go on."),
                assistant(text("Done.")),
                system("At the end."),
            ],
        },
        {
            "max_tokens": 64,
            "messages": [
                user([text("Hi", **CACHED), text(reminder("After a user.\n\nAnd more."), **CACHED)]),
                assistant(text("Looking."), call(1)),
                user(
                    [
                        answer(
                            1,
                            [text("one"), text(reminder("Between call and result.")), text(reminder("After results."))],
                        )
                    ]
                ),
                assistant(text("So.")),
                user([text(reminder("Before words.")), text("Go on.")]),
                assistant(text("Done.")),
                user([text(reminder("At the end."))]),
            ],
            "system": [text("Leading.")],
        },
    ),
    Case(
        "system messages that say nothing",
        {
            "max_tokens": 64,
            "messages": [
                ASK,
                system([]),
                system(""),
                assistant(text("Hello.")),
                system([{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "Read"}}]),
                user("Go on."),
            ],
        },
        {"max_tokens": 64, "messages": [ASK, assistant(text("Hello.")), user("Go on.")]},
    ),
    Case(
        "a system message whose time is over",
        {
            "max_tokens": 64,
            "messages": [
                ASK,
                system("Then.", clear_at="next_user_message"),
                assistant(text("Hello.")),
                user("Go on."),
                system("Now.", clear_at="next_user_message"),
            ],
        },
        {
            "max_tokens": 64,
            "messages": [ASK, assistant(text("Hello.")), user([text("Go on."), text(reminder("Now."))])],
        },
    ),
    Case(
        "billing header first",
        {**BASE, "system": [text("x-anthropic-billing-header: cc_version=2;"), text("Be brief.", **CACHED)]},
        {**BASE, "system": [text("Be brief.", **CACHED)]},
    ),
    Case(
        "billing header alone",
        {**BASE, "system": [text("x-anthropic-billing-header: cc_version=2;")]},
        BASE,
    ),
    Case(
        "billing header in a string",
        {**BASE, "system": "x-anthropic-billing-header: cc_version=2;\nBe brief."},
        {**BASE, "system": "Be brief."},
    ),
    Case(
        "a string system and a leading message",
        {"max_tokens": 64, "system": "Be brief.", "messages": [system("Leading."), ASK]},
        {"max_tokens": 64, "system": [text("Be brief."), text("Leading.")], "messages": [ASK]},
    ),
    Case(
        "a list of system blocks and a leading message",
        {"max_tokens": 64, "system": [text("Be brief.")], "messages": [system("Leading."), ASK]},
        {"max_tokens": 64, "system": [text("Be brief."), text("Leading.")], "messages": [ASK]},
    ),
    Case(
        "deferred tools",
        {
            "max_tokens": 64,
            "messages": [
                ASK,
                assistant(call(1, name="ToolSearch")),
                user([answer(1, [{"type": "tool_reference", "tool_name": "NotebookEdit"}])]),
            ],
            "tools": [
                tool("Read", type="custom", strict=True, **CACHED),
                tool("DeferredToolPlaceholder", defer_loading=True),
                tool("NotebookEdit", defer_loading=True),
                {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
            ],
        },
        {
            "max_tokens": 64,
            "messages": [
                ASK,
                assistant(call(1, name="ToolSearch")),
                user([answer(1, [text("Tool loaded: NotebookEdit")])]),
            ],
            "tools": [tool("Read", **CACHED), tool("NotebookEdit")],
        },
    ),
    Case(
        "a choice of a tool that is not sent",
        {
            **BASE,
            "tools": [tool("Read"), {"type": "computer_20250124", "name": "computer"}],
            "tool_choice": {"type": "tool", "name": "computer"},
        },
        {**BASE, "tools": [tool("Read")]},
    ),
    Case(
        "web search beside tools",
        {**BASE, "tools": [tool("Read"), {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]},
        {**BASE, "tools": [tool("Read")]},
        differs={
            "ollama": {"tools": [tool("Read"), {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]}
        },
    ),
    Case(
        "images",
        {"max_tokens": 64, "messages": [user([PIXEL, text("What?")]), assistant(call(1)), user([answer(1, [PIXEL])])]},
        {"max_tokens": 64, "messages": [user([PIXEL, text("What?")]), assistant(call(1)), user([answer(1, [PIXEL])])]},
    ),
    Case(
        "a document of plain text",
        {
            "max_tokens": 64,
            "messages": [
                user(
                    [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Long ago."}}]
                )
            ],
        },
        {
            "max_tokens": 64,
            "messages": [
                user(
                    [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Long ago."}}]
                )
            ],
        },
        differs={"ollama": {"messages": [user([text("Long ago.")])]}},
    ),
    Case(
        "search results",
        {
            "max_tokens": 64,
            "messages": [
                user([{"type": "search_result", "title": "T", "source": "https://s.test", "content": [text("Found.")]}])
            ],
        },
        {"max_tokens": 64, "messages": [user([text("T\nhttps://s.test\nFound.")])]},
    ),
    Case(
        "cache breakpoints with a lifetime",
        {
            "max_tokens": 64,
            "system": [text("Be brief.", cache_control={"type": "ephemeral", "ttl": "1h"})],
            "messages": [user([text("Hi", cache_control={"type": "ephemeral", "scope": "global"})])],
        },
        {
            "max_tokens": 64,
            "system": [text("Be brief.", **CACHED)],
            "messages": [user([text("Hi", **CACHED)])],
        },
    ),
]
