"""Runs every check on every provider type there is, but for the visible list of exceptions."""

import pytest
from tests.conformance.opted_out import OPTED_OUT

from cc_relay.providers.registry import TYPES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "provider_type" in metafunc.fixturenames:
        check = metafunc.function.__name__.removeprefix("test_")
        metafunc.parametrize("provider_type", [name for name in TYPES if (name, check) not in OPTED_OUT])
