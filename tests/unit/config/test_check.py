"""What only the whole file can tell."""

import pytest
from tests.unit.config.helpers import problems, read


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("server: {}", "1:1: providers: names no provider"),
        ("providers: []", "1:1: providers: names no provider"),
        ("providers:", "1:1: providers: names no provider"),
        ("providers: [{name: a, type: ollama, enabled: false}]", "1:1: providers: no provider is enabled"),
        (
            "providers: [{name: a, type: openai_compatible, base_url: 'https://h'}]",
            "1:1: providers: no enabled provider has a type this build serves yet: openai_compatible",
        ),
        (
            "providers: [{name: a, type: ollama}, {name: a, type: ollama}]",
            "1:45: providers[1].name: a is already the name of providers[0]",
        ),
        (
            "routing: {default_provider: ollma}\nproviders: [{name: ollama, type: ollama}]",
            "1:29: routing.default_provider: names no provider of this file; did you mean ollama?",
        ),
        (
            "routing: {model_mapping: {claude-4.5: nobody}}\nproviders: [{name: ollama, type: ollama}]",
            '1:39: routing.model_mapping."claude-4.5": names no provider of this file',
        ),
        (
            "admin: {listen: ':8788'}\nproviders: [{name: ollama, type: ollama}]",
            "1:17: admin.listen: can be reached from other machines and needs admin.token; or listen on 127.0.0.1",
        ),
        ("providers: [{name: a, type: zai}]", "1:13: providers[0]: type zai needs keys"),
        ("providers: [{name: a, type: minimax, keys: []}]", "1:44: providers[0]: type minimax needs keys"),
        (
            "providers: [{name: a, type: anthropic-compatible}]",
            "1:13: providers[0]: type anthropic_compatible needs base_url",
        ),
        (
            "server: {listen: ':9999'}\nproviders: [{name: a, type: anthropic, base_url: 'http://localhost:9999'}]",
            "2:50: providers[0].base_url: points back at this relay's own address",
        ),
        (
            "providers: [{name: a, type: anthropic, base_url: 'http://[::1]:8787/x'}]",
            "1:50: providers[0].base_url: points back at this relay's own address",
        ),
    ],
)
def test_a_contradiction_has_its_place(text: str, problem: str) -> None:
    assert problems(text) == [problem]


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ("type: bedrock", ["aws_region or base_url"]),
        ("type: vertex", ["gcp_project_id", "gcp_region or base_url"]),
        ("type: azure", ["azure_resource_name or base_url", "keys or entra"]),
        ("type: azure, azure_resource_name: r, entra: true", []),
        ("type: openai_compatible", ["base_url"]),
    ],
)
def test_a_cloud_provider_needs_its_place(settings: str, missing: list[str]) -> None:
    text = f"providers: [{{name: ok, type: ollama}}, {{name: a, {settings}}}]"
    if not missing:
        assert read(text).config.providers[1].name == "a"
        return
    assert [problem.rsplit(" needs ", 1)[1] for problem in problems(text)] == missing


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("aws_access_key_id: AKID", "providers[0].aws_access_key_id: is nothing without aws_secret_access_key"),
        ("aws_secret_access_key: s", "providers[0].aws_secret_access_key: is nothing without aws_access_key_id"),
        ("aws_session_token: t", "providers[0].aws_session_token: is nothing without aws_access_key_id"),
        (
            "bearer_token: t, aws_profile: work",
            "providers[0].aws_profile: cannot stand beside bearer_token; leave one of them out",
        ),
        (
            "aws_profile: work, aws_access_key_id: AKID, aws_secret_access_key: s",
            "providers[0].aws_profile: cannot stand beside aws_access_key_id; leave one of them out",
        ),
        ("surface: mantel", "providers[0].surface: must be one of runtime, mantle or platform; did you mean mantle?"),
        (
            "aws_access_key_id: 'A/B', aws_secret_access_key: s",
            "providers[0].aws_access_key_id: must be letters and digits",
        ),
    ],
)
def test_credentials_of_aws_are_whole_and_of_one_kind(settings: str, problem: str) -> None:
    [found] = problems(f"providers: [{{name: a, type: bedrock, aws_region: us-east-1, {settings}}}]")
    place, _, said = found.partition(": ")
    assert said == problem
    assert place.startswith("1:")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            "type: vertex, gcp_project_id: p, gcp_region: global, access_token: t, credentials_file: f",
            "1:93: providers[0].credentials_file: cannot stand beside access_token; leave one of them out",
        ),
        (
            "type: azure, azure_resource_name: r, base_url: 'https://h', entra: true",
            "1:60: providers[0].base_url: cannot stand beside azure_resource_name; leave one of them out",
        ),
        (
            "type: azure, azure_resource_name: r, keys: [k], entra: true",
            "1:71: providers[0].entra: cannot stand beside keys; leave one of them out",
        ),
        (
            "type: bedrock, aws_region: US-East-1",
            "1:50: providers[0].aws_region: must be a region's name, such as us-east-1",
        ),
        (
            "type: vertex, gcp_project_id: p, gcp_region: evil.example/",
            "1:68: providers[0].gcp_region: must be a region's name, such as us-east-1",
        ),
        (
            "type: vertex, gcp_region: eu, gcp_project_id: 'My Project'",
            "1:69: providers[0].gcp_project_id: must be a project's id (not its display name), such as my-project-123",
        ),
        (
            "type: azure, entra: true, azure_resource_name: r.services.ai.azure.com",
            (
                "1:70: providers[0].azure_resource_name: must be the resource's name alone, what stands before"
                " .services.ai.azure.com"
            ),
        ),
    ],
)
def test_what_a_cloud_cannot_be_told_has_its_place(settings: str, problem: str) -> None:
    assert problems(f"providers: [{{name: a, {settings}}}]") == [problem]


