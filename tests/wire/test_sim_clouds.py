"""Simulated clouds over real sockets, with the clients their users have: the official SDK's, botocore, google-auth."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager, closing
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import anthropic
import botocore.session
import google.auth.transport.urllib3
import pytest
import urllib3
from anthropic.lib.aws import AsyncAnthropicAWS
from anthropic.lib.bedrock import AsyncAnthropicBedrockMantle
from botocore.config import Config
from botocore.credentials import ContainerProvider, InstanceMetadataProvider
from botocore.exceptions import ClientError, EventStreamError
from botocore.httpsession import URLLib3Session
from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher
from google.oauth2 import service_account as google_service_account
from tests.support.sim_clouds import as_sse, public_key, service_account, sign
from tests.support.stream_rules import assert_valid_stream

from cc_relay.exchange import AwsKeys
from cc_relay.sim.client import send
from cc_relay.sim.clouds.google_tokens import SCOPE
from cc_relay.sim.server import Simulator
from cc_relay.sim.settings import EXAMPLE_KEYS, SimSettings

PROFILE = "us.anthropic.claude-sonnet-5-5"
READ = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}
ASK = {"max_tokens": 1000, "messages": [{"role": "user", "content": "go"}]}
BODY = {"anthropic_version": "bedrock-2023-05-31"} | ASK


@asynccontextmanager
async def simulated(dialect, **settings):
    simulator = Simulator(SimSettings(dialect=dialect, **settings))
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.close()


def a_session():
    session = botocore.session.Session()
    session.set_credentials(EXAMPLE_KEYS.access_key_id, EXAMPLE_KEYS.secret_access_key)
    return session


@pytest.fixture
def boto3_from_botocore(monkeypatch):
    """The one thing the official SDK asks of boto3, from the botocore that is installed."""

    def make_session(**settings):
        session = botocore.session.Session()
        session.set_credentials(settings["aws_access_key_id"], settings["aws_secret_access_key"])
        return SimpleNamespace(get_credentials=session.get_credentials, region_name=settings["region_name"])

    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(Session=make_session))


def bedrock_client(url, **settings):
    keys = {"aws_access_key": EXAMPLE_KEYS.access_key_id, "aws_secret_key": EXAMPLE_KEYS.secret_access_key}
    return anthropic.AsyncAnthropicBedrock(base_url=url, aws_region="us-east-1", max_retries=0, **(settings or keys))


def vertex_client(url, **settings):
    return anthropic.AsyncAnthropicVertex(
        base_url=url + "/v1", region="us-east5", project_id="sim-project", max_retries=0, **settings
    )


def foundry_client(url, **settings):
    return anthropic.AsyncAnthropicFoundry(base_url=url + "/anthropic/", max_retries=0, **settings)


async def assert_serves(client, model):
    """A client gets a whole message, and a stream with thinking and two tool calls."""
    answer = await client.messages.create(model=model, **ASK)
    assert answer.content[0].type == "text"
    async with client.messages.stream(model=f"{model}+thinking+tools=2", tools=[READ], **ASK) as stream:
        message = await stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens > 0


@pytest.mark.usefixtures("boto3_from_botocore")
async def test_the_official_bedrock_client_is_served_by_signature():
    async with simulated("bedrock") as simulator, bedrock_client(simulator.url) as client:
        await assert_serves(client, PROFILE)
        await assert_serves(client, "us.anthropic.claude-sonnet-5-5")
        with pytest.raises(anthropic.BadRequestError, match="identifier is invalid"):
            await client.messages.create(model="us.anthropic.claude-none", **ASK)


@pytest.mark.usefixtures("boto3_from_botocore")
async def test_the_official_bedrock_client_reaches_an_arn():
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    async with (
        simulated("bedrock", models=(f"{arn}=claude-opus-5-5",)) as simulator,
        bedrock_client(simulator.url) as client,
    ):
        await assert_serves(client, arn)


async def test_the_official_bedrock_client_is_served_by_api_key():
    async with (
        simulated("bedrock", keys=("bedrock-api-key-1",)) as simulator,
        bedrock_client(simulator.url, api_key="bedrock-api-key-1") as client,
        bedrock_client(simulator.url, api_key="guessed") as stranger,
    ):
        await assert_serves(client, PROFILE)
        with pytest.raises(anthropic.PermissionDeniedError, match="make sure your API Key is valid"):
            await stranger.messages.create(model=PROFILE, **ASK)


async def test_the_official_bedrock_client_sees_a_throttled_stream():
    async with (
        simulated("bedrock", keys=("key",)) as simulator,
        bedrock_client(simulator.url, api_key="key") as client,
    ):
        with pytest.raises(anthropic.APIError, match="Too many requests"):
            async with client.messages.stream(model=f"{PROFILE}+error-first", **ASK) as stream:
                await stream.get_final_message()


async def test_the_official_mantle_client_is_served():
    async with simulated("mantle", keys=("key",)) as simulator:
        settings = {"api_key": "key", "aws_region": "us-east-1", "base_url": simulator.url + "/anthropic"}
        async with AsyncAnthropicBedrockMantle(**settings) as client:
            await assert_serves(client, "anthropic.claude-opus-4-8")


@pytest.mark.usefixtures("boto3_from_botocore")
@pytest.mark.parametrize("is_signed", [True, False])
async def test_the_official_platform_client_is_served(is_signed):
    keys = {"aws_access_key": EXAMPLE_KEYS.access_key_id, "aws_secret_key": EXAMPLE_KEYS.secret_access_key}
    settings = {"aws_region": "us-east-1", "workspace_id": "wrkspc_1"} | (keys if is_signed else {"api_key": "key"})
    async with (
        simulated("platform", keys=("key",)) as simulator,
        AsyncAnthropicAWS(base_url=simulator.url, **settings) as client,
    ):
        await assert_serves(client, "claude-sonnet-5-5")
        counted = await client.messages.count_tokens(model="claude-sonnet-5-5", messages=ASK["messages"])
        models = [model.id async for model in client.models.list()]
    assert counted.input_tokens > 0
    assert "claude-opus-5-5" in models


async def test_the_official_vertex_client_is_served():
    async with (
        simulated("vertex", keys=("token",)) as simulator,
        vertex_client(simulator.url, access_token="token") as client,
    ):
        await assert_serves(client, "claude-sonnet-5-5")
        await assert_serves(client, "claude-opus-4-8@default")
        with pytest.raises(anthropic.BadRequestError, match="anthropic_version"):
            # Its API version is too new for this generation.
            await client.messages.create(model="claude-sonnet-4-5@20250929", **ASK)
        counted = await client.messages.count_tokens(model="claude-sonnet-5-5", messages=ASK["messages"])
        with pytest.raises(anthropic.NotFoundError, match="Publisher Model"):
            await client.messages.create(model="claude-none", **ASK)
    assert counted.input_tokens > 0


async def test_google_auth_gets_a_token_that_vertex_takes():
    async with simulated("vertex", service_account_key=public_key()) as simulator:
        account = service_account(simulator.url + "/token")
        credentials = google_service_account.Credentials.from_service_account_info(account, scopes=[SCOPE])
        with urllib3.PoolManager() as pool:
            await asyncio.to_thread(credentials.refresh, google.auth.transport.urllib3.Request(pool))
        async with vertex_client(simulator.url, access_token=credentials.token) as client:
            await assert_serves(client, "claude-sonnet-5-5")


async def test_the_official_foundry_client_is_served_by_key():
    async with (
        simulated("azure", keys=("key",), models=("my-sonnet=claude-sonnet-5-5",)) as simulator,
        foundry_client(simulator.url, api_key="key") as client,
        foundry_client(simulator.url, api_key="guessed") as stranger,
    ):
        await assert_serves(client, "my-sonnet")
        counted = await client.messages.count_tokens(model="my-sonnet", messages=ASK["messages"])
        with pytest.raises(anthropic.AuthenticationError, match="invalid subscription key"):
            await stranger.messages.create(model="my-sonnet", **ASK)
        with pytest.raises(anthropic.NotFoundError, match="deployment"):
            await client.messages.create(model="none", **ASK)
    assert counted.input_tokens > 0


async def test_the_official_foundry_client_is_served_by_token():
    async with simulated("azure", client_id="app", client_secret="shh") as simulator:
        form = b"grant_type=client_credentials&client_id=app&client_secret=shh&scope=https://ai.azure.com/.default"
        url = simulator.url + "/tenant-1/oauth2/v2.0/token"
        issued = json.loads((await send("POST", url, {}, form)).body)

        async def provide():
            return issued["access_token"]

        async with foundry_client(simulator.url, azure_ad_token_provider=provide) as client:
            await assert_serves(client, "claude-sonnet-5-5")


def aws_client(url, service):
    settings = Config(retries={"total_max_attempts": 1}, read_timeout=10, proxies={})
    return a_session().create_client(service, region_name="us-east-1", endpoint_url=url, config=settings)


async def test_botocore_itself_is_served():
    async with simulated("bedrock") as simulator:
        url = simulator.url

        def ask():
            runtime, control = aws_client(url, "bedrock-runtime"), aws_client(url, "bedrock")
            answer = json.loads(runtime.invoke_model(modelId=PROFILE, body=json.dumps(BODY))["body"].read())
            stream = runtime.invoke_model_with_response_stream(modelId=PROFILE, body=json.dumps(BODY))
            with closing(stream["body"]) as parts:
                events = [json.loads(part["chunk"]["bytes"]) for part in parts]
            counted = runtime.count_tokens(
                modelId="anthropic.claude-sonnet-5-5", input={"invokeModel": {"body": json.dumps(BODY)}}
            )
            profiles = control.list_inference_profiles()["inferenceProfileSummaries"]
            models = control.list_foundation_models(byProvider="anthropic")["modelSummaries"]
            runtime.close()
            control.close()
            return answer, events, counted["inputTokens"], profiles, models

        answer, events, tokens, profiles, models = await asyncio.to_thread(ask)
    assert answer["usage"]["input_tokens"] == tokens
    assert events[-1]["type"] == "message_stop"
    assert PROFILE in [profile["inferenceProfileId"] for profile in profiles]
    assert "anthropic.claude-sonnet-5-5" in [model["modelId"] for model in models]


async def test_botocore_reads_every_refusal_and_exception():
    async with simulated("bedrock") as simulator:
        url = simulator.url

        def ask():
            runtime = aws_client(url, "bedrock-runtime")
            with pytest.raises(ClientError) as refused:
                runtime.invoke_model(modelId="sim-429", body=json.dumps(BODY))
            stream = runtime.invoke_model_with_response_stream(modelId="sim-error-mid", body=json.dumps(BODY))
            with closing(stream["body"]) as parts, pytest.raises(EventStreamError) as broken:
                list(parts)
            runtime.close()
            return refused.value.response["Error"]["Code"], broken.value.response["Error"]["Code"]

        assert await asyncio.to_thread(ask) == ("ThrottlingException", "modelStreamErrorException")


def container_keys(url):
    with closing(URLLib3Session()) as session:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/aws/credentials"}
        return ContainerProvider(environ, ContainerMetadataFetcher(session)).load().get_frozen_credentials()


def instance_keys(url):
    fetcher = InstanceMetadataFetcher(timeout=10, config={"ec2_metadata_service_endpoint": url + "/"})
    with closing(fetcher._session):
        return InstanceMetadataProvider(fetcher).load().get_frozen_credentials()


@pytest.mark.parametrize("keys_of", [container_keys, instance_keys])
async def test_botocore_gets_keys_from_a_machine(keys_of):
    async with simulated("bedrock") as simulator:
        frozen = await asyncio.to_thread(keys_of, simulator.url)
        keys = AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)
        url, body = simulator.url + f"/model/{PROFILE}/invoke", json.dumps(BODY).encode()
        received = await send("POST", url, sign("POST", url, body, keys=keys), body)
    assert received.status == 200


async def signed(simulator, model, *, body=BODY):
    url, raw = f"{simulator.url}/model/{model}/invoke-with-response-stream", json.dumps(body).encode()
    return await send("POST", url, sign("POST", url, raw), raw)


async def test_a_stream_arrives_whole_in_frames():
    async with simulated("bedrock", speed=2000, text_tokens=200) as simulator:
        received = await signed(simulator, PROFILE)
    assert received.headers["content-type"] == "application/vnd.amazon.eventstream"
    assert_valid_stream([as_sse(received.body)])


@pytest.mark.parametrize(
    ("fault", "status", "is_complete"),
    [
        ("429", 429, True),
        ("529", 503, True),
        ("500", 500, True),
        ("reset", 0, False),
        ("reset-head", 200, False),
        ("reset-mid", 200, False),
        ("short", 200, False),
        ("truncate", 200, True),
        ("error-first", 200, True),
        ("error-mid", 200, True),
        ("lying-length", 200, True),
    ],
)
async def test_each_fault_looks_like_itself_in_frames(fault, status, is_complete):
    async with simulated("bedrock") as simulator:
        received = await signed(simulator, f"sim-{fault}")
    assert (received.status, received.is_complete) == (status, is_complete)
    assert b"message_stop" not in received.body


@pytest.mark.parametrize("fault", ["stall", "stall-mid"])
async def test_a_stall_lasts_until_the_client_leaves(fault):
    async with simulated("bedrock") as simulator:
        asking = asyncio.create_task(signed(simulator, f"sim-{fault}"))
        await simulator.seen(1)
        asking.cancel()
        await simulator.idle()
        assert simulator.journal.cancelled == 1


async def test_a_token_endpoint_that_hangs_lasts_until_the_client_leaves():
    async with simulated("vertex") as simulator:
        await send("POST", simulator.url + "/_sim/faults", {}, b'{"fault":"stall","for_tokens":true}')
        asking = asyncio.create_task(send("POST", simulator.url + "/token", {}, b"grant_type=refresh_token"))
        await simulator.seen(1)
        asking.cancel()
        await simulator.idle()
        assert simulator.journal.cancelled == 1


async def test_tokens_are_steered_over_http():
    async with simulated("azure") as simulator:
        tokens = simulator.url + "/_sim/tokens"
        form = b"grant_type=client_credentials&client_id=a&client_secret=s&scope=https://ai.azure.com/.default"

        async def status():
            issued = await send("POST", simulator.url + "/t/oauth2/v2.0/token", {}, form)
            headers = {"authorization": f"Bearer {json.loads(issued.body)['access_token']}"}
            body = json.dumps({"model": "claude-sonnet-5-5"} | ASK).encode()
            first = await send("POST", url, headers | {"anthropic-version": "2023-06-01"}, body)
            await send("DELETE", tokens, {})
            second = await send("POST", url, headers | {"anthropic-version": "2023-06-01"}, body)
            return first.status, second.status

        url = simulator.url + "/anthropic/v1/messages"
        assert await status() == (200, 401)
        await send("POST", tokens, {}, b'{"lifetime": 0}')
        assert await status() == (401, 401)
        told = json.loads((await send("GET", tokens, {})).body)
    assert told == {"issued": 2, "lifetime": 0.0}


async def test_a_plain_http_client_reads_googles_array():
    async with simulated("vertex", keys=("token",)) as simulator:
        place = "/v1/projects/p/locations/global/publishers/anthropic/models/sim-429:streamRawPredict"
        body = json.dumps({"anthropic_version": "vertex-2023-10-16", "stream": True} | ASK).encode()
        request = Request(simulator.url + place, body, {"authorization": "Bearer token"})

        def ask():
            with pytest.raises(HTTPError) as refused:
                urlopen(request, timeout=10)
            with refused.value as answer:
                return answer.status, json.loads(answer.read())

        status, told = await asyncio.to_thread(ask)
    assert (status, told[0]["error"]["code"]) == (429, 429)
