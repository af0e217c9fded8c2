"""Which of a client's headers travel on, and the credential that joins them."""

from cc_relay.codec.names import HOP_BY_HOP, NameFilter
from cc_relay.exchange import Credential, Headers, RelayRequest

Line = tuple[bytes, bytes]

DEFAULT_VERSION: Line = (b"anthropic-version", b"2023-06-01")
IDENTITY: Line = (b"accept-encoding", b"identity")
JSON: Line = (b"content-type", b"application/json")
OAUTH_BETA = b"oauth-2025-04-20"

# fmt: off
DROPPED = frozenset({
    # Framing and the client's own hop (RFC 9110, 7.6.1).
    *HOP_BY_HOP, b"expect", b"host",
    # Credentials, all of them: Anthropic prefers x-api-key where both are present, so neither may survive.
    b"x-api-key", b"authorization", b"cookie",
    # Where the client sits in its network.
    b"forwarded", b"via", b"x-real-ip", b"x-client-ip", b"x-cluster-client-ip", b"true-client-ip", b"cf-connecting-ip",
    # Replaced by `identity`, because the relay reads what passes.
    b"accept-encoding",
})
# fmt: on
DROPPED_PREFIXES = (b"x-forwarded-", b"x-cc-relay-", b"proxy-")
ALLOWED = frozenset({b"content-type", b"accept", b"anthropic-version", b"user-agent"})

_travels = NameFilter(lambda name: name not in DROPPED and not name.startswith(DROPPED_PREFIXES))
_USUAL_CONNECTION = (None, b"keep-alive", b"close", b"Keep-Alive")


def open_list(request: RelayRequest, credential: Line | None, *, is_rewritten: bool = False) -> Headers:
    """Everything the client sent but what belongs to its own hop, to us, or to its privacy; hot path.

    `anthropic-version` is defaulted and never changed; several `anthropic-beta` lines become one. A rewritten body is
    plain JSON, so its `content-encoding` goes.
    """
    headers, names = request.headers, request.named
    kept = _travels(headers)
    if len(names) != len(headers) or names.get(b"connection") not in _USUAL_CONNECTION:
        kept = _untangle(headers, kept)
        names = dict(kept)
    if is_rewritten and b"content-encoding" in names:
        kept = [line for line in kept if line[0] != b"content-encoding"]
    if b"anthropic-version" not in names:
        kept.append(DEFAULT_VERSION)
    kept.append(IDENTITY)
    if credential is not None:
        kept.append(credential)
    return kept


def allow_list(headers: Headers, credential: Line | None, betas: frozenset[bytes] | None) -> Headers:
    """The few headers an upstream that is not Anthropic gets.

    `betas` are the `anthropic-beta` values that mean something to it; None lets all through.
    """
    kept = [line for line in headers if line[0] in ALLOWED]
    names = dict(kept)
    kept += [line for line in (DEFAULT_VERSION, JSON) if line[0] not in names]
    asked = list_values(headers, b"anthropic-beta")
    wanted = asked if betas is None else [beta for beta in asked if beta in betas]
    if wanted:
        kept.append((b"anthropic-beta", b",".join(wanted)))
    kept.append(IDENTITY)
    if credential is not None:
        kept.append(credential)
    return kept


def with_betas(headers: Headers, betas: tuple[bytes, ...]) -> Headers:
    """The headers with these values of `anthropic-beta`, where the first one stood; `headers` where they say so."""
    if tuple(list_values(headers, b"anthropic-beta")) == betas:
        return headers
    at = next((at for at, line in enumerate(headers) if line[0] == b"anthropic-beta"), 0)
    kept = [line for line in headers if line[0] != b"anthropic-beta"]
    if betas:
        kept.insert(at, (b"anthropic-beta", b",".join(betas)))
    return kept


def credential_line(credential: Credential, *, auth_style: str, accepts_client_login: bool) -> Line | None:
    """The header that proves us upstream; None where there is nothing to prove (a local server).

    Raises AssertionError where a client's own login is about to leave for a host that is not Anthropic's: a plan must
    never offer that, and this is the last place to stop it.
    """
    if credential.is_client_owned and not accepts_client_login:
        raise AssertionError("a client's own login may travel to api.anthropic.com only")
    secret = credential.secret.encode()
    if not secret:
        return None
    if credential.is_client_owned:
        # Anthropic's own scheme: console keys are sk-ant-api…, everything else (sk-ant-oat…) is a bearer token.
        auth_style = "x-api-key" if secret.startswith(b"sk-ant-api") else "bearer"
    return (b"x-api-key", secret) if auth_style == "x-api-key" else (b"authorization", b"Bearer " + secret)


def _untangle(headers: Headers, kept: Headers) -> Headers:
    """Drop what `connection` names, and join repeated `anthropic-beta` lines where the first one stood."""
    hop = {name.lower() for name in list_values(headers, b"connection")}
    betas = b",".join(value for name, value in kept if name == b"anthropic-beta")
    joined: Headers = []
    for name, value in kept:
        if name in hop or (name == b"anthropic-beta" and not betas):
            continue
        if name != b"anthropic-beta":
            joined.append((name, value))
        else:
            joined.append((name, betas))
            betas = b""
    return joined


def list_values(headers: Headers, name: bytes) -> list[bytes]:
    """The members of a comma-separated header, over all its lines."""
    lines = b",".join(value for key, value in headers if key == name)
    return [member for part in lines.split(b",") if (member := part.strip())]
