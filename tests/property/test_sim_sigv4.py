"""The simulated AWS believes whatever botocore signs, and nothing that changed by a byte afterwards."""

from calendar import timegm
from time import strptime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.sim_clouds import REGION, relay_request, sign

from cc_relay.sim.clouds.sigv4 import DATE_FORMAT, Unbelieved, verify
from cc_relay.sim.settings import EXAMPLE_KEYS

PATHS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='?#;[]\\"'), max_size=30)
QUERIES = st.dictionaries(st.text("abcXYZ-_.~ +%/=é", min_size=1, max_size=5), st.text("ab /+=&%é", max_size=5))


def believed(url, headers, body):
    now = timegm(strptime(headers["x-amz-date"], DATE_FORMAT))
    known = {EXAMPLE_KEYS.access_key_id: EXAMPLE_KEYS}
    return verify(relay_request("POST", url, headers, body), REGION, "bedrock", known.get, now)


@given(path=PATHS, query=QUERIES, body=st.binary(max_size=50), note=st.text("ab  c", max_size=12))
def test_whatever_botocore_signs_is_believed(path, query, body, note):
    target = "/model/" + quote(path, safe=":%/.~!$&'()*+,=@-_")
    line = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
    url = f"https://host.example{target}" + (f"?{line}" if line else "")
    headers = sign("POST", url, body, headers={"x-amz-note": note})
    assert believed(url, headers, body) == "AKIDEXAMPLE"


@given(body=st.binary(min_size=1, max_size=50), data=st.data())
def test_no_byte_of_the_body_may_change(body, data):
    url = "https://host.example/model/a/invoke"
    headers = sign("POST", url, body)
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    with pytest.raises(Unbelieved):
        believed(url, headers, changed)
