"""No credential of a client's leaves the relay, but its own login to the host it belongs to."""

from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders import messages_body
from tests.support.fakes import Rig, unreachable, upstream_of
from tests.support.providers import provider as built
from tests.support.virtual_time import virtual

from cc_relay.exchange import Credential, Headers, Origin
from cc_relay.providers.base import Provider
from cc_relay.providers.registry import TYPES
from cc_relay.relay.snapshot import Access, Retry, Upstream

HOME = Origin("https", "api.anthropic.com", 443)
POOL = (Credential("pool", "our-own-pool-key"),)

SECRETS = st.sampled_from(
    [
        "sk-ant-oat01-clients-own",
        "sk-ant-api03-clients-own",
        "sk-ant-of-tomorrow-clients-own",
        "cc-relay-placeholder",
        "the-relays-own-key",
        "the-relays-own-secret",
        "sk-ant-relay-key-of-ours",
        "any-other-clients-own",
    ]
)
CARRIERS = st.sampled_from(["x-api-key", "authorization", "authorization", "cookie", "proxy-authorization"])
SCHEMES = st.sampled_from(["Bearer ", "bearer ", "BEARER  ", "Basic ", ""])
OTHERS = st.sampled_from(
    [
        (b"user-agent", b"claude-cli"),
        (b"anthropic-beta", b"oauth-2025-04-20"),
        (b"connection", b"keep-alive"),
        (b"x-app", b"cli"),
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Headers, list[bytes]]:
    """Header lines with credentials among them, and the credentials."""
    headers: Headers = draw(st.lists(OTHERS, max_size=3))
    secrets: list[bytes] = []
    for secret in draw(st.lists(SECRETS, min_size=1, max_size=3)):
        carrier = draw(CARRIERS)
        scheme = draw(SCHEMES) if carrier.endswith("authorization") else ""
        headers.insert(draw(st.integers(0, len(headers))), (carrier.encode(), (scheme + secret).encode()))
        secrets.append(secret.encode())
    return headers, secrets


ACCESSES = st.builds(
    Access,
    api_key=st.sampled_from([b"", b"the-relays-own-key", b"sk-ant-relay-key-of-ours"]),
    bearer_secret=st.sampled_from([b"", b"the-relays-own-secret", b"sk-ant-relay-key-of-ours"]),
    allows_bearer=st.booleans(),
    allows_subscription=st.booleans(),
)


def provider(name: str, type_: str) -> Provider:
    base_urls = {"elsewhere": "https://elsewhere.test", "default": TYPES[type_].base_url or "https://compatible.test"}
    return built(type_, base_urls[name], name=name)


UPSTREAMS = st.builds(
    upstream_of,
    provider=st.builds(provider, st.sampled_from(["default", "elsewhere"]), st.sampled_from(sorted(TYPES))),
    credentials=st.sampled_from([(), POOL]),
)
PATHS = st.sampled_from(["/v1/messages", "/v1/messages/count_tokens", "/v1/files", "/v1/messages/batches"])


@given(
    case=requests(),
    access=ACCESSES,
    upstreams=st.lists(UPSTREAMS, min_size=1, max_size=3),
    path=PATHS,
    query=st.text("ab=&", max_size=4),
)
@virtual
async def test_no_credential_of_a_clients_leaves_but_its_own_login_to_its_own_host(
    case: tuple[Headers, list[bytes]], access: Access, upstreams: list[Upstream], path: str, query: str
) -> None:
    headers, secrets = case
    rig = Rig(*[unreachable() for _ in range(8)], upstreams=upstreams, access=access, retry=Retry(max_attempts=8))
    downstream = await rig.serve(headers=headers, path=path, query=query, body=messages_body())
    own = [access.api_key, access.bearer_secret]
    for sent in rig.sender.requests:
        whole = b"\n".join([sent.target, sent.body, *(name + b": " + value for name, value in sent.headers)])
        for secret in secrets:
            if secret in whole:
                assert sent.origin == HOME
                assert secret.startswith(b"sk-ant-")
                assert secret not in own
                assert access.allows_subscription or not secret.startswith(b"sk-ant-oat")
        assert sum(name in (b"x-api-key", b"authorization") for name, _ in sent.headers) <= 1
    told = downstream.body + b"".join(name + value for name, value in downstream.headers)
    assert not [secret for secret in [*secrets, b"our-own-pool-key"] if secret in told]


@given(access=ACCESSES, case=requests())
@virtual
async def test_behind_a_subscription_the_pool_of_the_same_host_is_never_used(
    access: Access, case: tuple[Headers, list[bytes]]
) -> None:
    home = upstream_of(provider("default", "anthropic"), POOL)
    rig = Rig(*[unreachable() for _ in range(8)], upstreams=[home], access=access)
    await rig.serve(headers=case[0])
    used = [b"our-own-pool-key" in value for sent in rig.sender.requests for _, value in sent.headers]
    logins = [b"sk-ant-oat" in value for sent in rig.sender.requests for _, value in sent.headers]
    assert not (any(used) and any(logins))
