"""Check an RS256 signature with nothing but integers: enough to tell a service account from somebody else."""

import hmac
from base64 import b64decode
from hashlib import sha256

SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
"""DER of a SHA-256 DigestInfo, up to the digest (RFC 8017, 9.2)."""

INTEGER, BIT_STRING, SEQUENCE = 0x02, 0x03, 0x30


def read_public_key(pem: str) -> tuple[int, int]:
    """Modulus and exponent of a PEM `PUBLIC KEY`. Raises ValueError."""
    lines = [line for line in pem.strip().splitlines() if not line.startswith("-----")]
    try:
        info = _expect(b64decode("".join(lines), validate=True), SEQUENCE)[0]
        _, rest = _expect(info, SEQUENCE)  # the algorithm: there is but one
        bits, _ = _expect(rest, BIT_STRING)
        key, _ = _expect(bits[1:], SEQUENCE)
        modulus, rest = _expect(key, INTEGER)
        exponent, _ = _expect(rest, INTEGER)
    except IndexError:
        raise ValueError("the key ends too early") from None
    return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")


def _expect(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the value at the front, and what follows it."""
    if der[0] != tag:
        raise ValueError(f"expected tag {tag:#x}, found {der[0]:#x}")
    size, start = der[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[2:start], "big")
    return der[start : start + size], der[start + size :]


def is_signed(message: bytes, signature: bytes, key: tuple[int, int]) -> bool:
    """Whether `signature` is this key's PKCS #1 v1.5 over the SHA-256 of `message`."""
    modulus, exponent = key
    size = (modulus.bit_length() + 7) // 8
    tail = b"\x00" + SHA256_PREFIX + sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(tail) - 2) + tail
    if len(signature) != size:
        return False
    found = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    return hmac.compare_digest(found, expected)
