"""Where credentials come from, for real: loopback token endpoints, botocore, google-auth and azure-identity."""

import asyncio
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.endpoints import Asked, Endpoint, Said, said
from tests.support.loops import both_loops

from cc_relay.config.clouds import Way
from cc_relay.errors import CredentialError
from cc_relay.exchange import Credential
from cc_relay.runtime.credentials import aws, azure, google
from cc_relay.runtime.credentials.http import ask
from cc_relay.runtime.credentials.sources import Recipe, kept

TOKEN = {"access_token": "ya29.from-the-endpoint", "expires_in": 3599, "token_type": "Bearer"}
NOBODY = "http://127.0.0.1:9"


def refused(fetch: Callable[[], Credential]) -> str:
    with pytest.raises(CredentialError) as caught:
        fetch()
    said = str(caught.value)
    assert "never-shown" not in said
    return said


def seconds_left(credential: Credential) -> float:
    return credential.expires_at - time.time()


# One request of our own.


def test_an_answer_is_read_whole_and_an_error_is_an_answer_too() -> None:
    routes = {"/a": lambda _: Said(200, b"x" * 100_000), "/b": lambda _: Said(400, b"no", {"X-Why": "so"})}
    with Endpoint(routes) as endpoint:
        assert len(ask("GET", f"{endpoint.url}/a", {}).body) == 100_000
        answer = ask("POST", f"{endpoint.url}/b", {}, b"form")
    assert (answer.status, answer.body, answer.headers["x-why"]) == (400, b"no", "so")
    assert endpoint.requests[1].body == b"form"


def test_an_endpoint_that_hangs_is_given_up() -> None:
    with Endpoint({"/token": lambda _: None}) as endpoint:
        said = refused(lambda: read(f"{endpoint.url}/token?secret=never-shown", seconds=0.1))
    assert said == f"{endpoint.url}/token did not answer within 0 s"


def test_an_endpoint_that_drips_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        drip = Dripping(server)
        said = refused(lambda: read(f"http://127.0.0.1:{server.getsockname()[1]}/", seconds=0.2))
        drip.join()
    assert "did not answer within" in said
    assert time.monotonic() - began < 5.0


def test_an_answer_without_end_is_given_up() -> None:
    with Endpoint({"/": lambda _: Said(200, b"x" * 3_000_000)}) as endpoint:
        assert "broke off" in refused(lambda: read(f"{endpoint.url}/"))


def test_nobody_there_is_told_by_the_address_without_its_query() -> None:
    said = refused(lambda: read(f"{NOBODY}/token?secret=never-shown"))
    assert said == f"{NOBODY}/token cannot be reached (Connection refused)"


