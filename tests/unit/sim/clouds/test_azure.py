"""Azure AI Foundry: keys, Entra's tokens, deployments, the gateway's errors."""

from urllib.parse import urlencode

import pytest
from tests.support.stream_rules import assert_valid_stream
from tests.unit.sim.clouds.cloud_simulation import Cloud, header, parsed

MESSAGES = "/anthropic/v1/messages"
BODY = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
VERSION = {"anthropic-version": "2023-06-01"}
KEY = VERSION | {"x-api-key": "azure-key"}
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "app",
    "client_secret": "shh",
    "scope": "https://ai.azure.com/.default",
}


def ask(azure, *, headers=KEY, target=MESSAGES, **fields):
    return azure.send("POST", target, BODY | fields, headers=headers)


def token(azure, tenant="tenant-1", **changes):
    return azure.send("POST", f"/{tenant}/oauth2/v2.0/token", urlencode(CLIENT | changes).encode())


def bearer(reply):
    return VERSION | {"authorization": f"Bearer {parsed(reply)['access_token']}"}


def code_of(reply):
    return reply.status, parsed(reply)["error"]["code"]


@pytest.mark.parametrize("name", ["x-api-key", "api-key"])
def test_a_key_is_let_in(name):
    azure = Cloud("azure", keys=("azure-key",))
    assert ask(azure, headers=VERSION | {name: "azure-key"}).status == 200
    assert code_of(ask(azure, headers=VERSION | {name: "guessed"})) == (401, "401")


def test_an_answer_has_the_gateways_id_and_no_limits():
    names = [name for name, _ in ask(Cloud("azure", rpm=10)).headers]
    assert {b"request-id", b"apim-request-id"} <= set(names)
    assert not [name for name in names if name.startswith(b"anthropic-ratelimit")]


def test_a_stream_is_anthropics_own():
    assert_valid_stream(ask(Cloud("azure"), stream=True).frames)


def test_tokens_are_counted():
    assert parsed(ask(Cloud("azure"), target=MESSAGES + "/count_tokens"))["input_tokens"] > 0


def test_a_deployment_has_a_name_of_its_own():
    azure = Cloud("azure", models=("my-sonnet=claude-sonnet-5-5", "plain-name"))
    assert parsed(ask(azure, model="my-sonnet"))["model"] == "claude-sonnet-5-5"
    assert parsed(ask(azure, model="plain-name"))["model"] == "plain-name"
    assert code_of(ask(azure, model="My-Sonnet")) == (404, "DeploymentNotFound")


@pytest.mark.parametrize("target", ["/v1/messages", "/models/chat/completions", "/anthropic/v1/models"])
def test_any_other_path_is_not_supported(target):
    assert code_of(ask(Cloud("azure"), target=target)) == (404, "api_not_supported")


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("401", (401, "401")),
        ("404", (404, "404")),
        ("429", (429, "429")),
        ("503", (503, "ServiceUnavailable")),
        ("quota", (403, "QuotaExceeded")),
    ],
)
def test_the_gateway_refuses_in_a_shape_of_its_own(fault, found):
    reply = ask(Cloud("azure"), model=f"claude-sonnet-5-5+{fault}")
    assert code_of(reply) == found
    assert "type" not in parsed(reply)


@pytest.mark.parametrize(("fault", "status"), [("529", 529), ("500", 500)])
def test_the_model_refuses_in_anthropics_envelope(fault, status):
    reply = ask(Cloud("azure"), model=f"sim-{fault}")
    assert (reply.status, parsed(reply)["type"]) == (status, "error")


def test_a_refusal_may_say_when_to_come_back():
    assert header(ask(Cloud("azure"), model="sim-429=9"), b"retry-after") == b"9"


@pytest.mark.parametrize("fields", [{"fallbacks": []}, {"speed": "fast"}, {"tool_choice": {"type": "any"}}])
def test_what_foundry_does_not_take_is_refused(fields):
    assert parsed(ask(Cloud("azure"), **fields))["error"]["type"] == "invalid_request_error"


def test_a_client_secret_is_good_for_a_token():
    azure = Cloud("azure", tenant="tenant-1", client_id="app", client_secret="shh")
    issued = token(azure)
    assert parsed(issued)["expires_in"] == 3599
    assert parsed(issued)["access_token"].startswith("eyJ")
    assert ask(azure, headers=bearer(issued)).status == 200


@pytest.mark.parametrize(
    ("tenant", "changes", "status", "number"),
    [
        ("tenant-2", {}, 400, 90002),
        ("tenant-1", {"client_id": "stranger"}, 400, 700016),
        ("tenant-1", {"client_secret": "guessed"}, 401, 7000215),
        ("tenant-1", {"scope": "https://ai.azure.com"}, 400, 70011),
        ("tenant-1", {"grant_type": "password"}, 400, 70003),
    ],
)
def test_a_wrong_client_is_told_entras_number(tenant, changes, status, number):
    azure = Cloud("azure", tenant="tenant-1", client_id="app", client_secret="shh")
    reply = token(azure, tenant, **changes)
    assert (reply.status, parsed(reply)["error_codes"]) == (status, [number])
    assert parsed(reply)["error_description"].startswith(f"AADSTS{number}: ")


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("https://ai.azure.com/.default", 200),
        ("https://cognitiveservices.azure.com/.default", 200),
        ("https://graph.microsoft.com/.default", 401),
    ],
)
def test_a_token_has_to_be_for_foundry(scope, status):
    azure = Cloud("azure")
    assert ask(azure, headers=bearer(token(azure, scope=scope))).status == status


def test_a_token_ends():
    azure = Cloud("azure", token_lifetime=0.0)
    assert code_of(ask(azure, headers=bearer(token(azure)))) == (401, "401")


@pytest.mark.parametrize("headers", [VERSION, VERSION | {"authorization": "Bearer nobody"}])
def test_an_unknown_token_is_refused(headers):
    assert ask(Cloud("azure"), headers=headers).status == 401


def test_a_managed_identity_is_given_a_token():
    azure = Cloud("azure")
    target = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fai.azure.com"
    assert azure.send("GET", target).status == 400
    assert ask(azure, headers=bearer(azure.send("GET", target, headers={"metadata": "true"}))).status == 200


def test_the_token_endpoint_is_published():
    found = parsed(Cloud("azure").send("GET", "/tenant-1/v2.0/.well-known/openid-configuration"))
    assert found["token_endpoint"].endswith("/tenant-1/oauth2/v2.0/token")
