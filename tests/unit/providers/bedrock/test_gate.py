import pytest

from cc_relay.exchange import AwsKeys, Credential
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.bedrock.gate import Gate

KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
JSON = [(b"accept", b"application/json"), (b"content-type", b"application/json")]
JANUARY = 1_767_323_045.0  # 2026-01-02T03:04:05Z


def gate(region: str = "", base_url: str = "", auth_style: str = "bearer") -> Gate:
    settings = ProviderSettings(name="mine", type="bedrock", base_url=base_url, region=region)
    return Gate(
        settings, base_url="https://bedrock-runtime.{region}.{domain}/x", service="bedrock", auth_style=auth_style
    )


@pytest.mark.parametrize(
    ("region", "base_url"),
    [
        ("eu-west-3", "https://bedrock-runtime.eu-west-3.amazonaws.com/x"),
        ("cn-north-1", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/x"),
        ("eusc-de-east-1", "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu/x"),
    ],
)
def test_a_surface_lives_in_its_region(region: str, base_url: str) -> None:
    assert gate(region).base_url == base_url


@pytest.mark.parametrize(
    ("base_url", "region"),
    [
        ("https://bedrock-runtime.eu-west-3.amazonaws.com", "eu-west-3"),
        ("https://bedrock-mantle.us-west-2.api.aws/anthropic", "us-west-2"),
        ("https://gateway.test/bedrock", "us-east-1"),
    ],
)
def test_a_base_url_may_say_the_region(base_url: str, region: str) -> None:
    assert gate(base_url=base_url).region == region


def test_the_settings_region_wins() -> None:
    assert gate("us-east-2", "https://bedrock-runtime.eu-west-3.amazonaws.com").region == "us-east-2"


def test_one_of_them_is_needed() -> None:
    with pytest.raises(ValueError, match="needs aws_region"):
        gate()


@pytest.mark.parametrize("region", ["us-east-1.evil.test", "us east", "x", "US-EAST-1", "us-east-1/"])
def test_a_region_is_no_way_to_another_host(region: str) -> None:
    with pytest.raises(ValueError, match="no region"):
        gate(region)


def test_a_path_is_kept_whole() -> None:
    assert (
        gate(base_url="https://gateway.test/aws/v1/").whole_path.target("/model/m/invoke") == b"/aws/v1/model/m/invoke"
    )


def test_keys_sign_when_the_request_goes_out() -> None:
    target = b"/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke"
    of = gate("us-east-1", "https://bedrock-runtime.us-east-1.amazonaws.com")
    sent = of.request(Credential("k", "", aws=KEYS), target, JSON, b"{}")
    assert sent.seal is not None
    assert not {b"authorization", b"x-api-key"} & dict(sent.headers).keys()
    # The signature that botocore makes of the same request.
    proof = dict(sent.seal(JANUARY))[b"authorization"]
    assert proof.endswith(b"Signature=e8114db92a028f4e82307a9101a944e1c56ce7b0ee3c91c47127b5444c1cb6d2")


@pytest.mark.parametrize(
    ("auth_style", "line"),
    [("bearer", (b"authorization", b"Bearer bedrock-api-key")), ("x-api-key", (b"x-api-key", b"bedrock-api-key"))],
)
def test_a_token_travels_as_it_is(auth_style: str, line: tuple[bytes, bytes]) -> None:
    sent = gate("us-east-1", auth_style=auth_style).request(Credential("k", "bedrock-api-key"), b"/", JSON, b"{}")
    assert sent.seal is None
    assert sent.headers[-1] == line


def test_a_clients_own_login_stays_here() -> None:
    with pytest.raises(AssertionError):
        gate("us-east-1").request(Credential("k", "sk-ant-oat01-x", is_client_owned=True), b"/", JSON, b"{}")