def test_a_redirect_is_not_followed() -> None:
    routes = {"/": lambda _: Said(302, headers={"Location": "/elsewhere"}), "/elsewhere": lambda _: said(TOKEN)}
    with Endpoint(routes) as endpoint:
        assert ask("GET", f"{endpoint.url}/", {}).status == 302
    assert endpoint.asked == ["GET /"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1"])
def test_only_http_is_spoken(url: str) -> None:
    assert "is no http(s) address" in refused(lambda: read(url))


def test_what_does_not_speak_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        drip = Dripping(server, b"SSH-2.0-OpenSSH\r\n")
        assert "broke off (BadStatusLine)" in refused(lambda: read(f"http://127.0.0.1:{server.getsockname()[1]}/"))
        drip.join()


# Google: files, by google-auth.


@pytest.fixture
def environ(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment that knows of no cloud; the metadata service of AWS is off."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return {"HOME": str(home)}


@pytest.fixture(scope="module")
def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    return (
        rsa.generate_private_key(65537, 2048)
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def service_account(place: Path, endpoint: Endpoint, private_key: str) -> str:
    info = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": private_key,
        "client_email": "bot@p.iam.gserviceaccount.com",
        "token_uri": f"{endpoint.url}/token",
    }
    return written(place / "account.json", info)


def user(place: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, **more: str) -> str:
    # The one kind of file that cannot say where its tokens come from.
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{endpoint.url}/token")
    info = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "never-shown",
        "refresh_token": "never-shown-either",
        **more,
    }
    return written(place / "user.json", info)


def written(path: Path, info: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(info))
    return str(path)


def test_a_service_account_signs_for_its_token(tmp_path: Path, environ: dict[str, str], private_key: str) -> None:
    with Endpoint({"/token": lambda _: said(TOKEN)}) as endpoint:
        credential = google.from_google(service_account(tmp_path, endpoint, private_key), environ, "k")()
    assert credential.secret == TOKEN["access_token"]
    assert 3500 < seconds_left(credential) <= 3600
    assert endpoint.requests[0].form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert "cloud-platform" in claims(endpoint.requests[0])["scope"]


def claims(request: Asked) -> dict[str, str]:
    import base64

    part = request.form["assertion"].split(".")[1]
    value: dict[str, str] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return value


def test_a_users_login_is_found_where_gcloud_left_it_with_who_pays(
    home: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Endpoint({"/token": lambda _: said(TOKEN)}) as endpoint:
        place = home / ".config" / "gcloud"
        user(place, endpoint, monkeypatch, quota_project_id="payer")
        (place / "user.json").rename(place / "application_default_credentials.json")
        credential = google.from_google("", environ, "k")()
    assert (credential.secret, credential.quota_project) == (TOKEN["access_token"], "payer")
    assert endpoint.requests[0].form["refresh_token"] == "never-shown-either"


def test_a_variable_names_the_file_and_who_pays(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Endpoint({"/token": lambda _: said(TOKEN)}) as endpoint:
        environ["GOOGLE_APPLICATION_CREDENTIALS"] = user(tmp_path, endpoint, monkeypatch)
        environ["GOOGLE_CLOUD_QUOTA_PROJECT"] = "mine"
        assert google.from_google("", environ, "k")().quota_project == "mine"


def test_another_clouds_identity_is_exchanged(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "subject").write_text("a-token-of-theirs")
    with Endpoint({"/sts": lambda _: said({**TOKEN, "issued_token_type": "x"})}) as endpoint:
        info = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{endpoint.url}/sts",
            "credential_source": {"file": str(tmp_path / "subject")},
        }
        assert google.from_google(written(tmp_path / "w.json", info), environ, "k")().secret == TOKEN["access_token"]
    assert endpoint.requests[0].form["subject_token"] == "a-token-of-theirs"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Said(200, b"<html>sign in</html>"), "is not what it should be"),
        (Said(200, b""), "is not what it should be"),
        (Said(200, b"[1, 2]"), "is not what it should be"),
        (said({}), "No access token in response"),
        (said({"access_token": "t", "expires_in": "soon"}), "is not what it should be"),
        (Said(403, b"<html>never-shown</html>"), "google-auth says: a web page"),
        (
            said({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, 400),
            "gcloud auth",
        ),
        (
            said(
                {
                    "error": "invalid_grant",
                    "error_subtype": "invalid_rapt",
                    "error_description": "reauth related error",
                },
                400,
            ),
            "gcloud auth",
        ),
        (
            said({"error": "invalid_grant", "error_description": "Invalid JWT: Check your iat and exp values"}, 400),
            "check whether this machine's clock is right",
        ),
    ],
)
def test_what_a_token_endpoint_of_googles_says_instead(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, reply: Said, told: str
) -> None:
    with Endpoint({"/token": lambda _: reply}) as endpoint:
        assert told in refused(google.from_google(user(tmp_path, endpoint, monkeypatch), environ, "k"))


def test_a_token_endpoint_of_googles_that_hangs_is_given_up(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cc_relay.runtime.credentials import google_transport

    monkeypatch.setattr(google_transport, "SECONDS", 0.1)
    with Endpoint({"/token": lambda _: None}) as endpoint:
        told = refused(google.from_google(user(tmp_path, endpoint, monkeypatch), environ, "k"))
    assert "did not answer within" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON file"),
        ("[]", "holds no credentials"),
        ('{"type": "magic"}', "its type is none of service_account, "),
        ('{"type": "service_account", "client_email": "a@b"}', "google-auth says"),
        ('{"type": "authorized_user"}', "is not what it should be"),
        ('{"type": "external_account"}', "google-auth says: A valid credential source"),
    ],
)
def test_a_file_that_is_wrong_is_told(tmp_path: Path, environ: dict[str, str], text: str, told: str) -> None:
    (tmp_path / "f.json").write_text(text)
    assert told in refused(google.from_google(str(tmp_path / "f.json"), environ, "k"))


def test_a_file_that_is_not_there_is_told(tmp_path: Path, environ: dict[str, str]) -> None:
    told = refused(google.from_google(str(tmp_path / "no.json"), environ, "k"))
    assert told == f"{tmp_path}/no.json cannot be read (No such file or directory)"


