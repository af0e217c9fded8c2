"""AWS's gate in front of all its surfaces: signatures, API keys, temporary keys, the workspace."""

import pytest
from tests.unit.sim.clouds.cloud_simulation import Cloud, header, parsed

from cc_relay.exchange import AwsKeys

BODY = {"max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
RUNTIME = ("/model/us.anthropic.claude-sonnet-5-5/invoke", BODY | {"anthropic_version": "bedrock-2023-05-31"})
MANTLE = ("/anthropic/v1/messages?beta=true", BODY | {"model": "anthropic.claude-opus-4-8"})
PLATFORM = ("/v1/messages", BODY | {"model": "claude-opus-4-8"})
SURFACES = {
    "bedrock": (RUNTIME, "bedrock"),
    "mantle": (MANTLE, "bedrock-mantle"),
    "platform": (PLATFORM, "aws-external-anthropic"),
}
HEADERS = {"anthropic-version": "2023-06-01", "anthropic-workspace-id": "wrkspc_1"}


def ask(cloud, *, headers=HEADERS, **changes):
    (target, body), service = SURFACES[cloud.engine.dialect.name]
    return cloud.signed("POST", target, body, **{"service": service, "headers": headers} | changes)


def exception(reply):
    return (header(reply, b"x-amzn-errortype") or b"").partition(b":")[0].decode()


@pytest.mark.parametrize("surface", SURFACES)
def test_a_signature_for_its_service_is_let_in(surface):
    reply = ask(Cloud(surface))
    assert reply.status == 200, reply.frames
    assert header(reply, b"x-amzn-requestid")


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"service": "s3"}, "InvalidSignatureException"),
        ({"region": "eu-west-1"}, "InvalidSignatureException"),
        ({"late": 301}, "InvalidSignatureException"),
        ({"keys": AwsKeys("AKIDEXAMPLE", "guessed")}, "InvalidSignatureException"),
        ({"keys": AwsKeys("AKIDNOBODY", "x")}, "UnrecognizedClientException"),
    ],
)
def test_any_other_is_refused_in_awss_words(surface, changes, name):
    reply = ask(Cloud(surface), **changes)
    assert (reply.status, exception(reply)) == (403, name)
    assert parsed(reply)["message"]


@pytest.mark.parametrize("surface", SURFACES)
def test_nobody_comes_in_without_a_credential(surface):
    (target, body), _ = SURFACES[surface]
    reply = Cloud(surface).send("POST", target, body, headers=HEADERS)
    assert (reply.status, exception(reply)) == (403, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("line", [("authorization", "Bearer {}"), ("x-api-key", "{}")])
@pytest.mark.parametrize(("key", "status"), [("api-key-1", 200), ("api-key-2", 403)])
def test_an_api_key_is_let_in_where_it_was_configured(surface, line, key, status):
    (target, body), _ = SURFACES[surface]
    headers = HEADERS | {line[0]: line[1].format(key)}
    assert Cloud(surface, keys=("api-key-1",)).send("POST", target, body, headers=headers).status == status


def test_a_clock_that_is_ahead_refuses_what_is_signed_now():
    reply = ask(Cloud("bedrock", clock_offset=3600.0))
    assert parsed(reply)["message"].startswith("Signature expired: ")


def test_the_journal_names_the_key_and_not_the_signature():
    cloud = Cloud("bedrock")
    ask(cloud)
    ask(cloud)
    assert len({entry.key for entry in cloud.engine.journal.entries}) == 1


@pytest.mark.parametrize("path", ["container", "instance"])
def test_a_machine_is_given_keys_that_expire(path):
    cloud = Cloud("bedrock", token_lifetime=900.0)
    document = parsed(cloud.send("GET", "/aws/credentials") if path == "container" else instance_role(cloud))
    keys = AwsKeys(document["AccessKeyId"], document["SecretAccessKey"], document["Token"])
    assert ask(cloud, keys=keys).status == 200
    cloud.engine.tokens.lifetime = 0.0
    late = parsed(cloud.send("GET", "/aws/credentials"))
    stale = AwsKeys(late["AccessKeyId"], late["SecretAccessKey"], late["Token"])
    assert exception(ask(cloud, keys=stale)) == "ExpiredTokenException"


def instance_role(cloud):
    session = cloud.send("PUT", "/latest/api/token", headers={"x-aws-ec2-metadata-token-ttl-seconds": "60"})
    headers = {"x-aws-ec2-metadata-token": session.frames[0].decode()}
    place = "/latest/meta-data/iam/security-credentials/"
    role = cloud.send("GET", place, headers=headers).frames[0].decode()
    return cloud.send("GET", place + role, headers=headers)


def test_the_first_version_of_instance_metadata_is_closed():
    assert Cloud("bedrock").send("GET", "/latest/meta-data/iam/security-credentials/").status == 401


def test_the_platform_asks_for_a_workspace():
    reply = ask(Cloud("platform"), headers={"anthropic-version": "2023-06-01"})
    assert (reply.status, parsed(reply)["type"]) == (400, "error")
    assert ask(Cloud("platform", workspace="wrkspc_2")).status == 404


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({}, {}, 200),
        ({"model": "claude-opus-4-8"}, {}, 404),
        ({"tags": {}}, {}, 400),
        ({"context_management": {"edits": []}}, {}, 400),
        ({"context_management": {"edits": []}}, {"anthropic-beta": "context-management-2025-06-27"}, 200),
        ({}, {"anthropic-beta": "claude-code-20250219, files-api-2025-04-14"}, 400),
    ],
)
def test_mantle_is_anthropic_shaped_with_limits_of_its_own(fields, headers, status):
    target, body = MANTLE
    reply = Cloud("mantle").signed("POST", target, body | fields, service="bedrock-mantle", headers=HEADERS | headers)
    assert reply.status == status
    assert parsed(reply)["type"] == ("message" if status == 200 else "error")


def test_mantle_is_found_under_its_own_path_only():
    reply = Cloud("mantle").signed("POST", "/v1/messages", MANTLE[1], service="bedrock-mantle", headers=HEADERS)
    assert reply.status == 404


def test_the_platform_lists_models():
    signed = {"service": "aws-external-anthropic", "headers": HEADERS}
    listed = parsed(Cloud("platform").signed("GET", "/v1/models?limit=100", **signed))["data"]
    assert "claude-opus-5-5" in [model["id"] for model in listed]
