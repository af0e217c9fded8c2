"""Keys of older files, moved to where they live now."""

from cc_relay.config.nodes import Entry, Node

# Old place, new place.
MOVED: dict[tuple[str, str], tuple[str, str, str]] = {
    ("server", "api_key"): ("server", "auth", "api_key"),
}


def move_older_keys(root: Node) -> list[str]:
    """Move them in the tree, where the new place is free; return a notice for each."""
    return [
        f"{'.'.join(old)} is the older name of {'.'.join(new)}" for old, new in MOVED.items() if _move(root, old, new)
    ]


def _move(root: Node, old: tuple[str, str], new: tuple[str, str, str]) -> bool:
    section = root.child(old[0])
    entry = section.entries.pop(old[1], None) if section else None
    if section is None or entry is None:
        return False
    home = section.entries.setdefault(new[1], Entry(entry.at, Node({}, entry.node.at)))
    if home.node.value is None:
        home.node.value = {}
    current = home.node.child(new[2])
    if current is None or current.value in (None, ""):
        home.node.entries[new[2]] = entry
    return True