def test_without_google_auth_it_is_said_how_to_get_it(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google.auth.exceptions", None)
    written(tmp_path / "f.json", {"type": "authorized_user"})
    assert "pip install 'cc-relay[vertex]'" in refused(google.from_google(str(tmp_path / "f.json"), environ, "k"))


# Google: machines.

METADATA = google.TOKEN_PATH.partition("?")[0]


def machine(reply: Said) -> dict[str, Callable[[Asked], Said | None]]:
    return {METADATA: lambda _: Said(reply.status, reply.body, {**reply.headers, "Metadata-Flavor": "Google"})}


def test_a_machine_of_googles_needs_one_request_and_no_library(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google.auth.exceptions", None)
    with Endpoint(machine(said(TOKEN))) as endpoint:
        credential = google.from_google("", {**environ, "GCE_METADATA_HOST": endpoint.host}, "k")()
    assert credential.secret == TOKEN["access_token"]
    assert endpoint.asked == [f"GET {METADATA}"]
    assert endpoint.requests[0].headers["metadata-flavor"] == "Google"


def test_who_answers_for_every_name_is_no_metadata_server(environ: dict[str, str]) -> None:
    with Endpoint({METADATA: lambda _: said(TOKEN)}) as endpoint:
        told = refused(google.from_google("", {**environ, "GCE_METADATA_HOST": endpoint.host}, "k"))
    assert told == google.NOTHING_FOUND


def test_a_machine_without_a_service_account_is_told(environ: dict[str, str]) -> None:
    with Endpoint(machine(Said(404))) as endpoint:
        told = refused(google.from_google("", {**environ, "GCE_METADATA_HOST": endpoint.host}, "k"))
    assert "has no service account" in told


@pytest.mark.parametrize("more", [{"NO_GCE_CHECK": "true"}])
def test_elsewhere_it_is_said_how_to_log_in(environ: dict[str, str], more: dict[str, str]) -> None:
    assert "gcloud auth application-default login" in refused(google.from_google("", {**environ, **more}, "k"))


# AWS: botocore's chain.


@pytest.fixture
def aws_home(home: Path, environ: dict[str, str]) -> Path:
    (home / ".aws").mkdir()
    return home / ".aws"


def test_a_profiles_keys_are_found_and_last(aws_home: Path) -> None:
    (aws_home / "credentials").write_text("[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\n")
    credential = aws.from_chain("work", "us-east-1", "k")()
    assert credential.aws is not None
    assert (credential.aws.access_key_id, credential.aws.session_token) == ("AKIDWORK", "")
    assert seconds_left(credential) == float("inf")


def test_a_profile_that_was_edited_is_read_anew(aws_home: Path) -> None:
    fetch = aws.from_chain("", "us-east-1", "k")
    for name in ("AKIDONE", "AKIDTWO"):
        text = f"[default]\naws_access_key_id = {name}\naws_secret_access_key = s\naws_session_token = t\n"
        (aws_home / "credentials").write_text(text)
        keys = fetch().aws
        assert keys is not None
        assert (keys.access_key_id, keys.session_token) == (name, "t")


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def process(aws_home: Path, printed: str) -> None:
    (aws_home / "answer").write_text(printed)
    (aws_home / "config").write_text(f"[default]\ncredential_process = cat {aws_home / 'answer'}\n")


def test_a_process_gives_credentials_that_end(aws_home: Path) -> None:
    answer = {
        "Version": 1, "AccessKeyId": "AKIDPROC", "SecretAccessKey": "s", "SessionToken": "t",
        "Expiration": in_an_hour(),
    }  # fmt: skip
    process(aws_home, json.dumps(answer))
    credential = aws.from_chain("", "us-east-1", "k")()
    assert credential.aws is not None
    assert credential.aws.access_key_id == "AKIDPROC"
    assert 3500 < seconds_left(credential) <= 3600


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ('{"Version": 2}', "Error when retrieving credentials"),
        ('{"Version": 1, "AccessKeyId": "AKIDNEVER-never-shown"}', "Error when retrieving credentials"),
        ("never json", "JSONDecodeError"),
    ],
)
def test_a_process_that_answers_garbage_is_told(aws_home: Path, printed: str, told: str) -> None:
    process(aws_home, printed)
    assert told in refused(aws.from_chain("", "us-east-1", "k"))


