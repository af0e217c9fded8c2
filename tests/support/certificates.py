"""A throwaway certificate authority, in pure Python: ECDSA on P-256, just enough DER for X.509. For tests only."""

import base64
import hashlib
import ipaddress
import secrets
import ssl
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

# NIST P-256 (FIPS 186-4, D.1.2.3): y^2 = x^3 - 3x + b over the field of _P, with _G generating a group of order _N.
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

_Point = tuple[int, int] | None
_serials = count(1)


class Key(NamedTuple):
    """A private key and the point that is its public half."""

    secret: int
    public: tuple[int, int]


class Leaf(NamedTuple):
    """A server's certificate and key, as files."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """A context for a server that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """A certificate authority of its own key; `certificate` is the PEM file to trust. Files go to `directory`."""

    def __init__(self, directory: Path, name: str = "Throwaway CA") -> None:
        self._directory = directory
        self.name = name
        self.key = _new_key()
        self.certificate = directory / f"{_file_name(name)}.pem"
        now = datetime.now(UTC)
        body = _certificate(self, name, self.key, (now - timedelta(days=1), now + timedelta(days=1)), ())
        self.certificate.write_text(_pem("CERTIFICATE", body))

    def issue(self, *names: str, lasts: timedelta = timedelta(days=1)) -> Leaf:
        """A certificate for host names and IP addresses; with a negative `lasts` it expired that long ago."""
        key = _new_key()
        now = datetime.now(UTC)
        period = (now - timedelta(days=2), now + lasts)
        stem = self._directory / f"{_file_name(names[0])}-{next(_serials)}"
        leaf = Leaf(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        leaf.certificate.write_text(_pem("CERTIFICATE", _certificate(self, names[0], key, period, names)))
        leaf.key.write_text(_pem("EC PRIVATE KEY", _private_key(key)))
        return leaf


def _certificate(
    issuer: Authority, subject: str, key: Key, period: tuple[datetime, datetime], names: tuple[str, ...]
) -> bytes:
    """A signed certificate in DER (RFC 5280, section 4.1); without `names` it is an authority's."""
    algorithm = _sequence(_oid(1, 2, 840, 10045, 4, 3, 2))  # ecdsa-with-SHA256
    body = _sequence(
        _der(0xA0, _integer(2)),  # version 3
        _integer(secrets.randbits(64) + 1),
        algorithm,
        _common_name(issuer.name),
        _sequence(*(_der(0x18, instant.strftime("%Y%m%d%H%M%SZ").encode()) for instant in period)),
        _common_name(subject),
        _public_key(key),
        _der(0xA3, _sequence(*_extensions(issuer, key, names))),
    )
    return _sequence(body, algorithm, _bits(_sign(issuer.key, body)))


def _extensions(issuer: Authority, key: Key, names: tuple[str, ...]) -> list[bytes]:
    identifiers = [
        _extension(14, _der(0x04, _identifier(key))),
        _extension(35, _sequence(_der(0x80, _identifier(issuer.key)))),
    ]
    if not names:
        may_sign_certificates = _der(0x03, bytes([1, 0b00000110]))
        return [
            *identifiers,
            _extension(19, _sequence(_der(0x01, b"\xff")), is_critical=True),
            _extension(15, may_sign_certificates, is_critical=True),
        ]
    return [*identifiers, _extension(17, _sequence(*map(_alternative_name, names)))]


def _extension(number: int, value: bytes, *, is_critical: bool = False) -> bytes:
    return _sequence(_oid(2, 5, 29, number), _der(0x01, b"\xff") if is_critical else b"", _der(0x04, value))


def _alternative_name(name: str) -> bytes:
    try:
        return _der(0x87, ipaddress.ip_address(name).packed)
    except ValueError:
        return _der(0x82, name.encode("ascii"))


def _common_name(name: str) -> bytes:
    return _sequence(_der(0x31, _sequence(_oid(2, 5, 4, 3), _der(0x0C, name.encode()))))


def _identifier(key: Key) -> bytes:
    return hashlib.sha1(_octets(key), usedforsecurity=False).digest()


def _public_key(key: Key) -> bytes:
    return _sequence(_sequence(_oid(1, 2, 840, 10045, 2, 1), _CURVE), _bits(_octets(key)))


def _private_key(key: Key) -> bytes:
    """RFC 5915, section 3."""
    return _sequence(
        _integer(1),
        _der(0x04, key.secret.to_bytes(32, "big")),
        _der(0xA0, _CURVE),
        _der(0xA1, _bits(_octets(key))),
    )


def _octets(key: Key) -> bytes:
    return b"\x04" + b"".join(number.to_bytes(32, "big") for number in key.public)


# ECDSA


def _new_key() -> Key:
    secret = secrets.randbelow(_N - 1) + 1
    public = _times(secret, _G)
    assert public is not None
    return Key(secret, public)


def _sign(key: Key, message: bytes) -> bytes:
    """SEC 1, section 4.1.3; the nonce is fresh, nothing here resists timing."""
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    nonce = _new_key()
    r = nonce.public[0] % _N
    s = pow(nonce.secret, -1, _N) * (digest + r * key.secret) % _N
    return _sequence(_integer(r), _integer(s))


def _times(number: int, point: _Point) -> _Point:
    total: _Point = None
    while number:
        if number & 1:
            total = _plus(total, point)
        point = _plus(point, point)
        number >>= 1
    return total


def _plus(one: _Point, other: _Point) -> _Point:
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if one[1] != other[1]:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, _P) % _P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P) % _P
    x = (slope * slope - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


# DER (X.690)


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, b"".join(parts))


def _integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _der(0x03, b"\x00" + content)


def _oid(first: int, second: int, *rest: int) -> bytes:
    encoded = bytearray([first * 40 + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        encoded += bytes(reversed(groups))
    return _der(0x06, bytes(encoded))


_CURVE = _oid(1, 2, 840, 10045, 3, 1, 7)


def _pem(label: str, content: bytes) -> str:
    lines = base64.encodebytes(content).decode().replace("\n", "")
    wrapped = "\n".join(lines[start : start + 64] for start in range(0, len(lines), 64))
    return f"-----BEGIN {label}-----\n{wrapped}\n-----END {label}-----\n"


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
