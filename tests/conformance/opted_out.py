"""The visible list of what a provider type is not held to, each with its reason."""

from tests.support.providers import CLOUDS

IT_IS_CLAUDE = "it is Claude: what differs is in the tests of its surface"
IN_THE_BODY = "the version of the API is a field of its body"
IN_THE_PATH = "the model is part of its path"

# (provider type, check): why. A check is the name of a test function of tests/conformance without `test_`.
OPTED_OUT: dict[tuple[str, str], str] = {
    ("anthropic", "a_foreign_upstream_gets_what_it_understands"): "it is Claude: bodies travel as they came",
    ("anthropic", "a_request_for_a_server_tool_alone_is_refused"): "it runs them",
    ("anthropic", "state_kept_at_anthropic_is_refused_elsewhere"): "it keeps it",
    ("anthropic", "few_headers_travel"): "it gets the client's headers as an open list",
    ("anthropic", "nothing_private_travels"): "the client's own metadata belong to it",
    **{
        (cloud, check): IT_IS_CLAUDE
        for cloud in CLOUDS
        for check in (
            "a_foreign_upstream_gets_what_it_understands",
            "a_request_for_a_server_tool_alone_is_refused",
            "state_kept_at_anthropic_is_refused_elsewhere",
            "nothing_private_travels",
        )
    },
    **{
        (cloud, check): why
        for cloud in ("bedrock", "vertex")
        for check, why in (
            ("the_version_of_the_api_is_the_clients", IN_THE_BODY),
            ("a_client_without_a_version_gets_the_classic_one", IN_THE_BODY),
            ("what_is_adapted_once_needs_no_adapting_again", IN_THE_PATH),
            ("the_call_goes_to_the_messages_endpoint", IN_THE_PATH),
            ("counting_uses_the_same_rules_or_is_not_offered", IN_THE_PATH),
        )
    },
    ("ollama", "a_request_for_a_server_tool_alone_is_refused"): "it searches the web through its cloud",
}

NOT_COUNTED = "it cannot count tokens"

# (way of tests.support.staged, check): why.
WAYS_OPTED_OUT: dict[tuple[str, str], str] = {
    **{(way, "tokens_are_counted_where_they_are_spent"): NOT_COUNTED for way in ("zai", "minimax", "ollama")},
}
