"""Who may use the relay, and which credential of theirs may travel on."""

import hmac

import pytest
from tests.support.fakes import FakeProvider, Rig, answer, upstream, upstream_of
from tests.support.virtual_time import virtual

from cc_relay.errors import Rejection
from cc_relay.exchange import Credential, Headers
from cc_relay.relay import authenticate as module
from cc_relay.relay.authenticate import Principal, authenticate
from cc_relay.relay.plan import usable
from cc_relay.relay.snapshot import Access

KEY = b"relay-key"
OAT = b"sk-ant-oat01-invented"
API = b"sk-ant-api03-invented"

NONE: Headers = []
MESSAGE = b'{"type":"message","content":[]}'


def in_x(value: bytes) -> Headers:
    return [(b"x-api-key", value)]


def in_bearer(value: bytes) -> Headers:
    return [(b"authorization", b"Bearer " + value)]


OPEN = Access()
KEYED = Access(api_key=KEY)
SECRET = Access(bearer_secret=b"s3cret", allows_bearer=True)
ANY_BEARER = Access(allows_bearer=True)
BOTH = Access(api_key=KEY, bearer_secret=b"s3cret", allows_bearer=True)
SUBSCRIPTIONS = Access(allows_subscription=True)
KEY_OR_SUBSCRIPTION = Access(api_key=KEY, allows_subscription=True)

ADMITTED: list[tuple[Access, Headers, str]] = [
    (OPEN, NONE, "anonymous"),
    (OPEN, in_x(b"anything"), "anonymous"),
    (KEYED, in_x(KEY), "relay-key"),
    (KEYED, in_bearer(KEY), "relay-key"),
    (KEYED, [*in_x(b"wrong"), *in_bearer(KEY)], "relay-key"),
    (KEYED, [*in_x(KEY), *in_bearer(b"wrong")], "relay-key"),
    (KEYED, [(b"authorization", b"bEARER  " + KEY)], "relay-key"),
    (SECRET, in_bearer(b"s3cret"), "bearer"),
    (ANY_BEARER, in_bearer(b"anything"), "bearer"),
    (BOTH, in_x(KEY), "relay-key"),
    (BOTH, in_bearer(KEY), "relay-key"),
    (BOTH, in_bearer(b"s3cret"), "bearer"),
    (SUBSCRIPTIONS, NONE, "anonymous"),
    (SUBSCRIPTIONS, in_bearer(OAT), "anonymous"),
    (KEY_OR_SUBSCRIPTION, in_x(KEY), "relay-key"),
    (KEY_OR_SUBSCRIPTION, in_bearer(OAT), "subscription"),
    (KEY_OR_SUBSCRIPTION, in_x(OAT), "subscription"),
]

REFUSED: list[tuple[Access, Headers, str]] = [
    (KEYED, NONE, "no_credential"),
    (KEYED, in_x(b""), "no_credential"),
    (KEYED, in_x(b"wrong"), "wrong_credential"),
    (KEYED, in_x(KEY + b"x"), "wrong_credential"),
    (KEYED, in_bearer(b"wrong"), "wrong_credential"),
    (KEYED, [(b"authorization", b"Basic " + KEY)], "no_credential"),
    (KEYED, in_bearer(OAT), "wrong_credential"),
    (SECRET, in_bearer(b"wrong"), "wrong_credential"),
    (SECRET, in_x(b"s3cret"), "wrong_credential"),
    (SECRET, NONE, "no_credential"),
    (ANY_BEARER, NONE, "no_credential"),
    (ANY_BEARER, in_bearer(b""), "no_credential"),
    (ANY_BEARER, in_x(b"anything"), "wrong_credential"),
    (BOTH, in_x(b"s3cret"), "wrong_credential"),
    (KEY_OR_SUBSCRIPTION, in_bearer(b"sk-ant-oaf01"), "wrong_credential"),
    (KEY_OR_SUBSCRIPTION, in_x(API), "wrong_credential"),
]


@pytest.mark.parametrize(("access", "headers", "name"), ADMITTED)
def test_who_is_admitted(access: Access, headers: Headers, name: str) -> None:
    assert authenticate(access, dict(headers)).name == name


@pytest.mark.parametrize(("access", "headers", "reason"), REFUSED)
def test_who_is_refused(access: Access, headers: Headers, reason: str) -> None:
    with pytest.raises(Rejection) as refused:
        authenticate(access, dict(headers))
    assert (refused.value.status, refused.value.error_type) == (401, "authentication_error")
    assert (refused.value.reason, refused.value.should_retry) == (reason, False)
    assert KEY.decode() not in refused.value.message


def test_only_a_subscription_that_proved_nothing_else_may_use_no_key_of_ours() -> None:
    for access, headers, name in ADMITTED:
        assert authenticate(access, dict(headers)).may_use_keys is (name != "subscription")


