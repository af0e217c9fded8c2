"""Vertex AI: access tokens, the model in the path, Google's errors, and where tokens come from."""

import json
from base64 import urlsafe_b64encode
from time import time
from urllib.parse import urlencode

import pytest
from google.auth import crypt, jwt
from tests.support.sim_clouds import public_key, service_account
from tests.support.stream_rules import assert_valid_stream
from tests.unit.sim.clouds.cloud_simulation import Cloud, header, parsed

from cc_relay.sim.clouds.google_tokens import GOOGLE_ENDPOINT, SCOPE
from cc_relay.sim.faults import FaultRule

PLACE = "/v1/projects/sim-project/locations/us-east5/publishers/anthropic/models/"
BODY = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
TOKEN = {"authorization": "Bearer token-1"}


def cloud(**settings):
    return Cloud("vertex", keys=("token-1",), **settings)


def predict(vertex, model="claude-sonnet-5-5", /, *, headers=TOKEN, verb="rawPredict", place=PLACE, **fields):
    return vertex.send("POST", f"{place}{model}:{verb}", BODY | fields, headers=headers)


def grant(vertex, headers=None, **form):
    return vertex.send("POST", "/token", urlencode(form).encode(), headers=headers)


def assertion(number=1, **claims):
    now = int(time())
    account = service_account("unused", number)
    payload = {"iss": account["client_email"], "scope": SCOPE, "aud": GOOGLE_ENDPOINT, "iat": now, "exp": now + 3600}
    signer = crypt.RSASigner.from_string(account["private_key"])
    return jwt.encode(signer, payload | claims).decode()


def jwt_bearer(vertex, token):
    return grant(vertex, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=token)


def bearer(reply):
    return {"authorization": f"Bearer {parsed(reply)['access_token']}"}


def status_of(reply):
    return reply.status, parsed(reply)["error"]["status"]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("claude-sonnet-5-5@default", "claude-sonnet-5-5"),
        ("claude-opus-4-5@20251101", "claude-opus-4-5-20251101"),
        ("claude-opus-4-5%4020251101", "claude-opus-4-5-20251101"),
    ],
)
def test_the_model_is_in_the_path(model, name):
    message = parsed(predict(cloud(), model))
    assert message["model"] == name
    assert message["id"].startswith("msg_vrtx_")


def test_a_stream_is_anthropics_own():
    reply = predict(cloud(), verb="streamRawPredict", stream=True)
    assert header(reply, b"content-type").startswith(b"text/event-stream")
    assert_valid_stream(reply.frames)


def test_a_count_names_its_model_in_the_body():
    vertex = cloud()
    counted = parsed(predict(vertex, "count-tokens", model="claude-opus-4-5"))
    assert counted == {"input_tokens": parsed(predict(vertex))["usage"]["input_tokens"]}
    assert status_of(predict(vertex, "count-tokens", model="claude-opus-4-5@20251101")) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("fields", "headers", "words"),
    [
        ({"model": "claude-sonnet-5-5"}, {}, "model: Extra inputs are not permitted"),
        ({"anthropic_version": "2023-06-01"}, {}, "anthropic_version"),
        ({"output_format": {}}, {}, "output_format: Extra inputs are not permitted"),
        ({"messages": []}, {}, "at least one message"),
        ({}, {"anthropic-beta": "files-api-2025-04-14"}, "Unexpected value(s) `files-api-2025-04-14`"),
    ],
)
def test_what_the_model_refuses_comes_in_anthropics_envelope(fields, headers, words):
    reply = predict(cloud(), headers=TOKEN | headers, **fields)
    assert (reply.status, parsed(reply)["type"]) == (400, "error")
    assert words in parsed(reply)["error"]["message"]


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("400", (400, "INVALID_ARGUMENT")),
        ("401", (401, "UNAUTHENTICATED")),
        ("403", (403, "PERMISSION_DENIED")),
        ("404", (404, "NOT_FOUND")),
        ("not-ready", (400, "FAILED_PRECONDITION")),
        ("429", (429, "RESOURCE_EXHAUSTED")),
        ("500", (500, "INTERNAL")),
        ("503", (503, "UNAVAILABLE")),
        ("529", (503, "UNAVAILABLE")),
        ("504", (504, "DEADLINE_EXCEEDED")),
    ],
)
def test_googles_own_refusals_have_googles_shape(fault, found):
    assert status_of(predict(cloud(), f"claude-sonnet-5-5+{fault}")) == found


