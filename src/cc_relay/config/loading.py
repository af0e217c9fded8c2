"""From a file to a configuration: read, parse, expand, validate, and say everything that is wrong at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import ValidationError

from cc_relay.config.check import check
from cc_relay.config.clouds import SETTING, Way, described, way_of
from cc_relay.config.expand import expand
from cc_relay.config.explain import explain
from cc_relay.config.nodes import Node, look_up, plain
from cc_relay.config.notices import notices_of
from cc_relay.config.older_keys import move_older_keys
from cc_relay.config.problems import ConfigErrors, Problem
from cc_relay.config.provider import Provider
from cc_relay.config.schema import Config

WRITTEN = "written in the file"
LARGEST_FILE = 4 * 1024 * 1024
Syntax = Literal["yaml", "toml"]

# Tabs, line ends and everything printable; libyaml and tomllib refuse the rest, without a place.
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration and what to tell the person who wrote it.

    `source` is the file's path, or "environment". `notices` are sentences for the start-up lines. `origins` maps each
    provider's name to where its keys come from, in words; never a value.
    """

    config: Config
    source: str
    notices: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def load(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Load a file; TOML where its name ends in `.toml`, else YAML. Raises ConfigErrors with all that is wrong."""
    source = str(path)
    text = _decode(_read(path, source), source)
    return parse(text, format="toml" if path.suffix.lower() == ".toml" else "yaml", source=source, environ=environ)


def parse(text: str, *, format: Syntax, source: str, environ: Mapping[str, str]) -> Loaded:  # noqa: A002 - the word users know
    """Parse a text; `source` is what problems call it. Raises ConfigErrors with all that is wrong."""
    try:
        return _build(_parse_nodes(text.removeprefix("\ufeff"), format), source, environ)
    except ConfigErrors as error:
        raise ConfigErrors(error.problems, source=source) from None


def _parse_nodes(text: str, syntax: Syntax) -> Node:
    found = _CONTROL.search(text)
    if found:
        before = text[: found.start()].split("\n")
        message = f"holds the character U+{ord(found[0]):04X}, which may not stand in a configuration"
        raise ConfigErrors([Problem(len(before), len(before[-1]) + 1, "", message)])
    # Imported late: one file needs one of them.
    if syntax == "toml":
        from cc_relay.config.toml import parse_toml

        root = parse_toml(text)
    else:
        from cc_relay.config.positions import parse_yaml

        root = parse_yaml(text)
    if root.value is None or root.value == {}:
        raise ConfigErrors([Problem(None, None, "", "is empty; `cc-relay config init` writes one to start from")])
    if not isinstance(root.value, dict):
        raise ConfigErrors([Problem(*root.at, "", "must be a mapping of keys at the top")])
    return root


def _build(root: Node, source: str, environ: Mapping[str, str]) -> Loaded:
    older = move_older_keys(root)
    problems = [*expand(root, environ), *check(root)]
    try:
        config = Config.model_validate(plain(root))
    except ValidationError as error:
        raise ConfigErrors([*problems, *explain(error, root)]) from None
    if problems:
        raise ConfigErrors(problems)
    return Loaded(config, source, (*older, *notices_of(root, config)), origins_of(config, root, environ))


def origins_of(config: Config, root: Node, environ: Mapping[str, str]) -> Mapping[str, str]:
    """For each provider, where its credentials come from, in words."""
    return MappingProxyType(
        {provider.name: _origin(provider, root, index, environ) for index, provider in enumerate(config.providers)}
    )


def _origin(provider: Provider, root: Node, index: int, environ: Mapping[str, str]) -> str:
    way = way_of(provider, environ)
    if way in (Way.TOKEN, Way.AWS_KEYS):
        setting = SETTING[provider.type] if way is Way.TOKEN else "aws_secret_access_key"
        node = look_up(root, ("providers", index, setting))
        return (node and node.origin) or WRITTEN
    if way not in (None, Way.KEYS):
        return described(provider, environ)
    if not provider.keys:
        return keyless_origin(provider)
    found: dict[str, int] = {}
    for number in range(len(provider.keys)):
        at = ("providers", index, "keys", number)
        node = look_up(root, (*at, "key")) or look_up(root, at)
        origin = (node and node.origin) or WRITTEN
        found[origin] = found.get(origin, 0) + 1
    return ", ".join(f"{count} keys {origin}" if count > 1 else origin for origin, count in found.items())


def keyless_origin(provider: Provider) -> str:
    """How a provider without keys proves itself."""
    if provider.type == "anthropic":
        return "no key: the client's own login passes through"
    return "no key"


def _read(path: Path, source: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        reasons: dict[type[OSError], str] = {
            FileNotFoundError: "there is no such file",
            IsADirectoryError: "is a directory, not a file",
            PermissionError: "may not be read (permission denied)",
        }
        reason = reasons.get(type(error), f"cannot be read ({error.strerror})")
        raise ConfigErrors([Problem(None, None, "", reason)], source=source) from None
    except ValueError:
        raise ConfigErrors([Problem(None, None, "", "is no path")], source=ascii(source)) from None
    if len(data) > LARGEST_FILE:
        raise ConfigErrors([Problem(None, None, "", f"is larger than {LARGEST_FILE} bytes")], source=source)
    return data


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].split(b"\n")
        place = Problem(len(before), len(before[-1].decode("utf-8", "replace")) + 1, "", "is not UTF-8 text")
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            place = replace(place, message="is UTF-16; save it as UTF-8")
        raise ConfigErrors([place], source=source) from None