def test_credentials_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def watched(given: bytes, expected: bytes) -> bool:
        compared.append((given, expected))
        return hmac.compare_digest(given, expected)

    monkeypatch.setattr(module, "compare_digest", watched)
    with pytest.raises(Rejection):
        authenticate(BOTH, dict([*in_x(b"wrong-x"), *in_bearer(b"wrong-b")]))
    assert {(b"wrong-x", KEY), (b"wrong-b", KEY), (b"wrong-b", b"s3cret")} <= set(compared)


# -- the client's own login -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("access", "headers", "login"),
    [
        (OPEN, in_bearer(OAT), None),
        (SUBSCRIPTIONS, in_bearer(OAT), OAT),
        (SUBSCRIPTIONS, in_x(OAT), OAT),
        (KEY_OR_SUBSCRIPTION, [*in_x(KEY), *in_bearer(OAT)], OAT),
        (OPEN, in_x(API), API),
        (OPEN, in_bearer(API), API),
        (SUBSCRIPTIONS, [*in_x(API), *in_bearer(OAT)], API),
        (OPEN, in_bearer(b"cc-relay-placeholder"), None),
        (Access(api_key=API), in_x(API), None),
        (Access(bearer_secret=API, allows_bearer=True), in_bearer(API), None),
        (Access(bearer_secret=OAT, allows_bearer=True, allows_subscription=True), in_bearer(OAT), None),
    ],
)
def test_which_credential_of_the_clients_may_travel_on(access: Access, headers: Headers, login: bytes | None) -> None:
    found = authenticate(access, dict(headers)).login
    assert (found.secret.encode() if found else None) == login
    assert found is None or (found.is_client_owned and found.fingerprint == "client-login")


LOGIN = Credential("client-login", OAT.decode(), is_client_owned=True)
API_LOGIN = Credential("client-login", API.decode(), is_client_owned=True)
HOME = FakeProvider("home", accepts_client_login=True)
ELSEWHERE = FakeProvider("elsewhere")
POOL = (Credential("k1", "pool-1"), Credential("k2", "pool-2"))


@pytest.mark.parametrize(
    ("provider", "pool", "principal", "expected"),
    [
        pytest.param(HOME, POOL, Principal("x", LOGIN), (LOGIN,), id="a subscription, never the pool behind it"),
        pytest.param(HOME, (), Principal("x", LOGIN), (LOGIN,), id="a subscription without a pool"),
        pytest.param(HOME, POOL, Principal("x", API_LOGIN), POOL, id="our keys before a client's"),
        pytest.param(HOME, (), Principal("x", API_LOGIN), (API_LOGIN,), id="a client's key without a pool"),
        pytest.param(HOME, POOL, Principal("x"), POOL, id="nobody's login"),
        pytest.param(HOME, (), Principal("x"), (), id="nothing at all"),
        pytest.param(ELSEWHERE, POOL, Principal("x", LOGIN), POOL, id="no login elsewhere"),
        pytest.param(ELSEWHERE, (), Principal("x", LOGIN), (), id="no login elsewhere, even without a pool"),
        pytest.param(ELSEWHERE, POOL, Principal("x", LOGIN, may_use_keys=False), (), id="a mere subscription"),
    ],
)
def test_which_credentials_may_be_used_where(
    provider: FakeProvider, pool: tuple[Credential, ...], principal: Principal, expected: tuple[Credential, ...]
) -> None:
    assert usable(upstream_of(provider, pool), principal) == expected


@virtual
async def test_a_mere_subscription_never_reaches_the_pool_however_its_login_fails() -> None:
    home = upstream("home", "pool", accepts_client_login=True)
    given = [answer(b"{}", status=529), answer(b"{}", status=529)]
    rig = Rig(*given, upstreams=[home, upstream("b")], access=KEY_OR_SUBSCRIPTION)
    await rig.serve(headers=in_bearer(OAT))
    assert rig.sender.asked == ["home/" + OAT.decode()] * 2
    assert rig.record.principal == "subscription"


@virtual
async def test_a_refused_client_is_told_what_to_send_and_nothing_is_sent_upstream() -> None:
    rig = Rig(access=KEYED)
    downstream = await rig.serve(headers=in_x(b"wrong"))
    assert (downstream.status, downstream.header(b"x-should-retry")) == (401, b"false")
    assert b"server.auth.api_key" in downstream.body
    assert rig.record.principal == ""


@virtual
async def test_a_login_of_the_clients_own_sees_its_plan_limits() -> None:
    headers = [(b"content-type", b"application/json"), (b"anthropic-ratelimit-unified-status", b"allowed")]
    home = upstream("home", accepts_client_login=True)
    rig = Rig(answer(MESSAGE, headers=headers), upstreams=[home], access=SUBSCRIPTIONS)
    downstream = await rig.serve(headers=in_bearer(OAT))
    assert downstream.header(b"anthropic-ratelimit-unified-status") == b"allowed"
