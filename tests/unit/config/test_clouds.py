"""Which way a cloud proves itself, and what is said of it."""

import pytest
from tests.unit.config.helpers import read

from cc_relay.config import Provider
from cc_relay.config.clouds import Way, described, value_of, way_of

KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}
ENTRA = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}


def provider(kind: str, **settings: object) -> Provider:
    return Provider.model_validate({"name": "a", "type": kind, **settings})


@pytest.mark.parametrize(
    ("entry", "environ", "way", "words"),
    [
        (provider("anthropic", keys=["k"]), KEYS, None, ""),
        (provider("bedrock", bearer_token="t"), KEYS, Way.TOKEN, ""),
        (provider("bedrock", aws_access_key_id="A", aws_secret_access_key="s"), KEYS, Way.AWS_KEYS, ""),
        (provider("bedrock", aws_profile="work"), KEYS, Way.AWS_CHAIN, "AWS profile work"),
        (
            provider("bedrock"),
            {**KEYS, "AWS_BEARER_TOKEN_BEDROCK": "t"},
            Way.ENVIRONMENT_TOKEN,
            "${AWS_BEARER_TOKEN_BEDROCK} from the environment",
        ),
        (
            provider("bedrock", surface="platform"),
            {"AWS_BEARER_TOKEN_BEDROCK": "t", "ANTHROPIC_AWS_API_KEY": "k"},
            Way.ENVIRONMENT_TOKEN,
            "${ANTHROPIC_AWS_API_KEY} from the environment",
        ),
        (provider("bedrock"), KEYS, Way.ENVIRONMENT_KEYS, "${AWS_ACCESS_KEY_ID} from the environment"),
        (provider("bedrock", keys=["internal"]), {}, Way.AWS_CHAIN, "AWS's usual chain of credentials"),
        (provider("vertex", access_token="t"), {}, Way.TOKEN, ""),
        (provider("vertex", credentials_file="a.json"), {}, Way.GOOGLE_FILE, "credentials file a.json"),
        (provider("vertex", keys=["internal"]), {}, Way.GOOGLE_CHAIN, "Google's application default credentials"),
        (provider("azure", keys=["k"]), ENTRA, Way.KEYS, ""),
        (provider("azure", entra=True), {}, Way.ENTRA, "Microsoft Entra"),
        (
            provider("azure", entra=True),
            ENTRA,
            Way.ENTRA,
            "Microsoft Entra, by the client secret in the environment",
        ),
    ],
)
def test_the_file_comes_before_the_environment(
    entry: Provider, environ: dict[str, str], way: Way | None, words: str
) -> None:
    assert way_of(entry, environ) is way
    assert described(entry, environ) == words


@pytest.mark.parametrize(("value", "taken"), [(" t\n", "t"), ("two words", ""), ("ä", ""), ("", "")])
def test_what_cannot_be_sent_is_no_credential(value: str, taken: str) -> None:
    assert value_of({"T": value}, "T") == taken


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        ("type: bedrock, aws_region: r, bearer_token: '${TOKEN}'", "${TOKEN} from the environment"),
        ("type: bedrock, aws_region: r, aws_access_key_id: A, aws_secret_access_key: s", "written in the file"),
        ("type: bedrock, aws_region: r, aws_profile: work", "AWS profile work"),
        ("type: bedrock, aws_region: r", "AWS's usual chain of credentials"),
        ("type: vertex, gcp_project_id: p, gcp_region: eu, access_token: '${TOKEN}'", "${TOKEN} from the environment"),
        ("type: azure, azure_resource_name: r, keys: ['${TOKEN}']", "${TOKEN} from the environment"),
        ("type: azure, azure_resource_name: r, entra: true", "Microsoft Entra"),
    ],
)
def test_a_file_says_where_a_clouds_credential_comes_from(settings: str, origin: str) -> None:
    loaded = read(f"providers: [{{name: a, {settings}}}]", {"TOKEN": "never-shown"})
    assert loaded.origins == {"a": origin}


OLDER = """
providers:
  - name: "bedrock"
    type: "bedrock"
    enabled: true
    aws_region: "us-east-1"
    model_mapping:
      "claude-sonnet-4-5": "anthropic.claude-sonnet-4-5-20250929-v1:0"
    keys:
      - key: "bedrock-internal"
  - name: "vertex"
    type: "vertex"
    enabled: true
    gcp_project_id: "${GOOGLE_CLOUD_PROJECT}"
    gcp_region: "us-east5"
    keys:
      - key: "vertex-internal"
  - name: "azure"
    type: "azure"
    enabled: true
    azure_resource_name: "my-azure-resource"
    azure_api_version: "2024-06-01"
    keys:
      - key: "${AZURE_API_KEY}"
"""


def test_a_file_of_the_format_this_one_extends_means_what_it_meant_there() -> None:
    loaded = read(OLDER, {"GOOGLE_CLOUD_PROJECT": "p", "AZURE_API_KEY": "k"})
    ways = [way_of(entry, {}) for entry in loaded.config.providers]
    assert ways == [Way.AWS_CHAIN, Way.GOOGLE_CHAIN, Way.KEYS]
    assert [notice.partition(":")[0] for notice in loaded.notices] == ["provider bedrock", "provider vertex"]
