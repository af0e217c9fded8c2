"""From a provider's entry to the credential it has, or to how it comes by one."""

import pytest

from cc_relay.config import Config, Provider
from cc_relay.exchange import AwsKeys, Credential
from cc_relay.policy.key import KeySettings
from cc_relay.providers.base import ProviderSettings
from cc_relay.runtime.assemble import assemble, distinct, name_of, settings
from cc_relay.runtime.credentials.sources import recipe_of, source_of
from cc_relay.runtime.fleet import Fleet

BEDROCK = {"type": "bedrock", "aws_region": "us-east-1"}
VERTEX = {"type": "vertex", "gcp_project_id": "p", "gcp_region": "us-east5"}
AZURE = {"type": "azure", "azure_resource_name": "r"}


def entry(given: dict[str, object], **more: object) -> Provider:
    return Provider.model_validate({"name": "a", **given, **more})


def the(given: dict[str, object], environ: dict[str, str] | None = None, **more: object) -> Credential:
    [(credential, key)] = distinct(entry(given, **more), environ or {})
    assert key.name == credential.fingerprint
    return credential


def test_static_keys_of_aws_sign_and_are_named_for_their_id() -> None:
    credential = the(BEDROCK, aws_access_key_id="AKID", aws_secret_access_key="s", aws_session_token="t")
    assert credential == Credential(name_of("AKID"), "", aws=AwsKeys("AKID", "s", "t"))


def test_keys_of_aws_in_the_environment_need_no_chain() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}
    assert the(BEDROCK, environ).aws == AwsKeys("AKID", "s")
    assert source_of(entry(BEDROCK), environ) is None


@pytest.mark.parametrize(
    ("given", "environ"),
    [
        ({**BEDROCK, "bearer_token": "tok"}, {}),
        (BEDROCK, {"AWS_BEARER_TOKEN_BEDROCK": "tok"}),
        ({**BEDROCK, "surface": "platform"}, {"ANTHROPIC_AWS_API_KEY": "tok"}),
        ({**VERTEX, "access_token": "tok"}, {}),
        ({**AZURE, "keys": ["tok"]}, {}),
    ],
)
def test_a_ready_token_is_a_credential_that_lasts(given: dict[str, object], environ: dict[str, str]) -> None:
    assert the(given, environ) == Credential(name_of("tok"), "tok")
    assert source_of(entry(given), environ) is None


@pytest.mark.parametrize(
    ("given", "begin"),
    [
        (BEDROCK, "aws-"),
        ({**BEDROCK, "aws_profile": "work"}, "aws-"),
        (VERTEX, "google-"),
        ({**VERTEX, "credentials_file": "a.json"}, "google-"),
        ({**AZURE, "entra": True}, "entra-"),
    ],
)
def test_what_does_not_last_has_a_place_in_the_pool_and_a_source(given: dict[str, object], begin: str) -> None:
    credential = the(given)
    assert credential == Credential(credential.fingerprint, "")
    assert credential.fingerprint.startswith(begin)
    assert source_of(entry(given), {}) is not None


def test_another_way_to_a_credential_is_another_credential() -> None:
    ways: list[dict[str, object]] = [
        {**BEDROCK},
        {**BEDROCK, "aws_profile": "a"},
        {**BEDROCK, "aws_profile": "b"},
        {**VERTEX},
        {**VERTEX, "credentials_file": "a"},
        {**VERTEX, "credentials_file": "b"},
    ]
    assert len({the(given).fingerprint for given in ways}) == len(ways)


@pytest.mark.parametrize("given", [BEDROCK, VERTEX, {**BEDROCK, "bearer_token": "t"}])
def test_keys_that_prove_nothing_still_set_limits(given: dict[str, object]) -> None:
    keys = [{"key": "internal", "rpm_limit": 5, "itpm_limit": 6, "weight": 2}, {"key": "second", "rpm_limit": 9}]
    [(credential, key)] = distinct(entry(given, keys=keys), {})
    assert key == KeySettings(credential.fingerprint, 5, 6, weight=2)
    assert "internal" not in credential.secret


def test_azures_keys_share_the_work_with_their_limits() -> None:
    found = distinct(entry(AZURE, keys=[{"key": "k1", "rpm_limit": 5}, "k2"]), {})
    assert [(credential.secret, key.rpm) for credential, key in found] == [("k1", 5), ("k2", 0)]


def test_the_workspace_that_pays_is_the_files_or_on_its_surface_the_environments() -> None:
    environ = {"ANTHROPIC_AWS_WORKSPACE_ID": "wrkspc_env"}
    platform = {**BEDROCK, "surface": "platform"}
    assert settings(entry(platform), environ).workspace == "wrkspc_env"
    assert settings(entry(platform, aws_workspace_id="wrkspc_file"), environ).workspace == "wrkspc_file"
    assert settings(entry(BEDROCK), environ).workspace == ""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({**BEDROCK, "surface": "mantle"}, {"region": "us-east-1", "surface": "mantle"}),
        (VERTEX, {"region": "us-east5", "project": "p"}),
        ({**AZURE, "keys": ["k"], "azure_deployment_id": "d"}, {"resource": "r", "deployment": "d"}),
        ({**AZURE, "entra": True}, {"resource": "r", "auth_style": "bearer"}),
    ],
)
def test_a_cloud_provider_is_told_its_place(given: dict[str, object], told: dict[str, object]) -> None:
    said = settings(entry(given), {})
    defaults = {name: getattr(ProviderSettings("n", "t", ""), name) for name in CLOUD_SETTINGS}
    assert {name: getattr(said, name) for name in CLOUD_SETTINGS} == {**defaults, **told}


CLOUD_SETTINGS = ("region", "project", "resource", "deployment", "surface", "auth_style")


def assembled(fleet: Fleet, given: dict[str, object]) -> object:
    config = Config.model_validate({"providers": [{"name": "a", **given}]})
    [upstream] = assemble(config, 1, fleet, {}).upstreams
    return upstream.source


def test_a_reload_keeps_a_source_that_is_come_by_as_before() -> None:
    fleet = Fleet()
    source = assembled(fleet, VERTEX)
    assert source is not None
    assert assembled(fleet, {**VERTEX, "gcp_region": "global", "models": ["claude-opus-5-5"]}) is source
    assert fleet.sources == (source,)


def test_a_reload_with_other_settings_makes_another_source() -> None:
    fleet = Fleet()
    source = assembled(fleet, VERTEX)
    other = assembled(fleet, {**VERTEX, "credentials_file": "other.json"})
    assert other is not source
    assert fleet.sources == (other,)
    assert assembled(fleet, {**VERTEX, "access_token": "t"}) is None
    assert fleet.sources == ()


def test_a_provider_that_is_gone_takes_its_source_along() -> None:
    fleet = Fleet()
    fleet.source(recipe_of(entry(VERTEX), {}), "a", {})
    fleet.keep([])
    assert fleet.sources == ()


def test_checking_a_configuration_starts_nothing() -> None:
    """No loop runs here, as in `serve` before it starts."""
    assert "none yet" in repr(assembled(Fleet(), BEDROCK))
