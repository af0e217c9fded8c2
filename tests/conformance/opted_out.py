"""The visible list of what a provider type is not held to, each with its reason."""

# (provider type, check): why. A check is the name of a test function of tests/conformance without `test_`.
OPTED_OUT: dict[tuple[str, str], str] = {
    ("anthropic", "a_foreign_upstream_gets_what_it_understands"): "it is Claude: bodies travel as they came",
    ("anthropic", "a_request_for_a_server_tool_alone_is_refused"): "it runs them",
    ("anthropic", "state_kept_at_anthropic_is_refused_elsewhere"): "it keeps it",
    ("anthropic", "few_headers_travel"): "it gets the client's headers as an open list",
    ("anthropic", "nothing_private_travels"): "the client's own metadata belong to it",
    ("ollama", "a_request_for_a_server_tool_alone_is_refused"): "it searches the web through its cloud",
}
