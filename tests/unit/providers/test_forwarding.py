import pytest
from tests.support.builders import relay_request

from cc_relay.exchange import Credential, Headers
from cc_relay.providers.forwarding import allow_list, credential_line, open_list, with_betas

OURS = (b"x-api-key", b"ours")


def forwarded(*headers: tuple[bytes, bytes], is_rewritten: bool = False) -> Headers:
    """What is left of the client's own lines, without what the relay adds."""
    added = {b"anthropic-version", b"accept-encoding", b"x-api-key"}
    kept = open_list(relay_request(headers=list(headers)), OURS, is_rewritten=is_rewritten)
    return [line for line in kept if line[0] not in added]


def test_unknown_headers_pass_in_their_order() -> None:
    lines = [(b"x-app", b"cli"), (b"x-claude-code-session-id", b"s"), (b"header-of-tomorrow", b"1")]
    assert forwarded(*lines) == lines


@pytest.mark.parametrize(
    "name",
    [
        b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect", b"content-length",
        b"host", b"proxy-authorization", b"proxy-connection", b"authorization", b"cookie", b"forwarded", b"via",
        b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip", b"x-cc-relay-debug",
    ],
)  # fmt: skip
def test_what_belongs_to_this_hop_stays(name: bytes) -> None:
    assert forwarded((name, b"value"), (b"x-app", b"cli")) == [(b"x-app", b"cli")]


def test_only_our_credential_travels() -> None:
    kept = open_list(relay_request(headers=[(b"x-api-key", b"theirs"), (b"authorization", b"Bearer theirs")]), OURS)
    assert [line for line in kept if line[0] in {b"x-api-key", b"authorization"}] == [OURS]


def test_headers_that_connection_names_stay() -> None:
    lines = [(b"connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"connection", b"x-other"), (b"x-other", b"2")]
    assert forwarded(*lines, (b"x-app", b"cli")) == [(b"x-app", b"cli")]


def test_a_version_that_connection_names_is_replaced() -> None:
    kept = open_list(
        relay_request(headers=[(b"connection", b"anthropic-version"), (b"anthropic-version", b"2026-10-21")]), None
    )
    assert dict(kept)[b"anthropic-version"] == b"2023-06-01"


def test_betas_pass_verbatim() -> None:
    line = (b"anthropic-beta", b"oauth-2025-04-20, of-tomorrow,,of-tomorrow")
    assert forwarded(line) == [line]


def test_several_lines_of_betas_become_one_where_the_first_stood() -> None:
    lines = [(b"anthropic-beta", b"a,b"), (b"x-app", b"cli"), (b"anthropic-beta", b"c")]
    assert forwarded(*lines) == [(b"anthropic-beta", b"a,b,c"), (b"x-app", b"cli")]


def test_other_repeated_headers_stay_repeated() -> None:
    assert forwarded((b"x-tag", b"1"), (b"x-tag", b"2")) == [(b"x-tag", b"1"), (b"x-tag", b"2")]


def test_an_encoded_body_keeps_its_encoding_until_it_is_rewritten() -> None:
    line = (b"content-encoding", b"gzip")
    assert forwarded(line) == [line]
    assert forwarded(line, is_rewritten=True) == []


def test_a_foreign_upstream_gets_the_betas_it_knows() -> None:
    headers = [(b"anthropic-beta", b"a, b"), (b"anthropic-beta", b"c")]
    assert dict(allow_list(headers, None, frozenset({b"b", b"c"})))[b"anthropic-beta"] == b"b,c"
    assert dict(allow_list(headers, None, None))[b"anthropic-beta"] == b"a,b,c"
    assert b"anthropic-beta" not in dict(allow_list(headers, None, frozenset()))


@pytest.mark.parametrize(
    ("style", "line"), [("x-api-key", (b"x-api-key", b"key")), ("bearer", (b"authorization", b"Bearer key"))]
)
def test_a_key_travels_in_the_style_of_its_provider(style: str, line: tuple[bytes, bytes]) -> None:
    assert credential_line(Credential("f", "key"), auth_style=style, accepts_client_login=False) == line


@pytest.mark.parametrize(
    ("secret", "line"),
    [
        ("sk-ant-oat01-x", (b"authorization", b"Bearer sk-ant-oat01-x")),
        ("sk-ant-api03-x", (b"x-api-key", b"sk-ant-api03-x")),
    ],
)
@pytest.mark.parametrize("style", ["x-api-key", "bearer"])
def test_a_clients_own_login_travels_as_its_kind_does(secret: str, line: tuple[bytes, bytes], style: str) -> None:
    own = Credential("f", secret, is_client_owned=True)
    assert credential_line(own, auth_style=style, accepts_client_login=True) == line


def test_no_key_needs_no_header() -> None:
    assert credential_line(Credential("f", ""), auth_style="bearer", accepts_client_login=False) is None


def test_betas_stand_where_the_client_put_them() -> None:
    came = [(b"x-a", b"1"), (b"anthropic-beta", b"a, b"), (b"x-b", b"2")]
    assert with_betas(came, (b"a", b"b")) is came
    assert with_betas(came, (b"b",)) == [(b"x-a", b"1"), (b"anthropic-beta", b"b"), (b"x-b", b"2")]
    assert with_betas(came, ()) == [(b"x-a", b"1"), (b"x-b", b"2")]
