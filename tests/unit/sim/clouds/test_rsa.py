"""RS256 by integers: the real library's signatures fit, and no others."""

import pytest
from google.auth import crypt
from tests.support.sim_clouds import public_key, service_account

from cc_relay.sim.clouds.rsa import is_signed, read_public_key


def signed(message, number=1):
    return crypt.RSASigner.from_string(service_account("unused", number)["private_key"]).sign(message)


def test_a_signature_fits_its_key_and_its_message():
    key = read_public_key(public_key())
    assert is_signed(b"message", signed(b"message"), key)
    assert not is_signed(b"another", signed(b"message"), key)
    assert not is_signed(b"message", signed(b"message", 2), key)
    assert not is_signed(b"message", b"", key)


@pytest.mark.parametrize("pem", ["", "nothing", "-----BEGIN PUBLIC KEY-----\nMAAA\n-----END PUBLIC KEY-----"])
def test_what_is_no_key_is_refused(pem):
    with pytest.raises(ValueError, match=r"."):
        read_public_key(pem)