def test_a_refused_stream_is_an_array():
    body = parsed(predict(cloud(), "sim-429=12", verb="streamRawPredict", stream=True))
    assert body[0]["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert body[0]["error"]["details"][0]["retryDelay"] == "12s"


def test_size_is_told_in_googles_words():
    assert "exceeds 30.000MB limit" in parsed(predict(cloud(), "sim-too-long"))["error"]["message"]


def test_a_broken_stream_ends_in_an_error_event():
    events = assert_valid_stream(predict(cloud(), "sim-error-mid", stream=True).frames, is_complete=False)
    assert events[-1]["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize(
    ("settings", "model", "found"),
    [
        ({"project": "another"}, "claude-sonnet-5-5", (403, "PERMISSION_DENIED")),
        ({"region": "europe-west1"}, "claude-sonnet-5-5", (404, "NOT_FOUND")),
        ({}, "claude-none", (404, "NOT_FOUND")),
    ],
)
def test_a_place_without_the_model_is_refused(settings, model, found):
    assert status_of(predict(cloud(**settings), model)) == found


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer nobody"}, {"x-api-key": "token-1"}])
def test_an_unknown_token_is_refused(headers):
    assert status_of(predict(cloud(), headers=headers)) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(("sent", "status"), [("payer", 200), ("sim-project", 200), ("stranger", 403)])
def test_only_a_project_that_may_pay_is_taken(sent, status):
    vertex = cloud(project="sim-project", quota_project="payer")
    assert predict(vertex, headers=TOKEN | {"x-goog-user-project": sent}).status == status


def test_a_service_account_signs_for_its_token():
    vertex = cloud(service_account_key=public_key())
    issued = jwt_bearer(vertex, assertion())
    assert parsed(issued)["token_type"] == "Bearer"
    assert predict(vertex, headers=bearer(issued)).status == 200


@pytest.mark.parametrize(
    ("number", "claims", "error", "words"),
    [
        (2, {}, "invalid_grant", "Invalid JWT Signature."),
        (1, {"aud": "https://example.com"}, "invalid_grant", "audience"),
        (1, {"scope": ""}, "invalid_scope", "scope"),
        (1, {"iat": int(time()) - 9000, "exp": int(time()) - 5400}, "invalid_grant", "short-lived token"),
        (1, {"iat": int(time()) + 900, "exp": int(time()) + 4500}, "invalid_grant", "reasonable timeframe"),
        (1, {"exp": int(time()) + 9000}, "invalid_grant", "60 minutes"),
    ],
)
def test_a_wrong_assertion_gets_no_token(number, claims, error, words):
    reply = jwt_bearer(cloud(service_account_key=public_key()), assertion(number, **claims))
    assert (reply.status, parsed(reply)["error"]) == (400, error)
    assert words in parsed(reply)["error_description"]


def test_what_is_no_assertion_gets_no_token():
    assert parsed(jwt_bearer(cloud(), "x.y.z"))["error"] == "invalid_grant"
    assert parsed(grant(cloud(), grant_type="password"))["error"] == "unsupported_grant_type"


def test_a_login_is_refreshed_by_its_own_client():
    vertex = cloud(client_id="id", client_secret="secret")
    login = {"grant_type": "refresh_token", "refresh_token": "1//r", "client_id": "id", "client_secret": "secret"}
    assert predict(vertex, headers=bearer(grant(vertex, **login))).status == 200
    refused = grant(vertex, **login | {"client_secret": "guessed"})
    assert (refused.status, parsed(refused)["error"]) == (401, "invalid_client")


def test_a_token_for_something_else_is_not_enough():
    vertex = cloud()
    issued = jwt_bearer(vertex, assertion(scope="https://www.googleapis.com/auth/drive"))
    assert status_of(predict(vertex, headers=bearer(issued))) == (403, "PERMISSION_DENIED")


def test_a_token_ends():
    vertex = cloud(token_lifetime=60.0)
    headers = bearer(jwt_bearer(vertex, assertion()))
    target = f"{PLACE}claude-sonnet-5-5:rawPredict"
    assert vertex.send("POST", target, BODY, headers=headers, late=59).status == 200
    assert status_of(vertex.send("POST", target, BODY, headers=headers, late=61)) == (401, "UNAUTHENTICATED")


def test_a_token_may_end_at_once_or_be_revoked():
    vertex = cloud(token_lifetime=0.0)
    issued = jwt_bearer(vertex, assertion())
    assert parsed(issued)["expires_in"] == 0
    assert predict(vertex, headers=bearer(issued)).status == 401
    vertex.engine.tokens.lifetime = 3600.0
    headers = bearer(jwt_bearer(vertex, assertion()))
    vertex.engine.tokens.revoke()
    assert predict(vertex, headers=headers).status == 401


def test_the_metadata_server_asks_for_its_header():
    vertex = cloud(project="my-project")
    flavor = {"metadata-flavor": "Google"}
    place = "/computeMetadata/v1/"
    assert vertex.send("GET", place + "project/project-id").status == 403
    assert vertex.send("GET", place + "project/project-id", headers=flavor).frames == [b"my-project"]
    account = parsed(vertex.send("GET", place + "instance/service-accounts/default/", headers=flavor))
    assert account["scopes"] == [SCOPE]
    issued = vertex.send("GET", place + f"instance/service-accounts/{account['email']}/token", headers=flavor)
    assert header(issued, b"metadata-flavor") == b"Google"
    assert vertex.send("GET", place + "instance/disks/", headers=flavor).status == 404
    mine = PLACE.replace("sim-project", "my-project")
    assert predict(vertex, headers=bearer(issued), place=mine).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("503", 503, b"temporarily_unavailable"),
        ("401", 401, b"invalid_grant"),
        ("html", 200, b"<!DOCTYPE"),
        ("garbage", 200, b"["),
    ],
)
def test_a_token_endpoint_fails_as_it_is_told(fault, status, body):
    vertex = cloud(faults=(FaultRule(fault=fault, for_tokens=True, count=1),))
    reply = jwt_bearer(vertex, assertion())
    assert reply.status == status
    assert body in reply.frames[0]
    assert "access_token" in parsed(jwt_bearer(vertex, assertion()))


