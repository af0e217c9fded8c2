"""What a simulated provider has handed out, and until when it is good: access tokens, and AWS's temporary keys."""

from base64 import urlsafe_b64encode
from hashlib import blake2b, sha256

import msgspec
from msgspec import Struct

from cc_relay.exchange import AwsKeys


class Issued(Struct, frozen=True):
    """One access token. `scopes` are what it is good for; `is_user` says that a person's login paid for it."""

    scopes: frozenset[str]
    expires_at: float
    is_user: bool = False


class Tokens:
    """Tokens and keys by their public part. `lifetime` is seconds, and may change under way."""

    def __init__(self, lifetime: float, seed: int) -> None:
        self.lifetime = lifetime
        self.issued = 0
        self._seed = seed
        self._tokens: dict[str, Issued] = {}
        self._keys: dict[str, tuple[AwsKeys, float]] = {}

    def __repr__(self) -> str:
        return f"<Tokens {self.issued} issued>"

    def issue(self, prefix: str, scopes: str, now: float, *, is_user: bool = False) -> str:
        """A new access token for space-separated `scopes`."""
        token = prefix + self._secret("token")
        self._tokens[token] = Issued(frozenset(scopes.split()), now + self.lifetime, is_user)
        return token

    def issue_jwt(self, scopes: str, now: float, claims: dict[str, object]) -> str:
        """A new access token that looks like Entra's: three parts, the middle one readable."""
        expiry = {"iat": int(now), "nbf": int(now), "exp": int(now + self.lifetime)}
        parts = ({"typ": "JWT", "alg": "RS256", "kid": "simulated"}, claims | expiry)
        head = ".".join(urlsafe_b64encode(msgspec.json.encode(part)).decode().rstrip("=") for part in parts)
        token = f"{head}.{self._secret('jwt')}"
        self._tokens[token] = Issued(frozenset(scopes.split()), now + self.lifetime)
        return token

    def issue_keys(self, now: float) -> AwsKeys:
        """New temporary AWS keys."""
        secret, token = self._secret("secret")[:40], self._secret("session")
        name = "ASIA" + sha256(token.encode()).hexdigest()[:16].upper()
        keys = AwsKeys(name, secret, "IQoJ" + token * 4)
        self._keys[name] = (keys, now + self.lifetime)
        return keys

    def find(self, token: str) -> Issued | None:
        """What is known of a token, expired or not."""
        return self._tokens.get(token)

    def find_keys(self, access_key_id: str) -> tuple[AwsKeys, float] | None:
        """Temporary keys, and when they expire; they are found after that as well."""
        return self._keys.get(access_key_id)

    def revoke(self) -> None:
        """Nothing that was handed out is good any more."""
        self._tokens.clear()
        self._keys.clear()

    def _secret(self, purpose: str) -> str:
        self.issued += 1
        made = blake2b(f"{self._seed} {purpose} {self.issued}".encode(), digest_size=48, person=b"sim-token").digest()
        return urlsafe_b64encode(made).decode().rstrip("=")
