"""Configuration: one file format in YAML or TOML, validated whole; nothing heavy is imported before it is used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cc_relay.config.discovery import discover
    from cc_relay.config.listen import Listen, is_loopback, parse_listen
    from cc_relay.config.loading import Loaded, load, parse
    from cc_relay.config.notices import active_providers
    from cc_relay.config.problems import ConfigErrors, Problem
    from cc_relay.config.provider import Key, Provider
    from cc_relay.config.schema import Config, json_schema, requires_auth
    from cc_relay.config.search import find
    from cc_relay.config.starters import starter

__all__ = [
    "Config",
    "ConfigErrors",
    "Key",
    "Listen",
    "Loaded",
    "Problem",
    "Provider",
    "active_providers",
    "discover",
    "find",
    "is_loopback",
    "json_schema",
    "load",
    "parse",
    "parse_listen",
    "requires_auth",
    "starter",
]

_HOMES = {
    "Config": "schema",
    "ConfigErrors": "problems",
    "Key": "provider",
    "Listen": "listen",
    "Loaded": "loading",
    "Problem": "problems",
    "Provider": "provider",
    "active_providers": "notices",
    "discover": "discovery",
    "find": "search",
    "is_loopback": "listen",
    "json_schema": "schema",
    "load": "loading",
    "parse": "loading",
    "parse_listen": "listen",
    "requires_auth": "schema",
    "starter": "starters",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use, so that `find` costs no pydantic (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