def instance(credentials: object) -> dict[str, Callable[[Asked], Said | None]]:
    """EC2's metadata service, version 2: a token first, then the role, then its credentials."""
    role = "/latest/meta-data/iam/security-credentials/"

    def guarded(reply: Said) -> Callable[[Asked], Said]:
        return lambda asked: reply if asked.headers.get("x-aws-ec2-metadata-token") == "imds" else Said(401)

    return {
        "/latest/api/token": lambda _: Said(200, b"imds"),
        role: guarded(Said(200, b"relay-role")),
        f"{role}relay-role": guarded(said(credentials)),
    }


def test_a_machines_role_is_asked_for(aws_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {
        "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAROLE", "SecretAccessKey": "s", "Token": "t",
        "Expiration": in_an_hour(),
    }  # fmt: skip
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with Endpoint(instance(answer)) as endpoint:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.url)
        credential = aws.from_chain("", "us-east-1", "k")()
    assert credential.aws is not None
    assert (credential.aws.access_key_id, credential.aws.session_token) == ("ASIAROLE", "t")
    assert 3000 < seconds_left(credential) <= 3600


STS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAWEB</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>{}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""

STS_ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{}</Code>
<Message>{}</Message></Error><RequestId>r</RequestId></ErrorResponse>"""


def workload(aws_home: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Credential]:
    (aws_home / "jwt").write_text("a.b.c")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(aws_home / "jwt"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/never-shown")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", endpoint.url)
    return aws.from_chain("", "us-east-1", "k")


def test_a_workloads_web_identity_becomes_a_role(aws_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint({"/": lambda _: Said(200, STS.format(in_an_hour()).encode())}) as endpoint:
        credential = workload(aws_home, endpoint, monkeypatch)()
    assert credential.aws is not None
    assert credential.aws.access_key_id == "ASIAWEB"
    assert 3500 < seconds_left(credential) <= 3600
    assert endpoint.requests[0].form["WebIdentityToken"] == "a.b.c"


@pytest.mark.parametrize(
    ("code", "message", "told"),
    [
        (
            "AccessDenied",
            "User: arn:aws:iam::123456789012:user/never-shown is not authorized",
            "AWS answered AccessDenied: the role may not be assumed; check its trust policy",
        ),
        ("ExpiredTokenException", "Token expired: never-shown", "the credentials behind the role are over"),
        (
            "SignatureDoesNotMatch",
            "Signature not yet current: 20261123T160000Z is still later than 20261123T121000Z",
            "AWS answered SignatureDoesNotMatch; check whether this machine's clock is right",
        ),
    ],
)
def test_what_sts_refuses_is_told_by_its_code(
    aws_home: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str, told: str
) -> None:
    reply = Said(403, STS_ERROR.format(code, message).encode())
    with Endpoint({"/": lambda _: reply}) as endpoint:
        answer = refused(workload(aws_home, endpoint, monkeypatch))
    assert told in answer
    assert "123456789012" not in answer


def test_libraries_write_no_secret_into_a_log_of_everything(
    aws_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Endpoint({"/": lambda _: Said(200, STS.format(in_an_hour()).encode())}) as endpoint:
        workload(aws_home, endpoint, monkeypatch)()
    assert [record.name for record in caplog.records if record.name.startswith(("botocore", "urllib3"))] == []


def test_nobody_is_asked_for_a_code(aws_home: Path) -> None:
    (aws_home / "config").write_text(
        "[profile base]\naws_access_key_id = AKID\naws_secret_access_key = s\n"
        "[default]\nsource_profile = base\nrole_arn = arn:aws:iam::123456789012:role/r\n"
        "mfa_serial = arn:aws:iam::123456789012:mfa/jo\n"
    )
    assert "wants an MFA code" in refused(aws.from_chain("", "us-east-1", "k"))


def test_a_profile_that_is_not_there_is_told(aws_home: Path) -> None:
    assert "see `aws configure list-profiles`" in refused(aws.from_chain("nobody", "us-east-1", "k"))


def test_a_login_that_is_over_says_how_to_log_in(aws_home: Path) -> None:
    (aws_home / "config").write_text(
        "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start\n"
    )
    told = refused(aws.from_chain("", "us-east-1", "k"))
    assert "aws sso login" in told
    assert "123456789012" not in told


def test_an_empty_chain_says_what_to_do(aws_home: Path) -> None:
    assert refused(aws.from_chain("", "us-east-1", "k")) == aws.NOTHING_FOUND


def test_without_botocore_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    assert "pip install 'cc-relay[bedrock]'" in refused(aws.from_chain("", "us-east-1", "k"))


# Microsoft Entra.

PATH = "/tenant-1/oauth2/v2.0/token"


def secret_at(endpoint: Endpoint) -> dict[str, str]:
    return {
        "AZURE_TENANT_ID": "tenant-1",
        "AZURE_CLIENT_ID": "client-1",
        "AZURE_CLIENT_SECRET": "never-shown",
        "AZURE_AUTHORITY_HOST": f"{endpoint.url}/",
    }


def test_a_client_secret_needs_one_request_and_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with Endpoint({PATH: lambda _: said(TOKEN)}) as endpoint:
        credential = azure.from_entra(secret_at(endpoint), "k")()
    assert credential.secret == TOKEN["access_token"]
    assert 3500 < seconds_left(credential) <= 3600
    assert endpoint.requests[0].form == {
        "grant_type": "client_credentials",
        "client_id": "client-1",
        "client_secret": "never-shown",
        "scope": "https://ai.azure.com/.default",
    }


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            said({"error": "invalid_client", "error_description": "AADSTS7000222: The keys of 'never-shown' …"}, 401),
            "Microsoft Entra answered 401 AADSTS7000222: AZURE_CLIENT_SECRET has run out; make a new one",
        ),
        (Said(200, b"<html>"), "Microsoft Entra answered without an access token"),
        (Said(502, b"<html>never-shown</html>"), "Microsoft Entra answered 502"),
    ],
)
def test_what_entra_says_instead(reply: Said, told: str) -> None:
    with Endpoint({PATH: lambda _: reply}) as endpoint:
        assert refused(azure.from_entra(secret_at(endpoint), "k")) == told


def test_without_azure_identity_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    assert "pip install 'cc-relay[azure]'" in refused(azure.from_entra({}, "k"))


def test_azure_identity_is_asked_for_every_other_login(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """App Service's managed identity, whose endpoint the environment names."""
    reply = said({"access_token": "managed", "expires_on": str(int(time.time()) + 3600), "resource": "r"})
    with Endpoint({"/msi/token": lambda _: reply}) as endpoint:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        credential = azure.from_entra({}, "k")()
    assert credential.secret == "managed"
    assert 3500 < seconds_left(credential) <= 3600
    assert "resource=https://ai.azure.com" in endpoint.requests[0].query