def test_a_token_endpoint_may_hang():
    vertex = cloud(faults=(FaultRule(fault="stall", for_tokens=True),))
    assert jwt_bearer(vertex, assertion()).status == 0
    assert predict(vertex).status == 200


def test_credentials_of_a_token_request_are_not_told():
    vertex = cloud()
    jwt_bearer(vertex, "very.secret.assertion")
    assert "secret" not in json.dumps(vertex.engine.journal.detail(1, with_bodies=True))


def test_models_are_listed_by_the_beta_version_alone():
    vertex, seen, token = cloud(), [], ""
    while token is not None:
        page = parsed(vertex.send("GET", f"/v1beta1/publishers/anthropic/models?pageSize=4{token}", headers=TOKEN))
        seen += [model["name"] for model in page["publisherModels"]]
        token = f"&pageToken={page['nextPageToken']}" if "nextPageToken" in page else None
    assert "publishers/anthropic/models/claude-opus-4-5" in seen
    assert vertex.send("GET", "/v1/publishers/anthropic/models", headers=TOKEN).status == 404
    one = vertex.send("GET", "/v1/publishers/anthropic/models/claude-opus-4-5", headers=TOKEN)
    assert parsed(one)["versionId"] == "20251101"


def test_a_login_lists_models_on_somebodys_account():
    vertex = cloud()
    headers = bearer(grant(vertex, grant_type="refresh_token", refresh_token="1//r"))
    target = "/v1beta1/publishers/anthropic/models"
    assert vertex.send("GET", target, headers=headers).status == 403
    assert vertex.send("GET", target, headers=headers | {"x-goog-user-project": "payer"}).status == 200


def test_an_assertion_of_no_known_shape_is_refused():
    claims = urlsafe_b64encode(b"[]").decode().rstrip("=")
    assert parsed(jwt_bearer(cloud(), f"e30.{claims}.e30"))["error"] == "invalid_grant"