def test_a_variable_that_is_empty_stands_beside_nothing() -> None:
    text = "providers: [{name: a, type: bedrock, aws_region: eu-west-1, aws_profile: work, bearer_token: '${T:-}'}]"
    assert read(text).config.providers[0].aws_profile == "work"


@pytest.mark.parametrize("kind", ["anthropic", "ollama", "anthropic_compatible"])
def test_some_types_need_no_keys(kind: str) -> None:
    text = f"providers: [{{name: a, type: {kind}, base_url: 'http://127.0.0.1:11434'}}]"
    assert read(text).config.providers[0].keys == ()


def test_a_disabled_provider_may_be_incomplete() -> None:
    text = "providers: [{name: ok, type: ollama}, {name: a, type: zai, enabled: false}]"
    assert not read(text).config.providers[1].enabled


def test_a_wrong_type_is_not_also_called_unserved() -> None:
    assert len(problems("providers: [{name: a, type: 5}]")) == 1


def test_contradictions_are_told_beside_other_mistakes() -> None:
    found = problems("server: {listen: 5}\nproviders: [{name: a, type: zai}, {name: a, type: ollama}]")
    assert len(found) == 3


def test_references_to_a_provider_of_the_file_are_fine() -> None:
    text = "routing: {default_provider: a, model_mapping: {claude: a}}\nproviders: [{name: a, type: ollama}]"
    assert read(text).config.routing.default_provider == "a"


@pytest.mark.parametrize(
    "admin", ["listen: ':8788', token: t", "listen: '127.0.0.1:1'", "listen: '[::1]:1'", "token: t", "listen: ~"]
)
def test_an_admin_port_needs_a_token_only_beyond_this_machine(admin: str) -> None:
    assert read(f"admin: {{{admin}}}\nproviders: [{{name: a, type: ollama}}]").config.providers


def test_an_admin_token_whose_variable_is_empty_is_none() -> None:
    text = "admin: {listen: ':8788', token: '${TOKEN:-}'}\nproviders: [{name: a, type: ollama}]"
    assert "needs admin.token" in problems(text)[0]
