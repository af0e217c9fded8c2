"""What one value cannot tell: names that clash, references that lead nowhere, what a provider's type needs.

Works on the tree, not on the models, so that it speaks up even where other values are wrong.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from cc_relay.config.listen import is_loopback, parse_listen
from cc_relay.config.nodes import Node
from cc_relay.config.notices import SERVED_TYPES
from cc_relay.config.problems import Problem, show_name
from cc_relay.config.suggest import closest

# For each type, groups of keys of which one must be set.
REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    "zai": (("keys",),),
    "minimax": (("keys",),),
    "anthropic_compatible": (("base_url",),),
    "openai_compatible": (("base_url",),),
    "bedrock": (("aws_region", "base_url"),),
    "vertex": (("gcp_project_id",), ("gcp_region", "base_url")),
    "azure": (("azure_resource_name", "base_url"), ("keys", "entra")),
}
# For each type, keys that say the same thing in different ways: one of them at most.
EXCLUSIVE: dict[str, tuple[tuple[str, ...], ...]] = {
    "bedrock": (("bearer_token", "aws_access_key_id", "aws_profile"),),
    "vertex": (("access_token", "credentials_file"),),
    "azure": (("azure_resource_name", "base_url"), ("keys", "entra")),
}
# For each type, a key and what it is nothing without.
PAIRED: dict[str, tuple[tuple[str, str], ...]] = {
    "bedrock": (
        ("aws_access_key_id", "aws_secret_access_key"),
        ("aws_secret_access_key", "aws_access_key_id"),
        ("aws_session_token", "aws_access_key_id"),
    ),
}
_TRUE = ("true", "yes", "on", "1", "y", "t")


def check(root: Node) -> Iterator[Problem]:
    """Every contradiction of the file, in no order."""
    yield from _check_admin(root)
    entry = root.entries.get("providers")
    if entry is None or entry.node.value in (None, []):
        at = entry.at if entry else root.at
        yield Problem(*at, "providers", "names no provider")
        return
    providers = entry.node.items
    if not providers:
        return
    yield from _check_names(providers)
    yield from _check_references(root, [_text(provider, "name") for provider in providers])
    for index, provider in enumerate(providers):
        if is_enabled(provider):
            yield from _check_required(provider, index)
            yield from _check_exclusive(provider, index)
            yield from _check_paired(provider, index)
            yield from _check_loop(root, provider, index)
    yield from _check_usable(entry.at.line, entry.at.column, providers)


def is_enabled(provider: Node) -> bool:
    """Whether a provider's entry is switched on; what cannot be told counts as on."""
    enabled = provider.child("enabled")
    return enabled is None or enabled.value is None or enabled.is_broken or _text(provider, "enabled").lower() in _TRUE


def provider_type(provider: Node) -> str:
    """The type as the schema reads it."""
    return _text(provider, "type").lower().replace("-", "_")


def _check_names(providers: list[Node]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, provider in enumerate(providers):
        node = provider.child("name")
        name = _text(provider, "name")
        if node is None or not name or node.is_broken:
            continue
        if name in seen:
            message = f"{show_name(name)} is already the name of providers[{seen[name]}]"
            yield Problem(*node.at, f"providers[{index}].name", message)
        seen.setdefault(name, index)


def _check_references(root: Node, names: list[str]) -> Iterator[Problem]:
    routing = root.child("routing")
    if routing is None:
        return
    mapping = routing.child("model_mapping")
    references = [("routing.default_provider", routing.child("default_provider"))]
    for model, entry in (mapping.entries if mapping else {}).items():
        references.append((f"routing.model_mapping.{show_name(model)}", entry.node))
    for path, node in references:
        if node is None or node.is_broken or not isinstance(node.value, str) or node.value in ("", *names):
            continue
        yield Problem(*node.at, path, "names no provider of this file", closest(node.value, filter(None, names)))


def _check_admin(root: Node) -> Iterator[Problem]:
    """The admin port tells about everybody's requests: beyond this machine it wants a token, without exception."""
    admin = root.child("admin")
    listen = admin.child("listen") if admin else None
    if admin is None or listen is None or listen.is_broken or _is_set(admin.child("token")):
        return
    try:
        is_ours = is_loopback(_text(admin, "listen"))
    except ValueError:
        return
    if not is_ours:
        message = "can be reached from other machines and needs admin.token; or listen on 127.0.0.1"
        yield Problem(*listen.at, "admin.listen", message)


def _check_required(provider: Node, index: int) -> Iterator[Problem]:
    kind = provider_type(provider)
    for group in REQUIRED.get(kind, ()):
        if not any(_is_set(provider.child(key)) for key in group):
            at = next((child.at for key in group if (child := provider.child(key))), provider.at)
            message = f"type {kind} needs {' or '.join(group)}"
            yield Problem(*at, f"providers[{index}]", message)


def _check_exclusive(provider: Node, index: int) -> Iterator[Problem]:
    for group in EXCLUSIVE.get(provider_type(provider), ()):
        first, *others = [key for key in group if _is_set(provider.child(key))] or [""]
        for key in others:
            at = provider.entries[key].at
            yield Problem(*at, f"providers[{index}].{key}", f"cannot stand beside {first}; leave one of them out")


def _check_paired(provider: Node, index: int) -> Iterator[Problem]:
    for key, needed in PAIRED.get(provider_type(provider), ()):
        if _is_set(provider.child(key)) and not _is_set(provider.child(needed)):
            at = provider.entries[key].at
            yield Problem(*at, f"providers[{index}].{key}", f"is nothing without {needed}")


def _check_loop(root: Node, provider: Node, index: int) -> Iterator[Problem]:
    """A relay that is its own upstream would answer nobody."""
    node = provider.child("base_url")
    server = root.child("server")
    listen = (_text(server, "listen") if server else "") or "127.0.0.1:8787"
    if node is None or not isinstance(node.value, str):
        return
    try:
        parts = urlsplit(node.value.strip())
        is_ours = parts.port == parse_listen(listen).port and is_loopback(f"{_bracketed(parts.hostname)}:{parts.port}")
    except ValueError:
        return
    if is_ours:
        yield Problem(*node.at, f"providers[{index}].base_url", "points back at this relay's own address")


def _bracketed(host: str | None) -> str:
    return f"[{host}]" if host and ":" in host else host or ""


def _check_usable(line: int, column: int, providers: list[Node]) -> Iterator[Problem]:
    enabled = [provider for provider in providers if is_enabled(provider)]
    kinds = {provider_type(provider) for provider in enabled}
    if not enabled:
        yield Problem(line, column, "providers", "no provider is enabled")
    elif kinds and kinds <= set(REQUIRED) - SERVED_TYPES:
        yield Problem(
            line, column, "providers", f"no enabled provider has a type this build serves yet: {_list(kinds)}"
        )


def _list(words: set[str]) -> str:
    return ", ".join(sorted(words))


def _text(node: Node, key: str) -> str:
    child = node.child(key)
    if child is None or isinstance(child.value, list | dict) or child.value is None:
        return ""
    return str(child.value).strip()


def _is_set(node: Node | None) -> bool:
    if node is None:
        return False
    return node.is_broken or node.value not in (None, "", [], {}, False, "false")