def test_a_login_that_azure_identity_cannot_get_is_told_in_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = said({"error": "never-shown", "message": "no identity 72f988bf-86f1-41af-91ab-2d7cd011db47"}, 400)
    with Endpoint({"/msi/token": lambda _: refusal}) as endpoint:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        monkeypatch.setenv("PATH", str(home))
        told = refused(azure.from_entra({}, "k"))
    assert "az login" in told
    assert "72f988bf" not in told
    assert "\n" not in told


# Kept, with a real thread.


@both_loops
async def test_a_kept_credential_comes_from_its_thread() -> None:
    with Endpoint({PATH: lambda _: said(TOKEN)}) as endpoint:
        source = kept(Recipe("foundry", Way.ENTRA), secret_at(endpoint))
        credential = await source.renew(None, asyncio.get_running_loop().time() + 10.0)
        assert source.current is credential
        await source.stop()
    assert credential.fingerprint == Recipe("foundry", Way.ENTRA).fingerprint
    assert len(endpoint.asked) == 1


@both_loops
async def test_an_endpoint_that_hangs_holds_up_neither_a_request_nor_the_end() -> None:
    with Endpoint({PATH: lambda _: None}) as endpoint:
        source = kept(Recipe("foundry", Way.ENTRA), secret_at(endpoint))
        began = time.monotonic()
        with pytest.raises(CredentialError, match="no credential for foundry came in time"):
            await source.renew(None, asyncio.get_running_loop().time() + 0.05)
        await source.stop()
        assert time.monotonic() - began < 5.0


# Helpers.


def read(url: str, seconds: float = 5.0) -> Credential:
    ask("GET", url, {}, seconds=seconds)
    raise AssertionError("it answered")


class Dripping:
    """Accepts one connection and sends a line, then a byte now and then until the peer leaves."""

    def __init__(self, server: socket.socket, line: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n") -> None:
        import threading

        self._server, self._line = server, line
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(self._line)
                while not self._left.wait(0.02):
                    connection.sendall(b"x")
            except OSError:
                return

    def join(self) -> None:
        self._left.set()
        self._thread.join()


def test_tests_find_no_cloud_of_this_machine() -> None:
    assert not [name for name in os.environ if name.startswith(("AWS", "GOOGLE", "AZURE"))]
