"""Fields and blocks taken out of JSON by their path; everything else keeps its bytes."""

from collections.abc import Iterable

from msgspec import Raw
from msgspec.json import Decoder, encode

from cc_relay.providers.blocks import kind_of
from cc_relay.providers.raw_json import Object, inner, is_list, is_object, read_object, read_objects


class Tree(dict[str, "Tree"]):
    """Paths by their first segments; an empty tree is the end of a path: what stands there goes."""


_read_list = Decoder(list[Raw]).decode
_EVERY = "*"
_SYSTEM = Raw(b'"system"')
_UNNAMED_KIND = "custom"
"""What Anthropic's errors call a tool that has no type."""


def grow(paths: Iterable[str]) -> Tree:
    """The paths as one tree. A path that another one contains is lost in it."""
    root = Tree()
    for path in sorted(paths):
        node, segments = root, path.split(".")
        for number, segment in enumerate(segments):
            if segment in node and not node[segment]:
                break
            node = node.setdefault(segment, Tree())
            if number == len(segments) - 1:
                node.clear()
    return root


def prune(value: Raw, tree: Tree) -> Raw:
    """`value` without what `tree` names; `value` itself where none of it is there.

    A segment that is no key but the object's `type` is passed over: so Anthropic's errors write paths
    (`tools.0.custom.strict`, `messages.1.content.0.tool_use.caller`).
    """
    if is_list(value):
        return _prune_list(value, tree)
    if not is_object(value):
        return value
    came = read_object(value)
    left = _prune_object(came, tree)
    return value if left is came else Raw(encode(left))


def _prune_list(value: Raw, tree: Tree) -> Raw:
    branch = tree.get(_EVERY)
    if not branch:
        return value
    came = _read_list(value)
    left = [prune(item, branch) for item in came]
    return value if all(new is old for new, old in zip(left, came, strict=True)) else Raw(encode(left))


def _prune_object(came: Object, tree: Tree) -> Object:
    left = came
    for segment, branch in tree.items():
        name, _, wanted = segment.partition("=")
        value = left.get(name)
        if branch and not (is_list(value) or is_object(value)):
            if name == (kind_of(left).decode("utf-8", "replace") or _UNNAMED_KIND):
                left = _prune_object(left, branch)
        elif value is None:
            continue
        elif branch:
            new = prune(value, branch)
            left = left if new is value else {**left, name: new}
        elif not wanted or inner(value) == wanted.encode():
            left = {key: kept for key, kept in left.items() if key != name}
    return left


def trim_messages(messages: Raw, tree: Tree, kinds: frozenset[bytes]) -> bytes | None:
    """The messages without the fields `tree` names, without system blocks of these kinds, and without system messages
    that say nothing any more; None where that is all of them.

    A system message must have content or an `output_config` (Anthropic API docs, Mid-conversation system messages).
    Hot path.
    """
    came = read_objects(messages)
    branch = tree.get(_EVERY, Tree())
    names = frozenset(segment.partition("=")[0] for segment in branch)
    left: list[Object] = []
    for message in came:
        kept = message if names.isdisjoint(message) else _prune_object(message, branch)
        if message.get("role") != _SYSTEM or (kept is message and not kinds):
            left.append(kept)
        elif (spoken := _without_blocks(kept, kinds)) is not None:
            left.append(spoken)
    if len(left) == len(came) and all(new is old for new, old in zip(left, came, strict=True)):
        return None
    return encode(left)


def _without_blocks(message: Object, kinds: frozenset[bytes]) -> Object | None:
    content = message.get("content")
    if content is None or not is_list(content):
        return message
    blocks = read_objects(content)
    kept = [block for block in blocks if kind_of(block) not in kinds]
    if not kept and "output_config" not in message:
        return None
    return message if len(kept) == len(blocks) else {**message, "content": Raw(encode(kept))}
